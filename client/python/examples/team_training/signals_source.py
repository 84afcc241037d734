"""The one place that talks to Assay: episodes go out, the server's counterfactual questions are answered by replaying
the environment, advantages and preference pairs come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from assay_rl import Client
from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.evaluators import Answer, Question
from assay_rl.client.outcomes import Batch, EpisodeError, GroupFailed
from assay_rl.v1 import episode_pb2
from team_training.environments import LENGTH, Bools, Environment, Floats
from team_training.policies import Policies, text
from team_training.rollouts import Costs, Episodes, regrade, replay_from

Alternatives = Mapping[tuple[int, int], Sequence[tuple[int, float]]]  # (episode, turn) -> (message, value)
Rollouts = dict[tuple[int, int], Floats]  # (episode, turn) -> scores of the rollouts from before that turn


def assay_options(
    *,
    blend: float = 0.5,
    messages: bool = True,
    failure_side: bool = True,
    rollouts: int = 0,
    questions: int = 0,
    pairs: Sequence[str] = ("STEP",),
) -> dict[str, Any]:
    """AttributionOptions in the JSON mapping. Without arguments: the service's defaults, with the questions that a
    re-grading of recorded messages answers.

    blend: share of credit in the advantage. messages: also ask about single messages (Owen values), else an agent's
    credit is spread evenly. failure_side: treat scores under 0.5 as failures and share out the shortfall, else credit
    alone. rollouts: paid rollouts from prefixes that the search for the first error may spend on a failed episode.
    questions: limit for estimators; 0 asks all.
    """
    supports = ["QUESTION_KIND_COALITION"]
    if messages:
        supports.append("QUESTION_KIND_MESSAGES")
    if rollouts:
        supports.append("QUESTION_KIND_PREFIX")
    options: dict[str, Any] = {
        "caller": {"supports": supports, "free": True, "batchSize": 1024},
        "advantages": {"blend": blend},
        "preferences": {"kinds": [f"PREFERENCE_KIND_{kind}" for kind in pairs]},
        "audit": "AUDIT_NONE",
    }
    if not messages:
        options["messageRewards"] = {"evidence": "EVIDENCE_EQUAL"}
    if not failure_side:
        options["successThreshold"] = 0.0
    if rollouts:
        options["firstError"] = {"maxRollouts": rollouts}
    if questions:
        options["estimator"] = {"maxQuestions": questions}
    return options


def _members(sets: Sequence[Sequence[int]], size: int) -> Bools:
    """[len(sets), size]: which of the numbers under `size` each set holds."""
    members = np.zeros((len(sets), size), dtype=bool)
    members[np.repeat(np.arange(len(sets)), [len(held) for held in sets]), [k for held in sets for k in held]] = True
    return members


def _uniform(seed: int, kept: Bools) -> Floats:
    """A uniform number for each row of kept [Q, T] that depends on the episode's seed and the row alone."""
    mask = (kept.astype(np.uint64) << np.arange(kept.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    x = (mask + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64's finaliser
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / float(1 << 53)


class _Replay:
    """Answers the server's questions about one batch of episodes.

    flips: probability that a re-grading answers wrongly (score instead of 1 - score), for the ablation.
    """

    def __init__(self, episodes: Episodes, policies: Policies, costs: Costs, flips: float, drawn: Rollouts) -> None:
        self._episodes, self._policies, self._costs, self._flips = episodes, policies, costs, flips
        self._turns = [np.flatnonzero(present) for present in episodes.present]
        self._drawn = drawn
        self._used: dict[tuple[int, int], int] = {}

    async def answer(self, episode: EpisodeLike, questions: Sequence[Question]) -> list[float | Answer | Exception]:
        index = int(episode.id)
        replies: list[float | Answer | Exception] = [0.0] * len(questions)
        by_kind: dict[str, list[int]] = {}
        for place, question in enumerate(questions):
            by_kind.setdefault(question.kind, []).append(place)
        for kind, places in by_kind.items():
            asked = [questions[place] for place in places]
            for place, reply in zip(places, self._answer_kind(index, kind, asked), strict=True):
                replies[place] = reply
        return replies

    def _answer_kind(
        self, index: int, kind: str, questions: Sequence[Question]
    ) -> Sequence[float | Answer | Exception]:
        environment = self._episodes.environment
        if kind == "coalition":
            take_part = _members([question.agents for question in questions], len(environment.agents))
            return self._grades(index, take_part[:, environment.authors()])
        if kind == "messages":
            kept = np.zeros((len(questions), len(environment.turns)), dtype=bool)
            turns = self._turns[index]
            kept[:, turns] = _members([question.messages for question in questions], len(turns))
            return self._grades(index, kept)
        if kind == "prefix":
            return [self._rollout(index, question) for question in questions]
        return [ValueError(f"a question of kind {kind} was not offered")] * len(questions)

    def _grades(self, index: int, kept: Bools) -> list[float]:
        scores = regrade(self._episodes, index, kept, self._costs)
        if not self._flips:
            return scores.tolist()
        present = kept & self._episodes.present[index]
        wrong = _uniform(int(self._episodes.seed[index]), present) < self._flips
        recorded = (present == self._episodes.present[index]).all(axis=1)  # nothing left out: nothing to evaluate
        return np.where(wrong & ~recorded, 1.0 - scores, scores).tolist()

    def _rollout(self, index: int, question: Question) -> Answer:
        turns = self._turns[index]
        turn = int(turns[question.length]) if question.length < len(turns) else len(self._episodes.environment.turns)
        if turn == len(self._episodes.environment.turns):
            return Answer(float(self._episodes.score[index]), question.samples)  # it happened: nothing to roll out
        # Asked again about one node, the server wants further rollouts; asked again about the episode, the same ones.
        first = self._used.get((index, turn), 0)
        last = first + question.samples
        scores = self._drawn.get((index, turn), np.zeros(0))
        if last > len(scores):
            ordinals = range(len(scores), last)
            fresh = replay_from(self._episodes, self._policies, index, turn, ordinals, self._costs)
            scores = self._drawn[index, turn] = np.concatenate([scores, fresh])
        self._used[index, turn] = last
        scores = scores[first:last]
        variance = float(scores.var(ddof=1)) if len(scores) > 1 else 0.0
        return Answer(float(scores.mean()), question.samples, variance)


class SignalsSource:
    """A connection to a running Assay server."""

    def __init__(self, target: str) -> None:
        self._client = Client(target)

    def __enter__(self) -> SignalsSource:
        self._client.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, value, trace)

    def ask(
        self,
        episodes: Episodes,
        policies: Policies,
        costs: Costs,
        options: Mapping[str, Any],
        *,
        flips: float = 0.0,
        alternatives: Alternatives | None = None,
        drawn: Rollouts | None = None,
    ) -> Batch:
        """Sends all groups of the batch; outcomes in its order. Raises EpisodeError where any has no signals.

        drawn: rollouts that are known from an earlier question about the same batch; new ones are added.
        """
        wire = wire_episodes(episodes, alternatives or {})
        replay = _Replay(episodes, policies, costs, flips, {} if drawn is None else drawn)
        batch = self._client.score_batch(wire, options=options, evaluator=replay.answer)
        for failure in batch.failed():
            raise EpisodeError(failure.error)
        return batch

    def advantages(
        self,
        episodes: Episodes,
        policies: Policies,
        costs: Costs,
        options: Mapping[str, Any],
        *,
        flips: float = 0.0,
    ) -> Floats:
        """The blended advantage of every message, [B, T]; 0 for turns that did not take place."""
        batch = self.ask(episodes, policies, costs, options, flips=flips)
        advantages = np.zeros(episodes.messages.shape)
        turns = [np.flatnonzero(present) for present in episodes.present]
        for group in batch.groups.values():
            if isinstance(group, GroupFailed):
                raise EpisodeError(group.error)
            for answered in group.proto.signals.episodes:
                index = int(answered.episode_id)
                for message in answered.messages:
                    advantages[index, turns[index][message.index]] = message.advantage
        return advantages


def wire_episodes(episodes: Episodes, alternatives: Alternatives) -> list[episode_pb2.Episode]:
    """The batch in the wire's terms: ids are indices into the batch; turns that did not take place are left out."""
    environment = episodes.environment
    agents = [episode_pb2.Agent(id=name) for name in environment.agents]
    sizes = np.bincount(episodes.group)
    return [
        _wire_episode(episodes, index, agents, int(sizes[episodes.group[index]]), alternatives)
        for index in range(len(episodes))
    ]


def _wire_episode(
    episodes: Episodes, index: int, agents: list[episode_pb2.Agent], group_size: int, alternatives: Alternatives
) -> episode_pb2.Episode:
    environment: Environment = episodes.environment
    group = str(episodes.group[index])
    wire = episode_pb2.Episode(
        id=str(index),
        task=episode_pb2.Task(id=f"{environment.name}-{episodes.task[index]}"),
        group=episode_pb2.Group(id=group, size=group_size),
        agents=agents,
        outcome=episode_pb2.Outcome(score=float(episodes.score[index])),
    )
    for place, turn in enumerate(environment.turns):
        if not episodes.present[index, place]:
            continue
        message = wire.messages.add(
            agent_id=environment.agents[turn.agent],
            content=text(int(episodes.messages[index, place])),
            round=turn.round,
            token_count=LENGTH,
        )
        for other, value in alternatives.get((index, place), ()):
            message.alternatives.add(content=text(other), value=value)
    return wire
