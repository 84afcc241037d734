#!/usr/bin/env python3
"""A server that does what no server should: `hostile_server.py PORTS SEED`, until standard input ends.

Prints the ports it listens on, as JSON. Every connection plays a script drawn from the seed, its port and its number:
bytes that are no HTTP/2, silence, a close or a GOAWAY at any moment, answers that are no messages, too large, too late,
doubled, to nobody, or half there. One connection in three behaves, so that a client that goes on finds an answer.
It knows as much of HTTP/2 and gRPC as that takes.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import sys
import threading
import time

from assay_rl.v1 import error_pb2, signal_service_pb2

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
Response = signal_service_pb2.StreamSignalsResponse
GREETINGS = ["garbage", "silence", "close", "tls", "http1", "half_settings", "slow"]
REPLIES = ["garbage_frame", "no_message", "too_large", "huge_length", "late", "twice", "nobody", "half", "goaway",
           "goaway_then_answer", "reset", "status", "close", "never", "compressed", "empty", "unknown_code",
           "error_result", "trailers_only", "wrong_stream", "bad_headers", "settings_storm", "pings",
           "end_early"]  # fmt: skip


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: str, value: str) -> bytes:
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def grpc_message(payload: bytes, compressed: int = 0) -> bytes:
    return bytes([compressed]) + struct.pack(">I", len(payload)) + payload


HEAD = b"\x88" + literal("content-type", "application/grpc")


class Connection:
    """One client, and the script that is played to it."""

    def __init__(self, wire: socket.socket, dice: random.Random, good: bool | None = None) -> None:
        """`good`: whether it behaves; else that is drawn too."""
        self._wire = wire
        self._dice = dice
        drawn = dice.random() < 1 / 3
        self._good = drawn if good is None else good
        self._bad_after = dice.randrange(12)  # messages that are still answered as they should be
        self._answered = 0
        self._bytes: dict[int, bytes] = {}
        self._open: set[int] = set()
        self._unary: set[int] = set()

    def run(self) -> None:
        self._wire.settimeout(10)
        if not self._good and self._dice.random() < 0.25:
            self._greet(self._dice.choice(GREETINGS))
            return
        self._wire.sendall(frame(SETTINGS, 0, 0))
        if self._take(24) is None:
            return
        while (head := self._take(9)) is not None:
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:9], "big")
            payload = self._take(size)
            if payload is None or not self._on_frame(kind, flags, stream, payload):
                return

    def _take(self, size: int) -> bytes | None:
        got = b""
        while len(got) < size:
            part = self._wire.recv(size - len(got))
            if not part:
                return None
            got += part
        return got

    def _greet(self, how: str) -> None:
        if how == "garbage":
            self._wire.sendall(self._dice.randbytes(self._dice.randrange(1, 4000)))
        elif how == "tls":
            self._wire.sendall(b"\x15\x03\x01\x00\x02\x02\x28")
        elif how == "http1":
            self._wire.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        elif how == "half_settings":
            self._wire.sendall(frame(SETTINGS, 0, 0, bytes(6))[:7])
        elif how == "slow":
            for byte in frame(SETTINGS, 0, 0):
                self._wire.sendall(bytes([byte]))
                time.sleep(0.05)
        if how != "close":
            time.sleep(self._dice.random())

    def _on_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> bool:
        if kind == SETTINGS and not flags & ACK:
            self._wire.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._wire.sendall(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            self._open.add(stream)
            # Where a path is new to the connection it stands there in letters.
            if b"Compute" in payload or b"GetServerInfo" in payload:
                self._unary.add(stream)
        elif kind == DATA:
            self._grant(stream, len(payload))
            self._bytes[stream] = self._bytes.get(stream, b"") + payload
            while (message := self._message(stream)) is not None:
                if not self._on_message(stream, message):
                    return False
            if flags & END_STREAM and stream in self._open and stream not in self._unary:
                self._end(stream, 0)
        elif kind == RST_STREAM:
            self._open.discard(stream)
        return True

    def _grant(self, stream: int, size: int) -> None:
        if size:
            more = struct.pack(">I", size)
            self._wire.sendall(frame(WINDOW_UPDATE, 0, 0, more) + frame(WINDOW_UPDATE, 0, stream, more))

    def _message(self, stream: int) -> bytes | None:
        waiting = self._bytes.get(stream, b"")
        if len(waiting) < 5 or len(waiting) < 5 + (size := int.from_bytes(waiting[1:5], "big")):
            return None
        self._bytes[stream] = waiting[5 + size :]
        return waiting[5 : 5 + size]

    def _on_message(self, stream: int, message: bytes) -> bool:
        if stream in self._unary:
            asked = signal_service_pb2.ComputeSignalsRequest.FromString(message)
            answers = signal_service_pb2.ComputeSignalsResponse()
            for episode in asked.episodes:
                answers.results.add(episode_id=episode.id if self._good else "nobody").signals.score = 0.5
            answer = answers.SerializeToString()
        else:
            request = signal_service_pb2.StreamSignalsRequest.FromString(message)
            response = Response()
            if request.HasField("options"):
                response.ready.max_episodes_in_flight = 64
                response.ready.max_bytes_in_flight = 1 << 24
            else:
                response.result.episode_id = request.episode.id
                response.result.signals.episode_id = request.episode.id
                response.result.signals.score = 0.5
            answer = response.SerializeToString()
        self._answered += 1
        if self._good or self._answered <= self._bad_after:
            self._send(stream, grpc_message(answer))
            if stream in self._unary:
                self._end(stream, 0)
            return True
        return self._misbehave(stream, answer, self._dice.choice(REPLIES))

    def _misbehave(self, stream: int, answer: bytes, how: str) -> bool:
        """False: the connection is over."""
        dice, good = self._dice, grpc_message(answer)
        if how == "garbage_frame":
            # Not RST_STREAM and GOAWAY, see below.
            kind = dice.choice([0, 1, 2, 4, 5, 6, 8, 9, dice.randrange(10, 256)])
            self._wire.sendall(frame(kind, dice.randrange(256), dice.randrange(9), dice.randbytes(40)))
        elif how == "no_message":
            self._send(stream, grpc_message(dice.randbytes(dice.randrange(1, 200))))
        elif how == "too_large":
            with contextlib.suppress(OSError):
                large = grpc_message(bytes(1 << 20))
                for at in range(0, 60_000, 15_000):
                    self._send(stream, large[at : at + 15_000])
        elif how == "huge_length":
            self._send(stream, b"\0\xff\xff\xff\xff" + answer)
        elif how == "late":
            time.sleep(dice.random() * 3)
            self._send(stream, good)
        elif how == "twice":
            self._send(stream, good + good)
        elif how == "nobody":
            stranger = Response()
            stranger.result.episode_id = "nobody"
            self._send(stream, grpc_message(stranger.SerializeToString()) + good)
        elif how == "half":
            self._send(stream, good[: dice.randrange(len(good))])
        elif how in ("goaway", "goaway_then_answer"):
            last = dice.choice([0, stream, stream + 2, 0x7FFFFFFF])
            self._wire.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", last, dice.randrange(13)) + b"why"))
            if how == "goaway_then_answer":
                self._send(stream, good)
        elif how == "reset":
            # Not HTTP_1_1_REQUIRED (13) and above: there grpcio 1.85.3 itself ends the process (SECURITY.md).
            self._wire.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", dice.randrange(13))))
        elif how == "status":
            self._send(stream, good)
            self._end(stream, dice.randrange(17))
        elif how == "unknown_code":
            self._end(stream, dice.choice([17, 99, 12345]))
        elif how == "trailers_only":
            fields = HEAD + literal("grpc-status", str(dice.randrange(17))) + literal("grpc-message", "no%ZZ\x01")
            self._wire.sendall(frame(HEADERS, END_HEADERS | END_STREAM, stream, fields))
        elif how == "close":
            return False
        elif how == "compressed":
            self._send(stream, grpc_message(answer, compressed=1))
        elif how == "empty":
            self._send(stream, grpc_message(b""))
        elif how == "error_result":
            wrong = Response()
            wrong.result.episode_id = Response.FromString(answer).result.episode_id if stream not in self._unary else ""
            wrong.result.error.CopyFrom(error_pb2.Error(code=dice.choice([0, 3, 8, 14, -5, 999]), message="no"))
            wrong.result.error.retry_after.seconds = dice.choice([0, 0, 10**9])
            self._send(stream, grpc_message(wrong.SerializeToString()))
        elif how == "wrong_stream":
            self._send(stream + dice.choice([2, 100]), good)
        elif how == "bad_headers":
            self._wire.sendall(frame(HEADERS, END_HEADERS, stream, dice.randbytes(30)))
        elif how == "settings_storm":
            self._wire.sendall(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, dice.choice([0, 1, 0x7FFFFFFF]))) * 50)
            self._send(stream, good)
        elif how == "pings":
            self._wire.sendall(frame(PING, 0, 0, b"12345678") * 100)
            self._send(stream, good)
        elif how == "end_early":
            self._end(stream, 0)
        return True  # and "never"

    def _send(self, stream: int, payload: bytes) -> None:
        head = b"" if self._bytes.get(-stream) else frame(HEADERS, END_HEADERS, stream, HEAD)
        self._bytes[-stream] = b"sent"
        self._wire.sendall(head + frame(DATA, 0, stream, payload))

    def _end(self, stream: int, status: int) -> None:
        fields = (b"" if self._bytes.get(-stream) else HEAD) + literal("grpc-status", str(status))
        self._wire.sendall(frame(HEADERS, END_HEADERS | END_STREAM, stream, fields))
        self._open.discard(stream)


def serve(listener: socket.socket, seed: int, port: int) -> None:
    def play(wire: socket.socket, number: int) -> None:
        with wire, contextlib.suppress(OSError, ValueError):
            Connection(wire, random.Random(f"{seed} {port} {number}")).run()

    for number in range(1 << 30):
        wire, _ = listener.accept()
        threading.Thread(target=play, args=(wire, number), daemon=True).start()


def main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    ports = []
    for number in range(count):
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        ports.append(listener.getsockname()[1])
        threading.Thread(target=serve, args=(listener, seed, number), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
