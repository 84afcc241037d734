"""The report: Markdown with pictures, every number out of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from team_training import plots
from team_training.environments import ENVIRONMENTS, Floats
from team_training.methods import ASSAY, HEADLINE, PREFERENCES, Method, ablations
from team_training.summary import Curves, Estimate, estimate, ratio, share

_HALF = 0.5  # of the best baseline's rollouts: what is claimed where credit matters

_CLAIM = (
    "The claim was: where free riders, saboteurs or early errors are, Assay needs at most half the environment "
    "rollouts of the best baseline to reach 90 % of the optimum, with confidence bands apart; elsewhere it is "
    "not worse."
)

_SETTING = """Softmax policies over messages of two tokens, one an agent, trained from scratch; groups of 16 episodes of
one task. Every method gets {budget:,} rollouts, counterfactual ones included, so a method that needs none gets that
many more episodes. Step sizes come from one grid ({steps}), chosen for every method and environment on
{tuning} seeds that are not used afterwards. Comparisons: {seeds} seeds, the same for all methods; ablations: {ablation}
of them. The environments were fixed before the first run. All advantages and preferences of Assay come from a running
server, whose questions are answered by replaying the environment.

Three things are counted. A *rollout* is an episode that policies play, from the start or on from a prefix. *Tokens* are
those that policies generate, in either. A *re-grading* scores recorded messages with some left out: it needs neither
policy nor environment, so it is no rollout. That makes agents' credit an account of what was said, not a forecast of
what the others would have said instead. Leave-one-out is given its re-gradings on the same terms. Ranges in brackets
are 95 % t intervals over seeds."""

_STEPS = """## At every step size

Mean rollouts to 90 % over the seeds on which step sizes are chosen; the budget counts where a seed did not get there.
The large steps suit these tabular policies; the small ones are closer to what a trainer of large models can afford.

"""

_COSTS = """## What it cost to get there

Means over seeds. The last column charges every re-grading as if it were a rollout: what would be spent in a system
where leaving a message out means playing the rest again.

"""

_RATES = """## Sabotage and redundancy

Sabotage: share of messages that do harm by what they say. Redundancy: share of the messages of solved episodes without
which they would have been solved as well; where nothing is charged for a message, a reliable team is a redundant one.
"A quarter on" is a quarter of the budget.

"""

_GRADIENTS = """## Variance of the gradient

At fixed policies, for one group of 16 episodes: total variance of the estimate over the squared length of its
expectation (small is good), and the cosine between that expectation and the gradient of the expected score (1: on
average it climbs straight up). Groups in which all episodes score the same teach an outcome method nothing and count.

"""

_ABLATIONS = """## Ablations

One thing changed at a time; the step size is the one tuned for the defaults (blend 0.5, message rewards, failure side,
all questions). Not in the pipeline, where there is nothing for credit to find. Where every agent sends one message,
variants that differ in message rewards only coincide. Rollouts to 90 %:"""

_PREFERENCES = """## Preferences

Online DPO on groups of 16, on the ablations' seeds; the reference is reset every iteration. STEP and REPAIR pairs need
the place of the error: up to 8 rollouts a failed episode to find it, and one for each of up to 2 alternatives tried
there, all charged. SIBLING pairs need none.

"""

_LIMITS = """## Limits

- Tabular policies, and tasks with one right message an agent: large steps are safe here, and a single success teaches
  much. Where steps must be small, variance weighs more.
- The environments never changed. The plan did, after small trial runs had shown results: the grid of steps, the budget,
  the number of tuning seeds, which environments the ablations visit, and how DPO pairs are smoothed. Those trials may
  have used seeds that are compared here.
- The best baseline is picked with hindsight on the seeds that are compared, which favours the baselines.
- Agent-wise normalisation equals the broadcast outcome wherever every agent sends the same number of messages in every
  episode: everywhere but in `specialists`.
- This run took {minutes:.1f} minutes with {processes} processes."""


@dataclass(frozen=True)
class Verdict:
    """Assay against the best baseline in one environment: the ratio of their rollouts to the target."""

    environment: str
    best: Method
    ratio: Estimate
    assay: Estimate
    baseline: Estimate
    reached: float  # share of Assay's seeds that got to the target

    @property
    def apart(self) -> bool:
        return self.assay.high < self.baseline.low

    @property
    def holds(self) -> bool:
        """Half the rollouts, bands apart, where credit is claimed to matter; elsewhere not shown to be worse."""
        if ENVIRONMENTS[self.environment].credit_matters:
            return self.ratio.mean <= _HALF and self.apart
        return self.ratio.low <= 1.0 and self.reached > 0


class Report:
    def __init__(self, results: Mapping[str, Any]) -> None:
        self._results = results
        self._plan = results["plan"]
        self._environments = list(self._plan["environments"])
        budget = int(self._plan["budget"])
        self._curves = {(r["environment"], r["method"]): Curves(r["history"], budget) for r in results["runs"]}
        self._steps = {(s["environment"], s["method"]): float(s["step"]) for s in results["steps"]}
        self.verdicts = [self._verdict(name) for name in self._environments]

    def _verdict(self, name: str) -> Verdict:
        rollouts = {m.name: self._curves[name, m.name].rollouts_to_target() for m in HEADLINE}
        # With hindsight: the baseline that did best on the very seeds that are compared.
        best = min((m for m in HEADLINE if m.baseline), key=lambda m: float(rollouts[m.name].mean()))
        ours, theirs = rollouts[ASSAY.name], rollouts[best.name]
        reached = float(self._curves[name, ASSAY.name].reached().mean())
        return Verdict(name, best, ratio(ours, theirs), estimate(ours), estimate(theirs), reached)

    def last_lines(self) -> list[str]:
        return [
            f"rollouts_ratio {v.environment} {v.ratio.mean:.3f} {v.ratio.low:.3f} {v.ratio.high:.3f}"
            for v in self.verdicts
        ]

    def write(self, folder: Path) -> None:
        """REPORT.md and its pictures."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self._environments:
            curves = {m.title: self._curves[name, m.name] for m in HEADLINE}
            plots.learning_curves(folder / f"curves_{name}.svg", ENVIRONMENTS[name].title, curves)
        columns = list(self._plan["ablation_environments"])
        plots.ratios(
            folder / "ablations.svg",
            "rollouts to 90 % of the optimum, relative to Assay with its defaults",
            {m.title: [self._relative(name, m) for name in columns] for m in ablations(1)},
            columns,
        )
        sections = (
            self._summary(),
            self._setup(),
            self._headline(),
            self._steps_table(),
            self._costs(),
            self._rates(),
            self._gradients(),
            self._ablations(),
            self._preferences(),
            self._limits(),
            "```\n" + "\n".join(self.last_lines()) + "\n```",
        )
        (folder / "REPORT.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")

    def _summary(self) -> str:
        matters = [v for v in self.verdicts if ENVIRONMENTS[v.environment].credit_matters]
        others = [v for v in self.verdicts if not ENVIRONMENTS[v.environment].credit_matters]
        return f"# Do teams learn better?\n\n{_CLAIM} {self._kept(matters, 'holds')} {self._kept(others, 'not worse')}"

    def _kept(self, verdicts: Sequence[Verdict], claim: str) -> str:
        def listed(found: Iterable[Verdict]) -> str:
            return "; ".join(f"{v.environment}: {v.ratio:.2f} times the rollouts of {v.best.title}" for v in found)

        good, bad = [v for v in verdicts if v.holds], [v for v in verdicts if not v.holds]
        parts = []
        if claim == "holds":
            parts += (
                [f"This holds in {len(good)} of {len(verdicts)} such environments ({listed(good)})."] if good else []
            )
            parts += [f"**It does not hold in {len(bad)} of {len(verdicts)}** ({listed(bad)})."] if bad else []
        else:
            parts += [f"Elsewhere it is not shown to be worse ({listed(good)})."] if good else []
            parts += [f"**Elsewhere it is worse in {len(bad)} of {len(verdicts)}** ({listed(bad)})."] if bad else []
        return " ".join(parts)

    def _setup(self) -> str:
        plan = self._plan
        rows = [
            (e.name, e.title, len(e.agents), len(e.turns), "yes" if e.credit_matters else "no")
            for e in (ENVIRONMENTS[name] for name in self._environments)
        ]
        header = ("environment", "", "agents", "turns", "credit claimed to matter")
        prose = _SETTING.format(
            budget=plan["budget"],
            steps=", ".join(f"{step:g}" for step in plan["steps"]),
            tuning=len(plan["tuning_seeds"]),
            seeds=len(plan["seeds"]),
            ablation=len(plan["ablation_seeds"]),
        )
        return f"## Setting\n\n{_table(header, rows)}\n\n{prose}"

    def _headline(self) -> str:
        parts = ["## Rollouts to 90 % of the optimum"]
        for verdict in self.verdicts:
            name = verdict.environment
            rows = []
            for method in HEADLINE:
                curves = self._curves[name, method.name]
                reached = curves.reached()
                rows.append(
                    (
                        method.title,
                        f"{self._steps[name, method.name]:g}",
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
                _table(header, rows),
                f"Assay over the best baseline ({verdict.best.title}): {verdict.ratio:.2f}, {apart}. Where a seed did "
                "not get there, its whole budget counts.",
            ]
        return "\n\n".join(parts)

    def _steps_table(self) -> str:
        found = {(r["environment"], r["method"], r["step"]): r["rollouts"] for r in self._results["tuning"]}
        steps = self._plan["steps"]
        rows = [
            (name, method.title, *(f"{np.mean(found[name, method.name, step]):.0f}" for step in steps))
            for name in self._environments
            for method in HEADLINE
        ]
        return _STEPS + _table(("environment", "method", *(f"step {step:g}" for step in steps)), rows)

    def _costs(self) -> str:
        rows = []
        for name in self._environments:
            for method in HEADLINE:
                curves = self._curves[name, method.name]
                spent = {
                    what: float(curves.spent(what).mean()) for what in ("rollouts", "replays", "regrades", "tokens")
                }
                pessimistic = spent["rollouts"] + spent["regrades"]
                rows.append((name, method.title, *(f"{v:,.0f}" for v in (*spent.values(), pessimistic))))
        header = ("environment", "method", "rollouts", "counterfactual", "re-gradings", "tokens", "all as rollouts")
        return _COSTS + _table(header, rows)

    def _rates(self) -> str:
        rows = []
        for name in self._environments:
            for method in HEADLINE:
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
        return _RATES + _table(header, rows)

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
        return _GRADIENTS + _table(header, rows)

    def _relative(self, name: str, method: Method) -> Estimate:
        theirs = self._curves[name, method.name].rollouts_to_target()
        ours = self._curves[name, ASSAY.name].rollouts_to_target()[: len(theirs)]
        return ratio(theirs, ours)

    def _ablations(self) -> str:
        def cells(row: Callable[[str], str]) -> list[str]:
            return [row(name) for name in self._plan["ablation_environments"]]

        def rollouts(method: Method) -> Callable[[str], str]:
            return lambda name: f"{estimate(self._first(name, method)):.0f}"

        def relative(method: Method) -> Callable[[str], str]:
            return lambda name: f"{self._relative(name, method):.2f}"

        def arrived(method: Method) -> Callable[[str], str]:
            return lambda name: f"{int(self._curves[name, method.name].reached()[:seeds].sum())} of {seeds}"

        seeds = len(self._plan["ablation_seeds"])
        methods = (ASSAY, *ablations(1))
        header = ("variant", *self._plan["ablation_environments"])
        return "\n\n".join(
            (
                _ABLATIONS,
                _table(header, [(m.title, *cells(rollouts(m))) for m in methods]),
                "Relative to the defaults, seed by seed:",
                "![ablations](ablations.svg)",
                _table(header, [(m.title, *cells(relative(m))) for m in methods[1:]]),
                "Seeds that got there:",
                _table(header, [(m.title, *cells(arrived(m))) for m in methods]),
            )
        )

    def _first(self, name: str, method: Method) -> Floats:
        """Rollouts to the target on the ablations' seeds."""
        return self._curves[name, method.name].rollouts_to_target()[: len(self._plan["ablation_seeds"])]

    def _preferences(self) -> str:
        rows = []
        for name in self._plan["preference_environments"]:
            base = self._curves[name, PREFERENCES[0].name].rollouts_to_target()
            for method in PREFERENCES:
                curves = self._curves[name, method.name]
                spent = curves.rollouts_to_target()
                rows.append(
                    (
                        name,
                        method.title,
                        f"{self._steps[name, method.name]:g}",
                        f"{estimate(spent):.0f}",
                        f"{int(curves.reached().sum())} of {len(spent)}",
                        f"{share(curves.final('value')):.3f}",
                        f"{curves.spent('replays').mean():,.0f}",
                        f"{ratio(spent, base):.2f}",
                    )
                )
        header = (
            "environment",
            "method",
            "step",
            "rollouts to 90 %",
            "seeds that got there",
            "final value",
            "counterfactual rollouts",
            "over trajectory DPO",
        )
        return _PREFERENCES + _table(header, rows)

    def _limits(self) -> str:
        return _LIMITS.format(minutes=self._results["seconds"] / 60, processes=self._results["processes"])


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
