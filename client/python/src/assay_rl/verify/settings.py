"""Options as resolved, in the symbols of proto/signals.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_rl.v1 import episode_pb2, options_pb2

from .transcript import speakers

PREFERENCE_KINDS = ("STEP", "REPAIR", "SIBLING", "SUFFIX", "TRAJECTORY", "ONE_SIDED", "PEER")


MOST_TEAM_QUESTIONS = 65536

HIGH_GRID = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
LOW_GRID = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class Model:
    """The numbers of the chain. Grids are (rate, weight), the weights adding up to 1."""

    start_high: float
    error_rate: float  # expected errors of a whole episode under the prior
    repair_rate: float  # expected repairs of an episode that is Low throughout
    context_error_rate: float  # the same two of context: luck
    context_repair_rate: float
    judge_correlation: float
    high: tuple[tuple[float, float], ...]
    low: tuple[tuple[float, float], ...]
    propagated: float
    shared: float  # share of nodes whose rate is that of their episode

    @property
    def mean_high(self) -> float:
        return sum(rate * weight for rate, weight in self.high)


@dataclass(frozen=True)
class Settings:
    """Values, kappa and epsilon are in the unit of the value range; confidence, eta and shares are in [0, 1]."""

    low: float
    high: float
    theta: float
    bound: float
    reference: float
    evaluator: str  # vote, given, caller, named or outcome
    evaluator_name: str
    free: bool
    deterministic: bool
    supports: frozenset[str]
    ballots: int
    empty_ballots: bool
    grader: int
    tolerance: float
    method: int
    max_questions: int
    samples_per_question: int
    interval_confidence: float
    evidence: int
    kappa: float
    eta: float
    shingles: bool
    weigh_by_tokens: bool
    confidence: float
    base_rate: float
    model: Model
    soft: bool
    prior: str
    fitted: options_pb2.FittedPrior
    reads_texts: bool  # a prior that was fitted on texts was asked for: its shares only the record knows
    by_text: bool  # and it knew the episode: texts are evidence
    judges: Mapping[str, tuple[float, float]]  # weight and base rate of those whose reliability was learned
    scorer: str
    definition: int
    kinds: frozenset[int]
    margin: float
    blend: float | None  # None: by credit part
    outcome_part: int
    recombines: bool  # teams of a group may be asked about
    siblings: int  # 0: all where free
    team_questions: int
    seed: int
    credit_part: int
    scale: int
    epsilon: float

    @property
    def range(self) -> float:
        return self.high - self.low


def resolve(options: options_pb2.AttributionOptions, episode: episode_pb2.Episode) -> Settings:
    """Fills every unset option with its default (proto/signals.md, options.proto)."""
    ranged = options.HasField("value_range")
    low = options.value_range.low if ranged else 0.0
    high = options.value_range.high if ranged else 1.0
    span = high - low
    rewards, first, estimator = options.message_rewards, options.first_error, options.estimator
    advantages = options.advantages
    evaluator = options.WhichOneof("evaluator") or _default_evaluator(episode)
    return Settings(
        low=low,
        high=high,
        theta=options.success_threshold if options.HasField("success_threshold") else (low + high) / 2,
        bound=options.reward_bound if options.HasField("reward_bound") else 2 * span,
        reference=options.reference_score if options.HasField("reference_score") else high,
        evaluator=evaluator,
        evaluator_name=options.named.name if evaluator == "named" else "",
        free=evaluator in ("vote", "given") or (evaluator == "caller" and options.caller.free),
        deterministic=options.caller.deterministic if evaluator == "caller" else evaluator != "named",
        supports=_supports(evaluator, options),
        ballots=options.vote.ballots or options_pb2.BALLOTS_LAST,
        empty_ballots=options.vote.empty_ballots,
        grader=options.vote.grader or options_pb2.GRADER_EXACT,
        tolerance=options.vote.tolerance,
        method=estimator.method or options_pb2.METHOD_AUTO,
        max_questions=estimator.max_questions,
        samples_per_question=estimator.samples_per_question or 1,
        interval_confidence=estimator.confidence if estimator.HasField("confidence") else 0.95,
        evidence=rewards.evidence or options_pb2.EVIDENCE_AUTO,
        kappa=span * (rewards.kappa if rewards.HasField("kappa") else 0.5),
        eta=rewards.redundancy_penalty if rewards.HasField("redundancy_penalty") else 0.1,
        shingles=rewards.redundancy != options_pb2.REDUNDANCY_OFF,
        weigh_by_tokens=rewards.weigh_by_tokens,
        confidence=first.confidence if first.HasField("confidence") else 0.5,
        base_rate=first.base_rate if first.HasField("base_rate") else 0.5,
        model=_model(first),
        soft=first.soft_rewards,
        prior=first.prior,
        fitted=first.fitted,
        reads_texts=_reads_texts(first.fitted),
        by_text=_reads_texts(first.fitted),
        judges={judge.judge: (judge.weight, judge.base_rate) for judge in first.fitted.judges},
        scorer=options.scorer,
        definition=first.definition or options_pb2.ERROR_DEFINITION_STAYS_UNLIKELY,
        kinds=frozenset(options.preferences.kinds) or frozenset(range(1, len(PREFERENCE_KINDS) + 1)),
        margin=options.preferences.margin,
        blend=advantages.blend if advantages.HasField("blend") else None,
        outcome_part=advantages.outcome or options_pb2.OUTCOME_PART_AUTO,
        credit_part=advantages.credit or options_pb2.CREDIT_PART_AUTO,
        recombines=advantages.recombination.mode != options_pb2.RECOMBINATION_MODE_OFF,
        siblings=advantages.recombination.siblings,
        team_questions=advantages.recombination.max_questions or MOST_TEAM_QUESTIONS,
        seed=options.seed,
        scale=advantages.scale or options_pb2.OUTCOME_SCALE_POPULATION,
        epsilon=span * (advantages.epsilon if advantages.HasField("epsilon") else 1e-6),
    )


def _reads_texts(fitted: options_pb2.FittedPrior) -> bool:
    transfers = bool(fitted.general.features) and fitted.general_share > 0
    return transfers or bool(fitted.features) or any(c.prior.features for c in fitted.collections)


def _model(first: options_pb2.FirstErrorOptions) -> Model:
    """What the options set, else what was fitted, else the default."""
    layers = (first.model, first.fitted.model)

    def number(name: str, default: float) -> float:
        found = [getattr(layer, name) for layer in layers if layer.HasField(name)]
        return float(found[0]) if found else default

    def grid(state: str, default: Sequence[float]) -> tuple[tuple[float, float], ...]:
        rates, weights = list(default), list[float]()
        for layer in reversed(layers):  # rates and weights of a layer go together
            given, shares = list(getattr(layer, f"{state}_rates")), list(getattr(layer, f"{state}_weights"))
            if given or shares:
                rates, weights = given or rates, shares
        return tuple(zip(rates, weights or [1 / len(rates)] * len(rates), strict=True))

    shares = [layer.propagated_share for layer in (first, first.fitted) if layer.HasField("propagated_share")]
    return Model(
        start_high=number("start_high", 0.97),
        error_rate=number("error_rate", 1.3),
        repair_rate=number("repair_rate", 1.0),
        context_error_rate=number("context_error_rate", 0.3),
        context_repair_rate=number("context_repair_rate", 0.1),
        judge_correlation=number("judge_correlation", 0.5),
        high=grid("high", HIGH_GRID),
        low=grid("low", LOW_GRID),
        propagated=shares[0] if shares else 0.63,
        shared=number("shared_level", 0.0),
    )


def _default_evaluator(episode: episode_pb2.Episode) -> str:
    if episode.HasField("values"):
        return "given"
    votes = bool(episode.task.reference_answer) and any(
        name and m.HasField("answer") for name, m in zip(speakers(episode), episode.messages, strict=True)
    )
    return "vote" if votes else "outcome"


def _supports(evaluator: str, options: options_pb2.AttributionOptions) -> frozenset[str]:
    if evaluator == "vote":
        return frozenset(("coalition", "messages", "prefix", "message_scores", "team"))
    if evaluator == "given":
        return frozenset(("coalition",))
    if evaluator == "caller":
        names = {
            options_pb2.QUESTION_KIND_COALITION: "coalition",
            options_pb2.QUESTION_KIND_MESSAGES: "messages",
            options_pb2.QUESTION_KIND_PREFIX: "prefix",
            options_pb2.QUESTION_KIND_CORRECTION: "correction",
            options_pb2.QUESTION_KIND_MESSAGE_SCORES: "message_scores",
            options_pb2.QUESTION_KIND_TEAM: "team",
        }
        return frozenset(names[kind] for kind in options.caller.supports if kind in names) or frozenset(("coalition",))
    return frozenset()
