"""The scalars of a step by name: what each says, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Unit: TypeAlias = Literal["value", "share", "count", "tiny"]


@dataclass(frozen=True)
class Metric:
    """title: for people; unit: value (of the value range), share (in [0, 1]), count or tiny; least: a change worth
    telling; axis: what a curve's height measures, its denominator where it is a share."""

    title: str
    unit: Unit
    least: float
    axis: str
    meaning: str


SCORE = "in units of the score"

METRICS: Mapping[str, Metric] = {
    "score": Metric("Score", "value", 0.02, "mean score", "Mean outcome of the step's episodes."),
    "success_rate": Metric(
        "Success rate", "share", 0.05, "of scored episodes", "Share of scored episodes whose outcome is a success."
    ),
    "task_spread": Metric(
        "Spread within a group", "value", 0.03, SCORE,
        "Standard deviation of the scores of a group's episodes, mean over groups.",
    ),
    "advantage_spread": Metric(
        "Spread of advantages", "value", 0.05, "standard deviation, no unit",
        "Standard deviation of all messages' advantages: the size of the signal.",
    ),
    "score_spread": Metric(
        "Spread of scores", "value", 0.05, SCORE, "Standard deviation of the scores of the whole step."
    ),
    "team_value": Metric(
        "Value of the team", "value", 0.02, SCORE, "Mean value with everybody as the evaluator sees it, v(N)."
    ),
    "unexplained": Metric(
        "Outcome off the value", "value", 0.02, SCORE,
        "Mean distance of the outcome from v(N): what credit does not explain.",
    ),
    "right_answers": Metric(
        "Right answers", "share", 0.05, "of graded answers", "Share of graded answers that are right."
    ),
    "first_errors": Metric(
        "First errors claimed", "share", 0.05, "of scored episodes",
        "Share of scored episodes in which a first error is claimed.",
    ),
    "redundancy": Metric(
        "Said before", "share", 0.05, "of a message, mean",
        "How much of each message had already been said in its episode, mean over all messages.",
    ),
    "reliability": Metric(
        "Reliability of K", "share", 0.05, "of the differences in K",
        "How much of the differences between credits is no noise.",
    ),
    "credit_weight": Metric(
        "Share of K", "share", 0.05, "of an advantage",
        "Share of the credit part K in the advantages; the rest is the outcome part X.",
    ),
    "interval_width": Metric(
        "Width of intervals", "value", 0.02, SCORE, "Mean width of the credits' intervals; 0 is exact."
    ),
    "questions": Metric(
        "Questions", "count", 1.0, "an episode", "Questions asked of the evaluator, mean of an episode."
    ),
    "samples": Metric(
        "Samples", "count", 1.0, "an episode", "Fresh evaluations behind the answers, mean of an episode."
    ),
    "conservation": Metric(
        "Conservation error", "tiny", 1e-9, "fraction of the value range",
        "Largest distance of what was shared from what was to be shared.",
    ),
}  # fmt: skip

ROLE_METRICS: Mapping[str, Metric] = {
    "credit": Metric(
        "Credit", "value", 0.02, SCORE, "Mean Shapley value of the role: what it added. Below zero: it hurt."
    ),
    "share": Metric(
        "Share of the outcome", "value", 0.02, SCORE,
        "Mean sum of its messages' rewards where nothing counterfactual is known.",
    ),
    "hurt": Metric(
        "Hurt the team", "share", 0.05, "of its episodes",
        "Of all its episodes with credit: those in which its credit is below zero.",
    ),
    "sabotage": Metric(
        "Sabotage", "share", 0.08, "of those it mattered in",
        "Of the episodes in which its credit is not zero: those in which it is below zero, meant or not.",
    ),
    "mattered": Metric(
        "Mattered", "share", 0.08, "of its episodes",
        "Of all its episodes with credit: those in which its credit is not zero.",
    ),
    "redundancy": Metric(
        "Said before", "share", 0.08, "of a message, mean",
        "How much of each of its messages had already been said in its episode, mean over them.",
    ),
    "first_errors": Metric(
        "First errors", "share", 0.05, "of its episodes",
        "Of all its episodes: those whose first error is claimed of it.",
    ),
    "credit_spread": Metric(
        "Spread of credit", "value", 0.05, SCORE, "Standard deviation of its credit over the episodes."
    ),
    "advantage_spread": Metric(
        "Spread of advantages", "value", 0.05, "standard deviation, no unit",
        "Standard deviation of the advantages of its messages.",
    ),
    "right_answers": Metric(
        "Right answers", "share", 0.05, "of its graded answers", "Share of its graded answers that are right."
    ),
}  # fmt: skip


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
