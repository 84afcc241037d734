#!/usr/bin/env python3
"""The Python client against the hostile server: `python_client.py SCRIPTS SEED LANES [PROGRAM]`, or the C++ client.

PROGRAM: hostile_client, which then plays the scripts in place of this.

Each script is a call with a deadline, of a stream or of one request, in a client of its own. It must be over soon after
its deadline, raise nothing but the client's own error, and give each episode exactly one outcome, and no other.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assay_rl import AssayError, Client, Episode, Failed, Message, Scored

DEADLINE = 2.0
# Of the machine, which may be busy; a client that hangs waits for ever.
SLACK = 20.0


def episode(number: int) -> Episode:
    return Episode(id=f"e{number}", messages=[Message("a", f"word {number}")], score=1.0)


def play(port: int, script: int) -> tuple[str, list[str]]:
    """How it ended, and what was wrong."""
    dice = random.Random(script)
    wanted = [f"e{i}" for i in range(dice.randrange(1, 12))]
    faults: list[str] = []
    began = time.monotonic()
    end = "?"
    found: list[str] = []
    try:
        with Client(f"127.0.0.1:{port}", deadline=DEADLINE, connect_timeout=1, reconnect_timeout=DEADLINE) as client:
            if dice.random() < 0.2:
                client.compute([episode(0)], timeout=DEADLINE)
                end = "computed"
            else:
                for outcome in client.score(episode(i) for i in range(len(wanted))):
                    if isinstance(outcome, (Scored, Failed)):
                        found.append(outcome.episode_id)
                end = "streamed"
                if sorted(found) != sorted(wanted):
                    faults.append(f"outcomes {found} of {wanted}")
    except AssayError as error:
        end = f"AssayError {error.error.code.name}"
    except Exception as error:
        faults.append(f"raised {type(error).__name__}: {error}")
    if len(found) != len(set(found)) or not set(found) <= set(wanted):
        faults.append(f"outcomes {found} of {wanted}")
    took = time.monotonic() - began
    if took > DEADLINE + SLACK:
        faults.append(f"took {took:.1f} s")
    return end, faults


def main() -> int:
    scripts, seed = int(sys.argv[1]), int(sys.argv[2])
    parallel = int(sys.argv[3])
    server = subprocess.Popen([sys.executable, Path(__file__).parent / "hostile_server.py", str(parallel), str(seed)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert server.stdout is not None
    assert server.stdin is not None
    ports = json.loads(server.stdout.readline())
    if len(sys.argv) > 4:
        code = subprocess.run([sys.argv[4], str(scripts), str(seed), *map(str, ports)], check=False).returncode
        server.stdin.close()
        return code
    ends: dict[str, int] = {}
    broken, lock = 0, threading.Lock()

    def lane(number: int) -> None:
        nonlocal broken
        for script in range(number, scripts, parallel):
            end, faults = play(ports[number], seed * 1_000_000 + script)
            with lock:
                ends[end] = ends.get(end, 0) + 1
                for fault in faults:
                    broken += 1
                    print(f"script {script}: {fault}", flush=True)

    with ThreadPoolExecutor(parallel) as lanes:
        list(lanes.map(lane, range(parallel)))
    server.stdin.close()
    server.wait()
    print(f"{scripts} scripts, {broken} faults: {dict(sorted(ends.items()))}", flush=True)
    return 1 if broken or sum(ends.values()) != scripts else 0


if __name__ == "__main__":
    sys.exit(main())
