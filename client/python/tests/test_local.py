"""A private server for a Python process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from assayd import HANGS, binary, needs_assayd

import assay_rl
from assay_rl import Episode, Message, programs

pytestmark = needs_assayd

FIVE_LINES = """
from assay_rl import Client, Episode, Group, Message
with Client() as client:
    rollout = lambda i: Episode(f"t/{i}", [Message("a", f"answer {i}")], score=float(i == 0), group=Group("t", 4))
    batch = client.score_batch([rollout(i) for i in range(4)])
print({id: list(found.messages.values()) for id, found in batch.groups["t"].advantages.items()})
"""


@pytest.fixture(autouse=True)
def _assayd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAYD", str(binary()))


def group(size: int) -> list[assay_rl.Episode]:
    return [
        assay_rl.Episode(
            f"t/{i}", [assay_rl.Message("a", f"{i}")], score=float(i == 0), group=assay_rl.Group("t", size)
        )
        for i in range(size)
    ]


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until_gone(pid: int) -> bool:
    for _ in range(100 * HANGS):
        if not alive(pid):
            return True
        time.sleep(0.01)
    return False


def test_it_serves_and_ends_with_its_block() -> None:
    with assay_rl.local() as server, assay_rl.Client(server.target) as client:
        assert server.target.startswith("unix:")
        pid = server._process.pid
        assert len(client.score_batch(group(4)).groups["t"].advantages) == 4
        folder = Path(server.target.removeprefix("unix:")).parent
        assert folder.stat().st_mode & 0o077 == 0
    assert not alive(pid)
    assert not folder.exists()
    server.close()


def test_a_long_stream_keeps_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    """Who comes by the socket is no stranger: 8 MB, of which strangers may send the first half a megabyte."""
    long = [Episode(f"e{k}", [Message("a", "word " * 4000), Message("b", "no")], score=1.0) for k in range(400)]
    with assay_rl.local() as server, assay_rl.Client(server.target) as client:
        assert sum(outcome.ok for outcome in client.score(long)) == len(long)
    assert "no stream" not in caplog.text


def test_clients_without_an_address_share_one_and_it_ends_with_the_process() -> None:
    script = FIVE_LINES + "from assay_rl.client import local as l; print(l._shared._process.pid)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    advantages, pid = run.stdout.strip().rsplit("\n", 1)
    assert len(eval(advantages)) == 4
    assert wait_until_gone(int(pid))


def test_it_ends_where_its_process_is_killed() -> None:
    script = "import assay_rl, time; s = assay_rl.local(); print(s._process.pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    assert wait_until_gone(pid)


def test_what_it_says_is_in_the_error() -> None:
    with pytest.raises(assay_rl.LocalServerError, match="workers"):
        assay_rl.local("--workers=many")


def test_a_machine_without_the_program_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAYD")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "_HERE", Path("/nowhere"))
    with pytest.raises(programs.ProgramNotFoundError, match="pure wheel"):
        assay_rl.local()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_leaves_it_alone() -> None:
    with assay_rl.local() as server:
        script_pid = os.fork()
        if script_pid == 0:
            server.close()
            os._exit(0)
        os.waitpid(script_pid, 0)
        assert alive(server._process.pid)
