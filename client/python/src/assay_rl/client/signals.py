"""The signals of an episode, with the names of proto/assay/v1/signals.proto, where units and ranges are told."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay_rl.v1 import signals_pb2


@dataclass(slots=True)
class AgentCredit:
    """Shapley value of an agent with its interval; reward_total is the sum over its messages.

    value_without: the value of the episode with what this agent said left out; None where it was not asked.
    """

    agent_id: str
    credit: float
    std_error: float
    low: float
    high: float
    reward_total: float
    unallocated: float
    signs_relaxed: bool
    value_without: float | None = None


@dataclass(slots=True)
class MessageSignal:
    """Reward, label and error posterior of one message of an agent; index counts all messages of the episode.

    credit: its counterfactual credit; value_change: of the expected score across it; process_score: a judge's. Each is
    None where nobody could say. grade of its answer: RIGHT, WRONG, UNREADABLE, or UNSPECIFIED where there is none.
    """

    index: int
    agent_id: str
    reward: float
    label: str
    first_error_probability: float
    error_probability: float
    repair_probability: float
    redundancy: float
    credit: float | None = None
    grade: str = "UNSPECIFIED"
    value_change: float | None = None
    process_score: float | None = None


@dataclass(slots=True)
class FirstError:
    """Where the failure began. An index of None claims nothing.

    environment_probability: that it began with a tool's, a user's or the environment's reply; that share is nobody's.
    context_index: the message of context that is claimed to have begun it. agent_id: empty where nothing tells the
    messages apart. prior_used: FLAT, CREDIT, STATED, FITTED or GENERAL; prior_source and prior_weight name the
    collection whose fitted prior was asked and how much of the prior is its. search_end: why no more rollouts were
    asked for, SETTLED, BUDGET, EXHAUSTED or FAILURES; UNSPECIFIED where none were.
    """

    first_index: int | None
    decisive_index: int | None
    agent_id: str
    probability: float
    none_probability: float
    credible_set: list[int]
    tier: str
    environment_probability: float = 0.0
    context_index: int | None = None
    prior_used: str = "UNSPECIFIED"
    prior_source: str = ""
    prior_weight: float = 0.0
    search_end: str = "UNSPECIFIED"


@dataclass(slots=True)
class Signals:
    """Signals of one episode. `messages` holds the agents' messages only, in order."""

    episode_id: str
    success: bool
    score: float
    baseline: float
    grand_value: float
    unexplained: float
    agents: list[AgentCredit]
    messages: list[MessageSignal]
    first_error: FirstError | None
    partial: bool
    proto: signals_pb2.EpisodeSignals = field(repr=False)

    @classmethod
    def from_proto(cls, signals: signals_pb2.EpisodeSignals) -> Signals:
        return cls(
            signals.episode_id,
            signals.success,
            signals.score,
            signals.baseline,
            signals.grand_value,
            signals.unexplained,
            [
                AgentCredit(
                    a.agent_id,
                    a.credit,
                    a.std_error,
                    a.low,
                    a.high,
                    a.reward_total,
                    a.unallocated,
                    a.signs_relaxed,
                    a.value_without if a.HasField("value_without") else None,
                )
                for a in signals.agents
            ],
            [
                MessageSignal(
                    m.index,
                    m.agent_id,
                    m.reward,
                    _LABELS.get(m.label, "UNSPECIFIED"),
                    m.first_error_probability,
                    m.error_probability,
                    m.repair_probability,
                    m.redundancy,
                    m.credit if m.HasField("credit") else None,
                    _GRADES.get(m.grade, "UNSPECIFIED"),
                    m.value_change if m.HasField("value_change") else None,
                    m.process_score if m.HasField("process_score") else None,
                )
                for m in signals.messages
            ],
            _first_error(signals.first_error) if signals.HasField("first_error") else None,
            signals.partial,
            signals,
        )

    def _repr_html_(self) -> str:
        """Tables of agents and messages, in a notebook."""
        from assay_rl.report.fragment import html_for

        return html_for(self.proto)

    @property
    def rewards(self) -> dict[int, float]:
        """Reward by message index."""
        return {m.index: m.reward for m in self.messages}

    @property
    def credits(self) -> dict[str, float]:
        """Credit by agent id."""
        return {a.agent_id: a.credit for a in self.agents}


_LABELS = {number: name.removeprefix("LABEL_") for name, number in signals_pb2.Label.items()}
_GRADES = {number: name.removeprefix("ANSWER_GRADE_") for name, number in signals_pb2.AnswerGrade.items()}


_PRIORS = {number: name.removeprefix("PRIOR_USED_") for name, number in signals_pb2.PriorUsed.items()}
_SEARCH_ENDS = {number: name.removeprefix("SEARCH_END_") for name, number in signals_pb2.SearchEnd.items()}
_TIERS = {number: name.removeprefix("EVIDENCE_TIER_") for name, number in signals_pb2.EvidenceTier.items()}


def _first_error(found: signals_pb2.FirstError) -> FirstError:
    return FirstError(
        found.first_index if found.HasField("first_index") else None,
        found.decisive_index if found.HasField("decisive_index") else None,
        found.agent_id,
        found.probability,
        found.none_probability,
        list(found.credible_set),
        _TIERS.get(found.tier, "UNSPECIFIED"),
        found.environment_probability,
        found.context_index if found.HasField("context_index") else None,
        _PRIORS.get(found.prior_used, "UNSPECIFIED"),
        found.prior_source,
        found.prior_weight,
        _SEARCH_ENDS.get(found.search_end, "UNSPECIFIED"),
    )
