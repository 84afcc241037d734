"""Members of a group that are scored in different places meet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
import pytest

from assay_rl.client.outcomes import Advantages, EpisodeError, Error, GroupFailed, GroupOutcome, GroupScored
from assay_rl.training.group_board import GroupBoard
from assay_rl.v1 import signal_service_pb2, signals_pb2


async def compute(signals: Sequence[signals_pb2.EpisodeSignals]) -> dict[str, GroupOutcome]:
    """Names who came, no mathematics."""
    result = signal_service_pb2.GroupResult(group_id=signals[0].group.id)
    result.signals.used = len(signals)
    for member in signals:
        result.signals.episodes.add(episode_id=member.episode_id, outcome_advantage=len(signals))
    return {result.group_id: GroupScored(result)}


def of(name: str) -> signals_pb2.EpisodeSignals:
    return signals_pb2.EpisodeSignals(episode_id=name)


def test_everybody_gets_his_own_once_all_are_in() -> None:
    async def run() -> list[Advantages | None]:
        board = GroupBoard(compute)
        return list(await asyncio.gather(*(board.submit("g", 3, of(name)) for name in "abc")))

    answers = asyncio.run(run())
    assert [a.episode_id for a in answers if a] == ["a", "b", "c"]
    assert {a.outcome for a in answers if a} == {3.0}


def test_a_failed_member_is_counted_and_left_out() -> None:
    async def run() -> list[Advantages | None]:
        board = GroupBoard(compute)
        return list(
            await asyncio.gather(
                board.submit("g", 3, of("a")), board.submit("g", 3, None), board.submit("g", 3, of("c"))
            )
        )

    answers = asyncio.run(run())
    assert answers[1] is None
    assert [a.outcome for a in answers if a] == [2.0, 2.0]


def test_a_member_that_never_comes_does_not_freeze_the_others() -> None:
    async def run() -> list[Advantages | None]:
        board = GroupBoard(compute, timeout=0.05)
        return list(await asyncio.gather(board.submit("g", 3, of("a")), board.submit("g", 3, of("b"))))

    assert [a.outcome for a in asyncio.run(run()) if a] == [2.0, 2.0]


def test_a_group_id_can_come_again() -> None:
    async def run() -> list[float]:
        board = GroupBoard(compute)
        answers = []
        for _ in range(2):
            pair = await asyncio.gather(board.submit("g", 2, of("a")), board.submit("g", 2, of("b")))
            answers += [a.outcome for a in pair if a]
        return answers

    assert asyncio.run(run()) == [2.0] * 4


def test_a_group_without_advantages_raises() -> None:
    async def broken(signals: Sequence[signals_pb2.EpisodeSignals]) -> dict[str, GroupOutcome]:
        return {"g": GroupFailed("g", Error(grpc.StatusCode.INVALID_ARGUMENT, "no"))}

    async def run() -> None:
        await GroupBoard(broken).submit("g", 1, of("a"))

    with pytest.raises(EpisodeError):
        asyncio.run(run())
