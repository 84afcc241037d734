"""What attacks are made of: their register, and work that is done by many at once and again until the time is over."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import grpc

from attack.wire import (
    END_HEADERS,
    HEADERS,
    Target,
    Wire,
    frame,
)

Attack = Callable[[Target, float], None]
ATTACKS: dict[str, Attack] = {}
LET_IN: set[str] = set()  # those whose attacker has a token, and a certificate where one is asked for


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


def unary(target: Target, seconds: float, head: bytes, body: bytes) -> None:
    """One call after the other by four, each on a connection of its own."""

    def one(_: int) -> None:
        for _ in until(seconds):
            wire = Wire(target)
            wire.send(frame(HEADERS, END_HEADERS, 1, head))
            wire.send_data(1, body)
            wire.read(1)
            wire.close()

    together(4, one)
