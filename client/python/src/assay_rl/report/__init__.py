"""Signals for people: one self-contained HTML page, and fragments for notebooks.

    assay-rl report signals.jsonl --episodes episodes.jsonl -o report.html

The page needs no network and runs under a Content-Security-Policy that allows its own script and style, by digest, and
nothing else. Everything an episode says is shown as text: it can never become markup or script.
"""

from __future__ import annotations

from .fragment import html_for
from .page import Notebook, notebook, render

__all__ = ["Notebook", "html_for", "notebook", "render"]
