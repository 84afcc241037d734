"""What a client and its streams share: the way to one server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import grpc
import grpc.aio

from assay_rl.client.channel import CHANNEL_OPTIONS, proxy_options
from assay_rl.client.outcomes import Error
from assay_rl.client.target import proxy_of

# What it means that gRPC says so. In TLS 1.3 our handshake is over before the server looks at our certificate, and the
# alert that names it can be lost with the connection.
_CLOSED = "it closed the connection before it answered, as one does that refuses our certificate or misses it: "
_WHY = {
    "Unwrap failed": "it refuses our certificate, or that we have none: ",
    "Endpoint read failed": _CLOSED,
    "Connection reset by peer": _CLOSED,
    "Broken pipe": _CLOSED,
}


class Stream(Protocol):
    """A stream that is running."""

    async def abort(self, error: Error) -> None:
        """Ends at once: everything unanswered is Failed with `error`."""


class Connection:
    """The channel to a server and what every call over it needs.

    connect_timeout: seconds that a stream tries to reach a server that was never there.
    reconnect_timeout: seconds that a stream tries to reach a server that was lost.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None,
        token: str | None,
        connect_timeout: float,
        reconnect_timeout: float,
        evaluator_threads: int,
        channel_options: Sequence[tuple[str, Any]],
    ) -> None:
        options = [*CHANNEL_OPTIONS, *proxy_options(target), *channel_options]
        if credentials is None:
            self.channel = grpc.aio.insecure_channel(target, options=options)
        else:
            self.channel = grpc.aio.secure_channel(target, credentials, options=options)
        self.metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self.connect_timeout = connect_timeout
        self.reconnect_timeout = reconnect_timeout
        self.executor = ThreadPoolExecutor(evaluator_threads, thread_name_prefix="assay-evaluator")
        """Runs evaluators that are plain functions."""
        self.running: set[Stream] = set()
        """The streams that close() ends."""
        self.unsettled = False
        """A call was ended before gRPC was done with it."""
        self._target = target

    async def close(self) -> None:
        """Ends all streams; what is unanswered is Failed with CANCELLED."""
        for stream in list(self.running):
            await stream.abort(Error(grpc.StatusCode.CANCELLED, "the client was closed"))
        await self.channel.close()
        if self.unsettled:
            # gRPC's poller still holds events of such calls, and complains where the loop is closed before they are in.
            await asyncio.sleep(0.02)
        self.executor.shutdown(wait=False, cancel_futures=True)

    def explained(self, error: Error) -> Error:
        """An error of the transport, with the address and the proxy that it is about, and a cause that gRPC hides."""
        if error.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return error
        where = f"the server at {self._target} cannot be reached"
        if error.message.startswith(where):
            return error
        proxy = proxy_of(self._target)
        through = f" through the proxy of {proxy}" if proxy else ""
        why = next((why for said, why in _WHY.items() if said in error.message), "")
        return Error(error.code, f"{where}{through}: {why}{error.message}", error.violations, error.retry_after)
