"""What a fork leaves of a client: nothing. gRPC's threads and poller stay with the parent, and a call in the child
would hang or crash; so it says so instead.
"""

from __future__ import annotations

import os

# gRPC's own handlers of forks are for channels that live on in the child, and ours do not. Beside the poller of an
# asyncio channel they crashed the child in 2 of 29 forks; without them it was 0 of 64. Read when gRPC is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

_used = False  # a client was made in this process
_parent_used = False  # one was made in the process that this one was forked from


def _after_fork() -> None:
    global _used, _parent_used
    _parent_used = _parent_used or _used
    _used = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check_process() -> None:
    """Before a client is made. RuntimeError: in this process it could not work."""
    global _used
    if _parent_used:
        raise RuntimeError(
            "this process was forked from one that had made an assay client: gRPC cannot be used here. Fork before the "
            'first client is made, or start processes with multiprocessing.get_context("spawn") or "forkserver"'
        )
    _used = True


def check_owner(process: int) -> None:
    """Before a client is used. RuntimeError: it was made in another process."""
    if process != os.getpid():
        raise RuntimeError(
            f"this client was made in process {process}, before a fork: it cannot be used in process {os.getpid()}. "
            'Start processes with multiprocessing.get_context("spawn") or "forkserver", and make a client in each'
        )
