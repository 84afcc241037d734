from assay_rl.v1 import episode_pb2 as _episode_pb2
from assay_rl.v1 import evaluator_service_pb2 as _evaluator_service_pb2
from assay_rl.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Label(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_UNSPECIFIED: _ClassVar[Label]
    LABEL_SOUND: _ClassVar[Label]
    LABEL_FIRST_ERROR: _ClassVar[Label]
    LABEL_ERROR: _ClassVar[Label]
    LABEL_REPAIR: _ClassVar[Label]
    LABEL_REPAIR_ATTEMPT: _ClassVar[Label]
    LABEL_FAILURE_ALIGNED: _ClassVar[Label]
    LABEL_NEUTRAL: _ClassVar[Label]

class EvidenceTier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVIDENCE_TIER_UNSPECIFIED: _ClassVar[EvidenceTier]
    EVIDENCE_TIER_NONE: _ClassVar[EvidenceTier]
    EVIDENCE_TIER_TEXT: _ClassVar[EvidenceTier]
    EVIDENCE_TIER_SCORES: _ClassVar[EvidenceTier]
    EVIDENCE_TIER_ROLLOUTS: _ClassVar[EvidenceTier]
    EVIDENCE_TIER_ANNOTATION: _ClassVar[EvidenceTier]

class IntervalKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTERVAL_KIND_UNSPECIFIED: _ClassVar[IntervalKind]
    INTERVAL_KIND_EXACT: _ClassVar[IntervalKind]
    INTERVAL_KIND_MODEL: _ClassVar[IntervalKind]
    INTERVAL_KIND_DESIGN: _ClassVar[IntervalKind]

class AnswerGrade(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANSWER_GRADE_UNSPECIFIED: _ClassVar[AnswerGrade]
    ANSWER_GRADE_RIGHT: _ClassVar[AnswerGrade]
    ANSWER_GRADE_WRONG: _ClassVar[AnswerGrade]
    ANSWER_GRADE_UNREADABLE: _ClassVar[AnswerGrade]
LABEL_UNSPECIFIED: Label
LABEL_SOUND: Label
LABEL_FIRST_ERROR: Label
LABEL_ERROR: Label
LABEL_REPAIR: Label
LABEL_REPAIR_ATTEMPT: Label
LABEL_FAILURE_ALIGNED: Label
LABEL_NEUTRAL: Label
EVIDENCE_TIER_UNSPECIFIED: EvidenceTier
EVIDENCE_TIER_NONE: EvidenceTier
EVIDENCE_TIER_TEXT: EvidenceTier
EVIDENCE_TIER_SCORES: EvidenceTier
EVIDENCE_TIER_ROLLOUTS: EvidenceTier
EVIDENCE_TIER_ANNOTATION: EvidenceTier
INTERVAL_KIND_UNSPECIFIED: IntervalKind
INTERVAL_KIND_EXACT: IntervalKind
INTERVAL_KIND_MODEL: IntervalKind
INTERVAL_KIND_DESIGN: IntervalKind
ANSWER_GRADE_UNSPECIFIED: AnswerGrade
ANSWER_GRADE_RIGHT: AnswerGrade
ANSWER_GRADE_WRONG: AnswerGrade
ANSWER_GRADE_UNREADABLE: AnswerGrade

class EpisodeSignals(_message.Message):
    __slots__ = ("episode_id", "success", "score", "baseline", "grand_value", "unexplained", "outcome_mismatch", "agents", "messages", "first_error", "interactions", "pairs", "conservation", "effort", "audit", "partial", "group", "evidence", "parallel")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    GRAND_VALUE_FIELD_NUMBER: _ClassVar[int]
    UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_MISMATCH_FIELD_NUMBER: _ClassVar[int]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_ERROR_FIELD_NUMBER: _ClassVar[int]
    INTERACTIONS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    CONSERVATION_FIELD_NUMBER: _ClassVar[int]
    EFFORT_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    success: bool
    score: float
    baseline: float
    grand_value: float
    unexplained: float
    outcome_mismatch: bool
    agents: _containers.RepeatedCompositeFieldContainer[AgentCredit]
    messages: _containers.RepeatedCompositeFieldContainer[MessageSignal]
    first_error: FirstError
    interactions: _containers.RepeatedCompositeFieldContainer[Interaction]
    pairs: _containers.RepeatedCompositeFieldContainer[PreferencePair]
    conservation: Conservation
    effort: Effort
    audit: AuditRecord
    partial: bool
    group: _episode_pb2.Group
    evidence: _options_pb2.Evidence
    parallel: bool
    def __init__(self, episode_id: _Optional[str] = ..., success: bool = ..., score: _Optional[float] = ..., baseline: _Optional[float] = ..., grand_value: _Optional[float] = ..., unexplained: _Optional[float] = ..., outcome_mismatch: bool = ..., agents: _Optional[_Iterable[_Union[AgentCredit, _Mapping]]] = ..., messages: _Optional[_Iterable[_Union[MessageSignal, _Mapping]]] = ..., first_error: _Optional[_Union[FirstError, _Mapping]] = ..., interactions: _Optional[_Iterable[_Union[Interaction, _Mapping]]] = ..., pairs: _Optional[_Iterable[_Union[PreferencePair, _Mapping]]] = ..., conservation: _Optional[_Union[Conservation, _Mapping]] = ..., effort: _Optional[_Union[Effort, _Mapping]] = ..., audit: _Optional[_Union[AuditRecord, _Mapping]] = ..., partial: bool = ..., group: _Optional[_Union[_episode_pb2.Group, _Mapping]] = ..., evidence: _Optional[_Union[_options_pb2.Evidence, str]] = ..., parallel: bool = ...) -> None: ...

class AgentCredit(_message.Message):
    __slots__ = ("agent_id", "credit", "std_error", "low", "high", "reward_total", "unallocated", "signs_relaxed", "policy", "value_without")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    STD_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    REWARD_TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNALLOCATED_FIELD_NUMBER: _ClassVar[int]
    SIGNS_RELAXED_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    VALUE_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    credit: float
    std_error: float
    low: float
    high: float
    reward_total: float
    unallocated: float
    signs_relaxed: bool
    policy: str
    value_without: float
    def __init__(self, agent_id: _Optional[str] = ..., credit: _Optional[float] = ..., std_error: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., reward_total: _Optional[float] = ..., unallocated: _Optional[float] = ..., signs_relaxed: bool = ..., policy: _Optional[str] = ..., value_without: _Optional[float] = ...) -> None: ...

class MessageSignal(_message.Message):
    __slots__ = ("index", "agent_id", "reward", "label", "first_error_probability", "error_probability", "repair_probability", "redundancy", "token_spans", "credit", "grade", "value_change", "value_change_variance", "process_score")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FIRST_ERROR_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    ERROR_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    REPAIR_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    REDUNDANCY_FIELD_NUMBER: _ClassVar[int]
    TOKEN_SPANS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    VALUE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    VALUE_CHANGE_VARIANCE_FIELD_NUMBER: _ClassVar[int]
    PROCESS_SCORE_FIELD_NUMBER: _ClassVar[int]
    index: int
    agent_id: str
    reward: float
    label: Label
    first_error_probability: float
    error_probability: float
    repair_probability: float
    redundancy: float
    token_spans: _containers.RepeatedCompositeFieldContainer[_episode_pb2.TokenSpan]
    credit: float
    grade: AnswerGrade
    value_change: float
    value_change_variance: float
    process_score: float
    def __init__(self, index: _Optional[int] = ..., agent_id: _Optional[str] = ..., reward: _Optional[float] = ..., label: _Optional[_Union[Label, str]] = ..., first_error_probability: _Optional[float] = ..., error_probability: _Optional[float] = ..., repair_probability: _Optional[float] = ..., redundancy: _Optional[float] = ..., token_spans: _Optional[_Iterable[_Union[_episode_pb2.TokenSpan, _Mapping]]] = ..., credit: _Optional[float] = ..., grade: _Optional[_Union[AnswerGrade, str]] = ..., value_change: _Optional[float] = ..., value_change_variance: _Optional[float] = ..., process_score: _Optional[float] = ...) -> None: ...

class FirstError(_message.Message):
    __slots__ = ("first_index", "decisive_index", "agent_id", "probability", "none_probability", "credible_set", "tier", "environment_probability")
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    DECISIVE_INDEX_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    NONE_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    CREDIBLE_SET_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    first_index: int
    decisive_index: int
    agent_id: str
    probability: float
    none_probability: float
    credible_set: _containers.RepeatedScalarFieldContainer[int]
    tier: EvidenceTier
    environment_probability: float
    def __init__(self, first_index: _Optional[int] = ..., decisive_index: _Optional[int] = ..., agent_id: _Optional[str] = ..., probability: _Optional[float] = ..., none_probability: _Optional[float] = ..., credible_set: _Optional[_Iterable[int]] = ..., tier: _Optional[_Union[EvidenceTier, str]] = ..., environment_probability: _Optional[float] = ...) -> None: ...

class Interaction(_message.Message):
    __slots__ = ("agent_a", "agent_b", "index")
    AGENT_A_FIELD_NUMBER: _ClassVar[int]
    AGENT_B_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    agent_a: str
    agent_b: str
    index: float
    def __init__(self, agent_a: _Optional[str] = ..., agent_b: _Optional[str] = ..., index: _Optional[float] = ...) -> None: ...

class PreferencePair(_message.Message):
    __slots__ = ("kind", "context_episode_id", "context_length", "chosen", "rejected", "weight")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    kind: _options_pb2.PreferenceKind
    context_episode_id: str
    context_length: int
    chosen: PreferenceSide
    rejected: PreferenceSide
    weight: float
    def __init__(self, kind: _Optional[_Union[_options_pb2.PreferenceKind, str]] = ..., context_episode_id: _Optional[str] = ..., context_length: _Optional[int] = ..., chosen: _Optional[_Union[PreferenceSide, _Mapping]] = ..., rejected: _Optional[_Union[PreferenceSide, _Mapping]] = ..., weight: _Optional[float] = ...) -> None: ...

class PreferenceSide(_message.Message):
    __slots__ = ("episode_id", "begin", "end", "alternative")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVE_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    begin: int
    end: int
    alternative: int
    def __init__(self, episode_id: _Optional[str] = ..., begin: _Optional[int] = ..., end: _Optional[int] = ..., alternative: _Optional[int] = ...) -> None: ...

class Conservation(_message.Message):
    __slots__ = ("target", "allocated", "unallocated", "error", "estimator_gap", "signs_relaxed")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_FIELD_NUMBER: _ClassVar[int]
    UNALLOCATED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ESTIMATOR_GAP_FIELD_NUMBER: _ClassVar[int]
    SIGNS_RELAXED_FIELD_NUMBER: _ClassVar[int]
    target: float
    allocated: float
    unallocated: float
    error: float
    estimator_gap: float
    signs_relaxed: bool
    def __init__(self, target: _Optional[float] = ..., allocated: _Optional[float] = ..., unallocated: _Optional[float] = ..., error: _Optional[float] = ..., estimator_gap: _Optional[float] = ..., signs_relaxed: bool = ...) -> None: ...

class Effort(_message.Message):
    __slots__ = ("questions", "samples", "method", "evaluator", "ballots", "interval")
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    questions: int
    samples: int
    method: _options_pb2.Method
    evaluator: str
    ballots: _options_pb2.Ballots
    interval: IntervalKind
    def __init__(self, questions: _Optional[int] = ..., samples: _Optional[int] = ..., method: _Optional[_Union[_options_pb2.Method, str]] = ..., evaluator: _Optional[str] = ..., ballots: _Optional[_Union[_options_pb2.Ballots, str]] = ..., interval: _Optional[_Union[IntervalKind, str]] = ...) -> None: ...

class AuditRecord(_message.Message):
    __slots__ = ("options", "episode_sha256", "software_version", "questions", "messages", "signals_sha256", "evaluator", "scorer")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EPISODE_SHA256_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_SHA256_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    SCORER_FIELD_NUMBER: _ClassVar[int]
    options: _options_pb2.AttributionOptions
    episode_sha256: bytes
    software_version: str
    questions: _containers.RepeatedCompositeFieldContainer[AskedQuestion]
    messages: _containers.RepeatedCompositeFieldContainer[MessageEvidence]
    signals_sha256: bytes
    evaluator: EvaluatorTraits
    scorer: EvaluatorTraits
    def __init__(self, options: _Optional[_Union[_options_pb2.AttributionOptions, _Mapping]] = ..., episode_sha256: _Optional[bytes] = ..., software_version: _Optional[str] = ..., questions: _Optional[_Iterable[_Union[AskedQuestion, _Mapping]]] = ..., messages: _Optional[_Iterable[_Union[MessageEvidence, _Mapping]]] = ..., signals_sha256: _Optional[bytes] = ..., evaluator: _Optional[_Union[EvaluatorTraits, _Mapping]] = ..., scorer: _Optional[_Union[EvaluatorTraits, _Mapping]] = ...) -> None: ...

class EvaluatorTraits(_message.Message):
    __slots__ = ("supports", "whole_table", "free", "deterministic")
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    WHOLE_TABLE_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    supports: _containers.RepeatedScalarFieldContainer[_options_pb2.QuestionKind]
    whole_table: bool
    free: bool
    deterministic: bool
    def __init__(self, supports: _Optional[_Iterable[_Union[_options_pb2.QuestionKind, str]]] = ..., whole_table: bool = ..., free: bool = ..., deterministic: bool = ...) -> None: ...

class AskedQuestion(_message.Message):
    __slots__ = ("counterfactual", "mean", "samples", "variance", "table", "table_sha256", "message_scores", "scorer", "cached")
    COUNTERFACTUAL_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    TABLE_SHA256_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SCORES_FIELD_NUMBER: _ClassVar[int]
    SCORER_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    counterfactual: _evaluator_service_pb2.Counterfactual
    mean: float
    samples: int
    variance: float
    table: _containers.RepeatedScalarFieldContainer[float]
    table_sha256: bytes
    message_scores: _containers.RepeatedScalarFieldContainer[float]
    scorer: bool
    cached: bool
    def __init__(self, counterfactual: _Optional[_Union[_evaluator_service_pb2.Counterfactual, _Mapping]] = ..., mean: _Optional[float] = ..., samples: _Optional[int] = ..., variance: _Optional[float] = ..., table: _Optional[_Iterable[float]] = ..., table_sha256: _Optional[bytes] = ..., message_scores: _Optional[_Iterable[float]] = ..., scorer: bool = ..., cached: bool = ...) -> None: ...

class MessageEvidence(_message.Message):
    __slots__ = ("evidence", "weight", "low", "high", "redundancy", "error_log_ratio", "prior", "index")
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    REDUNDANCY_FIELD_NUMBER: _ClassVar[int]
    ERROR_LOG_RATIO_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    evidence: float
    weight: float
    low: float
    high: float
    redundancy: float
    error_log_ratio: float
    prior: float
    index: int
    def __init__(self, evidence: _Optional[float] = ..., weight: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., redundancy: _Optional[float] = ..., error_log_ratio: _Optional[float] = ..., prior: _Optional[float] = ..., index: _Optional[int] = ...) -> None: ...

class GroupSignals(_message.Message):
    __slots__ = ("group_id", "used", "missing_episode_ids", "mean_score", "std_score", "episodes", "pairs", "never_sent", "outcome_part", "credit_part", "reliability", "weight", "parallel")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    MISSING_EPISODE_IDS_FIELD_NUMBER: _ClassVar[int]
    MEAN_SCORE_FIELD_NUMBER: _ClassVar[int]
    STD_SCORE_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    NEVER_SENT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_PART_FIELD_NUMBER: _ClassVar[int]
    CREDIT_PART_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    used: int
    missing_episode_ids: _containers.RepeatedScalarFieldContainer[str]
    mean_score: float
    std_score: float
    episodes: _containers.RepeatedCompositeFieldContainer[EpisodeAdvantages]
    pairs: _containers.RepeatedCompositeFieldContainer[PreferencePair]
    never_sent: int
    outcome_part: _options_pb2.OutcomePart
    credit_part: _options_pb2.CreditPart
    reliability: float
    weight: float
    parallel: bool
    def __init__(self, group_id: _Optional[str] = ..., used: _Optional[int] = ..., missing_episode_ids: _Optional[_Iterable[str]] = ..., mean_score: _Optional[float] = ..., std_score: _Optional[float] = ..., episodes: _Optional[_Iterable[_Union[EpisodeAdvantages, _Mapping]]] = ..., pairs: _Optional[_Iterable[_Union[PreferencePair, _Mapping]]] = ..., never_sent: _Optional[int] = ..., outcome_part: _Optional[_Union[_options_pb2.OutcomePart, str]] = ..., credit_part: _Optional[_Union[_options_pb2.CreditPart, str]] = ..., reliability: _Optional[float] = ..., weight: _Optional[float] = ..., parallel: bool = ...) -> None: ...

class EpisodeAdvantages(_message.Message):
    __slots__ = ("episode_id", "outcome_advantage", "messages")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    outcome_advantage: float
    messages: _containers.RepeatedCompositeFieldContainer[MessageAdvantage]
    def __init__(self, episode_id: _Optional[str] = ..., outcome_advantage: _Optional[float] = ..., messages: _Optional[_Iterable[_Union[MessageAdvantage, _Mapping]]] = ...) -> None: ...

class MessageAdvantage(_message.Message):
    __slots__ = ("index", "local_advantage", "advantage", "outcome_advantage")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    local_advantage: float
    advantage: float
    outcome_advantage: float
    def __init__(self, index: _Optional[int] = ..., local_advantage: _Optional[float] = ..., advantage: _Optional[float] = ..., outcome_advantage: _Optional[float] = ...) -> None: ...
