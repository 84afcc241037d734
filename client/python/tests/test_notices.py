"""Notices of the server: said by both command lines in the same words, and read where they stand among results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from assayd import Assayd, command, needs_assayd, running
from test_command_lines import both, results, run

pytestmark = [needs_assayd, pytest.mark.skipif(command() is None, reason="the C++ command line is not built")]

NOTICE = {"kind": "KIND_SCORES_NEVER_NEGATIVE", "message": "is your scale [0, 1]?", "episodeId": "lost1"}
SAID = "note: is your scale [0, 1]? (episode lost1)"


def line(name: str, score: float) -> str:
    scores = {"a": 0.9, "b": 0.2}
    said = [{"agentId": who, "content": f"{name} {who}", "processScore": good} for who, good in scores.items()]
    group = {"id": "g", "size": 2}
    return json.dumps({"id": name, "messages": said, "outcome": {"score": score}, "group": group}) + "\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


@pytest.fixture
def scored(server: Assayd, tmp_path: Path) -> Path:
    """A folder with episodes, their signals, and the same lines as a stream over HTTP tells them: with a notice."""
    (tmp_path / "episodes.jsonl").write_text(line("lost1", 0) + line("won1", 1))
    (tmp_path / "options.json").write_text('{"audit": "AUDIT_FULL"}')
    code, out, told = run(
        "assay", "signals", f"--server={server.target}", "--options=options.json", "episodes.jsonl", cwd=tmp_path
    )
    assert code == 0, told
    (tmp_path / "plain.jsonl").write_bytes(out)
    first, *rest = out.decode().splitlines(keepends=True)
    (tmp_path / "signals.jsonl").write_text("".join([first, json.dumps({"notice": NOTICE}) + "\n", *rest]))
    return tmp_path


def test_both_command_lines_say_a_notice_in_the_same_words(server: Assayd, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(line("lost1", 0) + line("won1", 1))
    code, cpp, python, told = both("signals", f"--server={server.target}", "in.jsonl", cwd=tmp_path)
    assert code == 0
    assert results(python) == results(cpp)
    assert told.startswith("assay: note: ")
    assert "(episode lost1)\n" in told


def test_verify_says_a_notice_and_goes_on(scored: Path) -> None:
    code, _, _, told = both("verify", "signals.jsonl", "--episodes=episodes.jsonl", cwd=scored)
    assert (code, told) == (0, f"assay: {SAID}\nverified 2 episodes and 1 groups: all right\n")


def test_a_notice_that_does_not_fit_is_a_finding(scored: Path) -> None:
    with (scored / "signals.jsonl").open("a") as out:
        out.write('{"notice": {"message": 7}}\n{"notice": {}, "more": 1}\n')
    for program in ("assay", "assay-rl"):
        code, out, told = run(program, "verify", "signals.jsonl", "--episodes=episodes.jsonl", cwd=scored)
        assert code == 1
        assert sorted(text.split(":")[1] for text in out.decode().splitlines()) == ["5", "6"]
        assert "2 wrong" in told


@pytest.mark.parametrize(
    "words",
    [
        ["export", "step-dpo", "SIGNALS", "--episodes", "episodes.jsonl"],
        ["report", "SIGNALS", "--episodes", "episodes.jsonl", "-o", "page.html"],
    ],
    ids=lambda words: words[0],
)
def test_other_commands_say_a_notice_once_and_go_on(words: list[str], scored: Path) -> None:
    found = []
    for name in ("plain.jsonl", "signals.jsonl"):
        code, out, told = run("assay-rl", *[name if word == "SIGNALS" else word for word in words], cwd=scored)
        found.append((code, out))
        assert told.count(SAID) == (name == "signals.jsonl"), told
    assert found[0] == found[1]
    assert found[0][0] in (0, 1)  # 1: nothing to export


def test_a_file_that_begins_with_a_notice_is_one_of_signals(scored: Path) -> None:
    text = (scored / "plain.jsonl").read_text()
    (scored / "signals.jsonl").write_text(json.dumps({"notice": NOTICE}) + "\n" + text)
    code, _, told = run("assay-rl", "report", "signals.jsonl", "-o", "page.html", cwd=scored)
    assert code == 0, told
    assert told.count(SAID) == 1
