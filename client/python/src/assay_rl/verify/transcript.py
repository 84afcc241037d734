"""The episode as the mathematics sees it: indices instead of ids, None instead of unset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from assay_rl.v1 import episode_pb2

CONTEXT = -1


@dataclass(frozen=True)
class Transcript:
    """Lists run over the T messages; `authors` holds agents' indices, CONTEXT for messages without an agent."""

    agents: tuple[str, ...]
    authors: tuple[int, ...]
    members: tuple[tuple[int, ...], ...]  # M_i: indices of each agent's messages
    contents: tuple[str, ...]
    rounds: tuple[int, ...]
    answers: tuple[str | None, ...]
    scores: tuple[tuple[float, ...], ...]  # every judge's q of each message
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
        """q_t, the mean over the judges; None where nobody judged."""
        scores = self.scores[t]
        return sum(scores) / len(scores) if scores else None


def read(episode: episode_pb2.Episode, asked: Sequence[Sequence[float | None]] = ()) -> Transcript:
    """`asked`: process scores that an evaluator or scorer gave, each one a message: judges beside the episode's own."""
    index = {agent.id: i for i, agent in enumerate(episode.agents)}
    messages = episode.messages
    authors = tuple(index.get(m.agent_id, CONTEXT) for m in messages)
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
            if not m.agent_id
            else ((m.process_score,) if m.HasField("process_score") else ())
            + tuple(j.score for j in m.judge_scores)
            + tuple(score for scores in asked for score in scores[t : t + 1] if score is not None)
            for t, m in enumerate(messages)
        ),
        prefix_values=tuple(m.prefix_value if m.HasField("prefix_value") else None for m in messages),
        rollouts=tuple((float(m.prefix_rollouts.successes), m.prefix_rollouts.trials) for m in messages),
        redundancies=tuple(m.redundancy if m.HasField("redundancy") else None for m in messages),
        repairs=tuple(m.repairs if m.HasField("repairs") else None for m in messages),
        annotated=next((t for t, m in enumerate(messages) if m.first_error), None),
        tokens=tuple(m.token_count for m in messages),
    )


def logit(p: float) -> float:
    return log(p) - log(1 - p)
