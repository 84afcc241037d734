"""What each agent's messages are worth in teams put together from a group (signals.md, section 5b, RECOMBINED)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from assay_rl.v1 import episode_pb2, evaluator_service_pb2, options_pb2, signals_pb2

from . import transcript
from .settings import Settings
from .votes import RIGHT_BALLOT, BallotClass, VoteReplay

PAID_SIBLINGS = 4

# What the agents wrote, one an agent: the texts and answers of its messages in order; () where it is silent.
Written = tuple[tuple[tuple[str, str | None], ...], ...]


@dataclass(frozen=True)
class Value:
    """noise: its variance by the answers alone. std_error: that and the choice of siblings."""

    value: float
    std_error: float
    noise: float = 0.0


@dataclass(frozen=True)
class Expected:
    """values: by episode and agent id, where the agent has a message. asked: the teams that are to be asked about.
    table: of a vote that is counted, one value an episode and agent, of those without a message as well."""

    values: dict[tuple[str, str], Value]
    siblings: int
    asked: frozenset[Written]
    table: tuple[float, ...] = ()


class BrokenRecordError(ValueError):
    """The record of a group does not hold what its values follow from."""


def wanted(settings: Settings) -> bool:
    """The options ask for recombined values, where the group supports them."""
    parts = (options_pb2.OUTCOME_PART_AUTO, options_pb2.OUTCOME_PART_RECOMBINED)
    return settings.recombines and settings.outcome_part in parts


def refusal(
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
    settings: Settings,
    supports_teams: bool,
) -> str:
    """Why no teams can be put together from these episodes; empty where they can."""
    if len(answered) < 2:
        return "fewer than two episodes"
    if len({signals.effort.evaluator for signals in answered}) > 1:
        return "the episodes are answered by different evaluators"
    if not supports_teams:
        return "the evaluator answers no questions about teams"
    first = settings.evaluator == "vote" and settings.ballots == options_pb2.BALLOTS_FIRST
    agents = [agent.id for agent in episodes[answered[0].episode_id].agents]
    for signals in answered:
        episode = episodes[signals.episode_id]
        if not episode.group.parallel and (readers := _who_had_read(episode, first)):
            return f"{episode.id}: messages {readers} had read others"
        if [agent.id for agent in episode.agents] != agents:
            return f"{episode.id}: other agents"
    return ""


def _who_had_read(episode: episode_pb2.Episode, first_only: bool) -> list[int]:
    """Indices of the messages that count and whose author had read another agent's message."""
    spoken = zip(transcript.speakers(episode), episode.messages, strict=True)
    said = [(t, name, m.round) for t, (name, m) in enumerate(spoken) if name]
    seen: set[str] = set()
    out: list[int] = []
    for t, agent, number in said:
        if first_only and agent in seen:
            continue
        seen.add(agent)
        for s, other, earlier in said:
            known = number > 0 and earlier > 0
            if other != agent and (earlier < number if known else s < t):
                out.append(t)
                break
    return out


def of_group(
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
    settings: Settings,
    record: signals_pb2.AuditRecord,
) -> Expected:
    """Raises BrokenRecordError where the record answers other questions than these."""
    members = sorted(answered, key=lambda s: s.episode_id.encode())
    group = [episodes[s.episode_id] for s in members]
    written = [_written(episode) for episode in group]
    free = settings.evaluator == "vote" or record.evaluator.free
    siblings = _siblings(len(group), len(written[0]), settings, free)
    by_vote = settings.evaluator == "vote" and siblings == len(group) - 1
    if by_vote:
        return _by_vote(group, written, settings)
    answers = _answers(record, written, [episode.id for episode in group])
    played = {team: Value(s.grand_value, 0.0) for s, team in reversed(list(zip(members, written, strict=True)))}
    return _by_answers(members, written, answers, played, siblings, settings)


def _written(episode: episode_pb2.Episode) -> Written:
    spoken = list(zip(transcript.speakers(episode), episode.messages, strict=True))
    return tuple(
        tuple((m.content, m.answer if m.HasField("answer") else None) for name, m in spoken if name == agent.id)
        for agent in episode.agents
    )


def _siblings(members: int, agents: int, settings: Settings, free: bool) -> int:
    everybody = members - 1
    all_of_them = free if settings.siblings == 0 else settings.siblings >= everybody
    if all_of_them and settings.evaluator == "vote":
        return everybody
    asked_for = everybody if all_of_them else min(settings.siblings or PAID_SIBLINGS, everybody)
    return min(asked_for, settings.team_questions // (members * agents))


def _by_vote(group: Sequence[episode_pb2.Episode], written: Sequence[Written], settings: Settings) -> Expected:
    """Every agent's ballot of every episode, in the teams of all episodes."""
    ballots = [_ballots(episode, settings) for episode in group]
    shares: dict[tuple[tuple[BallotClass, int], ...], float] = {}

    def value(team: Sequence[BallotClass | None]) -> float:
        votes = Counter(ballot for ballot in team if ballot is not None)
        key = tuple(sorted(votes.items()))
        if key not in shares:
            most = max(votes.values(), default=0)
            winners = [ballot for ballot, count in votes.items() if count == most]
            shares[key] = settings.low + (settings.range / len(winners) if RIGHT_BALLOT in winners else 0.0)
        return shares[key]

    found: dict[tuple[str, str], Value] = {}
    agents = len(group[0].agents)
    table = [0.0] * (len(group) * agents)
    for i, agent in enumerate(group[0].agents):
        by_ballot = {
            ballot: fsum(value([*base[:i], ballot, *base[i + 1 :]]) for base in ballots) / len(ballots)
            for ballot in {own[i] for own in ballots}
        }
        for e, (episode, own, texts) in enumerate(zip(group, ballots, written, strict=True)):
            table[e * agents + i] = by_ballot[own[i]]
            if texts[i]:
                found[episode.id, agent.id] = Value(by_ballot[own[i]], 0.0)
    return Expected(found, len(group) - 1, frozenset(), tuple(table))


def _ballots(episode: episode_pb2.Episode, settings: Settings) -> list[BallotClass | None]:
    return VoteReplay(transcript.read(episode), settings, episode.task.reference_answer).ballots()


def _answers(record: signals_pb2.AuditRecord, written: Sequence[Written], ids: Sequence[str]) -> dict[Written, Value]:
    place = {identity: k for k, identity in enumerate(ids)}
    answers: dict[Written, Value] = {}
    for k, question in enumerate(record.questions):
        team = _team(question.counterfactual, written, place, k)
        if team in answers:
            raise BrokenRecordError(f"audit.questions[{k}] asks about a team twice")
        answers[team] = Value(question.mean, 0.0, question.variance / max(1, question.samples))
    return answers


def _team(
    asked: evaluator_service_pb2.Counterfactual, written: Sequence[Written], place: Mapping[str, int], k: int
) -> Written:
    sources = list(asked.team.episode_ids)
    if asked.WhichOneof("kind") != "team" or len(sources) != len(written[0]):
        raise BrokenRecordError(f"audit.questions[{k}] does not ask about a team of the group")
    if unknown := [source for source in sources if source and source not in place]:
        raise BrokenRecordError(f"audit.questions[{k}] names episodes of other groups: {unknown}")
    return tuple(written[place[source]][i] if source else () for i, source in enumerate(sources))


def _by_answers(
    members: Sequence[signals_pb2.EpisodeSignals],
    written: Sequence[Written],
    answers: Mapping[Written, Value],
    played: Mapping[Written, Value],
    siblings: int,
    settings: Settings,
) -> Expected:
    order = _permutation(settings.seed, len(members))
    asked: set[Written] = set()
    found: dict[tuple[str, str], Value] = {}
    for e, signals in enumerate(members):
        tried_with = [base for base in order if base != e][:siblings]
        for i, agent in enumerate(signals.agents):
            if not written[e][i]:
                continue
            values: list[tuple[Written | None, Value]] = [(None, Value(signals.grand_value, 0.0))]
            for base in tried_with:
                team = (*written[base][:i], written[e][i], *written[base][i + 1 :])
                if team == written[base]:
                    values.append((None, Value(members[base].grand_value, 0.0)))
                elif team in played:
                    values.append((None, played[team]))
                elif team in answers:
                    asked.add(team)
                    values.append((team, answers[team]))
                else:
                    raise BrokenRecordError(
                        f"a team of {signals.episode_id} and {members[base].episode_id} is not asked about"
                    )
            found[signals.episode_id, agent.agent_id] = _mean(values, len(members))
    if extra := len(answers) - len(asked):
        raise BrokenRecordError(f"{extra} questions that no value rests on")
    return Expected(found, siblings, frozenset(asked))


def _mean(values: Sequence[tuple[Written | None, Value]], members: int) -> Value:
    """Of the values of teams. An answer that counts k times has k squared times its variance in the sum."""
    count = len(values)
    mean = fsum(v.value for _, v in values) / count
    times = Counter(team for team, _ in values)
    noise = fsum(times[team] * v.noise for team, v in values) / count**2
    spread = fsum((v.value - mean) ** 2 for _, v in values) / (count - 1) if count > 1 else 0.0
    return Value(mean, sqrt(noise + spread / count * max(0.0, 1 - count / members)), noise)


_MASK = (1 << 64) - 1
_STAGE = 0x7465616D


def _permutation(seed: int, count: int) -> list[int]:
    """The order that the seed draws, by SplitMix64 of a counter."""

    def mix(z: int) -> int:
        z = (z + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _MASK
        return z ^ z >> 31

    key = mix(mix(seed) ^ mix(~_STAGE & _MASK))
    order = list(range(count))
    for k in range(count - 1, 0, -1):
        unit = ((mix((key + 0x9E3779B97F4A7C15 * k) & _MASK) >> 12) + 0.5) * 2.0**-52
        other = int(unit * (k + 1))
        order[k], order[other] = order[other], order[k]
    return order
