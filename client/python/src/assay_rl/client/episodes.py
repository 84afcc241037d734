"""Episodes as plain typed objects.

Everything here mirrors proto/assay/v1/episode.proto; the units and ranges are told there. Wherever the client takes an
episode it takes one of these or an `assay_rl.v1.episode_pb2.Episode`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from google.protobuf import json_format

from assay_rl.v1 import episode_pb2 as pb


@dataclass(slots=True)
class TokenSpan:
    """Tokens [start, end) of one training sample."""

    sample_id: str
    start: int
    end: int


@dataclass(slots=True)
class Alternative:
    """Another message that could stand in the same place, with its value where it is known."""

    content: str
    value: float | None = None


@dataclass(slots=True)
class JudgeScore:
    """One judge's process score of a message, in [-1, 1]."""

    judge: str
    score: float


@dataclass(slots=True)
class Message:
    """One message of an episode.

    agent: id of its author; "" for context (tool, environment, user, system), which takes neither reward nor blame.
        A message of an agent that is no model is context too.
    round: messages of one round were written without reading each other; 0 is unknown.
    answer: the ballot that the message casts, for vote replay.
    process_score: [-1, 1]; None is not 0 but no judgement.
    prefix_value: value of the node before this message, in the value range.
    prefix_rollouts: (successes, trials) of rollouts from the node before this message.
    redundancy: [0, 1]; None lets the server measure it.
    repairs: index of the earlier message that this one repairs.
    first_error: a human's (or a verifier's) annotation that this is the first error; on context: that a user, a tool
        or the environment was.
    """

    agent: str
    content: str
    round: int = 0
    answer: str | None = None
    process_score: float | None = None
    prefix_value: float | None = None
    prefix_rollouts: tuple[int, int] | None = None
    redundancy: float | None = None
    repairs: int | None = None
    alternatives: Sequence[Alternative] = ()
    first_error: bool = False
    token_count: int = 0
    token_spans: Sequence[TokenSpan] = ()
    judge_scores: Sequence[JudgeScore] = ()

    def to_proto(self) -> pb.Message:
        message = pb.Message(agent_id=self.agent, content=self.content, round=self.round)
        self._tell_more(message)
        return message

    def add_to(self, episode: pb.Episode) -> None:
        """Appends the message to those of an episode, without a copy of it on the way."""
        self._tell_more(episode.messages.add(agent_id=self.agent, content=self.content, round=self.round))

    def _tell_more(self, message: pb.Message) -> None:
        """Sets what only some messages have."""
        if self.answer is not None:
            message.answer = self.answer
        if self.process_score is not None:
            message.process_score = self.process_score
        if self.prefix_value is not None:
            message.prefix_value = self.prefix_value
        if self.prefix_rollouts is not None:
            successes, trials = self.prefix_rollouts
            message.prefix_rollouts.successes = successes
            message.prefix_rollouts.trials = trials
        if self.redundancy is not None:
            message.redundancy = self.redundancy
        if self.repairs is not None:
            message.repairs = self.repairs
        if self.first_error:
            message.first_error = True
        if self.token_count:
            message.token_count = self.token_count
        for alternative in self.alternatives:
            message.alternatives.add(content=alternative.content, value=alternative.value)
        for span in self.token_spans:
            message.token_spans.add(sample_id=span.sample_id, start=span.start, end=span.end)
        for judged in self.judge_scores:
            message.judge_scores.add(judge=judged.judge, score=judged.score)

    @classmethod
    def from_proto(cls, message: pb.Message) -> Message:
        rollouts = message.prefix_rollouts
        return cls(
            agent=message.agent_id,
            content=message.content,
            round=message.round,
            answer=message.answer if message.HasField("answer") else None,
            process_score=message.process_score if message.HasField("process_score") else None,
            prefix_value=message.prefix_value if message.HasField("prefix_value") else None,
            prefix_rollouts=(rollouts.successes, rollouts.trials) if message.HasField("prefix_rollouts") else None,
            redundancy=message.redundancy if message.HasField("redundancy") else None,
            repairs=message.repairs if message.HasField("repairs") else None,
            alternatives=[
                Alternative(a.content, a.value if a.HasField("value") else None) for a in message.alternatives
            ],
            first_error=message.first_error,
            token_count=message.token_count,
            token_spans=[TokenSpan(s.sample_id, s.start, s.end) for s in message.token_spans],
            judge_scores=[JudgeScore(j.judge, j.score) for j in message.judge_scores],
        )


@dataclass(slots=True)
class Agent:
    """A player. Agents of one policy are normalised together; the policy's default is the id.

    kind: model (as does ""), human, user_simulator, tool or framework. What others than models say is context.
    """

    id: str
    role: str = ""
    policy: str = ""
    kind: str = ""

    @property
    def is_model(self) -> bool:
        return self.kind in ("", "model")

    def to_proto(self) -> pb.Agent:
        if self.kind not in _KINDS:
            raise ValueError(f"one of {', '.join(filter(None, _KINDS))} expected, got {self.kind!r}")
        return pb.Agent(id=self.id, role=self.role, policy=self.policy, kind=_KINDS[self.kind])

    @classmethod
    def from_proto(cls, agent: pb.Agent) -> Agent:
        kind = next((name for name, number in _KINDS.items() if number == agent.kind), None)
        if kind is None:
            raise ValueError(f"agent {agent.id!r} is of a kind that this client does not know: {agent.kind}")
        return cls(agent.id, agent.role, agent.policy, kind)


_KINDS: dict[str, Any] = {"": pb.AGENT_KIND_UNSPECIFIED} | {
    name.removeprefix("AGENT_KIND_").lower(): number for name, number in pb.AgentKind.items() if number
}


@dataclass(slots=True)
class Task:
    id: str = ""
    prompt: str = ""
    reference_answer: str = ""


@dataclass(slots=True)
class Group:
    """Rollouts of one task that are compared: `size` episodes carry this id.

    parallel: no agent had read another agent's message when it wrote its own, which lets the server put teams together
    from several episodes; needed only where the messages' rounds do not tell.
    """

    id: str
    size: int
    parallel: bool = False


@dataclass(slots=True)
class Episode:
    """One finished run of a team of agents.

    id: unique among the unanswered episodes.
    agents: the players; left empty they are the messages' authors in order of appearance.
    score: the outcome, in the value range; None lets the evaluator say it.
    truncated: cut off by a limit, so that no failure labels are claimed.
    components: named parts of the score, handed through to reports.
    values: answers for all 2^n coalitions; bit i of the index stands for agents[i].
    """

    id: str
    messages: Sequence[Message]
    agents: Sequence[Agent] = ()
    task: Task = field(default_factory=Task)
    score: float | None = None
    group: Group | None = None
    truncated: bool = False
    components: Mapping[str, float] = field(default_factory=dict)
    values: Sequence[float] = ()

    def players(self) -> list[Agent]:
        """The agents, in the order in which coalitions number them."""
        if self.agents:
            return list(self.agents)
        return [Agent(name) for name in dict.fromkeys(m.agent for m in self.messages if m.agent)]

    def speakers(self) -> list[str]:
        """The author of each message; "" for context: nobody wrote it, or an agent that is no model."""
        models = {agent.id for agent in self.players() if agent.is_model}
        return [message.agent if message.agent in models else "" for message in self.messages]

    def to_proto(self) -> pb.Episode:
        """Raises TypeError or ValueError, naming the field, where a value is not of its type."""
        try:
            episode = pb.Episode(
                id=self.id,
                task=pb.Task(id=self.task.id, prompt=self.task.prompt, reference_answer=self.task.reference_answer),
                agents=[a.to_proto() for a in self.players()],
            )
            for message in self.messages:
                message.add_to(episode)
        except (TypeError, ValueError, AttributeError) as failure:
            raise _misfit(self, failure) from failure
        if self.group is not None:
            episode.group.id = self.group.id
            episode.group.size = self.group.size
            episode.group.parallel = self.group.parallel
        if self.score is not None:
            episode.outcome.score = self.score
        if self.truncated:
            episode.outcome.truncated = True
        for name, value in self.components.items():
            episode.outcome.components.add(name=name, value=value)
        if len(self.values) > 0:
            episode.values.coalition_values.extend(self.values)
        return episode

    @classmethod
    def from_proto(cls, episode: pb.Episode) -> Episode:
        outcome = episode.outcome
        return cls(
            id=episode.id,
            messages=[Message.from_proto(m) for m in episode.messages],
            agents=[Agent.from_proto(a) for a in episode.agents],
            task=Task(episode.task.id, episode.task.prompt, episode.task.reference_answer),
            score=outcome.score if outcome.HasField("score") else None,
            group=_group(episode.group) if episode.HasField("group") else None,
            truncated=outcome.truncated,
            components={c.name: c.value for c in outcome.components},
            values=list(episode.values.coalition_values),
        )

    def to_json(self) -> str:
        """One line in the proto3 JSON mapping, as `assay signals` reads it."""
        return json_format.MessageToJson(self.to_proto(), indent=None)

    @classmethod
    def from_json(cls, text: str | bytes) -> Episode:
        """Raises google.protobuf.json_format.ParseError where the text is not an Episode."""
        return cls.from_proto(json_format.Parse(text, pb.Episode()))


def _misfit(episode: Episode, failure: Exception) -> TypeError | ValueError:
    """What is wrong with an episode that could not be converted, with the path of the field."""
    texts: list[tuple[str, object]] = [("id", episode.id)]
    texts += [(f"task.{f.name}", getattr(episode.task, f.name, None)) for f in fields(Task)]
    for i, agent in enumerate(episode.agents):
        texts += [(f"agents[{i}].{f.name}", getattr(agent, f.name, None)) for f in fields(Agent)]
    for i, message in enumerate(episode.messages):
        texts += [(f"messages[{i}].{name}", getattr(message, name, None)) for name in ("agent", "content")]
        if getattr(message, "answer", None) is not None:
            texts.append((f"messages[{i}].answer", message.answer))
    for path, value in texts:
        if not isinstance(value, str):
            return TypeError(f"{path}: expected a string, got {type(value).__name__}")
        try:
            value.encode()
        except UnicodeEncodeError as broken:
            return ValueError(f"{path}: is not Unicode text: {broken.reason} at character {broken.start}")
    for i, agent in enumerate(episode.agents):
        if agent.kind not in _KINDS:
            return ValueError(
                f"agents[{i}].kind: one of {', '.join(filter(None, _KINDS))} expected, got {agent.kind!r}"
            )
    for i, message in enumerate(episode.messages):
        for f in fields(Message):
            try:
                replace(Message("", ""), **{f.name: getattr(message, f.name)}).to_proto()
            except (TypeError, ValueError, AttributeError) as wrong:
                return TypeError(f"messages[{i}].{f.name}: {wrong}")
    return TypeError(str(failure))


def _group(group: pb.Group) -> Group:
    return Group(group.id, group.size, group.parallel)


EpisodeLike: TypeAlias = "Episode | pb.Episode"


def to_proto(episode: EpisodeLike) -> pb.Episode:
    return episode.to_proto() if isinstance(episode, Episode) else episode


def regroup(episodes: Iterable[Episode], group_id: str) -> list[Episode]:
    """Puts the episodes into one group of their number, in place."""
    members = list(episodes)
    for episode in members:
        episode.group = Group(group_id, len(members))
    return members
