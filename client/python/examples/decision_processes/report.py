"""The tables of README.md, between its markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay_rl import Client
from decision_processes.oracle import Measured, exact_gradient, in_a_large_group, in_groups_of
from decision_processes.processes import Delayed, Floats, Horizon, Process, Repair
from decision_processes.rules import ASSAY, BASELINES, GRPO, LEFT_OUT, VALUES, Asked, Computed, prepare
from decision_processes.sampled import learn, with_rollouts

GROUP = 8
PROCESSES: tuple[Process, ...] = (Repair(), Delayed(4), Horizon())
HORIZONS = (2, 4, 8, 16, 32)
POLICIES = 8  # a process: the undecided one, and others of probabilities 1/4, 1/2, 3/4
LEARNERS = range(12)
_STEP, _ITERATIONS, _LEARNT = 2.0, 100, 0.9
_ROLLOUTS, _ROLLED_GROUPS = 8, 400


def policies(process: Process) -> list[Floats]:
    rng = np.random.default_rng(process.states)
    return [np.full(process.states, 0.5), *rng.choice((0.25, 0.5, 0.75), (POLICIES - 1, process.states))]


@dataclass(frozen=True)
class Row:
    """One rule in one process, over all its policies, of which the first is the undecided one."""

    title: str
    large: list[Measured]
    small: list[Measured]

    def cells(self) -> tuple[str, ...]:
        return (
            self.title,
            f"{max(m.error for m in self.large):.3f}",
            f"{self.small[0].error:.3f}",
            f"{max(m.error for m in self.small):.3f}",
            f"{self.small[0].noise:.3f}",
            f"{sum(m.wrong for m in self.large)}",
        )


def measure(rule: Asked | Computed, process: Process, client: Client) -> Row:
    large, small = [], []
    for policy in policies(process):
        prepared, exact = prepare(rule, process, policy, client), exact_gradient(process, policy)
        large.append(in_a_large_group(prepared.classes, prepared.advantages, exact))
        small.append(in_groups_of(GROUP, prepared.classes, prepared.advantages, exact))
    return Row(rule.title, large, small)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows))


def _oracles(client: Client) -> str:
    header = ("", "error, large groups", f"groups of {GROUP}, undecided", "worst policy", "noise", "wrong way")
    parts = []
    for process in PROCESSES:
        turns = POLICIES * process.states
        rows = [measure(rule, process, client).cells() for rule in (*BASELINES, *ASSAY)]
        parts.append(f"**{process.title.capitalize()}** (`{process.name}`, {turns} turns)\n\n{_table(header, rows)}")
    return "\n\n".join(parts)


def _horizons(client: Client) -> str:
    rows = []
    for rule in (GRPO, LEFT_OUT, VALUES):
        cells = [rule.title]
        for horizon in HORIZONS:
            process = Delayed(horizon)
            policy = np.full(horizon, 0.5)
            prepared = prepare(rule, process, policy, client)
            found = in_groups_of(GROUP, prepared.classes, prepared.advantages, exact_gradient(process, policy))
            cells.append(f"{found.error:.3f} / {found.noise:.2f}")
        rows.append(cells)
    return _table(("error / noise", *(f"{horizon} turns" for horizon in HORIZONS)), rows)


def _rollouts(client: Client) -> str:
    process = Delayed(16)
    ours, plain = with_rollouts(client, process, np.full(16, 0.5), _ROLLOUTS, GROUP, _ROLLED_GROUPS, seed=1)
    rows = [
        (title, f"{e.error:.3f} (sampling error {e.error_of_error:.3f})", f"{e.noise:.2f}")
        for title, e in (("Assay, defaults", ours), ("plain differences", plain))
    ]
    return _table((f"{_ROLLOUTS} rollouts a node, 16 turns", f"error, groups of {GROUP}", "noise"), rows)


def _values(rule: Asked | Computed, client: Client) -> Floats:
    return np.array(learn(client, Horizon(), rule, LEARNERS, _STEP, _ITERATIONS))


def learnt(rule: Asked | Computed, client: Client) -> int:
    """How many of LEARNERS know the variable horizon in the end."""
    return int((_values(rule, client) >= _LEARNT).sum())


def _learning(client: Client) -> str:
    rows = []
    for rule in (*BASELINES, *ASSAY):
        values = _values(rule, client)
        rows.append((rule.title, f"{(values >= _LEARNT).sum()} of {len(values)}", f"{np.min(values):.3f}"))
    return _table((f"after {_ITERATIONS} groups of {GROUP}", "learnt", "least expected score"), rows)


def write(client: Client) -> None:
    readme = Path(__file__).with_name("README.md")
    text = readme.read_text(encoding="utf-8")
    tables = {
        "oracles": _oracles(client),
        "horizons": _horizons(client),
        "rollouts": _rollouts(client),
        "learning": _learning(client),
    }
    for name, table in tables.items():
        text = _replaced(text, f"<!-- {name} -->\n", f"{table}\n", f"<!-- end of {name} -->")
    readme.write_text(text, encoding="utf-8")
    print(readme)


def _replaced(text: str, begin: str, table: str, end: str) -> str:
    before, found, rest = text.partition(begin)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise ValueError(f"README.md has no place between {begin!r} and {end!r}")
    return before + begin + table + end + after
