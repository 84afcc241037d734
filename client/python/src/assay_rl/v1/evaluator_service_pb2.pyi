import datetime

from assay_rl.v1 import episode_pb2 as _episode_pb2
from assay_rl.v1 import error_pb2 as _error_pb2
from assay_rl.v1 import options_pb2 as _options_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluateRequest(_message.Message):
    __slots__ = ("evaluation_id", "episode_id", "episode", "questions", "timeout", "seed")
    EVALUATION_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    evaluation_id: str
    episode_id: str
    episode: _episode_pb2.Episode
    questions: _containers.RepeatedCompositeFieldContainer[Question]
    timeout: _duration_pb2.Duration
    seed: int
    def __init__(self, evaluation_id: _Optional[str] = ..., episode_id: _Optional[str] = ..., episode: _Optional[_Union[_episode_pb2.Episode, _Mapping]] = ..., questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., seed: _Optional[int] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("counterfactual", "samples")
    COUNTERFACTUAL_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    counterfactual: Counterfactual
    samples: int
    def __init__(self, counterfactual: _Optional[_Union[Counterfactual, _Mapping]] = ..., samples: _Optional[int] = ...) -> None: ...

class Counterfactual(_message.Message):
    __slots__ = ("coalition", "messages", "prefix", "correction", "message_scores", "all_coalitions", "owen_sets")
    COALITION_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SCORES_FIELD_NUMBER: _ClassVar[int]
    ALL_COALITIONS_FIELD_NUMBER: _ClassVar[int]
    OWEN_SETS_FIELD_NUMBER: _ClassVar[int]
    coalition: Coalition
    messages: KeptMessages
    prefix: Prefix
    correction: Correction
    message_scores: MessageScores
    all_coalitions: AllCoalitions
    owen_sets: OwenSets
    def __init__(self, coalition: _Optional[_Union[Coalition, _Mapping]] = ..., messages: _Optional[_Union[KeptMessages, _Mapping]] = ..., prefix: _Optional[_Union[Prefix, _Mapping]] = ..., correction: _Optional[_Union[Correction, _Mapping]] = ..., message_scores: _Optional[_Union[MessageScores, _Mapping]] = ..., all_coalitions: _Optional[_Union[AllCoalitions, _Mapping]] = ..., owen_sets: _Optional[_Union[OwenSets, _Mapping]] = ...) -> None: ...

class Coalition(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, agents: _Optional[_Iterable[int]] = ...) -> None: ...

class KeptMessages(_message.Message):
    __slots__ = ("indices",)
    INDICES_FIELD_NUMBER: _ClassVar[int]
    indices: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, indices: _Optional[_Iterable[int]] = ...) -> None: ...

class Prefix(_message.Message):
    __slots__ = ("length",)
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    length: int
    def __init__(self, length: _Optional[int] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class MessageScores(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AllCoalitions(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OwenSets(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("evaluation_id", "answers", "error")
    EVALUATION_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    evaluation_id: str
    answers: Answers
    error: _error_pb2.Error
    def __init__(self, evaluation_id: _Optional[str] = ..., answers: _Optional[_Union[Answers, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...

class Answers(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    def __init__(self, answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("mean", "samples", "variance", "message_scores", "error")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SCORES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    mean: float
    samples: int
    variance: float
    message_scores: _containers.RepeatedScalarFieldContainer[float]
    error: _error_pb2.Error
    def __init__(self, mean: _Optional[float] = ..., samples: _Optional[int] = ..., variance: _Optional[float] = ..., message_scores: _Optional[_Iterable[float]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...

class GetEvaluatorInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEvaluatorInfoResponse(_message.Message):
    __slots__ = ("supports", "free", "deterministic")
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    supports: _containers.RepeatedScalarFieldContainer[_options_pb2.QuestionKind]
    free: bool
    deterministic: bool
    def __init__(self, supports: _Optional[_Iterable[_Union[_options_pb2.QuestionKind, str]]] = ..., free: bool = ..., deterministic: bool = ...) -> None: ...
