"""What is compared: the baselines, Assay with the service's defaults, and Assay with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from team_training.baselines import BASELINES
from team_training.environments import Environment
from team_training.signals_source import assay_options, recombines


@dataclass(frozen=True)
class Method:
    """How advantages (or preferences) come about: exactly one of baseline, options and preferences is set.

    flips: probability that a re-grading answers wrongly. rollouts: how many are played from every node. told: what
    else Assay is told of every message, by name in told.TOLD. caution: by how many standard errors of chance the spread
    of credits must be above their noise to count; the server knows no such thing.
    """

    name: str
    title: str
    baseline: str = ""
    options: Mapping[str, Any] | None = None
    preferences: str = ""
    flips: float = 0.0
    rollouts: int = 0
    told: str = ""
    caution: float = field(default=0.0, repr=False)  # a part of the name

    @property
    def needs_server(self) -> bool:
        """Whether in_process cannot stand in for it."""
        return bool(self.rollouts) or self.preferences not in ("", "trajectory")

    def with_flips(self, flips: float) -> Method:
        percent = round(100 * flips)
        title = f"{self.title}, {percent} % of re-gradings wrong"
        return replace(self, name=f"{self.name}_flips_{percent}", title=title, flips=flips)


def _assay(name: str, title: str, rollouts: int = 0, told: str = "", **changes: Any) -> Method:
    return Method(name, title, options=assay_options(**changes), rollouts=rollouts, told=told)


ASSAY = _assay("assay", "Assay, defaults")
_WITHOUT_SERVER = {b.name: Method(b.name, b.title, baseline=b.name) for b in BASELINES.values()}
HEADLINE = (*_WITHOUT_SERVER.values(), ASSAY)

# Shares of the evaluator's answers that are wrong. Of the baselines only leave-one-out asks the evaluator.
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


_CHANGED = (
    _assay("blend_0", "blend 0 (X alone; as K: NONE)", blend=0.0),
    _assay("blend_25", "blend 0.25", blend=0.25),
    _assay("blend_75", "blend 0.75", blend=0.75),
    _assay("blend_100", "blend 1 (K alone)", blend=1.0),
    _assay("outcome", "X: OUTCOME", outcome="OUTCOME"),
    _assay("control", "X: CONTROL", outcome="CONTROL"),
    _assay("control_alone", "X: CONTROL, blend 0", outcome="CONTROL", blend=0.0),
    _assay("agents_only", "K: CREDIT of agents only", messages=False),
    _assay("scores", "K: SCORES, each message left out", told="scores", credit="SCORES"),
    _assay("values_learnt", "K: VALUES of a learnt value function", told="values", credit="VALUES"),
    _assay("values_learnt_half", "the same with blend 0.5", told="values", credit="VALUES", blend=0.5),
)


def ablations(environment: Environment) -> tuple[Method, ...]:
    """Assay with one thing changed, less what changes nothing there."""
    same = set()
    if not recombines(environment, ASSAY.options or {}):  # where an agent had read another, CONTROL is the default
        same |= {"control", "control_alone"}
    if len(environment.turns) == len(environment.agents):
        same.add("agents_only")
    return tuple(method for method in _CHANGED if method.name not in same)


ABLATIONS = _CHANGED  # all there are


_CAUTIOUS = replace(ASSAY, name="cautious_2", title="reliability less 2 standard errors", caution=2.0)
_UNDER_NOISE = (*(m for m in _CHANGED if m.name in ("blend_0", "blend_25", "blend_100", "outcome")), _CAUTIOUS)


def noisy_ablations(flips: float) -> tuple[Method, ...]:
    """Assay with one thing changed, where a share of the evaluator's answers is wrong."""
    return tuple(method.with_flips(flips) for method in _UNDER_NOISE)
