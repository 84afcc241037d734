"""ABLATIONS.md: Assay with one thing changed, with an evaluator that is right and with one that is often wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from team_training import plots, report_texts
from team_training.environments import ENVIRONMENTS, Floats
from team_training.in_process import CHECKED_GROUPS
from team_training.methods import ABLATIONS, ASSAY, FLIPS, HEADLINE, Method, ablations, noisy_ablations
from team_training.summary import Estimate, best_steps, ratio

_GRPO, _LEAVE_ONE_OUT = HEADLINE[0], HEADLINE[2]
_EQUAL = 0.005


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


class AblationReport:
    def __init__(self, results: Mapping[str, Any]) -> None:
        plan = results["plan"]
        self._environments: list[str] = list(plan["environments"])
        self._steps: list[float] = list(plan["steps"])
        self._seeds = len(plan["seeds"])
        self._fewer = int(plan["ablation_seeds"])
        self._all_seeds = list(plan["all_seeds"])
        self._few_steps = [float(step) for step in plan["ablation_steps"]]
        records = [*results["searched"], *results["changed"]]
        self._records = {(r["environment"], r["method"], float(r["step"])): r for r in records}
        self._best = best_steps(records)
        self._checks = results["checks"]
        self._results = results

    def write(self, folder: Path) -> None:
        """ABLATIONS.md and its picture."""
        names = self._environments
        rows = {
            m.title: [self._relative(name, m, ASSAY) if m in ablations(ENVIRONMENTS[name]) else None for name in names]
            for m in ABLATIONS
        }
        title = "rollouts to 90 % of the optimum, relative to Assay with its defaults, each at its best step"
        plots.ratios(folder / "ablations.svg", title, rows, names)
        parts = [
            report_texts.ABLATIONS.format(**self._extent()),
            self._soonest(),
            report_texts.AGREED.format(**self._checked()),
        ]
        parts.append("![ablations](ablations.svg)")
        for name in names:
            parts += [f"## {ENVIRONMENTS[name].title} (`{name}`)", self._exact(name)]
        parts.append(report_texts.NOISE_ABLATIONS)
        parts += [self._noisy(flips) for flips in FLIPS]
        if self._results["gradients"]:
            parts.append(self._gradients())
        (folder / "ABLATIONS.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _checked(self) -> dict[str, object]:
        checks = self._checks
        return {
            "groups": sum(CHECKED_GROUPS * len(check["seeds"]) for check in checks),
            "largest": max((check["difference"] for check in checks), default=float("nan")),
        }

    def _soonest(self) -> str:
        """What gets there soonest, one row an environment."""
        small = self._steps[:2]
        rows = []
        for name in self._environments:
            row = [name]
            for step in (None, *small):
                known = [(m, self._relative(name, m, ASSAY, step)) for m in ablations(ENVIRONMENTS[name])]
                found = min(((r.mean, m.title, r) for m, r in known if r is not None), default=None)
                better = found is not None and found[0] < 1 - _EQUAL
                row.append(f"{found[1]}: {found[2]:.2f}" if found is not None and better else "the defaults")
            rows.append(row)
        return table(("environment", "at the best step", *(f"at step {step:g}" for step in small)), rows)

    def _extent(self) -> dict[str, object]:
        return {
            "seeds": self._seeds,
            "fewer": self._fewer,
            "steps": " and ".join(f"{step:g}" for step in self._few_steps),
            "everything": ", ".join(f"`{name}`" for name in self._all_seeds),
        }

    def _seeds_of(self, name: str) -> int:
        return self._seeds if name in self._all_seeds else self._fewer

    def _rollouts(self, name: str, method: Method, step: float | None) -> Floats | None:
        """step: by default the best of those that were tried."""
        chosen = self._best.get((name, method.name)) if step is None else step
        found = None if chosen is None else self._records.get((name, method.name, chosen))
        return None if found is None else np.array(found["rollouts"])

    def _relative(self, name: str, method: Method, to: Method, step: float | None = None) -> Estimate | None:
        """Seed by seed, over as many as all rows of the environment have."""
        ours, theirs = self._rollouts(name, method, step), self._rollouts(name, to, step)
        if ours is None or theirs is None:
            return None
        seeds = min(len(ours), len(theirs), self._seeds_of(name))
        return ratio(ours[:seeds], theirs[:seeds])

    def _over(self, name: str, method: Method, to: Method, step: float | None = None) -> str:
        if method == to:
            return "1"
        found = self._relative(name, method, to, step)
        return "" if found is None else f"{found:.2f}"

    def _cells(self, name: str, method: Method) -> list[str]:
        """Mean rollouts at every step, and in brackets how many seeds got there where not all did."""
        cells = []
        for step in self._steps:
            found = self._records.get((name, method.name, step))
            if found is None:
                cells.append("")
                continue
            seeds = self._seeds_of(name)
            reached, rollouts = found["reached"][:seeds], found["rollouts"][:seeds]
            some = "" if all(reached) else f" ({sum(reached)})"
            best = "**" if step == self._best[name, method.name] else ""
            cells.append(f"{best}{np.mean(rollouts):.0f}{best}{some}")
        return cells

    def _step_titles(self) -> list[str]:
        return [f"step {step:g}" for step in self._steps]

    def _exact(self, name: str) -> str:
        methods = (_GRPO, ASSAY, *ablations(ENVIRONMENTS[name]))
        small = self._steps[:2]
        relative = ("over defaults, best step", *(f"at step {step:g}" for step in small))
        rows = [
            [m.title, *self._cells(name, m), *(self._over(name, m, ASSAY, step) for step in (None, *small))]
            for m in methods
            if (name, m.name) in self._best
        ]
        return table(("variant", *self._step_titles(), *relative), rows)

    def _noisy(self, flips: float) -> str:
        defaults = ASSAY.with_flips(flips)
        rows = [
            [name, title, *self._cells(name, m), self._over(name, m, _GRPO), self._over(name, m, defaults)]
            for name in self._environments
            for title, m in (
                (_GRPO.title, _GRPO),
                (_LEAVE_ONE_OUT.title, _LEAVE_ONE_OUT.with_flips(flips)),
                (ASSAY.title, defaults),
                *((m.title.split(",")[0], m) for m in noisy_ablations(flips)),
            )
            if (name, m.name) in self._best
        ]
        header = ("environment", "variant", *self._step_titles(), "over GRPO, best step", "over defaults, best step")
        return f"### {100 * flips:.0f} % of the answers wrong\n\n" + table(header, rows)

    def _gradients(self) -> str:
        rows = []
        titles = {m.name: m.title for m in HEADLINE}
        for found in self._results["gradients"]:
            rows.append(
                (
                    found["environment"],
                    f"{found['place']} (value {found['value']:.2f})",
                    titles[found["method"]],
                    f"{found['variance_ratio']:.1f}",
                    f"{found['alignment']:.2f}",
                )
            )
        header = ("environment", "policies", "method", "variance ratio", "alignment")
        return report_texts.GRADIENTS + table(header, rows)
