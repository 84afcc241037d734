"""Values of the nodes between messages: as given, or of rollouts."""

from __future__ import annotations

from dataclasses import dataclass

from .posterior import Evidence
from .questions import Answers
from .rates import rates
from .settings import Settings
from .transcript import Transcript


@dataclass(frozen=True)
class Change:
    """How much a message changed the value, in its unit, and the variance of that."""

    mean: float
    variance: float


def node_values(transcript: Transcript, settings: Settings, answers: Answers, score: float) -> list[float | None]:
    """V_j where it is known: prefix value, else mean of the node's rollouts; V_T = y."""
    out: list[float | None] = []
    asked = answers.nodes(len(transcript.authors))
    for j, value in enumerate(transcript.prefix_values):
        successes, trials = transcript.rollouts[j]
        if value is None and trials:
            value = settings.low + settings.range * successes / trials
        if value is None and asked.get(j):
            value = asked[j][0].mean
        out.append(value)
    return [*out, score]


def value_changes(
    transcript: Transcript, settings: Settings, answers: Answers, evidence: Evidence
) -> list[Change | None]:
    """V_{t+1} - V_t of agents' messages whose nodes both have a value, whatever the outcome of this episode was."""
    count = len(transcript.authors)
    rollouts, exact = list(evidence.rollouts), list(transcript.prefix_values)
    if evidence.success:  # it asks for values to reward by, a failure for rollouts, which are among the evidence
        for j, asked in answers.nodes(count).items():
            if j < count and exact[j] is None and not rollouts[j][1]:
                if answers.sampled("prefix"):
                    share = min(max((asked[0].mean - settings.low) / settings.range, 0.0), 1.0)
                    rollouts[j] = (share * asked[0].samples, float(asked[0].samples))
                else:
                    exact[j] = asked[0].mean
    by_rollouts = rates(transcript, settings, rollouts, evidence.start_value) if any(k for _, k in rollouts) else []
    known: list[tuple[float, float] | None] = []
    for j, value in enumerate(exact):
        if value is not None:
            known.append((value, 0.0))
        elif rollouts[j][1]:
            mean, variance = by_rollouts[j]
            known.append((settings.low + settings.range * mean, settings.range**2 * variance))
        else:
            known.append(None)
    known.append((evidence.outcome, 0.0))
    players = set(transcript.players)
    return [_change(known[t], known[t + 1]) if t in players else None for t in range(count)]


def _change(before: tuple[float, float] | None, after: tuple[float, float] | None) -> Change | None:
    if before is None or after is None:
        return None
    return Change(after[0] - before[0], before[1] + after[1])
