"""Memory of one Python process from a large episode to its advantages, over the episode's bytes. Not a test: run it by
hand.

    python tests/benchmark_memory.py --assayd BUILD/server/assayd

Ends with one line a figure, NAME VALUE UNIT:

    python_memory_over_bytes         the most that the process grows by while a group of two episodes of 1 MB is scored
                                     from friendly types, over the bytes of both, the episodes themselves apart
    python_proto_memory_over_bytes   the same from protobuf messages

Each is measured in processes of its own, of which the median counts; a small group goes before, so that what is loaded
once is not counted.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import assayd

import assay_rl
from assay_rl.client.episodes import EpisodeLike

ROUNDS = 5
MEMBERS = 2
MESSAGES = 64
BYTES = 1_000_000


def episodes(size: int, group: str) -> list[assay_rl.Episode]:
    """A group of debates of about `size` bytes each."""
    text = size // MESSAGES // 8
    made = []
    for member in range(MEMBERS):
        messages = [
            assay_rl.Message(
                f"agent{k % 4}",
                " ".join(f"w{(member * 7919 + k * 104729 + j * 31) % 100_000:06d}" for j in range(text)),
                round=1 + k // 4,
                answer="AB"[(member + k) % 2],
            )
            for k in range(MESSAGES)
        ]
        made.append(
            assay_rl.Episode(
                f"{group}-{member}", messages, task=assay_rl.Task("t", "Q?", "A"), group=assay_rl.Group(group, MEMBERS)
            )
        )
    return made


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def status(field: str) -> int:
    """`field` of /proc/self/status, in bytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def measure(target: str, proto: bool) -> None:
    """Prints the growth over the bytes."""

    def score(group: Sequence[EpisodeLike]) -> int:
        advantages = 0
        with assay_rl.Client(target) as client:
            for outcome in client.score(group):
                if isinstance(outcome, assay_rl.GroupScored):
                    advantages += sum(len(member.messages) for member in outcome.advantages.values())
        return advantages

    def make(size: int, name: str) -> Sequence[EpisodeLike]:
        made = episodes(size, name)
        return [episode.to_proto() for episode in made] if proto else made

    score(make(10_000, "small"))
    size = sum(episode.to_proto().ByteSize() for episode in episodes(BYTES, "large"))
    large = make(BYTES, "large")
    reset_peak()
    before = status("VmRSS")
    if score(large) != MEMBERS * MESSAGES:
        raise SystemExit("an advantage is missing")
    print((status("VmHWM") - before) / size)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--assayd", help="default: as for the tests")
    parser.add_argument("--measure", nargs=2, metavar=("TARGET", "KIND"), help="in this process; KIND: proto, friendly")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure[0], arguments.measure[1] == "proto")
        return 0
    if arguments.assayd:
        os.environ["ASSAYD"] = arguments.assayd
    with assayd.running() as server:
        for name, kind in (("python_memory_over_bytes", "friendly"), ("python_proto_memory_over_bytes", "proto")):
            command = [sys.executable, __file__, "--measure", server.target, kind]
            grown = [
                float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(ROUNDS)
            ]
            print(f"{name} {statistics.median(grown):.3f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
