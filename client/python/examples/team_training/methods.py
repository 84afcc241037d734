"""What is compared: the baselines, Assay with the service's defaults, and Assay with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from team_training.baselines import BASELINES
from team_training.signals_source import assay_options


@dataclass(frozen=True)
class Method:
    """How advantages (or preferences) come about: exactly one of baseline, options and preferences is set.

    flips: probability that the evaluator answers wrongly. questions: limit of questions an episode, in units of the
    number of agents; 0 asks all.
    """

    name: str
    title: str
    baseline: str = ""
    options: Mapping[str, Any] | None = None
    preferences: str = ""
    flips: float = 0.0

    @property
    def needs_server(self) -> bool:
        return self.options is not None or self.preferences not in ("", "trajectory")


def _assay(name: str, title: str, flips: float = 0.0, **changes: Any) -> Method:
    return Method(name, title, options=assay_options(**changes), flips=flips)


ASSAY = _assay("assay", "Assay, defaults")
HEADLINE = (*(Method(b.name, b.title, baseline=b.name) for b in BASELINES.values()), ASSAY)

PREFERENCES = (
    Method("trajectory_dpo", "trajectory DPO, pairs by outcome", preferences="trajectory"),
    Method("sibling_dpo", "DPO on Assay's SIBLING pairs", preferences="sibling"),
    Method("step_repair_dpo", "DPO on Assay's STEP and REPAIR pairs", preferences="step_repair"),
)


def ablations(agents: int) -> tuple[Method, ...]:
    """Assay with one thing changed, for a team of so many agents. Each takes the step size tuned for ASSAY."""
    return (
        _assay("credit_only", "agent credit only", messages=False, failure_side=False),
        _assay("credit_messages", "+ message rewards", failure_side=False),
        # + failure side is ASSAY.
        _assay("rollouts", "+ failure side with 8 paid rollouts", rollouts=8),
        _assay("blend_0", "blend 0", blend=0.0),
        _assay("blend_25", "blend 0.25", blend=0.25),
        _assay("blend_100", "blend 1", blend=1.0),
        _assay("questions_2n", "sampled credit, 2n questions", messages=False, questions=2 * agents),
        _assay("questions_4n", "sampled credit, 4n questions", messages=False, questions=4 * agents),
        _assay("questions_all", "exact credit, 2^n questions", messages=False),
        _assay("flips_10", "10 % of the evaluator's answers wrong", flips=0.10),
        _assay("flips_25", "25 % of the evaluator's answers wrong", flips=0.25),
    )
