"""Preference pairs inside one episode (signals.md, section 6)."""

from __future__ import annotations

from collections.abc import Iterator

from assay.v1 import episode_pb2, options_pb2, signals_pb2

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


def _steps(episode: episode_pb2.Episode, expected: Expected) -> Iterator[signals_pb2.PreferencePair]:
    t, posterior = expected.located.claim.first, expected.located.posterior
    if t is None or posterior is None:
        return
    valued = [(a.value, -k) for k, a in enumerate(episode.messages[t].alternatives) if a.HasField("value")]
    if not valued:
        return
    value, negative = max(valued)
    if value - posterior.expected[t + 1] <= expected.settings.margin:
        return
    pair = _pair(options_pb2.PREFERENCE_KIND_STEP, episode, t, posterior.first[t])
    pair.chosen.CopyFrom(_side(episode, t, -negative))
    pair.rejected.CopyFrom(_side(episode, t))
    yield pair


def _repairs(episode: episode_pb2.Episode, expected: Expected) -> Iterator[signals_pb2.PreferencePair]:
    posterior = expected.located.posterior
    if posterior is None:
        return
    for t, label in enumerate(expected.located.labels):
        if label != signals_pb2.LABEL_REPAIR:
            continue
        for k, alternative in enumerate(episode.messages[t].alternatives):
            if alternative.HasField("value") and alternative.value < expected.settings.theta:
                pair = _pair(options_pb2.PREFERENCE_KIND_REPAIR, episode, t, posterior.repair[t])
                pair.chosen.CopyFrom(_side(episode, t))
                pair.rejected.CopyFrom(_side(episode, t, k))
                yield pair


def _one_sided(episode: episode_pb2.Episode, expected: Expected) -> Iterator[signals_pb2.PreferencePair]:
    posterior, rewards = expected.located.posterior, expected.allocation.rewards
    if posterior is None:
        return
    for t, label in enumerate(expected.located.labels):
        weights: dict[int, float] = {
            signals_pb2.LABEL_FIRST_ERROR: posterior.first[t],
            signals_pb2.LABEL_ERROR: posterior.error[t],
            signals_pb2.LABEL_FAILURE_ALIGNED: posterior.low[t + 1],
            signals_pb2.LABEL_REPAIR: posterior.repair[t],
            signals_pb2.LABEL_SOUND: 1 - posterior.low[t + 1],
        }
        weight = weights.get(label)
        if weight is None or (label == signals_pb2.LABEL_SOUND and not rewards[t] > 0):
            continue
        pair = _pair(options_pb2.PREFERENCE_KIND_ONE_SIDED, episode, t, weight)
        (pair.rejected if label in UNDESIRABLE else pair.chosen).CopyFrom(_side(episode, t))
        yield pair
