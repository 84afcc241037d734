"""Test-only: the coding team of the examples, whose score is the share of tests that pass when they are run again."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

RERUN: dict[str, Any] = {"caller": {"free": True, "deterministic": True}}


def coding_team(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module examples/coding_team.py: EPISODES, of which some were sabotaged, and the evaluator `value`."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "examples"))
    return importlib.import_module("coding_team")
