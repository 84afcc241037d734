"""Test-only: the cases of the shared folder, and small records of our own in the shapes of real libraries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay_rl import Episode
from assay_rl.convert.files import AUTO, Choices, Summary, read_episodes

SHARED = Path(os.environ.get("ASSAY_SHARED", Path(__file__).resolve().parents[4] / "shared"))
CASES = SHARED / "cases" / "traces"
DATA = Path(__file__).resolve().parent / "data"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the shared folder's cases are not here")


def read(path: Path | str, format: str = AUTO, **choices: object) -> list[Episode]:
    return list(read_episodes(str(path), format, Choices(**choices)))  # type: ignore[arg-type]


def summary_of(path: Path | str, format: str = AUTO, **choices: object) -> str:
    summary = Summary()
    for _ in read_episodes(str(path), format, Choices(**choices), summary):  # type: ignore[arg-type]
        pass
    return "\n".join(summary.lines())


def dialogue(episode: Episode) -> list[tuple[str, str]]:
    """Author and text of each message."""
    return [(message.agent, message.content) for message in episode.messages]


def agents(episode: Episode) -> list[str]:
    return [agent.id for agent in episode.players()]


def calls(episode: Episode) -> list[str]:
    return [
        line
        for message in episode.messages
        if message.agent
        for line in message.content.splitlines()
        if line.startswith("[tool_call]")
    ]
