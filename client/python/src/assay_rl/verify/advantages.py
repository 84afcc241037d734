"""Group advantages (proto/signals.md, "Advantages"): from scores, values and credits, never from rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from assay_rl.v1 import options_pb2
from assay_rl.v1.signals_pb2 import EpisodeSignals

from .findings import enum_name
from .settings import Settings

CLIP = 5.0
RIDGE = 0.05  # beside the sum of squares of v(N without i), as a share of range^2: few siblings prove little
DEFAULT_BLEND = 0.5
SCORE_UNIT = 0.5  # of a process score, as a share of the range: what one is worth where nothing is divided

# What each part is, for people: the words with which the report explains the advantages of a group.
OUTCOME_WORDS = {
    "OUTCOME": "X is the episode's score against the others of its group",
    "CONTROL": (
        "X is the episode's score against the others of its group, less what the rest of the team explains of it"
    ),
    "RECOMBINED": "X is what the author's messages are worth in the teams of all episodes of the group",
}
CREDIT_WORDS = {
    "VALUES": "K is how much the message changed the expected score",
    "CREDIT": (
        "K is what the message is worth to the team, with and without it, less the average of its author's messages in "
        "the whole group, in units of their spread"
    ),
    "SCORES": "K is the judge's score of the message",
}


@dataclass(frozen=True)
class MessageParts:
    outcome: float  # X
    credit: float  # K
    advantage: float  # A


@dataclass(frozen=True)
class EpisodeParts:
    outcome: float  # the standardised score, whatever outcome part was used
    messages: dict[int, MessageParts]


@dataclass(frozen=True)
class GroupExpectation:
    """Everything that GroupSignals says of advantages."""

    mean: float
    std: float
    outcome_part: int
    credit_part: int
    reliability: float
    weight: float
    parallel: bool
    episodes: dict[str, EpisodeParts]


class UnsupportedPartError(ValueError):
    """A part that was asked for by name and that the group does not support."""


def of_group(
    answered: Sequence[EpisodeSignals],
    settings: Settings,
    worth: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> GroupExpectation:
    """Advantages of the episodes of one group that were answered with signals.

    worth: what an agent's messages of an episode are worth in the teams of the group, and the variance of that by noise
    in the answers; None where that is not known.
    """
    scores = _Scores([s.score for s in answered], settings)
    outcome_part = _outcome_part(answered, settings, worth is not None)
    credit_part = _credit_part(answered, settings)
    reliability = _reliability(credit_part, answered)
    blend = settings.blend
    if blend is None:
        blend = 1.0 if credit_part == options_pb2.CREDIT_PART_VALUES else DEFAULT_BLEND
    weight = blend * reliability
    x: dict[tuple[str, str], float] = {}
    if outcome_part == options_pb2.OUTCOME_PART_CONTROL:
        x = _controlled(answered, scores, settings)
    elif outcome_part == options_pb2.OUTCOME_PART_RECOMBINED:
        x = _recombined(answered, scores, worth or {}, settings)
    k = _credits(credit_part, answered, settings)
    episodes: dict[str, EpisodeParts] = {}
    for signals in answered:
        shared = scores.advantage(signals.score)
        own: dict[int, MessageParts] = {}
        for m in signals.messages:
            outcome = x.get((signals.episode_id, m.agent_id), shared)
            credit = k.get((signals.episode_id, m.index), 0.0)
            own[m.index] = MessageParts(outcome, credit, (1 - weight) * outcome + weight * credit)
        episodes[signals.episode_id] = EpisodeParts(shared, own)
    return GroupExpectation(
        mean=scores.mean,
        std=scores.std,
        outcome_part=outcome_part,
        credit_part=credit_part,
        reliability=reliability,
        weight=weight,
        parallel=all(s.parallel for s in answered),
        episodes=episodes,
    )


class _Scores:
    """The scores of the group, and what standardises them."""

    def __init__(self, scores: Sequence[float], settings: Settings) -> None:
        self.equal = len(scores) < 2 or min(scores) == max(scores)
        self.mean = scores[0] if self.equal and scores else _mean(scores)
        squares = fsum((y - self.mean) ** 2 for y in scores)
        self.variance = 0.0 if self.equal else squares / len(scores)
        freedom = len(scores) - 1 if settings.scale == options_pb2.OUTCOME_SCALE_SAMPLE else len(scores)
        self.std = 0.0 if self.equal else sqrt(squares / freedom)
        undivided = settings.scale == options_pb2.OUTCOME_SCALE_NONE
        self.divisor = 1.0 if undivided else self.std + settings.epsilon

    def advantage(self, score: float) -> float:
        """Exactly 0 where all scores are equal."""
        return 0.0 if self.equal else (score - self.mean) / self.divisor


def _outcome_part(answered: Sequence[EpisodeSignals], settings: Settings, recombined: bool) -> int:
    known = all(agent.HasField("value_without") for signals in answered for agent in signals.agents)
    wanted = settings.outcome_part
    if recombined and wanted in (options_pb2.OUTCOME_PART_AUTO, options_pb2.OUTCOME_PART_RECOMBINED):
        return options_pb2.OUTCOME_PART_RECOMBINED
    if wanted == options_pb2.OUTCOME_PART_AUTO:
        return options_pb2.OUTCOME_PART_CONTROL if known else options_pb2.OUTCOME_PART_OUTCOME
    if wanted == options_pb2.OUTCOME_PART_RECOMBINED or (wanted == options_pb2.OUTCOME_PART_CONTROL and not known):
        raise UnsupportedPartError(enum_name(options_pb2.OutcomePart, wanted))
    return wanted


def _controlled(
    answered: Sequence[EpisodeSignals], scores: _Scores, settings: Settings
) -> dict[tuple[str, str], float]:
    """X of every agent of every episode: the score less what the team's value without the agent explains."""
    if scores.equal:
        return {}
    found: dict[tuple[str, str], float] = {}
    for policy in _policies(answered):
        pairs = [(s, a.agent_id, a.value_without) for s in answered for a in s.agents if a.policy == policy]
        mean = _mean([w for _, _, w in pairs])
        together = fsum((w - mean) * (s.score - scores.mean) for s, _, w in pairs)
        alone = fsum((w - mean) ** 2 for _, _, w in pairs)
        beta = min(max(together / (alone + RIDGE * settings.range**2), 0.0), 1.0)
        for signals, agent, w in pairs:
            explained = beta * (w - mean)
            found[signals.episode_id, agent] = (signals.score - scores.mean - explained) / scores.divisor
    return found


def _recombined(
    answered: Sequence[EpisodeSignals],
    scores: _Scores,
    worth: Mapping[tuple[str, str], tuple[float, float]],
    settings: Settings,
) -> dict[tuple[str, str], float]:
    """X of every agent of every episode in which it spoke: what its messages are worth in the teams of the group, and
    as far as that is noise the next best part."""
    found = {(s.episode_id, a.agent_id): 0.0 for s in answered for a in s.agents}
    rest: dict[tuple[str, str], float] = {}
    if any(noise for _, noise in worth.values()):
        for signals in answered:
            rest.update({(signals.episode_id, a.agent_id): scores.advantage(signals.score) for a in signals.agents})
        if all(a.HasField("value_without") for s in answered for a in s.agents):
            rest.update(_controlled(answered, scores, settings))
    for policy in _policies(answered):
        places = [(s.episode_id, a.agent_id) for s in answered for a in s.agents if a.policy == policy]
        own = {place: worth[place][0] for place in places if place in worth}
        mean = _mean(list(own.values()))
        squares = fsum((q - mean) ** 2 for q in own.values())
        freedom = len(own) - 1 if settings.scale == options_pb2.OUTCOME_SCALE_SAMPLE else len(own)
        std = sqrt(squares / freedom) if freedom > 0 else 0.0
        noise = _mean([worth[place][1] for place in own])
        share = 1.0
        if noise > 0:
            share = min(max(1 - noise / (squares / len(own)), 0.0), 1.0) if squares > 0 else 0.0
        divisor = 1.0 if settings.scale == options_pb2.OUTCOME_SCALE_NONE else std + settings.epsilon
        for place, q in own.items():
            x = (q - mean) / divisor if std > 1e-12 * settings.range else 0.0
            found[place] = x if share >= 1 else share * x + (1 - share) * rest[place]
    return found


def _policies(answered: Sequence[EpisodeSignals]) -> list[str]:
    return sorted({agent.policy for signals in answered for agent in signals.agents})


def _credit_part(answered: Sequence[EpisodeSignals], settings: Settings) -> int:
    messages = [m for signals in answered for m in signals.messages]
    supported: dict[int, bool] = {
        options_pb2.CREDIT_PART_VALUES: bool(messages) and all(m.HasField("value_change") for m in messages),
        options_pb2.CREDIT_PART_CREDIT: bool(messages) and all(m.HasField("credit") for m in messages),
        options_pb2.CREDIT_PART_SCORES: any(m.HasField("process_score") for m in messages),
        options_pb2.CREDIT_PART_NONE: True,
    }
    wanted = settings.credit_part
    if wanted == options_pb2.CREDIT_PART_AUTO:
        return next(part for part, there in supported.items() if there)
    if not supported.get(wanted, False):
        raise UnsupportedPartError(enum_name(options_pb2.CreditPart, wanted))
    return wanted


def _reliability(part: int, answered: Sequence[EpisodeSignals]) -> float:
    """Share of the differences between the credits, or values, of the group that is not noise."""
    if part == options_pb2.CREDIT_PART_NONE:
        return 0.0
    if part == options_pb2.CREDIT_PART_SCORES:
        return 1.0
    if part == options_pb2.CREDIT_PART_VALUES:
        noise = _mean([m.value_change_variance for s in answered for m in s.messages])
        if noise == 0:
            return 1.0
        mean = _mean([s.score for s in answered])
        spread = _mean([(s.score - mean) ** 2 for s in answered])
        return spread / (spread + noise)
    agents = [a for s in answered for a in s.agents]
    noise = _mean([a.std_error**2 for a in agents])
    if noise == 0:
        return 1.0
    spread = fsum(
        (credit - _mean(own)) ** 2
        for policy in _policies(answered)
        for own in [[a.credit for a in agents if a.policy == policy]]
        for credit in own
    ) / len(agents)
    return min(max(1 - noise / spread, 0.0), 1.0) if spread > 0 else 0.0


def _credits(part: int, answered: Sequence[EpisodeSignals], settings: Settings) -> dict[tuple[str, int], float]:
    """K of every agents' message, by episode and index."""
    messages = [(s.episode_id, m) for s in answered for m in s.messages]
    if part == options_pb2.CREDIT_PART_VALUES:
        return _over_rms({(e, m.index): m.value_change for e, m in messages}, settings, 1.0, settings.epsilon)
    if part == options_pb2.CREDIT_PART_SCORES:
        scores = {(e, m.index): m.process_score for e, m in messages}
        return _over_rms(scores, settings, SCORE_UNIT * settings.range, settings.epsilon / settings.range)
    found: dict[tuple[str, int], float] = {}
    if part == options_pb2.CREDIT_PART_CREDIT:
        for own in _by_policy(answered):
            mean = _mean(list(own.values()))
            std = sqrt(_mean([(c - mean) ** 2 for c in own.values()]))
            for place, c in own.items():
                found[place] = _standardised(c - mean, std + settings.epsilon, settings, 1.0)
    return found


def _by_policy(answered: Sequence[EpisodeSignals]) -> list[dict[tuple[str, int], float]]:
    """Credits of messages: Owen values, or where an episode has none the whole credit of the message's agent."""
    owen = all(s.owen_values for s in answered)
    found: dict[str, dict[tuple[str, int], float]] = {}
    for signals in answered:
        agents = {agent.agent_id: agent for agent in signals.agents}
        for m in signals.messages:
            agent = agents.get(m.agent_id)
            if agent is not None:
                found.setdefault(agent.policy, {})[signals.episode_id, m.index] = m.credit if owen else agent.credit
    return list(found.values())


def _over_rms(
    values: dict[tuple[str, int], float], settings: Settings, unit: float, epsilon: float
) -> dict[tuple[str, int], float]:
    """Not centred: the mean of what is an advantage already is 0 under the policy. Where one would be beyond CLIP, all
    are scaled down together."""
    rms = sqrt(_mean([v * v for v in values.values()]))
    divisor = max(rms, max((abs(v) for v in values.values()), default=0.0) / CLIP)
    return {place: _standardised(v, divisor + epsilon, settings, unit) for place, v in values.items()}


def _standardised(value: float, divisor: float, settings: Settings, unit: float) -> float:
    """`unit`: what one of `value` is worth where nothing is divided."""
    if settings.scale == options_pb2.OUTCOME_SCALE_NONE:
        return _clip(value * unit, CLIP * settings.range)
    return _clip(value / divisor, CLIP) if value else 0.0


def _clip(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values) if values else 0.0
