"""The server under test: the one at ASSAY_ADDRESS, or one that is started here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from assay_rl.v1 import signal_service_pb2 as service
from assay_rl.v1 import signal_service_pb2_grpc as service_grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration/command"))

BIG = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def connect(address: str) -> grpc.Channel:
    channel = grpc.insecure_channel(address, options=BIG)
    grpc.channel_ready_future(channel).result(timeout=30)
    return channel


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    given = os.environ.get("ASSAY_ADDRESS")
    if given:
        yield given
        return
    from assay_process import Server

    with Server() as server:
        yield server.address


@pytest.fixture(scope="session")
def stub(address: str) -> Iterator[service_grpc.SignalServiceStub]:
    with connect(address) as channel:
        yield service_grpc.SignalServiceStub(channel)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def limits(stub: service_grpc.SignalServiceStub) -> service.Limits:
    info: service.GetServerInfoResponse = stub.GetServerInfo(service.GetServerInfoRequest(), timeout=30)
    return info.limits
