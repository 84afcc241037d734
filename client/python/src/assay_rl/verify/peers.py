"""PEER pairs: messages of one agent in several episodes of a group, written after the same context (section 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, hypot, sqrt

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from .recombined import Value
from .settings import Settings
from .siblings import MOST_PAIRS
from .transcript import speakers

CREDIT_SHARE = 0.25  # of its author's credit, in what a message is worth beside its recombined value
TIE = 1e-9


@dataclass(frozen=True)
class Peer:
    """A message in the place where it stands."""

    episode: int
    index: int
    length: int  # of what its author had read
    content: str
    worth: Value


def of_group(
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
    settings: Settings,
    recombined: Mapping[tuple[str, str], Value],
) -> list[signals_pb2.PreferencePair]:
    if options_pb2.PREFERENCE_KIND_PEER not in settings.kinds:
        return []
    members = sorted(answered, key=lambda s: s.episode_id.encode())
    places: dict[tuple[object, ...], list[Peer]] = {}
    for number, signals in enumerate(members):
        episode = episodes[signals.episode_id]
        task = episode.task.SerializeToString(deterministic=True)
        spoken = speakers(episode)
        for index, worth in _worths(signals, settings, recombined).items():
            length = _read_length(episode, spoken, index)
            if length is None:
                continue
            read = tuple((name, m.content) for name, m in zip(spoken[:length], episode.messages[:length], strict=True))
            message = episode.messages[index]
            peer = Peer(number, index, length, message.content, worth)
            places.setdefault((task, read, message.agent_id), []).append(peer)
    found = [pair for peers in places.values() for pair in _compare(peers, settings)]
    found.sort(key=lambda pair: (-pair[0], pair[1].episode, pair[2].episode, pair[1].index, pair[2].index))
    return [_pair(gap, chosen, rejected, members) for gap, chosen, rejected in found[:MOST_PAIRS]]


def _worths(
    signals: signals_pb2.EpisodeSignals, settings: Settings, recombined: Mapping[tuple[str, str], Value]
) -> dict[int, Value]:
    """By index of the message, where anything is known of it."""
    first_only = settings.evaluator == "vote" and settings.ballots == options_pb2.BALLOTS_FIRST
    agents = {agent.agent_id: agent for agent in signals.agents}
    spoken: dict[str, int] = {}
    for m in signals.messages:
        spoken[m.agent_id] = spoken.get(m.agent_id, 0) + 1
    seen: set[str] = set()
    out: dict[int, Value] = {}
    for m in signals.messages:
        agent = agents[m.agent_id]
        known = recombined.get((signals.episode_id, m.agent_id))
        if known is not None and not (first_only and m.agent_id in seen):
            share = CREDIT_SHARE if m.HasField("credit") else 0.0
            out[m.index] = Value(known.value + share * agent.credit, hypot(known.std_error, share * agent.std_error))
        elif m.HasField("credit"):
            parts = 1 if signals.owen_values else spoken[m.agent_id]
            out[m.index] = Value(m.credit, agent.std_error / parts)
        seen.add(m.agent_id)
    return out


def _read_length(episode: episode_pb2.Episode, spoken: Sequence[str], t: int) -> int | None:
    """How many messages the author of message t had read; None where they are not the first ones of the episode."""
    messages, own = episode.messages, episode.messages[t]

    def had_read(s: int) -> bool:
        other = messages[s]
        if not spoken[s] or other.agent_id == own.agent_id:
            return s < t
        if episode.group.parallel:
            return False
        if own.round and other.round:
            return other.round < own.round
        return s < t

    read = [s for s in range(len(messages)) if s != t and had_read(s)]
    return len(read) if read == list(range(len(read))) else None


def _compare(peers: Sequence[Peer], settings: Settings) -> list[tuple[float, Peer, Peer]]:
    """Each message that is worth less by more than the margin, with one of those worth most, which take turns."""
    most = max(peer.worth.value for peer in peers)
    best = [peer for peer in peers if peer.worth.value >= most - TIE * settings.range]
    least = max(settings.margin, TIE * settings.range)
    out: list[tuple[float, Peer, Peer]] = []
    for k, peer in enumerate(p for p in peers if most - p.worth.value > least):
        chosen = best[k % len(best)]
        gap = chosen.worth.value - peer.worth.value
        if chosen.content != peer.content and gap > max(settings.margin, 1e-12 * settings.range):
            out.append((gap, chosen, peer))
    return out


def _pair(
    gap: float, chosen: Peer, rejected: Peer, members: Sequence[signals_pb2.EpisodeSignals]
) -> signals_pb2.PreferencePair:
    error = hypot(chosen.worth.std_error, rejected.worth.std_error)
    pair = signals_pb2.PreferencePair(
        kind=options_pb2.PREFERENCE_KIND_PEER,
        context_episode_id=members[chosen.episode].episode_id,
        context_length=chosen.length,
        weight=0.5 * erfc(-gap / (error * sqrt(2))) if error else 1.0,
    )
    for side, peer in ((pair.chosen, chosen), (pair.rejected, rejected)):
        side.episode_id, side.begin, side.end = members[peer.episode].episode_id, peer.index, peer.index + 1
    return pair
