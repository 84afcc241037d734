"""Preference pairs inside one episode (proto/signals.md, "Preferences")."""

from __future__ import annotations

from collections.abc import Iterator

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from .allocation import BLAMED
from .recompute import Expected

UNDESIRABLE = (signals_pb2.LABEL_FIRST_ERROR, signals_pb2.LABEL_ERROR, signals_pb2.LABEL_FAILURE_ALIGNED)


def of_episode(episode: episode_pb2.Episode, expected: Expected) -> list[signals_pb2.PreferencePair]:
    """STEP, REPAIR and ONE_SIDED pairs; the other kinds need a second episode."""
    kinds = expected.settings.kinds
    pairs: list[signals_pb2.PreferencePair] = []
    if options_pb2.PREFERENCE_KIND_STEP in kinds:
        pairs += _steps(episode, expected)
    if options_pb2.PREFERENCE_KIND_REPAIR in kinds:
        pairs += _repairs(episode, expected)
    if options_pb2.PREFERENCE_KIND_ONE_SIDED in kinds:
        pairs += _one_sided(episode, expected)
    return pairs


def _side(episode: episode_pb2.Episode, t: int, alternative: int | None = None) -> signals_pb2.PreferenceSide:
    side = signals_pb2.PreferenceSide(episode_id=episode.id, begin=t, end=t + 1)
    if alternative is not None:
        side.alternative = alternative
    return side


def _pair(kind: int, episode: episode_pb2.Episode, t: int, weight: float) -> signals_pb2.PreferencePair:
    return signals_pb2.PreferencePair(kind=kind, context_episode_id=episode.id, context_length=t, weight=weight)  # type: ignore[arg-type]


def _valued(message: episode_pb2.Message) -> list[tuple[float, int]]:
    """Known values of alternatives that differ from the message, with their negative index: ties go to the first."""
    return [
        (a.value, -k)
        for k, a in enumerate(message.alternatives)
        if a.HasField("value") and a.content != message.content
    ]


def _weight(expected: Expected, label: int, t: int) -> float:
    """How probable it is that the message is what its label says; 0 for labels without a direction."""
    posterior = expected.located.posterior
    weights: dict[int, float] = {
        signals_pb2.LABEL_FIRST_ERROR: posterior.first[t],
        signals_pb2.LABEL_ERROR: posterior.error[t],
        signals_pb2.LABEL_REPAIR: posterior.repair[t],
        signals_pb2.LABEL_SOUND: 1 - posterior.low[t + 1],
        signals_pb2.LABEL_FAILURE_ALIGNED: posterior.low[t],
    }
    return weights.get(label, 0.0)


def _steps(episode: episode_pb2.Episode, expected: Expected) -> Iterator[signals_pb2.PreferencePair]:
    for t, label in enumerate(expected.located.labels):
        valued = _valued(episode.messages[t]) if label in BLAMED else []
        if not valued or _weight(expected, label, t) <= 0:
            continue
        value, negative = max(valued)
        if value <= expected.located.posterior.expected[t + 1] + expected.settings.margin:
            continue
        pair = _pair(options_pb2.PREFERENCE_KIND_STEP, episode, t, _weight(expected, label, t))
        pair.chosen.CopyFrom(_side(episode, t, -negative))
        pair.rejected.CopyFrom(_side(episode, t))
        yield pair


def _repairs(episode: episode_pb2.Episode, expected: Expected) -> Iterator[signals_pb2.PreferencePair]:
    settings = expected.settings
    for t, label in enumerate(expected.located.labels):
        valued = _valued(episode.messages[t]) if label == signals_pb2.LABEL_REPAIR else []
        if not valued or _weight(expected, label, t) <= 0:
            continue
        value, negative = min(valued, key=lambda pair: (pair[0], -pair[1]))
        stayed_low = value < settings.theta and value + settings.margin < expected.located.posterior.expected[t + 1]
        if stayed_low:
            pair = _pair(options_pb2.PREFERENCE_KIND_REPAIR, episode, t, _weight(expected, label, t))
            pair.chosen.CopyFrom(_side(episode, t))
            pair.rejected.CopyFrom(_side(episode, t, -negative))
            yield pair


def _one_sided(episode: episode_pb2.Episode, expected: Expected) -> Iterator[signals_pb2.PreferencePair]:
    rewards = expected.allocation.rewards
    for t in expected.transcript.players:
        label = expected.located.labels[t]
        weight = _weight(expected, label, t)
        if weight <= 0 or (label == signals_pb2.LABEL_SOUND and not rewards[t] > 0):
            continue
        pair = _pair(options_pb2.PREFERENCE_KIND_ONE_SIDED, episode, t, weight)
        (pair.rejected if label in UNDESIRABLE else pair.chosen).CopyFrom(_side(episode, t))
        yield pair
