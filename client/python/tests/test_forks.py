"""What a process that was forked, in every way in which Python programs do it, hears from a client: it works, or says
at its first use that a fork stands between. It never hangs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from assayd import HANGS
from fake_service import Behaviour, fake_server

_PRELUDE = """
import asyncio, multiprocessing, os, subprocess, sys, threading
from concurrent.futures import ProcessPoolExecutor
import assay_rl
from assay_rl import AsyncClient, Client, Episode, Message

TARGET = sys.argv[1]
EPISODE = Episode("e", [Message("amy", "x")], score=1)

def ask(client):
    return client.score_batch([EPISODE]).outcomes[0].ok

def made_new():
    with Client(TARGET) as client:
        return ask(client)

async def made_new_async():
    async with AsyncClient(TARGET) as client:
        return (await client.score_batch([EPISODE])).outcomes[0].ok

def outcome(use):
    try:
        return "works" if use() else "fails"
    except RuntimeError as said:
        return "says so" if "fork" in str(said) else repr(said)

def in_child(use):
    child = os.fork()
    if child == 0:
        sys.stdout.write(outcome(use) + "\\n")
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

def main():
"""

# What the program does, and what it must say.
PROGRAMS: dict[str, tuple[str, str]] = {
    "a pool of processes, with a client of each": (
        """
        ask(client)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(*sorted(pool.map(outcome, [made_new] * 4)), sep="\\n")
        """,
        "says so\n" * 4,
    ),
    "an executor of forked processes": (
        """
        ask(client)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            print(pool.submit(outcome, made_new).result())
        """,
        "says so\n",
    ),
    "an executor of spawned processes": (
        """
        ask(client)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            print(pool.submit(outcome, made_new).result())
        """,
        "works\n",
    ),
    "an executor of processes of a fork server": (
        """
        ask(client)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
            print(pool.submit(outcome, made_new).result())
        """,
        "works\n",
    ),
    "a new asyncio client": ("in_child(lambda: asyncio.run(made_new_async()))\n", "says so\n"),
    "a grandchild": ("in_child(lambda: in_child(made_new) or True)\n", "says so\nworks\n"),
    "a fork from another thread": (
        """
        thread = threading.Thread(target=in_child, args=(lambda: ask(client),))
        thread.start()
        thread.join()
        """,
        "says so\n",
    ),
    "a fork in the middle of a stream, which goes on": (
        """
        episodes = (Episode(f"e{i}", [Message("amy", "x")], score=1) for i in range(300))
        outcomes = client.score(episodes)
        next(outcomes)
        in_child(lambda: ask(client))
        print(sum(o.ok for o in outcomes))
        """,
        "says so\n299\n",
    ),
    "one call for a batch": ("in_child(lambda: client.compute([EPISODE]))\n", "says so\n"),
    "advantages of signals": ("in_child(lambda: client.advantages([]))\n", "says so\n"),
    "a scorer that is finished": (
        """
        scorer = client.open()
        scorer.submit(EPISODE).result()
        in_child(lambda: scorer.finish() or True)
        scorer.finish()
        """,
        "says so\n",
    ),
    "a client that was closed before": ("client.close()\nin_child(made_new)\n", "says so\n"),
    "another program": (
        """
        ask(client)
        code = "import sys; from assay_rl import Client; print(Client(sys.argv[1]) is not None)"
        print(subprocess.run([sys.executable, "-c", code, TARGET], capture_output=True, text=True).stdout, end="")
        """,
        "True\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_fork_never_hangs(name: str, tmp_path: Path) -> None:
    does, said = PROGRAMS[name]
    program = tmp_path / "program.py"
    body = "client = Client(TARGET)\nask(client)\n" + textwrap.dedent(does).strip() + "\n"
    ending = '\nif __name__ == "__main__":\n    main()\n    sys.stdout.flush()\n    os._exit(0)\n'
    program.write_text(_PRELUDE + textwrap.indent(body, "    ") + ending, encoding="utf-8")
    with fake_server(Behaviour()) as server:
        ran = subprocess.run(
            [sys.executable, str(program), server.target], capture_output=True, text=True, timeout=HANGS
        )
    assert ran.stdout == said, ran.stderr
