"""The whole experiment as a list of jobs, run on a few processes against one server."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from team_training.environments import ENVIRONMENTS
from team_training.gradients import gradient_noise
from team_training.methods import ASSAY, HEADLINE, PREFERENCES, Method, ablations
from team_training.signals_source import SignalsSource
from team_training.summary import Curves
from team_training.trainers import train


@dataclass(frozen=True)
class Plan:
    """How much is run. Step sizes are chosen on seeds that are not used afterwards, for every method from one grid."""

    budget: int  # rollouts a run, counterfactual ones included
    checkpoint: int  # rollouts between examinations
    steps: tuple[float, ...]
    tuning_seeds: tuple[int, ...]
    seeds: tuple[int, ...]
    ablation_seeds: tuple[int, ...]
    gradient_groups: int  # of each task
    environments: tuple[str, ...] = tuple(ENVIRONMENTS)
    # Not the pipeline: all coalitions but the whole are worth the same there, so there is nothing for credit to find.
    ablation_environments: tuple[str, ...] = ("specialists", "saboteur", "debate", "repair")
    preference_environments: tuple[str, ...] = ("pipeline", "saboteur", "repair")

    def compared(self) -> list[tuple[str, Method]]:
        """The methods with a step size of their own."""
        advantages = [(name, method) for name in self.environments for method in HEADLINE]
        return advantages + [(name, method) for name in self.preference_environments for method in PREFERENCES]


FULL = Plan(
    budget=2048,
    checkpoint=16,
    steps=(2.0, 4.0, 8.0, 16.0, 32.0),
    tuning_seeds=tuple(range(4)),
    seeds=tuple(range(100, 112)),
    ablation_seeds=tuple(range(100, 110)),
    gradient_groups=64,
)
SMOKE = Plan(
    budget=64,
    checkpoint=16,
    steps=(8.0,),
    tuning_seeds=(0,),
    seeds=(100, 101, 102),
    ablation_seeds=(100, 101),
    gradient_groups=2,
)


@dataclass(frozen=True)
class Training:
    method: Method
    environment: str
    seeds: tuple[int, ...]
    step: float
    budget: int
    checkpoint: int
    until_target: bool = False


@dataclass(frozen=True)
class Probe:
    environment: str
    seed: int
    groups: int


_source: SignalsSource | None = None


def _connect(target: str) -> None:
    global _source
    _source = SignalsSource(target).__enter__()  # as long as the process


def _train(job: Training) -> dict[str, Any]:
    started = time.monotonic()
    seeds, source = list(job.seeds), _source if job.method.needs_server else None
    history = train(job.method, job.environment, seeds, job.step, job.budget, job.checkpoint, source, job.until_target)
    print(f"{job.environment} {job.method.name} step {job.step:g}: {time.monotonic() - started:.1f} s", flush=True)
    return {
        "environment": job.environment,
        "method": job.method.name,
        "step": job.step,
        "seeds": seeds,
        "history": history,
    }


def _probe(job: Probe) -> list[dict[str, Any]]:
    return [asdict(found) for found in gradient_noise(HEADLINE, job.environment, job.seed, job.groups, _source)]


class Experiment:
    """Runs a plan; results are plain data (JSON)."""

    def __init__(self, plan: Plan, target: str, processes: int) -> None:
        self._plan, self._target, self._processes = plan, target, processes

    def run(self) -> dict[str, Any]:
        started = time.monotonic()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._processes, context, _connect, (self._target,)) as pool:
            tuning = list(pool.map(_train, self._tuning()))
            steps = self._choose(tuning)
            runs = list(pool.map(_train, self._trainings(steps)))
            gradients = [found for each in pool.map(_probe, self._probes()) for found in each]
        for record in tuning:
            del record["history"]
        return {
            "plan": asdict(self._plan),
            "steps": [{"environment": e, "method": m, "step": s} for (e, m), s in steps.items()],
            "tuning": tuning,
            "runs": runs,
            "gradients": gradients,
            "seconds": time.monotonic() - started,
            "processes": self._processes,
        }

    def _training(self, method: Method, environment: str, seeds: tuple[int, ...], step: float) -> Training:
        return Training(method, environment, seeds, step, self._plan.budget, self._plan.checkpoint)

    def _tuning(self) -> list[Training]:
        plan = self._plan
        return [
            replace(self._training(method, name, plan.tuning_seeds, step), until_target=True)
            for name, method in plan.compared()
            for step in plan.steps
        ]

    def _choose(self, tuning: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
        """The step that reached the target soonest on average; among equals the smallest."""
        best: dict[tuple[str, str], tuple[float, float]] = {}
        for record in tuning:
            record["rollouts"] = Curves(record["history"], self._plan.budget).rollouts_to_target().tolist()
            found = float(np.mean(record["rollouts"])), record["step"]
            key = record["environment"], record["method"]
            best[key] = min(best.get(key, found), found)
        return {key: step for key, (_, step) in best.items()}

    def _trainings(self, steps: dict[tuple[str, str], float]) -> list[Training]:
        plan = self._plan
        compared = [
            self._training(
                method, name, plan.ablation_seeds if method.preferences else plan.seeds, steps[name, method.name]
            )
            for name, method in plan.compared()
        ]
        changed = [
            replace(self._training(method, name, plan.ablation_seeds, steps[name, ASSAY.name]), until_target=True)
            for name in plan.ablation_environments
            for method in ablations(len(ENVIRONMENTS[name].agents))
        ]
        return compared + changed

    def _probes(self) -> list[Probe]:
        plan = self._plan
        return [Probe(environment, plan.seeds[0], plan.gradient_groups) for environment in plan.environments]
