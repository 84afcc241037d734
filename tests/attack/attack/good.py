"""The well-behaved client: `python -m attack.good TARGET SECONDS`. 50 calls a second; figures as JSON at its end."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import grpc
from assay_rl.v1 import signal_service_pb2, signal_service_pb2_grpc

from attack.client import bearer, channel, debate
from attack.wire import Target

RATE = 50
DEADLINE = 10.0


def main() -> None:
    target, seconds = Target(**json.loads(sys.argv[1])), float(sys.argv[2])
    late: list[float] = []
    lost: dict[str, int] = {}
    with channel(target) as through, ThreadPoolExecutor(64) as pool:
        stub = signal_service_pb2_grpc.SignalServiceStub(through)
        request = signal_service_pb2.ComputeSignalsRequest(episodes=[debate(0)])
        request.options.vote.SetInParent()
        stub.ComputeSignals(request, metadata=bearer(target), timeout=30)
        print("ready", flush=True)
        start = time.monotonic()

        def call(due: float) -> None:
            try:
                stub.ComputeSignals(request, metadata=bearer(target), timeout=DEADLINE)
                late.append(time.monotonic() - due)
            except grpc.RpcError as error:
                name = error.code().name
                lost[name] = lost.get(name, 0) + 1

        calls: list[Future[None]] = []
        for number in range(int(seconds * RATE)):
            due = start + number / RATE
            time.sleep(max(0, due - time.monotonic()))
            calls.append(pool.submit(call, due))
        for future in calls:
            future.result()
    late.sort()

    def at(share: float) -> float:
        return late[min(len(late) - 1, int(share * len(late)))] if late else float("inf")

    print(json.dumps({"calls": len(calls), "lost": lost, "p50": at(0.5), "p99": at(0.99)}), flush=True)


if __name__ == "__main__":
    main()
