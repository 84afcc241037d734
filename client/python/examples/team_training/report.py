"""The report: Markdown with pictures, every number out of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from team_training import plots, report_texts
from team_training.environments import ENVIRONMENTS, Floats
from team_training.in_process import CHECKED_GROUPS
from team_training.methods import ASSAY, FLIPS, HEADLINE, PREFERENCES, Method, under_noise
from team_training.report_ablations import AblationReport, table
from team_training.summary import Curves, Estimate, best_steps, estimate, ratio, share

# Of the best baseline's rollouts, at each method's best step; at the two smallest steps; and of trajectory DPO's.
_GOALS = {"specialists": 0.4, "saboteur": 0.45, "repair": 0.55, "debate": 0.9, "pipeline": 1.0}
_SMALL_GOALS = {"specialists": 0.45, "saboteur": 0.45}
_PEER_GOALS = {"specialists": 0.25, "saboteur": 0.4}
_NOISE_GOAL = 1.0  # with 10 % of the re-gradings wrong, everywhere

# What was measured before: with the first form of the signals, whose steps were chosen on 4 seeds of their own, and
# with the second before teams were put together again.
_HISTORY = {
    "pipeline": (1.00, 1.00),
    "specialists": (2.60, 0.88),
    "saboteur": (0.54, 0.64),
    "debate": (0.86, 0.95),
    "repair": (0.60, 0.64),
}
_FIRST_PAIRS = (
    "Pairs of the first form, over trajectory DPO: SIBLING 1.56 (pipeline), 1.89 (saboteur), 0.76 (repair); STEP and "
    "REPAIR 4.75, 4.55, 1.16."
)


@dataclass(frozen=True)
class Verdict:
    """Assay against the best baseline in one environment: the ratio of their rollouts to the target."""

    environment: str
    best: Method
    ratio: Estimate
    assay: Estimate
    baseline: Estimate

    @property
    def apart(self) -> bool:
        return self.assay.high < self.baseline.low


class Report:
    def __init__(self, results: Mapping[str, Any]) -> None:
        self._results = results
        self._plan = results["plan"]
        self._environments = list(self._plan["environments"])
        budget = int(self._plan["budget"])
        self._curves = {(r["environment"], r["method"]): Curves(r["history"], budget) for r in results["runs"]}
        self._searched = {(r["environment"], r["method"], float(r["step"])): r for r in results["searched"]}
        self._best = best_steps(results["searched"])
        self.verdicts = [self._verdict(name, HEADLINE) for name in self._environments]

    def _rollouts(self, name: str, method: Method, step: float | None = None) -> Floats:
        """To the target, [seeds]; step: by default the best."""
        chosen = self._best[name, method.name] if step is None else step
        return np.array(self._searched[name, method.name, chosen]["rollouts"])

    def _trained(self, name: str) -> list[Method]:
        """With the whole budget; not all where a run was interrupted."""
        return [method for method in HEADLINE if (name, method.name) in self._curves]

    def _verdict(self, name: str, methods: Sequence[Method], step: float | None = None) -> Verdict:
        """methods: the baselines, and Assay as the last. The best baseline is picked with hindsight."""
        *baselines, assay = methods
        best = min(baselines, key=lambda m: float(self._rollouts(name, m, step).mean()))
        ours, theirs = self._rollouts(name, assay, step), self._rollouts(name, best, step)
        return Verdict(name, best, ratio(ours, theirs), estimate(ours), estimate(theirs))

    def last_lines(self) -> list[str]:
        return [
            f"rollouts_ratio {v.environment} {v.ratio.mean:.3f} {v.ratio.low:.3f} {v.ratio.high:.3f}"
            for v in self.verdicts
        ]

    def write(self, folder: Path) -> None:
        """REPORT.md and its pictures."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self._environments:
            curves = {m.title: self._curves[name, m.name] for m in self._trained(name)}
            plots.learning_curves(folder / f"curves_{name}.svg", ENVIRONMENTS[name].title, curves)
        AblationReport(self._results).write(folder)
        sections = (
            self._summary(),
            self._setup(),
            self._ratios(),
            self._headline(),
            self._steps_table(),
            self._costs(),
            self._rates(),
            report_texts.ELSEWHERE,
            self._preferences() if self._prefers() else "",
            self._history(),
            self._limits(),
            "```\n" + "\n".join(self.last_lines()) + "\n```",
        )
        (folder / "REPORT.md").write_text("\n\n".join(filter(None, sections)) + "\n", encoding="utf-8")

    def _summary(self) -> str:
        """What misses is said first."""
        kept: list[str] = []
        missed: list[str] = []

        def judge(found: Estimate, goal: float, said: str) -> None:
            (kept if found.mean <= goal + 0.005 else missed).append(said)

        for verdict in self.verdicts:
            judge(verdict.ratio, _GOALS[verdict.environment], _said(verdict))
        for name, goal in _SMALL_GOALS.items():
            for step in self._plan["steps"][:2] if name in self._environments else ():
                small = self._verdict(name, HEADLINE, step)
                judge(small.ratio, goal, f"{_said(small)} at step {step:g}")
        for verdict in filter(None, (self._noisy(name, FLIPS[0]) for name in self._environments)):
            judge(verdict.ratio, _NOISE_GOAL, f"{_said(verdict)} with {100 * FLIPS[0]:.0f} % wrong")
        for name, goal in _PEER_GOALS.items() if self._prefers() else ():
            trajectory, peer = (self._rollouts(name, method) for method in PREFERENCES[:2])
            found = ratio(peer, trajectory)
            judge(found, goal, f"{name} {found:.2f} by PEER pairs (of trajectory DPO)")
        goals = {"goals": _GOALS, "small": _SMALL_GOALS, "peers": _PEER_GOALS}
        listed = {what: ", ".join(f"{g:g} ({name})" for name, g in of.items()) for what, of in goals.items()}
        parts = [report_texts.CLAIM.format(**listed)]
        parts += [f"**Missed: {'; '.join(missed)}.**"] if missed else []
        parts += [f"Kept: {'; '.join(kept)}."] if kept else []
        return "# Do teams learn better?\n\n" + "\n\n".join(parts)

    def _setup(self) -> str:
        plan = self._plan
        rows = [
            (e.name, e.title, len(e.agents), len(e.turns), "yes" if e.credit_matters else "no")
            for e in (ENVIRONMENTS[name] for name in self._environments)
        ]
        header = ("environment", "", "agents", "turns", "credit claimed to matter")
        prose = report_texts.SETTING.format(
            budget=plan["budget"],
            steps=", ".join(f"{step:g}" for step in plan["steps"]),
            seeds=len(plan["seeds"]),
            agreement=self._agreement(),
        )
        return f"## Setting\n\n{table(header, rows)}\n\n{prose}"

    def _agreement(self) -> str:
        """Of what was made in process with what a server made."""
        both = self._results["served"]
        same = sum(
            found["rollouts"] == self._rollouts(found["environment"], ASSAY, float(found["step"])).tolist()
            for found in both
        )
        checks = self._results["checks"]
        largest = max((check["difference"] for check in checks), default=float("nan"))
        groups = sum(CHECKED_GROUPS * len(check["seeds"]) for check in checks)
        return report_texts.AGREEMENT.format(groups=groups, largest=largest, same=same, both=len(both))

    def _headline(self) -> str:
        parts = ["## Rollouts to 90 % of the optimum"]
        for verdict in self.verdicts:
            name = verdict.environment
            rows = []
            for method in self._trained(name):
                curves = self._curves[name, method.name]
                reached = curves.reached()
                rows.append(
                    (
                        method.title,
                        f"{self._best[name, method.name]:g}",
                        f"{estimate(curves.rollouts_to_target()):.0f}",
                        f"{int(reached.sum())} of {len(reached)}",
                        f"{share(curves.final('value')):.3f}",
                        f"{float(curves['value'].mean()):.3f}",
                    )
                )
            header = ("method", "step", "rollouts to 90 %", "seeds that got there", "final value", "mean value")
            apart = "bands apart" if verdict.apart else "bands overlap"
            parts += [
                f"### {ENVIRONMENTS[name].title} (`{name}`)",
                f"![learning curves](curves_{name}.svg)",
                table(header, rows),
                f"Assay over the best baseline ({verdict.best.title}): {verdict.ratio:.2f}, {apart}. Where a seed did "
                "not get there, its whole budget counts.",
            ]
        return "\n\n".join(parts)

    def _noisy(self, name: str, flips: float) -> Verdict | None:
        """None where an interrupted run has not come so far."""
        methods = under_noise(flips)
        if any((name, method.name) not in self._best for method in methods):
            return None
        return self._verdict(name, methods)

    def _ratios(self) -> str:
        small = self._plan["steps"][:2]
        header = (
            "environment",
            "best step",
            "which is",
            *(f"step {step:g}" for step in small),
            *(f"{100 * flips:.0f} % wrong" for flips in FLIPS),
        )
        rows = [
            (
                verdict.environment,
                f"**{verdict.ratio:.2f}**",
                verdict.best.title,
                *(f"{self._verdict(verdict.environment, HEADLINE, step).ratio:.2f}" for step in small),
                *(
                    f"{noisy.ratio:.2f}" if (noisy := self._noisy(verdict.environment, flips)) else ""
                    for flips in FLIPS
                ),
            )
            for verdict in self.verdicts
        ]
        return report_texts.RATIOS + table(header, rows)

    def _steps_table(self) -> str:
        def cell(name: str, method: Method, step: float) -> str:
            found = self._searched.get((name, method.name, step))
            if found is None:
                return ""
            arrived, seeds = sum(found["reached"]), len(found["reached"])
            return f"{np.mean(found['rollouts']):.0f}" + ("" if arrived == seeds else f" ({arrived})")

        steps = self._plan["steps"]
        methods = {m.name: m for m in (*HEADLINE, *(m for flips in FLIPS for m in under_noise(flips)))}
        rows = [
            (name, method.title, *(cell(name, method, step) for step in steps))
            for name in self._environments
            for method in methods.values()
        ]
        return report_texts.STEPS + table(("environment", "method", *(f"step {step:g}" for step in steps)), rows)

    def _costs(self) -> str:
        rows = []
        for name in self._environments:
            for method in self._trained(name):
                curves = self._curves[name, method.name]
                spent = {
                    what: float(curves.spent(what).mean()) for what in ("rollouts", "replays", "regrades", "tokens")
                }
                pessimistic = spent["rollouts"] + spent["regrades"]
                rows.append((name, method.title, *(f"{v:,.0f}" for v in (*spent.values(), pessimistic))))
        header = ("environment", "method", "rollouts", "counterfactual", "re-gradings", "tokens", "all as rollouts")
        return report_texts.COSTS + table(header, rows)

    def _rates(self) -> str:
        rows = []
        for name in self._environments:
            for method in self._trained(name):
                curves = self._curves[name, method.name]
                middle = curves["sabotage"].shape[1] // 4
                rows.append(
                    (
                        name,
                        method.title,
                        f"{curves['sabotage'][:, 0].mean():.3f}",
                        f"{share(curves['sabotage'][:, middle]):.3f}",
                        f"{share(curves.final('sabotage')):.3f}",
                        f"{curves['redundancy'][:, 0].mean():.3f}",
                        f"{share(curves.final('redundancy')):.3f}",
                    )
                )
        header = ("environment", "method", "sabotage: start", "a quarter on", "end", "redundancy: start", "end")
        return report_texts.RATES + table(header, rows)

    def _prefers(self) -> bool:
        names = self._plan["preference_environments"]
        return all((name, method.name) in self._best for name in names for method in PREFERENCES[:2])

    def _preferences(self) -> str:
        rows = []
        for name in self._plan["preference_environments"]:
            base = self._rollouts(name, PREFERENCES[0])
            for method in PREFERENCES:
                if (name, method.name) not in self._best:
                    continue
                step = self._best[name, method.name]
                tried = [s for s in self._plan["steps"] if (name, method.name, s) in self._searched]
                some = "" if tried == list(self._plan["steps"]) else f" (tried: {', '.join(f'{s:g}' for s in tried)})"
                spent = self._rollouts(name, method)
                arrived = self._searched[name, method.name, step]["reached"]
                rows.append(
                    (
                        name,
                        method.title,
                        f"{step:g}{some}",
                        f"{estimate(spent):.0f}",
                        f"{sum(arrived)} of {len(arrived)}",
                        f"{ratio(spent, base):.2f}",
                    )
                )
        header = ("environment", "method", "step", "rollouts to 90 %", "seeds that got there", "over trajectory DPO")
        steps = ", ".join(f"{step:g}" for step in self._plan["preference_steps"])
        others = any(row[1] == method.title for row in rows for method in PREFERENCES[2:])
        return (
            report_texts.PREFERENCES
            + (report_texts.OTHER_PAIRS.format(steps=steps) if others else "")
            + table(header, rows)
        )

    def _history(self) -> str:
        lines = [
            f"- {name}: {first:.2f} with the first form of the signals, {second:.2f} with the second without "
            "recombined teams."
            for name, (first, second) in _HISTORY.items()
            if name in self._environments
        ]
        return "\n".join(("## History\n\nOver the best baseline, at the best step:\n", *lines, f"- {_FIRST_PAIRS}"))

    def _limits(self) -> str:
        seconds = self._results["seconds"]
        whole = seconds is not None
        run = (
            report_texts.RUN.format(minutes=seconds / 60, processes=self._results["processes"])
            if whole
            else report_texts.INTERRUPTED
        )
        return report_texts.LIMITS.format(run=run)


def _said(verdict: Verdict) -> str:
    return f"{verdict.environment} {verdict.ratio:.2f} (of {verdict.best.title})"


def _number(found: Estimate | None) -> str:
    return "" if found is None else f"{found:.2f}"


def _ratio_of(verdict: Verdict | None) -> str:
    return _number(verdict.ratio if verdict else None)
