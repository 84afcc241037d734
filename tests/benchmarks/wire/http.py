#!/usr/bin/env python3
"""Throughput over HTTP, as a ratio to the same over gRPC: assayd on one core, the generator on another, in turn.

    http_json_over_grpc     an episode a request: POST /v1/signals as JSON over ComputeSignals
    http_ndjson_over_grpc   one long request a connection over as many streams of StreamSignals
    http_ndjson_cpu_over_grpc   the server's processor time an episode, of the same two; above 1 is more. A busy machine
                            moves throughput up or down, this hardly

Prints one line a figure, `NAME VALUE UNIT`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from servers import Figure, Server, assayd, drive, show

CONNECTIONS = 4  # of each kind; the streams' window is that of the other benchmarks
WINDOW = 16


def told(arguments: argparse.Namespace, address: str, mode: str) -> dict[str, float]:
    """What the generator says: answered, per_second."""
    command = ["taskset", "-c", str(arguments.client_core), arguments.http_generator, f"--server={address}"]
    command += [f"--mode={mode}", f"--connections={CONNECTIONS}", f"--seconds={arguments.seconds}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"HTTP load generator: {done.stdout}{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(arguments: argparse.Namespace, server: Server) -> dict[str, Figure]:
    json_ratios, line_ratios, cpu_ratios = [], [], []
    for _ in range(arguments.rounds + 1):
        posted = told(arguments, server.http, "json")["per_second"]
        json_ratios.append(posted / told(arguments, server.address, "grpc")["per_second"])
        before = server.work()
        lines = told(arguments, server.http, "ndjson")
        work = server.work() - before
        load = drive(
            server, arguments.generator, arguments.client_core, arguments.seconds, streams=CONNECTIONS, window=WINDOW
        )
        line_ratios.append(lines["per_second"] / load.per_second)
        cpu_ratios.append(1e6 * (work.user + work.system) / lines["answered"] / load.cpu_us)
    # The first of each warmed up.
    return {
        "http_json_over_grpc": Figure(json_ratios[1:]),
        "http_ndjson_over_grpc": Figure(line_ratios[1:]),
        "http_ndjson_cpu_over_grpc": Figure(cpu_ratios[1:]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--echo", help="not used")
    parser.add_argument("--assayd", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--http-generator", required=True)
    parser.add_argument("--server-core", default="0")
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    arguments = parser.parse_args()
    server = assayd(arguments.assayd, arguments.server_core, "--http=127.0.0.1:0")
    try:
        show(measure(arguments, server))
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
