"""The scalars of a step by name: what each says, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Unit: TypeAlias = Literal["value", "share", "count", "tiny"]


@dataclass(frozen=True)
class Metric:
    """title: for people; unit: value (of the value range), share (in [0, 1]), count or tiny; least: a change worth
    telling."""

    title: str
    unit: Unit
    least: float
    meaning: str


METRICS: Mapping[str, Metric] = {
    "score": Metric("Score", "value", 0.02, "Mean outcome of the step's episodes."),
    "success_rate": Metric("Success rate", "share", 0.05, "Share of scored episodes whose outcome is a success."),
    "task_spread": Metric(
        "Spread within a task", "value", 0.03, "Standard deviation of the scores of one task's runs, mean over groups."
    ),
    "advantage_spread": Metric(
        "Spread of advantages", "value", 0.05, "Standard deviation of all messages' advantages: the size of the signal."
    ),
    "score_spread": Metric("Spread of scores", "value", 0.05, "Standard deviation of the scores of the whole step."),
    "team_value": Metric(
        "Value of the team", "value", 0.02, "Mean value with everybody as the evaluator sees it, v(N)."
    ),
    "unexplained": Metric(
        "Outcome off the value", "value", 0.02, "Mean distance of the outcome from v(N): what credit does not explain."
    ),
    "right_answers": Metric("Right answers", "share", 0.05, "Share of graded answers that are right."),
    "first_errors": Metric(
        "First errors claimed", "share", 0.05, "Share of scored episodes in which a first error is claimed."
    ),
    "redundancy": Metric("Redundancy", "share", 0.05, "Mean share of a message that had been said before."),
    "reliability": Metric(
        "Reliability of credit", "share", 0.05, "How much of the differences between credits is no noise."
    ),
    "credit_weight": Metric(
        "Weight of credit", "share", 0.05, "Share of credit (K) in the advantages; the rest is the outcome's (X)."
    ),
    "interval_width": Metric("Width of intervals", "value", 0.02, "Mean width of the credits' intervals; 0 is exact."),
    "questions": Metric("Questions", "count", 1.0, "Questions asked of the evaluator, mean of an episode."),
    "samples": Metric("Samples", "count", 1.0, "Fresh evaluations behind the answers, mean of an episode."),
    "conservation": Metric(
        "Conservation error", "tiny", 1e-9, "Largest distance of what was shared from what was to be shared."
    ),
}

ROLE_METRICS: Mapping[str, Metric] = {
    "credit": Metric("Credit", "value", 0.02, "Mean Shapley value of the role: what it added. Below zero: it hurt."),
    "share": Metric(
        "Share of the outcome",
        "value",
        0.02,
        "Mean sum of its messages' rewards where nothing counterfactual is known.",
    ),
    "hurt": Metric("Hurt the team", "share", 0.05, "Share of episodes in which the team was better without it."),
    "sabotage": Metric(
        "Sabotage", "share", 0.08, "Of the episodes in which its credit is not zero: share in which it is below zero."
    ),
    "mattered": Metric("Mattered", "share", 0.08, "Share of episodes in which its credit is not zero."),
    "redundancy": Metric("Said before", "share", 0.08, "Mean share of its messages that others had said before."),
    "first_errors": Metric("First errors", "share", 0.05, "First errors claimed of it, an episode it took part in."),
    "credit_spread": Metric("Spread of credit", "value", 0.05, "Standard deviation of its credit over the episodes."),
    "advantage_spread": Metric(
        "Spread of advantages", "value", 0.05, "Standard deviation of the advantages of its messages."
    ),
    "right_answers": Metric("Right answers", "share", 0.05, "Share of its graded answers that are right."),
}


def role_metrics(role: Mapping[str, Any]) -> dict[str, float | None]:
    """The scalars of one role of a step's summary; None where nothing is known."""
    credit, share, advantage = role.get("credit"), role.get("share"), role.get("advantage")
    episodes, graded = role["episodes"], role["graded"]
    return {
        "credit": credit["mean"] if credit else None,
        "share": share["mean"] if share else None,
        "hurt": role["hurt"],
        "sabotage": role["hurt"] / role["mattered"] if role["mattered"] else None,
        "mattered": role["mattered"],
        "redundancy": role["redundancy"],
        "first_errors": role["first_errors"] / episodes if episodes else None,
        "credit_spread": credit["spread"] if credit else None,
        "advantage_spread": advantage["spread"] if advantage else None,
        "right_answers": role["right"] / graded if graded else None,
    }


def scalars(summary: Mapping[str, Any]) -> dict[str, float]:
    """All known scalars of a step, those of roles as roles/ROLE/NAME; for loggers and tables."""
    found = {name: summary["metrics"].get(name) for name in METRICS}
    found |= {"episodes": summary["episodes"], "failed": summary["failed"]}
    for role, entry in summary["roles"].items():
        found |= {f"roles/{role}/{name}": value for name, value in role_metrics(entry).items()}
    return {name: float(value) for name, value in found.items() if value is not None}
