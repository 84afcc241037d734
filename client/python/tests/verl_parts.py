"""Test-only: verl's parts that a reward manager meets, without Ray; imported where verl is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay_rl.training.verl import AssayRewardManager, BoardActor


class Item:
    def __init__(self, fields: dict[str, Any]) -> None:
        self.non_tensor_batch = {"tool_extra_fields": fields}


class Sessions(list[Item]):
    """What run_single reads of a DataProto."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Sessions(found) if isinstance(key, slice) else found


def manager(target: str, **more: Any) -> AssayRewardManager:
    made = AssayRewardManager.__new__(AssayRewardManager)
    config = type("Config", (), {"reward": {"assay": {"server": target, "options": {"vote": {}}, **more}}})()
    AssayRewardManager.__init__(made, config, None, None)
    return made


def board_of(target: str, workers: Sequence[AssayRewardManager]) -> None:
    """One board for all workers, as the job's actor is."""
    first = workers[0]
    board = BoardActor(target, first._advantages.SerializeToString(), None, 30.0, first._summaries)

    class Remote:
        class submit:  # noqa: N801 (as Ray spells an actor's method)
            remote = staticmethod(board.submit)

    for worker in workers:
        worker._board = Remote
