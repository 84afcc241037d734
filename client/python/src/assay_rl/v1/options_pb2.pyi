import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QuestionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUESTION_KIND_UNSPECIFIED: _ClassVar[QuestionKind]
    QUESTION_KIND_COALITION: _ClassVar[QuestionKind]
    QUESTION_KIND_MESSAGES: _ClassVar[QuestionKind]
    QUESTION_KIND_PREFIX: _ClassVar[QuestionKind]
    QUESTION_KIND_CORRECTION: _ClassVar[QuestionKind]
    QUESTION_KIND_MESSAGE_SCORES: _ClassVar[QuestionKind]

class Ballots(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BALLOTS_UNSPECIFIED: _ClassVar[Ballots]
    BALLOTS_LAST: _ClassVar[Ballots]
    BALLOTS_FIRST: _ClassVar[Ballots]
    BALLOTS_LAST_ROUND: _ClassVar[Ballots]

class Grader(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRADER_UNSPECIFIED: _ClassVar[Grader]
    GRADER_EXACT: _ClassVar[Grader]
    GRADER_CHOICE: _ClassVar[Grader]
    GRADER_NUMBER: _ClassVar[Grader]
    GRADER_IDENTICAL: _ClassVar[Grader]

class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METHOD_UNSPECIFIED: _ClassVar[Method]
    METHOD_AUTO: _ClassVar[Method]
    METHOD_EXACT: _ClassVar[Method]
    METHOD_ODD_BAYES: _ClassVar[Method]
    METHOD_ANTITHETIC: _ClassVar[Method]
    METHOD_LEVERAGE: _ClassVar[Method]
    METHOD_PERMUTATION: _ClassVar[Method]
    METHOD_KERNEL: _ClassVar[Method]

class Evidence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVIDENCE_UNSPECIFIED: _ClassVar[Evidence]
    EVIDENCE_AUTO: _ClassVar[Evidence]
    EVIDENCE_OWEN: _ClassVar[Evidence]
    EVIDENCE_PREFIX: _ClassVar[Evidence]
    EVIDENCE_SCORES: _ClassVar[Evidence]
    EVIDENCE_EQUAL: _ClassVar[Evidence]

class Redundancy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REDUNDANCY_UNSPECIFIED: _ClassVar[Redundancy]
    REDUNDANCY_SHINGLES: _ClassVar[Redundancy]
    REDUNDANCY_OFF: _ClassVar[Redundancy]

class ErrorDefinition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_DEFINITION_UNSPECIFIED: _ClassVar[ErrorDefinition]
    ERROR_DEFINITION_STAYS_UNLIKELY: _ClassVar[ErrorDefinition]
    ERROR_DEFINITION_CORRECTION_FLIPS: _ClassVar[ErrorDefinition]
    ERROR_DEFINITION_INCORRECT_STEP: _ClassVar[ErrorDefinition]

class PreferenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREFERENCE_KIND_UNSPECIFIED: _ClassVar[PreferenceKind]
    PREFERENCE_KIND_STEP: _ClassVar[PreferenceKind]
    PREFERENCE_KIND_REPAIR: _ClassVar[PreferenceKind]
    PREFERENCE_KIND_SIBLING: _ClassVar[PreferenceKind]
    PREFERENCE_KIND_SUFFIX: _ClassVar[PreferenceKind]
    PREFERENCE_KIND_TRAJECTORY: _ClassVar[PreferenceKind]
    PREFERENCE_KIND_ONE_SIDED: _ClassVar[PreferenceKind]

class OutcomeScale(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_SCALE_UNSPECIFIED: _ClassVar[OutcomeScale]
    OUTCOME_SCALE_POPULATION: _ClassVar[OutcomeScale]
    OUTCOME_SCALE_SAMPLE: _ClassVar[OutcomeScale]
    OUTCOME_SCALE_NONE: _ClassVar[OutcomeScale]

class OutcomePart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_PART_UNSPECIFIED: _ClassVar[OutcomePart]
    OUTCOME_PART_AUTO: _ClassVar[OutcomePart]
    OUTCOME_PART_OUTCOME: _ClassVar[OutcomePart]
    OUTCOME_PART_CONTROL: _ClassVar[OutcomePart]
    OUTCOME_PART_RECOMBINED: _ClassVar[OutcomePart]

class CreditPart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CREDIT_PART_UNSPECIFIED: _ClassVar[CreditPart]
    CREDIT_PART_AUTO: _ClassVar[CreditPart]
    CREDIT_PART_VALUES: _ClassVar[CreditPart]
    CREDIT_PART_CREDIT: _ClassVar[CreditPart]
    CREDIT_PART_SCORES: _ClassVar[CreditPart]
    CREDIT_PART_NONE: _ClassVar[CreditPart]

class Audit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_UNSPECIFIED: _ClassVar[Audit]
    AUDIT_NONE: _ClassVar[Audit]
    AUDIT_LEDGER: _ClassVar[Audit]
    AUDIT_FULL: _ClassVar[Audit]
QUESTION_KIND_UNSPECIFIED: QuestionKind
QUESTION_KIND_COALITION: QuestionKind
QUESTION_KIND_MESSAGES: QuestionKind
QUESTION_KIND_PREFIX: QuestionKind
QUESTION_KIND_CORRECTION: QuestionKind
QUESTION_KIND_MESSAGE_SCORES: QuestionKind
BALLOTS_UNSPECIFIED: Ballots
BALLOTS_LAST: Ballots
BALLOTS_FIRST: Ballots
BALLOTS_LAST_ROUND: Ballots
GRADER_UNSPECIFIED: Grader
GRADER_EXACT: Grader
GRADER_CHOICE: Grader
GRADER_NUMBER: Grader
GRADER_IDENTICAL: Grader
METHOD_UNSPECIFIED: Method
METHOD_AUTO: Method
METHOD_EXACT: Method
METHOD_ODD_BAYES: Method
METHOD_ANTITHETIC: Method
METHOD_LEVERAGE: Method
METHOD_PERMUTATION: Method
METHOD_KERNEL: Method
EVIDENCE_UNSPECIFIED: Evidence
EVIDENCE_AUTO: Evidence
EVIDENCE_OWEN: Evidence
EVIDENCE_PREFIX: Evidence
EVIDENCE_SCORES: Evidence
EVIDENCE_EQUAL: Evidence
REDUNDANCY_UNSPECIFIED: Redundancy
REDUNDANCY_SHINGLES: Redundancy
REDUNDANCY_OFF: Redundancy
ERROR_DEFINITION_UNSPECIFIED: ErrorDefinition
ERROR_DEFINITION_STAYS_UNLIKELY: ErrorDefinition
ERROR_DEFINITION_CORRECTION_FLIPS: ErrorDefinition
ERROR_DEFINITION_INCORRECT_STEP: ErrorDefinition
PREFERENCE_KIND_UNSPECIFIED: PreferenceKind
PREFERENCE_KIND_STEP: PreferenceKind
PREFERENCE_KIND_REPAIR: PreferenceKind
PREFERENCE_KIND_SIBLING: PreferenceKind
PREFERENCE_KIND_SUFFIX: PreferenceKind
PREFERENCE_KIND_TRAJECTORY: PreferenceKind
PREFERENCE_KIND_ONE_SIDED: PreferenceKind
OUTCOME_SCALE_UNSPECIFIED: OutcomeScale
OUTCOME_SCALE_POPULATION: OutcomeScale
OUTCOME_SCALE_SAMPLE: OutcomeScale
OUTCOME_SCALE_NONE: OutcomeScale
OUTCOME_PART_UNSPECIFIED: OutcomePart
OUTCOME_PART_AUTO: OutcomePart
OUTCOME_PART_OUTCOME: OutcomePart
OUTCOME_PART_CONTROL: OutcomePart
OUTCOME_PART_RECOMBINED: OutcomePart
CREDIT_PART_UNSPECIFIED: CreditPart
CREDIT_PART_AUTO: CreditPart
CREDIT_PART_VALUES: CreditPart
CREDIT_PART_CREDIT: CreditPart
CREDIT_PART_SCORES: CreditPart
CREDIT_PART_NONE: CreditPart
AUDIT_UNSPECIFIED: Audit
AUDIT_NONE: Audit
AUDIT_LEDGER: Audit
AUDIT_FULL: Audit

class AttributionOptions(_message.Message):
    __slots__ = ("seed", "value_range", "success_threshold", "reward_bound", "reference_score", "vote", "given", "caller", "named", "outcome", "scorer", "estimator", "message_rewards", "first_error", "preferences", "advantages", "audit", "episode_timeout", "group_timeout", "allow_partial", "max_response_bytes")
    SEED_FIELD_NUMBER: _ClassVar[int]
    VALUE_RANGE_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    REWARD_BOUND_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_SCORE_FIELD_NUMBER: _ClassVar[int]
    VOTE_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    NAMED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCORER_FIELD_NUMBER: _ClassVar[int]
    ESTIMATOR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_REWARDS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ERROR_FIELD_NUMBER: _ClassVar[int]
    PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    ADVANTAGES_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    EPISODE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    GROUP_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    MAX_RESPONSE_BYTES_FIELD_NUMBER: _ClassVar[int]
    seed: int
    value_range: ValueRange
    success_threshold: float
    reward_bound: float
    reference_score: float
    vote: VoteReplay
    given: GivenValues
    caller: CallerEvaluator
    named: NamedEvaluator
    outcome: OutcomeOnly
    scorer: str
    estimator: EstimatorOptions
    message_rewards: MessageRewardOptions
    first_error: FirstErrorOptions
    preferences: PreferenceOptions
    advantages: AdvantageOptions
    audit: Audit
    episode_timeout: _duration_pb2.Duration
    group_timeout: _duration_pb2.Duration
    allow_partial: bool
    max_response_bytes: int
    def __init__(self, seed: _Optional[int] = ..., value_range: _Optional[_Union[ValueRange, _Mapping]] = ..., success_threshold: _Optional[float] = ..., reward_bound: _Optional[float] = ..., reference_score: _Optional[float] = ..., vote: _Optional[_Union[VoteReplay, _Mapping]] = ..., given: _Optional[_Union[GivenValues, _Mapping]] = ..., caller: _Optional[_Union[CallerEvaluator, _Mapping]] = ..., named: _Optional[_Union[NamedEvaluator, _Mapping]] = ..., outcome: _Optional[_Union[OutcomeOnly, _Mapping]] = ..., scorer: _Optional[str] = ..., estimator: _Optional[_Union[EstimatorOptions, _Mapping]] = ..., message_rewards: _Optional[_Union[MessageRewardOptions, _Mapping]] = ..., first_error: _Optional[_Union[FirstErrorOptions, _Mapping]] = ..., preferences: _Optional[_Union[PreferenceOptions, _Mapping]] = ..., advantages: _Optional[_Union[AdvantageOptions, _Mapping]] = ..., audit: _Optional[_Union[Audit, str]] = ..., episode_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., group_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., allow_partial: bool = ..., max_response_bytes: _Optional[int] = ...) -> None: ...

class ValueRange(_message.Message):
    __slots__ = ("low", "high")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class VoteReplay(_message.Message):
    __slots__ = ("ballots", "empty_ballots", "grader", "tolerance")
    BALLOTS_FIELD_NUMBER: _ClassVar[int]
    EMPTY_BALLOTS_FIELD_NUMBER: _ClassVar[int]
    GRADER_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    ballots: Ballots
    empty_ballots: bool
    grader: Grader
    tolerance: float
    def __init__(self, ballots: _Optional[_Union[Ballots, str]] = ..., empty_ballots: bool = ..., grader: _Optional[_Union[Grader, str]] = ..., tolerance: _Optional[float] = ...) -> None: ...

class GivenValues(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CallerEvaluator(_message.Message):
    __slots__ = ("supports", "free", "batch_size", "deterministic")
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    supports: _containers.RepeatedScalarFieldContainer[QuestionKind]
    free: bool
    batch_size: int
    deterministic: bool
    def __init__(self, supports: _Optional[_Iterable[_Union[QuestionKind, str]]] = ..., free: bool = ..., batch_size: _Optional[int] = ..., deterministic: bool = ...) -> None: ...

class NamedEvaluator(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class OutcomeOnly(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EstimatorOptions(_message.Message):
    __slots__ = ("method", "max_questions", "target_half_width", "confidence", "samples_per_question")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    MAX_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    TARGET_HALF_WIDTH_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_PER_QUESTION_FIELD_NUMBER: _ClassVar[int]
    method: Method
    max_questions: int
    target_half_width: float
    confidence: float
    samples_per_question: int
    def __init__(self, method: _Optional[_Union[Method, str]] = ..., max_questions: _Optional[int] = ..., target_half_width: _Optional[float] = ..., confidence: _Optional[float] = ..., samples_per_question: _Optional[int] = ...) -> None: ...

class MessageRewardOptions(_message.Message):
    __slots__ = ("evidence", "kappa", "redundancy_penalty", "redundancy", "weigh_by_tokens")
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    KAPPA_FIELD_NUMBER: _ClassVar[int]
    REDUNDANCY_PENALTY_FIELD_NUMBER: _ClassVar[int]
    REDUNDANCY_FIELD_NUMBER: _ClassVar[int]
    WEIGH_BY_TOKENS_FIELD_NUMBER: _ClassVar[int]
    evidence: Evidence
    kappa: float
    redundancy_penalty: float
    redundancy: Redundancy
    weigh_by_tokens: bool
    def __init__(self, evidence: _Optional[_Union[Evidence, str]] = ..., kappa: _Optional[float] = ..., redundancy_penalty: _Optional[float] = ..., redundancy: _Optional[_Union[Redundancy, str]] = ..., weigh_by_tokens: bool = ...) -> None: ...

class ErrorModel(_message.Message):
    __slots__ = ("start_high", "error_rate", "repair_rate", "judge_correlation", "high_rates", "high_weights", "low_rates", "low_weights", "shared_level")
    START_HIGH_FIELD_NUMBER: _ClassVar[int]
    ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    REPAIR_RATE_FIELD_NUMBER: _ClassVar[int]
    JUDGE_CORRELATION_FIELD_NUMBER: _ClassVar[int]
    HIGH_RATES_FIELD_NUMBER: _ClassVar[int]
    HIGH_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LOW_RATES_FIELD_NUMBER: _ClassVar[int]
    LOW_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    SHARED_LEVEL_FIELD_NUMBER: _ClassVar[int]
    start_high: float
    error_rate: float
    repair_rate: float
    judge_correlation: float
    high_rates: _containers.RepeatedScalarFieldContainer[float]
    high_weights: _containers.RepeatedScalarFieldContainer[float]
    low_rates: _containers.RepeatedScalarFieldContainer[float]
    low_weights: _containers.RepeatedScalarFieldContainer[float]
    shared_level: float
    def __init__(self, start_high: _Optional[float] = ..., error_rate: _Optional[float] = ..., repair_rate: _Optional[float] = ..., judge_correlation: _Optional[float] = ..., high_rates: _Optional[_Iterable[float]] = ..., high_weights: _Optional[_Iterable[float]] = ..., low_rates: _Optional[_Iterable[float]] = ..., low_weights: _Optional[_Iterable[float]] = ..., shared_level: _Optional[float] = ...) -> None: ...

class FittedPrior(_message.Message):
    __slots__ = ("features", "weights", "uniform", "episodes", "model", "propagated_share", "model_episodes")
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    UNIFORM_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROPAGATED_SHARE_FIELD_NUMBER: _ClassVar[int]
    MODEL_EPISODES_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedScalarFieldContainer[str]
    weights: _containers.RepeatedScalarFieldContainer[float]
    uniform: float
    episodes: int
    model: ErrorModel
    propagated_share: float
    model_episodes: int
    def __init__(self, features: _Optional[_Iterable[str]] = ..., weights: _Optional[_Iterable[float]] = ..., uniform: _Optional[float] = ..., episodes: _Optional[int] = ..., model: _Optional[_Union[ErrorModel, _Mapping]] = ..., propagated_share: _Optional[float] = ..., model_episodes: _Optional[int] = ...) -> None: ...

class FirstErrorOptions(_message.Message):
    __slots__ = ("confidence", "max_rollouts", "definition", "base_rate", "propagated_share", "soft_rewards", "prior", "fitted", "model")
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MAX_ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    PROPAGATED_SHARE_FIELD_NUMBER: _ClassVar[int]
    SOFT_REWARDS_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    FITTED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    confidence: float
    max_rollouts: int
    definition: ErrorDefinition
    base_rate: float
    propagated_share: float
    soft_rewards: bool
    prior: str
    fitted: FittedPrior
    model: ErrorModel
    def __init__(self, confidence: _Optional[float] = ..., max_rollouts: _Optional[int] = ..., definition: _Optional[_Union[ErrorDefinition, str]] = ..., base_rate: _Optional[float] = ..., propagated_share: _Optional[float] = ..., soft_rewards: bool = ..., prior: _Optional[str] = ..., fitted: _Optional[_Union[FittedPrior, _Mapping]] = ..., model: _Optional[_Union[ErrorModel, _Mapping]] = ...) -> None: ...

class PreferenceOptions(_message.Message):
    __slots__ = ("kinds", "margin")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[PreferenceKind]
    margin: float
    def __init__(self, kinds: _Optional[_Iterable[_Union[PreferenceKind, str]]] = ..., margin: _Optional[float] = ...) -> None: ...

class AdvantageOptions(_message.Message):
    __slots__ = ("blend", "scale", "epsilon", "outcome", "credit")
    BLEND_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    blend: float
    scale: OutcomeScale
    epsilon: float
    outcome: OutcomePart
    credit: CreditPart
    def __init__(self, blend: _Optional[float] = ..., scale: _Optional[_Union[OutcomeScale, str]] = ..., epsilon: _Optional[float] = ..., outcome: _Optional[_Union[OutcomePart, str]] = ..., credit: _Optional[_Union[CreditPart, str]] = ...) -> None: ...
