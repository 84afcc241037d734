"""The whole experiment as a list of jobs, run on a few processes against one server."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from team_training.environments import ENVIRONMENTS
from team_training.gradients import gradient_noise
from team_training.in_process import InProcess, largest_difference
from team_training.methods import ASSAY, FLIPS, HEADLINE, PREFERENCES, Method, ablations, noisy_ablations, under_noise
from team_training.signals_source import SignalsSource
from team_training.summary import Curves, best_steps
from team_training.trainers import train


@dataclass(frozen=True)
class Plan:
    """How much is run. Every method is trained with every step of one grid, on the same seeds."""

    budget: int  # rollouts a run, counterfactual ones included
    checkpoint: int  # rollouts between examinations
    steps: tuple[float, ...]
    preference_steps: tuple[float, ...]
    seeds: tuple[int, ...]
    gradient_groups: int  # of each task
    ablation_seeds: int  # the first of them; all where ablations are to tell what a miss is made of
    ablation_steps: tuple[float, ...]  # beside the best of the defaults
    all_seeds: tuple[str, ...] = ("pipeline",)  # and all steps
    environments: tuple[str, ...] = tuple(ENVIRONMENTS)
    preference_environments: tuple[str, ...] = ("specialists", "saboteur")


FULL = Plan(
    budget=2048,
    checkpoint=16,
    steps=(2.0, 4.0, 8.0, 16.0, 32.0),
    preference_steps=(16.0,),
    seeds=tuple(range(100, 112)),
    gradient_groups=64,
    ablation_seeds=6,
    ablation_steps=(2.0, 4.0),
)
SMOKE = Plan(
    budget=64,
    checkpoint=16,
    steps=(4.0, 8.0),
    preference_steps=(8.0,),
    seeds=(100, 101, 102),
    gradient_groups=2,
    ablation_seeds=2,
    ablation_steps=(4.0,),
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
class Served(Training):
    """By a server's advantages, where they could be made in process."""


@dataclass(frozen=True)
class Probe:
    environment: str
    seed: int
    groups: int


@dataclass(frozen=True)
class Check:
    """Of what is made in process against the server."""

    environment: str
    seeds: tuple[int, ...]
    flips: float


Job = Training | Probe | Check
_source: SignalsSource | None = None


def _connect(target: str) -> None:
    global _source
    if target:
        _source = SignalsSource(target).__enter__()  # as long as the process


def _train(job: Training) -> dict[str, Any]:
    started = time.monotonic()
    seeds, method = list(job.seeds), job.method
    in_process = not (method.needs_server or isinstance(job, Served))
    source = InProcess(method.caution) if in_process else _source
    history = train(job.method, job.environment, seeds, job.step, job.budget, job.checkpoint, source, job.until_target)
    print(f"{job.environment} {job.method.name} step {job.step:g}: {time.monotonic() - started:.1f} s", flush=True)
    curves = Curves(history, job.budget)
    return {
        "environment": job.environment,
        "method": job.method.name,
        "step": job.step,
        "rollouts": curves.rollouts_to_target().tolist(),
        "reached": curves.reached().tolist(),
        "history": None if job.until_target else history,
    }


def _probe(job: Probe) -> list[dict[str, Any]]:
    return [asdict(found) for found in gradient_noise(HEADLINE, job.environment, job.seed, job.groups, InProcess())]


def _check(job: Check) -> dict[str, Any]:
    if _source is None:
        raise ValueError("a check needs a server")
    return asdict(job) | {"difference": largest_difference(_source, job.environment, list(job.seeds), job.flips)}


class Experiment:
    """Runs a plan; results are plain data (JSON). What matters most comes first, and every training is kept in `folder`
    when it is done: with resume, what is there is not run again. Without a target nothing is run, and the results are
    those of what is there."""

    def __init__(self, plan: Plan, target: str, processes: int, folder: Path, resume: bool = False) -> None:
        self._plan, self._target, self._processes, self._folder = plan, target, processes, folder
        self._resumed = resume
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, Any]:
        started = time.monotonic()
        plan, context = self._plan, multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._processes, context, _connect, (self._target,)) as pool:

            def done(jobs: Iterable[Job]) -> list[Any]:
                found = pool.map(_kept, [(job, self._folder) for job in jobs])
                return [each for each in found if each is not None]

            searched = done(self._search(HEADLINE, plan.environments, plan.steps))
            pairs = PREFERENCES[:2], PREFERENCES[2:]
            noisy = [method for flips in FLIPS for method in under_noise(flips) if method.flips]
            searched += done(self._search(noisy, plan.environments, plan.steps))
            steps = best_steps(searched)
            changed = done(
                job
                for flips in (0.0, *FLIPS)
                for name in plan.environments
                for job in self._ablations(name, flips, steps)
            )
            gradients = done(Probe(name, plan.seeds[0], plan.gradient_groups) for name in plan.environments)
            checks = done(Check(name, plan.seeds, flips) for name in plan.environments for flips in (0.0, *FLIPS))
            searched += done(self._search(pairs[0], plan.preference_environments, plan.steps))
            steps = best_steps(searched)
            runs = done(self._training(m, name, steps[name, m.name]) for m in HEADLINE for name in plan.environments)
            served = done(self._served(name, steps[name, ASSAY.name]) for name in plan.environments)
            searched += done(self._search(pairs[1], plan.preference_environments, plan.preference_steps))
        return {
            "plan": asdict(plan),
            "searched": searched,
            "runs": runs,
            "changed": changed,
            "gradients": [found for each in gradients for found in each],
            "checks": checks,
            "served": served,
            "seconds": None if self._resumed else time.monotonic() - started,
            "processes": self._processes,
        }

    def _training(self, method: Method, environment: str, step: float) -> Training:
        return Training(method, environment, self._plan.seeds, step, self._plan.budget, self._plan.checkpoint)

    def _served(self, environment: str, step: float) -> Served:
        plan = self._plan
        return Served(ASSAY, environment, plan.seeds, step, plan.budget, plan.checkpoint, until_target=True)

    def _ablations(self, name: str, flips: float, best: Mapping[tuple[str, str], float]) -> list[Training]:
        """Beside `ablation_steps` at the best of the defaults, with the same share of wrong answers."""
        plan = self._plan
        methods, like = ablations(ENVIRONMENTS[name]), ASSAY
        if flips:
            methods, like = noisy_ablations(flips), ASSAY.with_flips(flips)
        steps = plan.steps if name in plan.all_seeds else sorted({*plan.ablation_steps, best[name, like.name]})
        seeds = plan.seeds if name in plan.all_seeds else plan.seeds[: plan.ablation_seeds]
        return [replace(job, seeds=seeds) for job in self._search(methods, [name], steps)]

    def _search(self, methods: Sequence[Method], names: Sequence[str], steps: Sequence[float]) -> list[Training]:
        """Until the target is reached, with every step."""
        return [
            replace(self._training(method, name, step), until_target=True)
            for name in names
            for method in methods
            for step in steps
        ]


def _kept(what: tuple[Job, Path]) -> Any:
    """Does a job, or reads what it gave."""
    job, folder = what
    path = folder / f"{hashlib.sha256(repr(job).encode()).hexdigest()[:24]}.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    if _source is None:  # without a server: what is there
        return None
    found = _train(job) if isinstance(job, Training) else _probe(job) if isinstance(job, Probe) else _check(job)
    path.write_text(json.dumps(found), encoding="utf-8")
    return found
