from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Episode(_message.Message):
    __slots__ = ("id", "task", "group", "agents", "messages", "outcome", "values")
    ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    id: str
    task: Task
    group: Group
    agents: _containers.RepeatedCompositeFieldContainer[Agent]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    outcome: Outcome
    values: ValueTable
    def __init__(self, id: _Optional[str] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., group: _Optional[_Union[Group, _Mapping]] = ..., agents: _Optional[_Iterable[_Union[Agent, _Mapping]]] = ..., messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., values: _Optional[_Union[ValueTable, _Mapping]] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("id", "prompt", "reference_answer")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ANSWER_FIELD_NUMBER: _ClassVar[int]
    id: str
    prompt: str
    reference_answer: str
    def __init__(self, id: _Optional[str] = ..., prompt: _Optional[str] = ..., reference_answer: _Optional[str] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("id", "size")
    ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    id: str
    size: int
    def __init__(self, id: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class Agent(_message.Message):
    __slots__ = ("id", "role", "policy")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    id: str
    role: str
    policy: str
    def __init__(self, id: _Optional[str] = ..., role: _Optional[str] = ..., policy: _Optional[str] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("score", "truncated", "components")
    SCORE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    score: float
    truncated: bool
    components: _containers.RepeatedCompositeFieldContainer[NamedScore]
    def __init__(self, score: _Optional[float] = ..., truncated: bool = ..., components: _Optional[_Iterable[_Union[NamedScore, _Mapping]]] = ...) -> None: ...

class NamedScore(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class ValueTable(_message.Message):
    __slots__ = ("coalition_values",)
    COALITION_VALUES_FIELD_NUMBER: _ClassVar[int]
    coalition_values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, coalition_values: _Optional[_Iterable[float]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("agent_id", "content", "round", "answer", "process_score", "prefix_value", "prefix_rollouts", "redundancy", "repairs", "alternatives", "first_error", "token_count", "token_spans", "judge_scores")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    PROCESS_SCORE_FIELD_NUMBER: _ClassVar[int]
    PREFIX_VALUE_FIELD_NUMBER: _ClassVar[int]
    PREFIX_ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    REDUNDANCY_FIELD_NUMBER: _ClassVar[int]
    REPAIRS_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    FIRST_ERROR_FIELD_NUMBER: _ClassVar[int]
    TOKEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_SPANS_FIELD_NUMBER: _ClassVar[int]
    JUDGE_SCORES_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    content: str
    round: int
    answer: str
    process_score: float
    prefix_value: float
    prefix_rollouts: PrefixRollouts
    redundancy: float
    repairs: int
    alternatives: _containers.RepeatedCompositeFieldContainer[Alternative]
    first_error: bool
    token_count: int
    token_spans: _containers.RepeatedCompositeFieldContainer[TokenSpan]
    judge_scores: _containers.RepeatedCompositeFieldContainer[JudgeScore]
    def __init__(self, agent_id: _Optional[str] = ..., content: _Optional[str] = ..., round: _Optional[int] = ..., answer: _Optional[str] = ..., process_score: _Optional[float] = ..., prefix_value: _Optional[float] = ..., prefix_rollouts: _Optional[_Union[PrefixRollouts, _Mapping]] = ..., redundancy: _Optional[float] = ..., repairs: _Optional[int] = ..., alternatives: _Optional[_Iterable[_Union[Alternative, _Mapping]]] = ..., first_error: bool = ..., token_count: _Optional[int] = ..., token_spans: _Optional[_Iterable[_Union[TokenSpan, _Mapping]]] = ..., judge_scores: _Optional[_Iterable[_Union[JudgeScore, _Mapping]]] = ...) -> None: ...

class PrefixRollouts(_message.Message):
    __slots__ = ("successes", "trials")
    SUCCESSES_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    successes: int
    trials: int
    def __init__(self, successes: _Optional[int] = ..., trials: _Optional[int] = ...) -> None: ...

class Alternative(_message.Message):
    __slots__ = ("content", "value")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    content: str
    value: float
    def __init__(self, content: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class TokenSpan(_message.Message):
    __slots__ = ("sample_id", "start", "end")
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    sample_id: str
    start: int
    end: int
    def __init__(self, sample_id: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class JudgeScore(_message.Message):
    __slots__ = ("judge", "score")
    JUDGE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    judge: str
    score: float
    def __init__(self, judge: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...
