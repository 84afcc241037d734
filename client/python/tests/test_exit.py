"""The end of a process that still has a client, a stream or a scorer: it is an end, whatever is unfinished."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from assayd import HANGS
from fake_service import Behaviour, fake_server

_BEGIN = """
import sys
from assay_rl import Client, Episode, Message

episodes = [Episode(f"e{i}", [Message("amy", "x")], score=1) for i in range(300)]
client = Client(sys.argv[1])
"""

# By what is left: a program, and the last line that it says where it ends with an exception.
LEFT = {
    "a stream, by an exception in a function": (
        """
        def main():
            outcomes = client.score(episodes)
            next(outcomes)
            raise ValueError("mine")
        main()
        """,
        "ValueError: mine",
    ),
    "a stream, by sys.exit in a function": (
        """
        def main():
            outcomes = client.score(episodes)
            next(outcomes)
            sys.exit("mine")
        main()
        """,
        "mine",
    ),
    "a stream that nobody closes": (
        """
        outcomes = client.score(episodes)
        next(outcomes)
        circle = [outcomes]
        circle.append(circle)
        """,
        "",
    ),
    "a client and a stream in a generator that waits": (
        """
        def read():
            with Client(sys.argv[1]) as own:
                for outcome in own.score(episodes):
                    yield outcome
        waits = read()
        next(waits)
        sys.waits = waits
        """,
        "",
    ),
    "a scorer with an episode on its way": ("scorer = client.open()\nscorer.submit(episodes[0])\n", ""),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_process_ends_whatever_is_left(name: str) -> None:
    program, said = LEFT[name]
    with fake_server(Behaviour()) as server:
        ran = subprocess.run(
            [sys.executable, "-c", _BEGIN + textwrap.dedent(program), server.target],
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
    assert ran.stderr.strip().rpartition("\n")[2] == said, ran.stderr
    assert ran.returncode == (1 if said else 0)


def test_handlers_of_forks_are_left_out_unless_asked_for() -> None:
    program = "import os, assay_rl; print(os.environ['GRPC_ENABLE_FORK_SUPPORT'])"
    for given, used in ((None, "0"), ("1", "1")):
        environment = {k: v for k, v in os.environ.items() if k != "GRPC_ENABLE_FORK_SUPPORT"}
        if given is not None:
            environment["GRPC_ENABLE_FORK_SUPPORT"] = given
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
        assert ran.stdout == used + "\n", ran.stderr
