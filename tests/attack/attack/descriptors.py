"""A server with 256 descriptors, all that it gives to connections taken: `python -m attack.descriptors`.

Twenty times: it is full, the liveness probe fails, one connection is closed, and the next is served within a second.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attack.server import Server
from attack.wire import Target, Wire

ROUNDS = 20
DESCRIPTORS = 256
MAX_AGAIN = 1.0


def served(target: Target, address: int, patience: float) -> Wire | None:
    """A connection that the server speaks on; None: it was closed."""
    try:
        wire = Wire(dataclasses.replace(target, source=f"127.0.0.{address}"))
        wire.socket.settimeout(patience)
        if wire.socket.recv(1):
            return wire
        wire.close()
    except OSError:
        pass
    return None


def alive(server: Server) -> bool:
    probe = [os.environ["ASSAYD"], "--probe=live", f"--listen=127.0.0.1:{server.target.port}"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), "plain", DESCRIPTORS)
        held: list[Wire] = []
        faults = []
        slowest = 0.0
        try:
            if not alive(server):
                faults.append("not alive before")
            while (wire := served(server.target, 2 + len(held) % 8, 3)) is not None:
                held.append(wire)
            for number in range(ROUNDS):
                if alive(server):
                    faults.append(f"round {number}: alive while it is full")
                held.pop(0).close()
                began = time.monotonic()
                while (wire := served(server.target, 20, 1)) is None and time.monotonic() < began + 5:
                    pass
                took = time.monotonic() - began
                slowest = max(slowest, took)
                if wire is None or took > MAX_AGAIN:
                    faults.append(f"round {number}: served again after {took:.2f} s")
                if wire is not None:
                    held.append(wire)
            for wire in held:
                wire.close()
            time.sleep(1)
            if not alive(server):
                faults.append("not alive after")
            after = server.sample().descriptors
        finally:
            server.stop()
    verdict = f"BROKEN: {'; '.join(faults)}" if faults else "kept"
    print(f"{DESCRIPTORS} descriptors: full with {len(held)} connections, {ROUNDS} times served again within "
          f"{slowest:.2f} s, {after} descriptors after  {verdict}")  # fmt: skip
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
