"""Group advantages (signals.md, section 5b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from .settings import Settings

CLIP = 5.0


@dataclass(frozen=True)
class GroupExpectation:
    """Per episode: O_e and, by message index, (L_t, A_t)."""

    mean: float
    std: float
    episodes: dict[str, tuple[float, dict[int, tuple[float, float]]]]


def of_group(
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
    settings: Settings,
) -> GroupExpectation:
    """Advantages of the episodes of one group that were answered with signals."""
    scores = [s.score for s in answered]
    mean, std = _mean_std(scores, settings.scale)
    local = _local(answered, episodes, settings)
    out: dict[str, tuple[float, dict[int, tuple[float, float]]]] = {}
    for signals in answered:
        outcome = _outcome(signals.score, scores, mean, std, settings)
        own = {
            t: (value, (1 - settings.blend) * outcome + settings.blend * value)
            for t, value in local[signals.episode_id].items()
        }
        out[signals.episode_id] = (outcome, own)
    return GroupExpectation(mean, std, out)


def _mean_std(scores: Sequence[float], scale: int) -> tuple[float, float]:
    count = len(scores)
    mean = sum(scores) / count if count else 0.0
    squares = sum((y - mean) ** 2 for y in scores)
    if scale == options_pb2.OUTCOME_SCALE_SAMPLE:
        return mean, sqrt(squares / (count - 1)) if count > 1 else 0.0
    return mean, sqrt(squares / count) if count else 0.0  # with OUTCOME_SCALE_NONE reported, not used


def _outcome(score: float, scores: Sequence[float], mean: float, std: float, settings: Settings) -> float:
    if len(scores) < 2 or min(scores) == max(scores):
        return 0.0
    if settings.scale == options_pb2.OUTCOME_SCALE_NONE:
        return score - mean
    return (score - mean) / (std + settings.epsilon)


def _local(
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
    settings: Settings,
) -> dict[str, dict[int, float]]:
    """L_t = (T_{i,e} r_t - mean R_{i,e}) / (rms of the numerator + eps), in [-5, 5].

    The mean runs over the (episode, agent) pairs with messages, the rms over the messages, of one policy.
    """
    owner: dict[tuple[str, str], str] = {}
    for signals in answered:
        for agent in episodes[signals.episode_id].agents:
            owner[signals.episode_id, agent.id] = agent.policy or agent.id
    totals: dict[str, dict[tuple[str, str], float]] = {}
    counts: dict[tuple[str, str], int] = {}
    for signals in answered:
        for m in signals.messages:
            policy = owner.get((signals.episode_id, m.agent_id))
            if policy is None:
                continue
            key = (signals.episode_id, m.agent_id)
            by_agent = totals.setdefault(policy, {})
            by_agent[key] = by_agent.get(key, 0.0) + m.reward
            counts[key] = counts.get(key, 0) + 1
    means = {policy: sum(by.values()) / len(by) for policy, by in totals.items()}
    numerators: dict[str, dict[int, float]] = {s.episode_id: {} for s in answered}
    squares: dict[str, list[float]] = {}
    for signals in answered:
        for m in signals.messages:
            policy = owner.get((signals.episode_id, m.agent_id))
            if policy is None:
                continue
            value = counts[signals.episode_id, m.agent_id] * m.reward - means[policy]
            numerators[signals.episode_id][m.index] = value
            squares.setdefault(policy, []).append(value * value)
    rms = {policy: sqrt(sum(values) / len(values)) for policy, values in squares.items()}
    return {
        signals.episode_id: {
            m.index: _clip(
                numerators[signals.episode_id][m.index]
                / (rms[owner[signals.episode_id, m.agent_id]] + settings.epsilon)
            )
            for m in signals.messages
            if m.index in numerators[signals.episode_id]
        }
        for signals in answered
    }


def _clip(value: float) -> float:
    return min(max(value, -CLIP), CLIP)
