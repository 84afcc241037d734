"""A server that is replaced, and one that is killed, cost the command no episode and no group."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter

from assay_process import HANGS, ROOT, Server

EPISODES = 1200
GROUP = 4
LIVES = 3


def episodes() -> list[bytes]:
    sample = (ROOT / "tests/data/samples/debate.jsonl").read_text().splitlines()[0]
    lines = []
    for i in range(EPISODES):
        episode = json.loads(sample)
        episode["id"] = f"e{i}"
        episode["group"] = {"id": f"g{i // GROUP}", "size": GROUP}
        lines.append(json.dumps(episode).encode() + b"\n")
    return lines


def main() -> int:
    lines = episodes()
    with Server() as first:
        address = first.address
        command = subprocess.Popen(
            [os.environ["ASSAY"], "signals", f"--server={address}", "--timeout=3000s"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert command.stdin and command.stdout
        results: list[str] = []
        answered = threading.Event()

        def read() -> None:
            assert command.stdout
            for line in command.stdout:
                results.append(line.decode())
                answered.set()

        reader = threading.Thread(target=read)
        reader.start()

        def feed(part: int) -> None:
            """One part of the episodes that ends amid a group; waits for some result of it."""
            assert command.stdin
            share = EPISODES // LIVES + 1
            answered.clear()
            command.stdin.write(b"".join(lines[part * share : (part + 1) * share]))
            command.stdin.flush()
            assert answered.wait(HANGS), "no result"

        feed(0)
    with Server(listen=address) as second:
        feed(1)
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
        with Server(listen=address):
            feed(2)
            command.stdin.close()
            code = command.wait(timeout=HANGS)
            reader.join()
        second.process.returncode = 0  # that it was killed is no failure of this test
    assert command.stderr
    assert code == 0, command.stderr.read().decode()

    parsed = [json.loads(line) for line in results]
    by_episode = Counter(r["episodeId"] for r in parsed if "episodeId" in r)
    by_group = Counter(r["groupId"] for r in parsed if "groupId" in r)
    assert by_episode == Counter(f"e{i}" for i in range(EPISODES)), "lost or doubled episodes"
    assert by_group == Counter(f"g{i}" for i in range(EPISODES // GROUP)), "lost or doubled groups"
    whole = all(r["signals"]["used"] == GROUP for r in parsed if "groupId" in r)
    assert whole, "a group that lacks members"
    print(f"{EPISODES} episodes in {EPISODES // GROUP} groups over {LIVES} servers, each once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
