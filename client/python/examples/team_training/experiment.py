"""The whole experiment as a list of jobs, run on a few processes against one server."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from team_training.environments import ENVIRONMENTS
from team_training.gradients import measure, policies_at
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


FULL = Plan(
    budget=2048,
    checkpoint=16,
    steps=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    tuning_seeds=tuple(range(8)),
    seeds=tuple(range(100, 120)),
    ablation_seeds=tuple(range(100, 110)),
    gradient_groups=64,
)
SMOKE = Plan(
    budget=256,
    checkpoint=64,
    steps=(4.0,),
    tuning_seeds=(0,),
    seeds=(100, 101, 102),
    ablation_seeds=(100, 101),
    gradient_groups=4,
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
    method: Method
    environment: str
    seed: int
    groups: int


_source: SignalsSource | None = None


def _connect(target: str) -> None:
    global _source
    _source = SignalsSource(target).__enter__()  # as long as the process


def _perform(job: Training | Probe) -> dict[str, Any]:
    source = _source if job.method.needs_server else None
    started = time.monotonic()
    record: dict[str, Any] = {"environment": job.environment, "method": job.method.name}
    if isinstance(job, Training):
        record["step"], record["seeds"] = job.step, list(job.seeds)
        seeds = list(job.seeds)
        record["history"] = train(
            job.method, job.environment, seeds, job.step, job.budget, job.checkpoint, source, job.until_target
        )
    else:
        record["gradients"] = [
            asdict(measure(job.method, job.environment, place, logits, job.groups, source))
            for place, logits in policies_at(job.environment, job.seed).items()
        ]
    record["seconds"] = time.monotonic() - started
    return record


class Experiment:
    """Runs a plan; results are plain data (JSON)."""

    def __init__(self, plan: Plan, target: str, processes: int) -> None:
        self._plan, self._target, self._processes = plan, target, processes

    def run(self) -> dict[str, Any]:
        started = time.monotonic()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._processes, context, _connect, (self._target,)) as pool:
            tuning = list(self._progress("step sizes", pool.map(_perform, self._tuning())))
            steps = self._choose(tuning)
            runs = list(self._progress("training", pool.map(_perform, self._trainings(steps))))
            gradients = list(self._progress("gradients", pool.map(_perform, self._probes())))
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

    def _progress(self, what: str, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for record in records:
            print(f"{what}: {record['environment']} {record['method']}: {record['seconds']:.1f} s", flush=True)
            yield record

    def _training(self, method: Method, environment: str, seeds: tuple[int, ...], step: float) -> Training:
        return Training(method, environment, seeds, step, self._plan.budget, self._plan.checkpoint)

    def _tuning(self) -> list[Training]:
        plan = self._plan
        return [
            replace(self._training(method, environment, plan.tuning_seeds, step), until_target=True)
            for environment in plan.environments
            for method in (*HEADLINE, *PREFERENCES)
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
        jobs = []
        for name in self._plan.environments:
            for method in (*HEADLINE, *PREFERENCES):
                jobs.append(self._training(method, name, self._plan.seeds, steps[name, method.name]))
            for method in ablations(len(ENVIRONMENTS[name].agents)):
                jobs.append(self._training(method, name, self._plan.ablation_seeds, steps[name, ASSAY.name]))
        return jobs

    def _probes(self) -> list[Probe]:
        return [
            Probe(method, environment, self._plan.seeds[0], self._plan.gradient_groups)
            for environment in self._plan.environments
            for method in HEADLINE
        ]
