"""The processes' episodes in Assay's terms, and what a running server makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np

from assay_rl import Client
from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.evaluators import Question
from assay_rl.client.outcomes import EpisodeError, GroupFailed, GroupOutcome
from assay_rl.v1 import episode_pb2, signals_pb2
from decision_processes.processes import Floats, Process, Trajectory

_EPISODES_A_CALL = 4096


class Evidence(Enum):
    """What the server is told beside what was said and the score."""

    NOTHING = "nothing"
    LEFT_OUT = "left out"  # what the score would have been without any of the messages, where it asks
    VALUES = "values"  # the exact value of every node
    SCORES = "scores"  # what a good judge says of each message


def wire_episode(process: Process, trajectory: Trajectory, evidence: Evidence, id: str) -> episode_pb2.Episode:
    """Luck speaks last, as a message of nobody's: success is not yet certain after what the agents said."""
    episode = episode_pb2.Episode(
        id=id,
        agents=[episode_pb2.Agent(id=agent) for agent in process.agents],
        outcome=episode_pb2.Outcome(score=trajectory.score),
    )
    for place, turn in enumerate(trajectory.turns):
        text = turn.choice.texts[turn.action]
        message = episode.messages.add(agent_id=turn.choice.agent, content=text, round=place + 1)
        if evidence is Evidence.VALUES:
            message.prefix_value = turn.before
        if evidence is Evidence.SCORES:
            message.process_score = process.judge(turn.choice, turn.action)
    if len(process.luck) > 1:
        reply = episode.messages.add(content="tests pass" if trajectory.score else "tests fail")
        if evidence is Evidence.VALUES:
            reply.prefix_value = trajectory.end
    return episode


class _LeftOut:
    """Grades recorded messages again with some left out; luck stays what it was."""

    def __init__(self, process: Process, trajectories: Mapping[str, Trajectory]) -> None:
        self._process, self._trajectories = process, trajectories

    async def answer(self, episode: EpisodeLike, questions: Sequence[Question]) -> list[float | Exception]:
        trajectory = self._trajectories[episode.id]
        speakers = [self._process.agents.index(turn.choice.agent) for turn in trajectory.turns]
        replies: list[float | Exception] = []
        for question in questions:
            if question.kind == "coalition":
                kept = [speaker in question.agents for speaker in speakers]
            else:
                members = set(question.messages)
                kept = [place in members for place in range(len(speakers))]
            actions = [turn.action if keep else None for turn, keep in zip(trajectory.turns, kept, strict=True)]
            replies.append(self._process.grade(actions, trajectory.luck))
        return replies


def _options(evidence: Evidence, advantages: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"audit": "AUDIT_NONE", "advantages": dict(advantages)}
    if evidence is Evidence.LEFT_OUT:
        supports = ["QUESTION_KIND_COALITION", "QUESTION_KIND_MESSAGES"]
        options["caller"] = {"supports": supports, "free": True, "deterministic": True, "batchSize": 4096}
    else:
        options["outcome"] = {}
    return options


def signals_of(
    client: Client, process: Process, trajectories: Sequence[Trajectory], evidence: Evidence
) -> list[signals_pb2.EpisodeSignals]:
    """One a trajectory, with nothing in them that ComputeAdvantages does not read."""
    by_id = {str(index): trajectory for index, trajectory in enumerate(trajectories)}
    wire = [wire_episode(process, trajectory, evidence, key) for key, trajectory in by_id.items()]
    evaluator = _LeftOut(process, by_id).answer if evidence is Evidence.LEFT_OUT else None
    batch = client.score_batch(wire, options=_options(evidence, {}), evaluator=evaluator)
    for failure in batch.failed():
        raise EpisodeError(failure.error)
    return [_essence(outcome.signals.proto) for outcome in batch.outcomes]


def _essence(signals: signals_pb2.EpisodeSignals) -> signals_pb2.EpisodeSignals:
    """The fields that ComputeAdvantagesRequest names, but for ids and the group."""
    kept = signals_pb2.EpisodeSignals(score=signals.score, parallel=signals.parallel, owen_values=signals.owen_values)
    for agent in signals.agents:
        found = kept.agents.add(
            agent_id=agent.agent_id, policy=agent.policy, credit=agent.credit, std_error=agent.std_error
        )
        if agent.HasField("value_without"):
            found.value_without = agent.value_without
    for message in signals.messages:
        copy = kept.messages.add(index=message.index, agent_id=message.agent_id)
        copy.value_change_variance = message.value_change_variance
        for name in ("credit", "value_change", "process_score"):
            if message.HasField(name):
                setattr(copy, name, getattr(message, name))
    return kept


def advantages_of(
    client: Client, groups: Sequence[Sequence[signals_pb2.EpisodeSignals]], options: Mapping[str, Any]
) -> list[list[Floats]]:
    """Of every member of every group, one a message: ComputeAdvantages, in as few calls as its limit allows."""
    found: list[list[Floats]] = []
    size = max(len(group) for group in groups)
    step = max(1, _EPISODES_A_CALL // size)
    for begin in range(0, len(groups), step):
        some = groups[begin : begin + step]
        request = [
            _member(signals, f"{number}", f"{place}")
            for number, group in enumerate(some)
            for place, signals in enumerate(group)
        ]
        answered = client.advantages(request, options=dict(options))
        found += [_in_order(answered[f"{number}"], len(group)) for number, group in enumerate(some)]
    return found


def _member(signals: signals_pb2.EpisodeSignals, group: str, place: str) -> signals_pb2.EpisodeSignals:
    member = signals_pb2.EpisodeSignals()
    member.CopyFrom(signals)
    member.episode_id = f"{group}.{place}"
    member.group.id = group
    return member


def _in_order(group: GroupOutcome, size: int) -> list[Floats]:
    if isinstance(group, GroupFailed):
        raise EpisodeError(group.error)
    by_place: list[Floats] = [np.zeros(0)] * size
    for episode in group.proto.signals.episodes:
        place = int(episode.episode_id.split(".")[1])
        by_place[place] = np.array([message.advantage for message in episode.messages])
    return by_place


def advantages_with_rollouts(
    client: Client, process: Process, groups: Sequence[Sequence[Trajectory]], rollouts: int, rng: np.random.Generator
) -> tuple[list[list[Floats]], list[list[Floats]]]:
    """Of every member of every group, one a message, where each node was rolled out so many times: the advantages with
    the service's defaults, and the plain differences of the shares of successes."""
    wire, plain = [], []
    for number, group in enumerate(groups):
        differences = []
        for place, trajectory in enumerate(group):
            episode = wire_episode(process, trajectory, Evidence.NOTHING, f"{number}.{place}")
            episode.group.id, episode.group.size = f"{number}", len(group)
            nodes = [turn.before for turn in trajectory.turns] + [trajectory.end]
            successes = rng.binomial(rollouts, nodes)
            for message, count in zip(episode.messages, successes.tolist(), strict=True):
                message.prefix_rollouts.successes, message.prefix_rollouts.trials = count, rollouts
            wire.append(episode)
            differences.append(np.diff(successes / rollouts))
        plain.append(differences)
    batch = client.score_batch(wire, options=_options(Evidence.NOTHING, {}))
    for failure in batch.failed():
        raise EpisodeError(failure.error)
    found = [_in_order(batch.groups[f"{number}"], len(group)) for number, group in enumerate(groups)]
    return found, plain
