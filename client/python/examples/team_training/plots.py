"""The report's pictures, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from team_training.summary import TARGET, Curves, Estimate

mpl.rcParams.update({"svg.hashsalt": "team_training", "svg.fonttype": "none", "font.size": 9})
_COLOURS = ("#8c8c8c", "#c8a200", "#2f7d4f", "#7a4fb5", "#d1432b")
_GRID_POINTS = 65
_RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def learning_curves(path: Path, title: str, curves: Mapping[str, Curves]) -> None:
    """Value over rollouts, a line and a 95 % band for each method; the last one is drawn on top."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for (label, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        grid = np.linspace(0, curve.budget, _GRID_POINTS)
        mean, low, high = curve.band(grid)
        axes.fill_between(grid, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(grid, mean, color=colour, label=label, linewidth=1.6)
    axes.axhline(TARGET, color="black", linewidth=0.6, linestyle=":")
    axes.set(title=title, xlabel="environment rollouts", ylabel="expected score", ylim=(0, 1.02), xlim=(0, None))
    axes.legend(frameon=False, loc="lower right")
    _save(figure, path)


def ratios(path: Path, title: str, rows: Mapping[str, Sequence[Estimate | None]], columns: Sequence[str]) -> None:
    """Ratios with intervals on a logarithmic axis: a panel for each column, a line for each row."""
    figure = Figure(figsize=(2.0 + 1.9 * len(columns), 0.8 + 0.27 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    places = np.arange(len(rows))
    for number, (panel, column) in enumerate(zip(panels, columns, strict=True)):
        for place, estimates in zip(places, rows.values(), strict=True):
            found = estimates[number]
            if found is not None:
                panel.plot([found.low, found.high], [place, place], color="#d1432b", linewidth=1.4)
                panel.plot([found.mean], [place], "o", color="#d1432b", markersize=4)
        panel.axvline(1.0, color="black", linewidth=0.6, linestyle=":")
        panel.set(title=column, xscale="log", xlim=(_RATIOS[0], _RATIOS[-1]), yticks=places, yticklabels=list(rows))
        panel.set_xticks(_RATIOS, [f"{tick:g}" for tick in _RATIOS])
        panel.minorticks_off()
    panels[0].invert_yaxis()
    figure.supxlabel(title, fontsize=9)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None})
