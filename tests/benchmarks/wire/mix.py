#!/usr/bin/env python3
"""How assayd divides its cores: short episodes beside long work, and two workers over one.

    short_p99_beside_long_over_alone  p99 of episodes of 4 KiB, one stream at a fixed rate, while other streams keep all
                                      workers on episodes of some milliseconds of computing, over that without them
    wire_workers_2_over_1             throughput of such long episodes with two workers over that with one

The servers have all cores, the generators too: long work leaves nobody a core of his own. Prints one line a figure,
`NAME VALUE UNIT`.
"""

from __future__ import annotations

import argparse
import sys

from servers import Figure, Load, Server, assayd, drive, finish, generate, show

CORES = "0,1"
# 2^20 sets of agents: 7 ms of computing. With fewer, half of the work is the wire's and the generator's: 2^15 take .7 ms.
LONG = {"agents": 20, "messages": 20, "streams": 2, "window": 4}
SHORT = {"streams": 1, "window": 64, "rate": 200}


def short(arguments: argparse.Namespace, server: Server) -> Load:
    return drive(server, arguments.generator, arguments.client_core, arguments.seconds, **SHORT)


def short_beside_long(arguments: argparse.Namespace, server: Server) -> Load:
    """The long work begins before the short and ends after it."""
    seconds = arguments.seconds + 2
    beside = generate(server, arguments.generator, arguments.client_core, seconds, **LONG)
    try:
        loaded = drive(server, arguments.generator, arguments.client_core, arguments.seconds, **SHORT)
    finally:
        finish(beside)
    return loaded


def short_ratio(arguments: argparse.Namespace) -> Figure:
    server = assayd(arguments.assayd, CORES)
    try:
        short(arguments, server)
        ratios = []
        for _ in range(arguments.rounds):
            alone = short(arguments, server)
            beside = short_beside_long(arguments, server)
            print(f"# short: p50 {alone.p50:.0f} and {beside.p50:.0f} us, p99 {alone.p99:.0f} and {beside.p99:.0f} us")
            ratios.append(beside.p99 / alone.p99)
    finally:
        server.stop()
    return Figure(ratios)


def workers_ratio(arguments: argparse.Namespace) -> Figure:
    servers = [assayd(arguments.assayd, CORES, f"--workers={workers}") for workers in (1, 2)]
    try:
        rates = [
            [
                drive(server, arguments.generator, arguments.client_core, arguments.seconds, **LONG).per_second
                for server in servers
            ]
            for _ in range(arguments.rounds)
        ]
    finally:
        for server in servers:
            server.stop()
    return Figure([two / one for one, two in rates])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--echo", help="not used")
    parser.add_argument("--assayd", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--client-core", default=CORES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    show(
        {
            "short_p99_beside_long_over_alone": short_ratio(arguments),
            "wire_workers_2_over_1": workers_ratio(arguments),
        }
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
