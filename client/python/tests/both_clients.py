"""Test-only: runs episodes through Client or AsyncClient."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from assayd import HANGS

import assay_rl
from assay_rl import Episode, Group, GroupFailed, GroupScored, Message, Outcome, Scored


def episode(number: int, group: Group | None = None, text: str = "hello") -> Episode:
    return Episode(f"e{number}", [Message("a", text), Message("b", text)], score=number / 10000, group=group)


def scores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Scores by id; fails where an episode was answered twice or not with signals."""
    found: dict[str, float] = {}
    for outcome in outcomes:
        if isinstance(outcome, (GroupScored, GroupFailed)):
            continue
        assert isinstance(outcome, Scored), outcome
        assert outcome.episode_id not in found
        found[outcome.episode_id] = outcome.signals.score
    return found


def run(target: str, episodes: Sequence[Episode], mode: str, **arguments: object) -> list[Outcome]:
    """All outcomes, by the synchronous or the asyncio client; it waits for the server unless the arguments say less."""
    arguments = {"connect_timeout": HANGS, "reconnect_timeout": HANGS, **arguments}
    keywords = {k: arguments.pop(k) for k in ("options", "evaluator") if k in arguments}
    if mode == "sync":
        with assay_rl.Client(target, **arguments) as client:
            return list(client.score(episodes, **keywords))  # type: ignore[arg-type]

    async def score() -> list[Outcome]:
        async with assay_rl.AsyncClient(target, **arguments) as client:  # type: ignore[arg-type]
            return [outcome async for outcome in client.score(episodes, **keywords)]  # type: ignore[arg-type]

    return asyncio.run(score())


both = pytest.mark.parametrize("mode", ["sync", "async"])
