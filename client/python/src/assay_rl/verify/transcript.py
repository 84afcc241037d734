"""The episode as the mathematics sees it: indices instead of ids, None instead of unset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from assay_rl.v1 import episode_pb2

CONTEXT = -1
MODELS = (episode_pb2.AGENT_KIND_UNSPECIFIED, episode_pb2.AGENT_KIND_MODEL)


@dataclass(frozen=True)
class Opinion:
    """A judge's score of a message, and what the judge is worth."""

    q: float
    weight: float = 1.0
    base_rate: float | None = None  # None: that of the options


@dataclass(frozen=True)
class Transcript:
    """Lists run over the T messages; `authors` holds agents' indices, CONTEXT for messages without an agent."""

    agents: tuple[str, ...]
    authors: tuple[int, ...]
    members: tuple[tuple[int, ...], ...]  # M_i: indices of each agent's messages
    contents: tuple[str, ...]
    rounds: tuple[int, ...]
    answers: tuple[str | None, ...]
    scores: tuple[tuple[Opinion, ...], ...]  # of every judge who is worth anything, by message
    prefix_values: tuple[float | None, ...]
    rollouts: tuple[tuple[float, int], ...]  # (successes, trials) at the node before the message
    redundancies: tuple[float | None, ...]
    repairs: tuple[int | None, ...]  # per message: the earlier one it is said to repair
    annotated: int | None
    tokens: tuple[int, ...]

    @property
    def players(self) -> tuple[int, ...]:
        """Indices of the agents' messages, in order."""
        return tuple(t for t, author in enumerate(self.authors) if author != CONTEXT)

    @property
    def parallel(self) -> bool:
        """No agent could read another's message before it wrote its own: one round, or one author, of all."""
        rounds = {self.rounds[t] for t in self.players}
        authors = {self.authors[t] for t in self.players}
        return len(authors) <= 1 or (len(rounds) == 1 and 0 not in rounds)

    def judged(self, t: int) -> float | None:
        """q_t, the mean over the judges by their weights; None where nobody judged."""
        weight = sum(o.weight for o in self.scores[t])
        return sum(o.weight * o.q for o in self.scores[t]) / weight if weight else None


def speakers(episode: episode_pb2.Episode) -> list[str]:
    """The author of each message; empty for context: nobody wrote it, or an agent that is no model."""
    models = {agent.id for agent in episode.agents if agent.kind in MODELS}
    return [m.agent_id if m.agent_id in models else "" for m in episode.messages]


def read(
    episode: episode_pb2.Episode,
    asked: Sequence[Sequence[float | None]] = (),
    judges: Mapping[str, tuple[float, float]] | None = None,
) -> Transcript:
    """`asked`: process scores that an evaluator or scorer gave, each one a message: judges beside the episode's own.

    `judges`: weight and base rate of those whose reliability was learned, by name. Others are taken at their word.
    """
    index = {agent.id: i for i, agent in enumerate(episode.agents)}
    messages = episode.messages
    spoken = speakers(episode)
    authors = tuple(index.get(name, CONTEXT) for name in spoken)
    members: list[list[int]] = [[] for _ in episode.agents]
    for t, author in enumerate(authors):
        if author != CONTEXT:
            members[author].append(t)
    return Transcript(
        agents=tuple(index),
        authors=authors,
        members=tuple(tuple(m) for m in members),
        contents=tuple(m.content for m in messages),
        rounds=tuple(m.round for m in messages),
        answers=tuple(m.answer if m.HasField("answer") else None for m in messages),
        scores=tuple(
            ()
            if not spoken[t]
            else _opinions(m, judges or {})
            + tuple(Opinion(score) for scores in asked for score in scores[t : t + 1] if score is not None)
            for t, m in enumerate(messages)
        ),
        prefix_values=tuple(m.prefix_value if m.HasField("prefix_value") else None for m in messages),
        rollouts=tuple((float(m.prefix_rollouts.successes), m.prefix_rollouts.trials) for m in messages),
        redundancies=tuple(m.redundancy if m.HasField("redundancy") else None for m in messages),
        repairs=tuple(m.repairs if m.HasField("repairs") else None for m in messages),
        annotated=next((t for t, m in enumerate(messages) if m.first_error), None),
        tokens=tuple(m.token_count for m in messages),
    )


def _opinions(message: episode_pb2.Message, judges: Mapping[str, tuple[float, float]]) -> tuple[Opinion, ...]:
    """A judge whose weight is 0 is left out."""
    given = [("", message.process_score)] if message.HasField("process_score") else []
    given += [(j.judge, j.score) for j in message.judge_scores]
    found = [Opinion(q, *judges[name]) if name in judges else Opinion(q) for name, q in given]
    return tuple(opinion for opinion in found if opinion.weight > 0)


def logit(p: float) -> float:
    return log(p) - log(1 - p)
