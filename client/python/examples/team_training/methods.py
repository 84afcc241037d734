"""What is compared: the baselines, Assay with the service's defaults, and Assay with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from team_training.baselines import BASELINES
from team_training.environments import ENVIRONMENTS, Environment
from team_training.signals_source import assay_options, recombines


@dataclass(frozen=True)
class Method:
    """How advantages (or preferences) come about: exactly one of baseline, options and preferences is set.

    flips: probability that a re-grading answers wrongly. rollouts: how many are played from every node. told: what
    else Assay is told of every message, by name in told.TOLD.
    """

    name: str
    title: str
    baseline: str = ""
    options: Mapping[str, Any] | None = None
    preferences: str = ""
    flips: float = 0.0
    rollouts: int = 0
    told: str = ""

    @property
    def needs_server(self) -> bool:
        return self.options is not None or self.preferences not in ("", "trajectory")

    def with_flips(self, flips: float) -> Method:
        percent = round(100 * flips)
        title = f"{self.title}, {percent} % of re-gradings wrong"
        return replace(self, name=f"{self.name}_flips_{percent}", title=title, flips=flips)


def _assay(name: str, title: str, rollouts: int = 0, told: str = "", **changes: Any) -> Method:
    return Method(name, title, options=assay_options(**changes), rollouts=rollouts, told=told)


ASSAY = _assay("assay", "Assay, defaults")
_WITHOUT_SERVER = {b.name: Method(b.name, b.title, baseline=b.name) for b in BASELINES.values()}
HEADLINE = (*_WITHOUT_SERVER.values(), ASSAY)

# Shares of the evaluator's answers that are wrong: of the first every step is tried, of the second the same step is
# taken. Of the baselines only leave-one-out asks the evaluator.
FLIPS = (0.10, 0.25)


def under_noise(flips: float) -> tuple[Method, ...]:
    """HEADLINE with an evaluator that is often wrong."""
    return tuple(m.with_flips(flips) if m.name in ("leave_one_out", ASSAY.name) else m for m in HEADLINE)


PREFERENCES = (
    Method("trajectory_dpo", "trajectory DPO, pairs by outcome", preferences="trajectory"),
    Method("peer_dpo", "DPO on Assay's PEER pairs", preferences="peer"),
    Method("sibling_dpo", "DPO on Assay's SIBLING pairs", preferences="sibling"),
    Method("step_repair_dpo", "DPO on Assay's STEP and REPAIR pairs", preferences="step_repair"),
)


def ablations(environment: Environment) -> tuple[Method, ...]:
    """Assay with one thing changed. Each takes the step size that is best for ASSAY."""
    agents = len(environment.agents)
    changed = (
        _assay("blend_0", "blend 0: X alone (as K: NONE)", blend=0.0),
        _assay("blend_100", "blend 1: K alone", blend=1.0),
        _assay("control", "X: CONTROL", outcome="CONTROL"),
        _assay("outcome", "X: OUTCOME", outcome="OUTCOME"),
        _assay("siblings_4", "X: RECOMBINED with 4 siblings", siblings=4),
        _assay("control_alone", "X: CONTROL, blend 0", outcome="CONTROL", blend=0.0),
        _assay("agents_only", "credit of agents only", messages=False),
        _assay("questions_2n", "credit of agents, sampled by 2n questions", messages=False, questions=2 * agents),
        _assay("questions_4n", "credit of agents, sampled by 4n questions", messages=False, questions=4 * agents),
        _assay("values_4", "K: VALUES of 4 rollouts a node, charged", rollouts=4, credit="VALUES"),
        _assay("scores", "K: SCORES, each message left out", told="scores", credit="SCORES"),
        _assay("values_learnt", "K: VALUES of a learnt value function", told="values", credit="VALUES"),
    )
    # Where an agent had read another, CONTROL is the default, and there are no teams to put together.
    same = () if recombines(environment, ASSAY.options or {}) else ("control", "control_alone", "siblings_4")
    return tuple(method for method in changed if method.name not in same)


ABLATIONS = ablations(ENVIRONMENTS["specialists"])  # all there are; its questions are those of six agents
