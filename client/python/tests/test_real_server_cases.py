"""What users' programs do to a real server: groups whose id comes again, evaluators that break, texts nested deep,
answers in every spelling."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from assayd import HANGS, Assayd, command, free_port, needs_assayd, running
from test_nothing_lost import EVALUATORS

import assay_rl
from assay_rl import Client, Episode, Failed, Group, GroupScored, Message, Task
from assay_rl.convert.files import outcome_line

pytestmark = needs_assayd
HTTP = f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running(f"--http={HTTP}") as started:
        yield started


def one(i: int, group: Group | None = None) -> Episode:
    return Episode(f"e{i}", [Message("amy", "x")], score=i % 2, group=group)


# Sizes of groups that carry one id, one after the other.
@pytest.mark.parametrize(
    "sizes", [[2, 2], [1, 1], [1, 2], [2, 1], [3, 3, 3], [1] * 5, [4, 2], [2, 4], [1, 3, 1], [2] * 6]
)
def test_a_group_id_that_comes_again(server: Assayd, sizes: Sequence[int]) -> None:
    members = [(size, k) for size in sizes for k in range(size)]
    episodes = [one(i, Group("task-7", size)) for i, (size, _) in enumerate(members)]
    with Client(server.target) as client:
        outcomes = list(client.score(episodes))
    groups = [sorted(o.advantages) for o in outcomes if isinstance(o, GroupScored)]
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    assert groups == [
        sorted(f"e{i}" for i in range(start, start + size)) for start, size in zip(starts, sizes, strict=True)
    ]


@pytest.mark.parametrize(("evaluator", "said"), EVALUATORS, ids=[str(i) for i in range(len(EVALUATORS))])
def test_an_evaluator_that_breaks_fails_its_episode(server: Assayd, evaluator: Any, said: str) -> None:
    with Client(server.target) as client:
        (outcome,) = client.score([Episode("x", [Message("amy", "1")])], evaluator=evaluator, deadline=HANGS)
        assert isinstance(outcome, Failed)
        # The table is about one question; the server asks about nobody and about everybody.
        assert said in outcome.error.message or "answers to 2 questions" in outcome.error.message
        again = client.score_batch([one(1)], evaluator=assay_rl.each(lambda e, q: 0.5))
        assert again.outcomes[0].ok


NESTED = {
    "lists": lambda n: b"[" * n + b"]" * n,
    "objects": lambda n: b'{"a":' * n + b"1" + b"}" * n,
    "both": lambda n: b'[{"a":' * n + b"1" + b"}]" * n,
    "lists without an end": lambda n: b"[" * n,
    "objects without an end": lambda n: b'{"a":' * n,
    "many beside each other": lambda n: b"[" + b",".join([b"[" * 200 + b"]" * 200] * (n // 200)) + b"]",
    "with white space": lambda n: b"[ \n" * n + b"] " * n,
    "behind a text": lambda n: b'["' + b"\\\\" * n + b'",' + b"[" * n + b"]" * n + b"]",
    "ends that do not match": lambda n: b"[" * n + b"}" * n,
    "more ends than beginnings": lambda n: b"[" * n + b"]" * (n + 1),
}


@pytest.mark.parametrize("shape", NESTED)
def test_deep_json_is_refused_and_the_server_lives(server: Assayd, shape: str) -> None:
    body = b'{"response":"x","label":"y","m":' + NESTED[shape](20_000) + b"}"
    connection = http.client.HTTPConnection(HTTP, timeout=HANGS)
    connection.request("POST", "/rm", body=body)
    assert connection.getresponse().status == 400
    with Client(server.target) as client:
        assert client.score_batch([one(1)]).outcomes[0].ok


# Of each grader: the reference, and what was said.
VOTES: list[tuple[str, str, list[str]]] = [
    ("NUMBER", "18", ["18 dollars", "20", "20"]),
    ("NUMBER", "18", ["$18", "20", "20.0"]),
    ("NUMBER", "0.25", ["1/4", "0.5", "0.5"]),
    ("NUMBER", "50", ["50%", "49", "49"]),
    ("NUMBER", "73", ["**73**", "70", "70"]),
    ("CHOICE", "C", ["The answer is (C)", "B", "B"]),
    ("CHOICE", "C", ["**C**", "B", "B"]),
    ("EXACT", "\\frac{1}{2}", ["\\dfrac{1}{2}", "2", "2"]),
    ("EXACT", "(3,4)", ["\\left(3,4\\right)", "2", "2"]),
    ("EXACT", "12%", ["12\\%", "2", "2"]),
    ("EXACT", "5", ["5", "", "  "]),
    ("EXACT", "New York", ["new york", "NewYork", "NewYork"]),
    ("NUMBER", "1234", ["1,234", "1 234", "12,34"]),
    ("NUMBER", "-5", ["\u22125", "5", "- 5"]),
    ("NUMBER", "(1, 2)", ["(1,2)", "1, 2", "[1, 2]"]),
    ("NUMBER", "\\sqrt{2}", ["\\sqrt2", "2", "1.41"]),
    ("NUMBER", "9007199254740993", ["9007199254740992", "9007199254740993.0", "9.007199254740993e15"]),
    ("NUMBER", "0", ["-0", "zero", "0.0"]),
    ("CHOICE", "A, C", ["C and A", "A", "A or C"]),
    ("CHOICE", "B", ["\uff22", "not (B)", "B because A is wrong"]),
    ("CHOICE", "D", ["\u7b54\u6848\uff1aD", "a dog", "Answer: D."]),
    ("EXACT", "1,000", ["1000", "1.000", "1 000"]),
    ("EXACT", "\u00e9t\u00e9", ["\u00c9t\u00e9", "e\u0301te\u0301", "ete"]),
    ("IDENTICAL", "5", ["5", "5.0", "\ufffd5"]),
    ("IDENTICAL", "\ufffdx", ["\ufffdx", "x", "\ufffdy"]),
]


@pytest.mark.skipif(command() is None, reason="the C++ command line is not built")
def test_both_verifiers_read_answers_as_the_server_does(server: Assayd, tmp_path: Path) -> None:
    episodes, signals = tmp_path / "episodes", tmp_path / "signals"
    with Client(server.target) as client, episodes.open("w") as sent, signals.open("w") as answered:
        for number, (grader, reference, said) in enumerate(VOTES):
            messages = [Message(name, "text", answer=a) for name, a in zip(("amy", "ben", "cleo"), said, strict=True)]
            episode = Episode(f"v{number}", messages, task=Task("t", "p", reference))
            options = {"vote": {"grader": f"GRADER_{grader}"}, "audit": "AUDIT_FULL"}
            (outcome,) = client.score([episode], options=options)
            print(episode.to_json(), file=sent)
            print(outcome_line(outcome), file=answered)
    assert command() is not None
    for program in ([str(command())], [sys.executable, "-m", "assay_rl"]):
        ran = subprocess.run(
            [*program, "verify", f"--episodes={episodes}", str(signals)], capture_output=True, text=True
        )
        assert (ran.returncode, ran.stdout) == (0, ""), program
        assert ran.stderr == f"verified {len(VOTES)} episodes: all right\n"


EPISODE = json.loads(one(1).to_json())


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"query": ["a"] * 3, "prompts": [""] * 3, "labels": [EPISODE, 7, EPISODE]}, "labels[1].outcome.score"),
        ({"query": ["a"], "prompts": [""], "labels": [7]}, "labels[0].outcome.score"),
    ],
)
def test_the_item_of_a_batch_is_named(server: Assayd, body: Any, path: str) -> None:
    bad = {**EPISODE, "outcome": {"score": 7}}
    body = {**body, "labels": [json.dumps(bad if label == 7 else label) for label in body["labels"]]}
    connection = http.client.HTTPConnection(HTTP, timeout=HANGS)
    connection.request("POST", "/get_reward", body=json.dumps(body))
    assert path in connection.getresponse().read().decode()


@pytest.mark.parametrize("score", [1.0000000000000002, -1e-17, 1 + 1e-12, 1e308, 2])
def test_a_number_is_told_with_all_its_digits(server: Assayd, score: float) -> None:
    with Client(server.target) as client:
        (outcome,) = client.score([Episode("e", [Message("amy", "x")], score=score)])
    assert isinstance(outcome, Failed)
    assert "outcome.score" in outcome.error.message
    said = re.search(r"is (\S+), must", outcome.error.message)
    assert said is not None
    assert float(said[1]) == score
