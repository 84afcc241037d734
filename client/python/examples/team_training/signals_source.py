"""The one place that talks to Assay: episodes go out, the server's counterfactual questions are answered by replaying
the environment, advantages and preference pairs come back."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from assay_rl import Client, EpisodeGroup
from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.evaluators import Answer, Question
from assay_rl.client.outcomes import Batch, EpisodeError, Error, GroupFailed, GroupOutcome
from assay_rl.v1 import episode_pb2, signals_pb2
from team_training.environments import LENGTH, Bools, Environment, Floats
from team_training.policies import TEXTS, Policies
from team_training.rollouts import Costs, Episodes, regrade, regrade_teams, replay_from

Alternatives = Mapping[tuple[int, int], Sequence[tuple[int, float]]]  # (episode, turn) -> (message, value)
_REMEMBERED = 50_000  # episodes
Rollouts = dict[tuple[int, int], Floats]  # (episode, turn) -> scores of the rollouts from before that turn


def assay_options(
    *,
    outcome: str = "",
    credit: str = "",
    blend: float | None = None,
    messages: bool = True,
    siblings: int = 0,
    rollouts: int = 0,
    questions: int = 0,
    pairs: Sequence[str] = ("STEP",),
) -> dict[str, Any]:
    """AttributionOptions in the JSON mapping. Without arguments: the service's defaults, with the questions that a
    re-grading of recorded messages answers.

    outcome, credit, blend: AdvantageOptions (outcome part, credit part, share of the credit part). messages: also ask
    about single messages (Owen values), else only about agents. siblings: how many other episodes of the group each
    message is tried with; 0 is all. rollouts: paid rollouts from prefixes that the search for the first error may spend
    on a failed episode. questions: limit for estimators; 0 asks all.
    """
    supports = ["QUESTION_KIND_COALITION", "QUESTION_KIND_TEAM"]
    if messages:
        supports.append("QUESTION_KIND_MESSAGES")
    if rollouts:
        supports.append("QUESTION_KIND_PREFIX")
    options: dict[str, Any] = {
        "caller": {"supports": supports, "free": True, "batchSize": 4096, "deterministic": not rollouts},
        "advantages": advantage_options(outcome, credit, blend, siblings),
        "preferences": {"kinds": [f"PREFERENCE_KIND_{kind}" for kind in pairs]},
        "audit": "AUDIT_NONE",
    }
    if rollouts:
        options["firstError"] = {"maxRollouts": rollouts}
    if questions:
        options["estimator"] = {"maxQuestions": questions}
    return options


def advantage_options(
    outcome: str = "", credit: str = "", blend: float | None = None, siblings: int = 0
) -> dict[str, Any]:
    """AdvantageOptions in the JSON mapping; what is not given is the service's default."""
    options: dict[str, Any] = {}
    if outcome:
        options["outcome"] = f"OUTCOME_PART_{outcome}"
    if credit:
        options["credit"] = f"CREDIT_PART_{credit}"
    if blend is not None:
        options["blend"] = blend
    if siblings:
        options["recombination"] = {"siblings": siblings}
    return options


def recombines(environment: Environment, options: Mapping[str, Any]) -> bool:
    """Whether the server will ask about teams put together from a group."""
    outcome = options["advantages"].get("outcome", "OUTCOME_PART_RECOMBINED")
    return outcome == "OUTCOME_PART_RECOMBINED" and len({turn.round for turn in environment.turns}) == 1


def _members(sets: Sequence[Sequence[int]], size: int) -> Bools:
    """[len(sets), size]: which of the numbers under `size` each set holds."""
    members = np.zeros((len(sets), size), dtype=bool)
    members[np.repeat(np.arange(len(sets)), [len(held) for held in sets]), [k for held in sets for k in held]] = True
    return members


class _Replay:
    """Answers the server's questions about one batch of episodes.

    flips: probability that a re-grading answers wrongly, which it tells the server as the variance of its answers.
    asked [B]: how many re-gradings each episode took, those of teams apart.
    """

    def __init__(self, episodes: Episodes, policies: Policies, costs: Costs, flips: float, drawn: Rollouts) -> None:
        self._episodes, self._policies, self._costs, self._flips = episodes, policies, costs, flips
        self._turns = [np.flatnonzero(present) for present in episodes.present]
        self._drawn = drawn
        self._used: dict[tuple[int, int], int] = {}
        self.asked = np.zeros(len(episodes), dtype=np.int64)

    async def answer(
        self, episode: EpisodeLike | EpisodeGroup, questions: Sequence[Question]
    ) -> Sequence[float | Answer | Exception]:
        if isinstance(episode, EpisodeGroup):
            return self._teams(questions)
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

    def _grades(self, index: int, kept: Bools) -> Sequence[float | Answer]:
        self.asked[index] += len(kept)
        scores = regrade(self._episodes, index, kept, self._costs, self._flips).tolist()
        if not self._flips:
            return scores
        variance = self._flips * (1.0 - self._flips)
        whole = (kept | ~self._episodes.present[index]).all(axis=1)  # nothing left out: it happened
        return [Answer(score, 1, 0.0 if it else variance) for score, it in zip(scores, whole, strict=True)]

    def _teams(self, questions: Sequence[Question]) -> Sequence[float | Answer]:
        """Everybody's messages from one episode of the group each."""
        agents = self._episodes.environment.agents
        sources = [[int(question.team.get(agent, -1)) for agent in agents] for question in questions]
        scores = regrade_teams(self._episodes, np.array(sources), self._costs, self._flips).tolist()
        variance = self._flips * (1.0 - self._flips)
        return [Answer(score, 1, variance) for score in scores] if self._flips else scores

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


@dataclass(frozen=True)
class Told:
    """What is told of every turn beside what was said, [B, T] each: the value of the node before it, or a judge's
    opinion of it in [-1, 1]."""

    values: Floats | None = None
    scores: Floats | None = None


class AdvantageSource(Protocol):
    """Where advantages come from: a server, or the same formulas in process."""

    def advantages(
        self,
        episodes: Episodes,
        policies: Policies,
        costs: Costs,
        options: Mapping[str, Any],
        *,
        flips: float = 0.0,
        rollouts: int = 0,
        told: Told | None = None,
    ) -> Floats: ...


class SignalsSource:
    """A connection to a running Assay server."""

    def __init__(self, target: str) -> None:
        self._client = Client(target)
        self._known: dict[Hashable, tuple[signals_pb2.EpisodeSignals, int]] = {}  # and its re-gradings

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
        rollouts: int = 0,
        told: Told | None = None,
        alternatives: Alternatives | None = None,
        drawn: Rollouts | None = None,
    ) -> Batch:
        """Sends all groups of the batch; outcomes in its order. Raises EpisodeError where any has no signals.

        rollouts: how many are played from the node before each message, and sent along. drawn: rollouts that are known
        from an earlier question about the same batch; new ones are added.
        """
        wire = wire_episodes(episodes, alternatives=alternatives or {})
        if rollouts:
            _add_rollouts(wire, episodes, policies, costs, rollouts)
        if told is not None:
            _add_told(wire, episodes, told)
        replay = _Replay(episodes, policies, costs, flips, {} if drawn is None else drawn)
        batch = self._client.score_batch(wire, options=options, evaluator=replay.answer)
        for failure in batch.failed():
            raise EpisodeError(failure.error)
        for group in batch.groups.values():
            if group.ok and group.proto.signals.recombined.HasField("error"):
                raise EpisodeError(Error.from_proto(group.proto.signals.recombined.error))
        return batch

    def advantages(
        self,
        episodes: Episodes,
        policies: Policies,
        costs: Costs,
        options: Mapping[str, Any],
        *,
        flips: float = 0.0,
        rollouts: int = 0,
        told: Told | None = None,
    ) -> Floats:
        """The advantage of every message, [B, T]; 0 for turns that did not take place.

        rollouts: how many are played from the node before each message, and sent along. Signals are a function of the
        episode and the answers: where both depend on nothing but what was said, an episode that was scored before is
        not scored again, and the groups' advantages are made from what is known (ComputeAdvantages). Teams that are
        put together from a group are not known from its episodes.
        """
        if flips or rollouts or told is not None or recombines(episodes.environment, options):
            batch = self.ask(episodes, policies, costs, options, flips=flips, rollouts=rollouts, told=told)
            return _by_turn(episodes, batch.groups)
        signals = list(self._signals(episodes, policies, costs, options))  # asks on the same connection
        groups = self._client.advantages(signals, options=options["advantages"])
        return _by_turn(episodes, groups)

    def _signals(
        self, episodes: Episodes, policies: Policies, costs: Costs, options: Mapping[str, Any]
    ) -> Iterator[signals_pb2.EpisodeSignals]:
        """Of each episode, from what is known where its like was asked about before."""
        asking = {name: value for name, value in options.items() if name != "advantages"}
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        kind = episodes.environment.name, json.dumps(asking, sort_keys=True)
        keys = [(kind, episodes.content(index)) for index in range(len(episodes))]
        unknown = {key: index for index, key in enumerate(keys) if key not in self._known}
        if unknown:
            wire = wire_episodes(episodes, list(unknown.values()), grouped=False)
            replay = _Replay(episodes, policies, Costs.none(len(costs.regrades)), 0.0, {})
            batch = self._client.score_batch(wire, options=asking, evaluator=replay.answer)
            for outcome in batch.outcomes:
                signals = outcome.signals.proto
                index = int(signals.episode_id)
                self._known[keys[index]] = signals, int(replay.asked[index])
        sizes = np.bincount(episodes.group)
        for index, key in enumerate(keys):
            known, asked = self._known[key]
            costs.regrades[episodes.run[index]] += asked
            signals = signals_pb2.EpisodeSignals()
            signals.CopyFrom(known)
            signals.episode_id = str(index)
            signals.group.id = str(episodes.group[index])
            signals.group.size = int(sizes[episodes.group[index]])
            yield signals


def _by_turn(episodes: Episodes, groups: Mapping[str, GroupOutcome]) -> Floats:
    advantages = np.zeros(episodes.messages.shape)
    turns = [np.flatnonzero(present) for present in episodes.present]
    for group in groups.values():
        if isinstance(group, GroupFailed):
            raise EpisodeError(group.error)
        for answered in group.proto.signals.episodes:
            index = int(answered.episode_id)
            for message in answered.messages:
                advantages[index, turns[index][message.index]] = message.advantage
    return advantages


def wire_episodes(
    episodes: Episodes,
    indices: Iterable[int] | None = None,
    *,
    grouped: bool = True,
    alternatives: Alternatives | None = None,
) -> list[episode_pb2.Episode]:
    """Those of the batch (by default all) in the wire's terms: ids are indices into the batch; turns that did not take
    place are left out."""
    environment = episodes.environment
    agents = [episode_pb2.Agent(id=name) for name in environment.agents]
    sizes = np.bincount(episodes.group)
    found = []
    for index in range(len(episodes)) if indices is None else indices:
        wire = episode_pb2.Episode(
            id=str(index),
            task=episode_pb2.Task(id=f"{environment.name}-{episodes.task[index]}"),
            agents=agents,
            outcome=episode_pb2.Outcome(score=float(episodes.score[index])),
        )
        if grouped:
            group = episodes.group[index]
            wire.group.id, wire.group.size = str(group), int(sizes[group])
        _add_messages(wire, episodes, index, alternatives or {})
        found.append(wire)
    return found


def _add_messages(wire: episode_pb2.Episode, episodes: Episodes, index: int, alternatives: Alternatives) -> None:
    environment: Environment = episodes.environment
    for place in np.flatnonzero(episodes.present[index]).tolist():
        turn = environment.turns[place]
        message = wire.messages.add(
            agent_id=environment.agents[turn.agent],
            content=TEXTS[episodes.messages[index, place]],
            round=turn.round,
            token_count=LENGTH,
        )
        for other, value in alternatives.get((index, place), ()):
            message.alternatives.add(content=TEXTS[other], value=value)


def _add_rollouts(
    wire: Sequence[episode_pb2.Episode], episodes: Episodes, policies: Policies, costs: Costs, count: int
) -> None:
    """Plays from the node before each message. A score between 0 and 1 counts as a success with that probability."""
    for index, episode in enumerate(wire):
        luck = np.random.default_rng([int(episodes.seed[index]), 3])
        for message, turn in zip(episode.messages, np.flatnonzero(episodes.present[index]).tolist(), strict=True):
            scores = replay_from(episodes, policies, index, turn, range(count), costs)
            message.prefix_rollouts.trials = count
            message.prefix_rollouts.successes = int((luck.random(count) < scores).sum())


def _add_told(wire: Sequence[episode_pb2.Episode], episodes: Episodes, told: Told) -> None:
    for index, episode in enumerate(wire):
        for message, turn in zip(episode.messages, np.flatnonzero(episodes.present[index]).tolist(), strict=True):
            if told.values is not None:
                message.prefix_value = float(told.values[index, turn])
            if told.scores is not None:
                message.process_score = float(told.scores[index, turn])
