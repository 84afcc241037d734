"""Groups of episodes in, what each trainer needs out: the step that the adapters of trainers share.

    team = TeamCredit(evaluator=run_the_tests)
    for group in await team.credit([rollouts_of_task_1, rollouts_of_task_2]):
        for credited in group:
            credited.messages   # advantage of each message, nothing where the episode failed
            credited.agents     # one number an agent, for trainers that take no more

A trainer's own samples (trajectories, traces, sequences) are told by `Team`: the episode, and which of its messages
each sample's model calls wrote.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from assay_rl.client.aio import AsyncClient, Options, options_proto
from assay_rl.client.blocking import Client
from assay_rl.client.episodes import Episode, Group
from assay_rl.client.evaluators import Evaluator
from assay_rl.client.outcomes import Advantages, Batch, Error, Failed, GroupScored
from assay_rl.client.signals import Signals
from assay_rl.convert.files import outcome_message
from assay_rl.course.recorder import Recorder
from assay_rl.grading import Grading, Kind
from assay_rl.training.advantage_options import advantage_options
from assay_rl.v1 import options_pb2

log = logging.getLogger("assay_rl")

Groups = Sequence[Sequence[Episode]]


@dataclass(frozen=True)
class Team:
    """A rollout as a trainer holds it: the whole team's episode and where its messages lie in the trainer's samples.

    samples: for each training sample, by whatever key the adapter says, the indices of the messages that its calls of
    the model wrote, in their order. A message that no trained model wrote stands in none.
    """

    episode: Episode
    samples: Mapping[Any, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Credited:
    """What became of one episode. Where it failed there is no number: `error` says why, and everything else is empty.

    advantages: within its group, None where the group has none (`error` says why as well).
    """

    episode: Episode
    signals: Signals | None = None
    advantages: Advantages | None = None
    error: Error | None = None

    @property
    def score(self) -> float | None:
        return self.signals.score if self.signals is not None else None

    @property
    def messages(self) -> dict[int, float]:
        """(1 - weight) X + weight K by message index: what a trainer puts on the message's tokens."""
        return self.advantages.messages if self.advantages is not None else {}

    @property
    def agents(self) -> dict[str, float]:
        """X by agent id, for trainers that take one number an agent.

        The score less what the team's value without the agent explains of it (a control variate that the agent's own
        words do not move), on the group's scale: an unbiased advantage of less noise, where the signals know the value.
        """
        if self.advantages is None or self.signals is None:
            return {}
        return self.advantages.of_agents(self.signals)

    def only(self, agent: str = "") -> float | None:
        """The one number of a rollout: X of `agent`, or of the only one; the standardised score where there are more.

        None where the episode has no advantages, or the agent said nothing.
        """
        if self.advantages is None:
            return None
        if agent:
            return self.agents.get(agent)
        return next(iter(self.agents.values())) if len(self.agents) == 1 else self.advantages.outcome


class TeamCredit:
    """Scores groups of episodes and hands back each one's advantages. Episodes may differ in length, agents, policies.

    Teams are put together from the whole group (RECOMBINED) where the evaluator supports it and the agents wrote
    without reading each other, as the messages' rounds, the episodes' own `Group.parallel` or `parallel` say.

    server: target of the service; None: a private one of this process (assay_rl.local). evaluator: your own evaluation
    of a changed episode: a function, a coroutine, or a lifted `each(...)`; it is asked for many questions at once.
    options: AttributionOptions or a mapping of them. grade: how answers of votes are compared with the reference
    answer. blend, outcome_part, credit_part: of the advantages, each left to the service where None. scale, epsilon:
    what X is divided by ("SAMPLE", "POPULATION", "NONE"), so that it is on the scale of the trainer's own advantages.
    parallel: the agents of every rollout wrote without reading each other, which messages without rounds do not tell.
    deadline: seconds for one episode. recorder: gets every result, for `assay-rl report` and experiment trackers; it
    says what a step is, and you close it when training is done. client: further arguments of the clients, such as a
    token.
    It can be pickled (without a recorder, which belongs to one process), and holds connections only in the process, and
    for asyncio in the loop, that first used it.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        evaluator: Evaluator | None = None,
        options: Options | None = None,
        grade: Kind | None = None,
        blend: float | None = None,
        outcome_part: str | None = None,
        credit_part: str | None = None,
        scale: str | None = None,
        epsilon: float | None = None,
        parallel: bool = False,
        deadline: float | None = 600.0,
        recorder: Recorder | None = None,
        **client: Any,
    ) -> None:
        self._grading = Grading(grade)
        self.evaluator = evaluator
        self.parallel = parallel
        self.recorder = recorder
        self.options = options_pb2.AttributionOptions()
        self.options.CopyFrom(options_proto(self._grading.options(options)))
        advantages = advantage_options(blend, outcome_part, credit_part, self.options.advantages)
        if scale is not None and not advantages.scale:
            advantages.scale = options_pb2.OutcomeScale.Value(f"OUTCOME_SCALE_{scale}")  # type: ignore[assignment]
        if epsilon is not None and not advantages.HasField("epsilon"):
            advantages.epsilon = epsilon
        self.options.advantages.CopyFrom(advantages)
        self._server = server
        self._client: dict[str, Any] = {"deadline": deadline, **client}
        self._blocking: Client | None = None
        self._async: dict[asyncio.AbstractEventLoop, AsyncClient] = {}
        self._numbers = itertools.count()

    def __getstate__(self) -> dict[str, Any]:
        held = dict(self.__dict__, _blocking=None, _async={}, _numbers=itertools.count())
        held["options"] = self.options.SerializeToString()
        return held

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.__dict__.update(held, options=options_pb2.AttributionOptions.FromString(held["options"]))

    async def credit(self, groups: Groups) -> list[list[Credited]]:
        """What became of each episode, in the order given. Raises AssayError where all are refused (bad options)."""
        loop = asyncio.get_running_loop()
        if loop not in self._async:
            self._async = {held: client for held, client in self._async.items() if not held.is_closed()}
            self._async[loop] = AsyncClient(self._server, **self._client)
        sent = self._sent(groups)
        # Grading of mathematics takes its time and would hold up the loop.
        graded = await asyncio.to_thread(lambda: [self._grading.episode(e) for g in sent for e in g])
        batch = await self._async[loop].score_batch(graded, options=self.options, evaluator=self.evaluator)
        self._record(sent, batch)
        return self._credited(groups, sent, batch)

    def credit_now(self, groups: Groups) -> list[list[Credited]]:
        """The same for programs without asyncio."""
        if self._blocking is None:
            self._blocking = Client(self._server, **self._client)
        sent = self._sent(groups)
        graded = [self._grading.episode(e) for g in sent for e in g]
        batch = self._blocking.score_batch(graded, options=self.options, evaluator=self.evaluator)
        self._record(sent, batch)
        return self._credited(groups, sent, batch)

    async def close(self) -> None:
        """Ends the connections of this loop, and the blocking one."""
        client = self._async.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()
        if self._blocking is not None:
            blocking, self._blocking = self._blocking, None
            await asyncio.to_thread(blocking.close)

    def _sent(self, groups: Groups) -> list[list[Episode]]:
        """Copies that carry their group, with ids that come once among all that this object sends.

        Of an episode's own group only `parallel` is kept, where all members say so.
        """
        sent = []
        for group in groups:
            number = next(self._numbers)
            own = all(episode.group is not None and episode.group.parallel for episode in group)
            told = Group(str(number), len(group), self.parallel or own)
            sent.append(
                [
                    dataclasses.replace(episode, id=f"{number}/{k}/{episode.id}", group=told)
                    for k, episode in enumerate(group)
                ]
            )
        return sent

    def _record(self, sent: Groups, batch: Batch) -> None:
        if self.recorder is None:
            return
        # An episode by itself is compared with nobody: its group says nothing of advantages.
        alone = {group[0].group.id for group in sent if len(group) == 1 and group[0].group is not None}
        compared = [outcome for group_id, outcome in batch.groups.items() if group_id not in alone]
        results = map(outcome_message, (*batch.outcomes, *compared))
        self.recorder.record(None, results, [episode.to_proto() for group in sent for episode in group])

    def _credited(self, groups: Groups, sent: list[list[Episode]], batch: Batch) -> list[list[Credited]]:
        outcomes = iter(batch.outcomes)
        found = []
        for group, copies in zip(groups, sent, strict=True):
            answered = batch.groups.get(copies[0].group.id) if copies and copies[0].group is not None else None
            advantages = answered.advantages if isinstance(answered, GroupScored) else {}
            missing = answered.error if answered is not None and not isinstance(answered, GroupScored) else _NO_GROUP
            credited = []
            for episode, copy in zip(group, copies, strict=True):
                outcome = next(outcomes)
                if isinstance(outcome, Failed):
                    log.warning("no signals for episode %s: %s", episode.id, outcome.error)
                    credited.append(Credited(episode, error=outcome.error))
                    continue
                own = advantages.get(copy.id)
                if own is None:
                    log.warning("no advantages for episode %s: %s", episode.id, missing)
                credited.append(Credited(episode, outcome.signals, own, missing if own is None else None))
            found.append(credited)
        return found


_NO_GROUP = Error(grpc.StatusCode.UNAVAILABLE, "the server sent no advantages for this episode's group")


def values_of_calls(credited: Credited, written: Sequence[int]) -> list[float]:
    """The advantage of each call of a model in one training sample; 0 where its message has none."""
    return [credited.messages.get(message, 0.0) for message in written]


def neutral(rewards: Sequence[float | None]) -> list[float]:
    """Rewards for trainers that take a number for every sample: None becomes the mean of the others.

    A trainer that centres its groups then gives it the advantage 0 and the others what they had without it. Raises
    RuntimeError where no sample has a reward.
    """
    known = [reward for reward in rewards if reward is not None]
    if not known:
        raise RuntimeError("no episode of this group has signals")
    mean = math.fsum(known) / len(known)
    return [mean if reward is None else reward for reward in rewards]


def difference_reward(signals: Signals, agent: str = "") -> float:
    """The score, less the team's value without `agent` where it is known: for trainers that see one rollout at a time.

    What is taken away does not depend on the agent's words, so a policy gradient by it is unbiased, and less noisy.
    Raises ValueError where the episode has no such agent.
    """
    if not agent:
        return signals.score
    own = next((held for held in signals.agents if held.agent_id == agent), None)
    if own is None:
        raise ValueError(f"the episode has no agent {agent!r}")
    return signals.score - (own.value_without if own.value_without is not None else 0.0)
