"""Gathering the signals of a group whose episodes were scored in different places."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import grpc

from assay_rl.client.outcomes import Advantages, EpisodeError, Error, GroupFailed, GroupOutcome
from assay_rl.v1 import signals_pb2

Compute = Callable[[Sequence[signals_pb2.EpisodeSignals]], Awaitable[dict[str, GroupOutcome]]]


def in_group(signals: signals_pb2.EpisodeSignals, group_id: str, size: int) -> signals_pb2.EpisodeSignals:
    """A copy of the signals that says which group they belong to."""
    copy = signals_pb2.EpisodeSignals()
    copy.CopyFrom(signals)
    copy.ClearField("audit")  # advantages do not need it, and it is most of the bytes
    copy.group.id, copy.group.size = group_id, size
    return copy


@dataclass
class _Gathering:
    size: int
    answered: int = 0
    signals: list[signals_pb2.EpisodeSignals] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: GroupOutcome | None = None


class GroupBoard:
    """Members of a group hand in their signals and wait for their advantages.

    compute: asks the service's ComputeAdvantages. timeout: seconds after a group's first member by which the others
    must have come; then the group is computed from those that did.
    """

    def __init__(self, compute: Compute, *, timeout: float = 600.0) -> None:
        self._compute = compute
        self._timeout = timeout
        self._groups: dict[str, _Gathering] = {}

    async def submit(self, group_id: str, size: int, signals: signals_pb2.EpisodeSignals | None) -> Advantages | None:
        """Advantages of this member, once all `size` members are in; a failed member (None) is counted and left out.

        Raises EpisodeError where the group has no advantages.
        """
        gathering = self._groups.get(group_id)
        if gathering is None:
            gathering = self._groups[group_id] = _Gathering(size)
        gathering.answered += 1
        if signals is not None:
            gathering.signals.append(in_group(signals, group_id, size))
        if gathering.answered >= gathering.size:
            await self._close(group_id, gathering)
        if signals is None:
            return None
        try:
            await asyncio.wait_for(gathering.done.wait(), self._timeout)
        except (TimeoutError, asyncio.TimeoutError):
            await self._close(group_id, gathering)
        outcome = gathering.outcome
        if outcome is None or isinstance(outcome, GroupFailed):
            error = outcome.error if outcome is not None else _no_result(group_id)
            raise EpisodeError(error)
        return outcome.advantages[signals.episode_id]

    async def _close(self, group_id: str, gathering: _Gathering) -> None:
        if self._groups.get(group_id) is gathering:
            del self._groups[group_id]
            try:
                if gathering.signals:
                    gathering.outcome = (await self._compute(gathering.signals)).get(group_id)
            finally:
                gathering.done.set()
        else:
            await gathering.done.wait()


def _no_result(group_id: str) -> Error:
    return Error(grpc.StatusCode.INTERNAL, f"the server sent no advantages for group {group_id!r}")
