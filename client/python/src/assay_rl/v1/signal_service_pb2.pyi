import datetime

from assay_rl.v1 import episode_pb2 as _episode_pb2
from assay_rl.v1 import error_pb2 as _error_pb2
from assay_rl.v1 import evaluator_service_pb2 as _evaluator_service_pb2
from assay_rl.v1 import options_pb2 as _options_pb2
from assay_rl.v1 import signals_pb2 as _signals_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StreamSignalsRequest(_message.Message):
    __slots__ = ("options", "episode", "evaluation")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    options: _options_pb2.AttributionOptions
    episode: _episode_pb2.Episode
    evaluation: _evaluator_service_pb2.EvaluateResponse
    def __init__(self, options: _Optional[_Union[_options_pb2.AttributionOptions, _Mapping]] = ..., episode: _Optional[_Union[_episode_pb2.Episode, _Mapping]] = ..., evaluation: _Optional[_Union[_evaluator_service_pb2.EvaluateResponse, _Mapping]] = ...) -> None: ...

class StreamSignalsResponse(_message.Message):
    __slots__ = ("ready", "result", "group", "evaluate", "go_away")
    READY_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    ready: StreamReady
    result: EpisodeResult
    group: GroupResult
    evaluate: _evaluator_service_pb2.EvaluateRequest
    go_away: GoAway
    def __init__(self, ready: _Optional[_Union[StreamReady, _Mapping]] = ..., result: _Optional[_Union[EpisodeResult, _Mapping]] = ..., group: _Optional[_Union[GroupResult, _Mapping]] = ..., evaluate: _Optional[_Union[_evaluator_service_pb2.EvaluateRequest, _Mapping]] = ..., go_away: _Optional[_Union[GoAway, _Mapping]] = ...) -> None: ...

class StreamReady(_message.Message):
    __slots__ = ("options", "limits", "max_episodes_in_flight", "max_bytes_in_flight")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    MAX_EPISODES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    options: _options_pb2.AttributionOptions
    limits: Limits
    max_episodes_in_flight: int
    max_bytes_in_flight: int
    def __init__(self, options: _Optional[_Union[_options_pb2.AttributionOptions, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., max_episodes_in_flight: _Optional[int] = ..., max_bytes_in_flight: _Optional[int] = ...) -> None: ...

class EpisodeResult(_message.Message):
    __slots__ = ("episode_id", "signals", "error", "elapsed")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    signals: _signals_pb2.EpisodeSignals
    error: _error_pb2.Error
    elapsed: _duration_pb2.Duration
    def __init__(self, episode_id: _Optional[str] = ..., signals: _Optional[_Union[_signals_pb2.EpisodeSignals, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ..., elapsed: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GroupResult(_message.Message):
    __slots__ = ("group_id", "signals", "error")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    signals: _signals_pb2.GroupSignals
    error: _error_pb2.Error
    def __init__(self, group_id: _Optional[str] = ..., signals: _Optional[_Union[_signals_pb2.GroupSignals, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...

class GoAway(_message.Message):
    __slots__ = ("reason", "grace")
    REASON_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    grace: _duration_pb2.Duration
    def __init__(self, reason: _Optional[str] = ..., grace: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ComputeSignalsRequest(_message.Message):
    __slots__ = ("options", "episodes")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    options: _options_pb2.AttributionOptions
    episodes: _containers.RepeatedCompositeFieldContainer[_episode_pb2.Episode]
    def __init__(self, options: _Optional[_Union[_options_pb2.AttributionOptions, _Mapping]] = ..., episodes: _Optional[_Iterable[_Union[_episode_pb2.Episode, _Mapping]]] = ...) -> None: ...

class ComputeSignalsResponse(_message.Message):
    __slots__ = ("results", "groups")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[EpisodeResult]
    groups: _containers.RepeatedCompositeFieldContainer[GroupResult]
    def __init__(self, results: _Optional[_Iterable[_Union[EpisodeResult, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[GroupResult, _Mapping]]] = ...) -> None: ...

class ComputeAdvantagesRequest(_message.Message):
    __slots__ = ("options", "value_range", "episodes")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    VALUE_RANGE_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    options: _options_pb2.AdvantageOptions
    value_range: _options_pb2.ValueRange
    episodes: _containers.RepeatedCompositeFieldContainer[_signals_pb2.EpisodeSignals]
    def __init__(self, options: _Optional[_Union[_options_pb2.AdvantageOptions, _Mapping]] = ..., value_range: _Optional[_Union[_options_pb2.ValueRange, _Mapping]] = ..., episodes: _Optional[_Iterable[_Union[_signals_pb2.EpisodeSignals, _Mapping]]] = ...) -> None: ...

class ComputeAdvantagesResponse(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[GroupResult]
    def __init__(self, groups: _Optional[_Iterable[_Union[GroupResult, _Mapping]]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "revision", "limits", "evaluators")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EVALUATORS_FIELD_NUMBER: _ClassVar[int]
    version: str
    revision: str
    limits: Limits
    evaluators: _containers.RepeatedCompositeFieldContainer[EvaluatorInfo]
    def __init__(self, version: _Optional[str] = ..., revision: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., evaluators: _Optional[_Iterable[_Union[EvaluatorInfo, _Mapping]]] = ...) -> None: ...

class EvaluatorInfo(_message.Message):
    __slots__ = ("name", "supports", "free")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    name: str
    supports: _containers.RepeatedScalarFieldContainer[_options_pb2.QuestionKind]
    free: bool
    def __init__(self, name: _Optional[str] = ..., supports: _Optional[_Iterable[_Union[_options_pb2.QuestionKind, str]]] = ..., free: bool = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_agents", "max_messages", "max_episode_bytes", "max_table_agents", "max_group_size", "max_open_groups", "max_outstanding_questions", "max_id_bytes", "max_transport_bytes", "max_episodes_per_call", "max_rollouts")
    MAX_AGENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MAX_EPISODE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_TABLE_AGENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_GROUPS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTSTANDING_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_ID_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_TRANSPORT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_EPISODES_PER_CALL_FIELD_NUMBER: _ClassVar[int]
    MAX_ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    max_agents: int
    max_messages: int
    max_episode_bytes: int
    max_table_agents: int
    max_group_size: int
    max_open_groups: int
    max_outstanding_questions: int
    max_id_bytes: int
    max_transport_bytes: int
    max_episodes_per_call: int
    max_rollouts: int
    def __init__(self, max_agents: _Optional[int] = ..., max_messages: _Optional[int] = ..., max_episode_bytes: _Optional[int] = ..., max_table_agents: _Optional[int] = ..., max_group_size: _Optional[int] = ..., max_open_groups: _Optional[int] = ..., max_outstanding_questions: _Optional[int] = ..., max_id_bytes: _Optional[int] = ..., max_transport_bytes: _Optional[int] = ..., max_episodes_per_call: _Optional[int] = ..., max_rollouts: _Optional[int] = ...) -> None: ...
