"""assay_rl.grading on the table of forms, and on answers that need algebra."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assayd import HANGS

from assay_rl import Episode, Message, Task
from assay_rl.grading import Grading, Kind, MathGrader, StrictGrader, options_for, worker
from assay_rl.grading.classes import class_of
from assay_rl.v1 import options_pb2
from assay_rl.verify.answers import Grader

TABLE = Path(__file__).resolve().parents[3] / "tests/data/answer_forms.jsonl"

# Forms that say the same by arithmetic, or as a set; the table calls them unreadable or wrong for strict readers.
SAME_BY_ARITHMETIC = {"18 + 0", "3 \u00d7 6", "15 \\times 100", "(3, \\sqrt{16})", "1 and 2", "\\{1,2\\}", "1 234"}

pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def grader() -> Iterator[MathGrader]:
    with MathGrader() as found:
        yield found


def forms_of(*graders: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of the table by their reference, without those that need a tolerance."""
    forms: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in TABLE.read_text("utf-8").splitlines():
        form = json.loads(line)
        if form["grader"] in graders and "tolerance" not in form:
            forms[form["reference"]].append(form)
    return forms


def test_the_table_of_forms(grader: MathGrader) -> None:
    forms = forms_of("number", "exact")
    right = read = 0
    for reference, rows in forms.items():
        grades, _ = grader.classify(reference, [row["text"] for row in rows])
        for row, grade in zip(rows, grades, strict=True):
            if row["class"] == "right":
                right += 1
                read += grade == "right"
            else:
                assert grade != "right" or row["text"] in SAME_BY_ARITHMETIC, row
    assert read >= 0.95 * right, (read, right)


@pytest.mark.parametrize(
    ("reference", "same", "different"),
    [
        ("x+1", ["1+x", "$x + 1$", "\\boxed{1+x}", "The answer is $1+x$."], ["x-1", "x", "2x"]),
        ("2\\sqrt{2}", ["\\sqrt{8}", "\\sqrt8", "2 \\sqrt 2"], ["\\sqrt{2}", "2", "8", "4"]),
        ("\\frac{\\pi}{4}", ["\\pi/4", "\\frac14\\pi", "π/4"], ["\\pi", "0.785", "\\frac{4}{\\pi}"]),
        ("(-\\infty, 3]", ["(-\\infty,3]", "\\left(-\\infty, 3\\right]"], ["(-\\infty, 3)", "3", "[3, \\infty)"]),
        ("120", ["5!", "\\boxed{120}", "120.0"], ["5", "5!!", "12", "1 2 0", "120_3"]),
        ("5", ["2+3", "\\frac{10}{2}", "\\sqrt{25}", "x = 5"], ["\\sqrt{5}", "-5", "5\\pi", "\\pm 5", "5 or 6", "5i"]),
        ("x>5", ["x > 5", "5 < x"], ["x \\ge 5", "5", "x < 5"]),
        ("10", ["10"], ["10_{2}", "about 10", "10...", "10 million", "not 10"]),
    ],
)
def test_algebra(grader: MathGrader, reference: str, same: list[str], different: list[str]) -> None:
    grades, classes = grader.classify(reference, [*same, *different])
    assert grades[: len(same)] == ["right"] * len(same)
    assert "right" not in grades[len(same) :]
    assert classes[: len(same)] == [reference] * len(same)
    assert reference not in classes[len(same) :]


def test_wrong_answers_that_say_the_same_are_one_class(grader: MathGrader) -> None:
    _, classes = grader.classify("7", ["\\sqrt{8}", "2\\sqrt{2}", "8", "16/2", "eight", "eight", None])
    assert classes[0] == classes[1] != classes[2] == classes[3] != classes[4] == classes[5]
    assert classes[6] is None


def test_an_episode_gets_classes_and_counts_what_cannot_be_read(grader: MathGrader) -> None:
    said = ["\\boxed{1+x}", "x+1", "no idea", None, " "]
    messages = [Message(f"a{i}", "text", answer=answer) for i, answer in enumerate(said)]
    messages.append(Message("", "context", answer="left alone"))
    found = grader.grade(Episode("e", messages, task=Task("t", "p", "x+1")))
    assert [m.answer for m in found.episode.messages] == ["x+1", "x+1", "\ufffdno idea", None, None, "left alone"]
    assert found.grades == ["right", "right", "unreadable", "none", "none", "none"]
    assert found.unreadable == 1
    assert grader.counts["unreadable"] >= 1
    assert [m.answer for m in messages][:2] == said[:2], "the caller's episode is not touched"


def test_protobuf_messages_are_graded_alike(grader: MathGrader) -> None:
    messages = [Message("a", "x", answer="5!"), Message("b", "x", answer=" "), Message("", "x", answer="120")]
    episode = Episode("e", messages, task=Task("t", "p", "120"))
    plain, proto = grader.grade(episode), grader.grade(episode.to_proto())
    assert plain.grades == proto.grades == ["right", "none", "none"]
    assert proto.episode == plain.episode.to_proto()


def test_an_episode_without_a_reference_stays_as_it_is(grader: MathGrader) -> None:
    episode = Episode("e", [Message("a", "x", answer="5")])
    assert grader.grade(episode).episode is episode
    assert list(Grading("choice").episodes([episode])) == [episode]
    assert list(Grading(None).episodes([episode])) == [episode]


@pytest.mark.parametrize("kind", ["math", "choice", "number", "exact"])
def test_classes_are_graded_as_the_answers_were(grader: MathGrader, kind: Kind) -> None:
    """So that `convert --grade` may be followed by `signals --grade`, in any version of either."""
    own = grader if kind == "math" else StrictGrader(kind)
    for reference, rows in forms_of("number" if kind == "math" else kind).items():
        grades, classes = own.classify(reference, [reference, *(row["text"] for row in rows)])
        assert own.classify(reference, classes) == (grades, classes), reference


def test_strict_readers_put_answers_into_classes() -> None:
    assert StrictGrader("choice").classify("B", ["(B)", "the answer is B", "C", "(C)", "A or B", None, " "]) == (
        ["right", "right", "wrong", "wrong", "unreadable", "none", "none"],
        ["B", "B", "C", "C", "\ufffdA or B", None, None],
    )
    assert StrictGrader("number").classify("0", ["0.0", "1/2", "0.5", "-0"])[1] == ["0", "1/2", "1/2", "0"]


@pytest.mark.parametrize("kind", ["math", "choice", "number", "exact"])
def test_the_server_reads_of_classes_what_the_grader_read_of_answers(grader: MathGrader, kind: Kind) -> None:
    own = grader if kind == "math" else StrictGrader(kind)
    found = set()
    for reference, rows in forms_of("number" if kind == "math" else kind).items():
        said = [reference, *(row["text"] for row in rows), "\ufffd1", "1\ufffd"]
        grades, classes = own.classify(reference, said)
        server = Grader(options_pb2.GRADER_IDENTICAL, 0.0, reference)
        for grade, name in zip(grades, classes, strict=True):
            assert name is None or server.grade(name)[0] == grade
            found.add(grade)
    assert {"right", "wrong"} | ({"unreadable"} if kind != "exact" else set()) <= found


def test_classes_have_different_names() -> None:
    for reference in ("5", "\ufffd5", " \ufffd5", "5 ", "\ufffd", ""):
        wrong = [class_of("wrong", answer, reference) for answer in ("5", "\ufffd5")]
        unread = class_of("unreadable", "5", reference)
        assert len({reference, *wrong, unread}) == 4
        assert [name[0] for name in (*wrong, unread)] == ["5", " ", "\ufffd"]
        assert class_of("right", "5", reference) == reference
        assert class_of("unreadable", unread, "6") == unread


def test_options() -> None:
    identical = options_pb2.VoteReplay(grader=options_pb2.GRADER_IDENTICAL)
    assert options_for("math") == options_pb2.AttributionOptions(vote=identical)
    given = options_pb2.AttributionOptions(seed=1)
    assert options_for("choice", given).vote.grader == options_pb2.GRADER_CHOICE
    assert not given.HasField("vote"), "the caller's options are not touched"
    assert options_for("number", {"vote": {"tolerance": 0.1}}).vote.tolerance == 0.1
    assert Grading(None).options({"seed": 1}) == {"seed": 1}
    with pytest.raises(ValueError, match="GRADER_EXACT"):
        options_for("math", {"vote": {"grader": "GRADER_EXACT"}})
    with pytest.raises(ValueError, match="outcome"):
        options_for("exact", {"outcome": {}})
    with pytest.raises(ValueError, match="tolerance"):
        options_for("math", {"vote": {"tolerance": 0.1}})
    with pytest.raises(ValueError, match="math, choice, number, exact"):
        Grading("maths")  # type: ignore[arg-type]


def worker_of(grader: MathGrader) -> subprocess.Popen[str]:
    process = grader._worker._process
    assert process is not None
    return process


def test_a_parser_that_dies_leaves_answers_unreadable_and_comes_again() -> None:
    with MathGrader() as own:
        assert own.classify("1", ["1"])[0] == ["right"]
        worker_of(own).kill()
        worker_of(own).wait()
        assert own.classify("1", ["1", "2"]) == (["unreadable"] * 2, ["\ufffd1", "\ufffd2"])
        assert own.classify("1", ["1", "2"])[0] == ["right", "wrong"]


def test_a_parser_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with MathGrader() as own:
        assert own.classify("1", ["1"])[0] == ["right"]
        hung = worker_of(own)
        hung.send_signal(signal.SIGSTOP)
        with monkeypatch.context() as short:
            short.setattr(worker, "_SECONDS", 0.1)
            assert own.classify("1", ["1"])[0] == ["unreadable"]
        assert hung.poll() is not None
        assert own.classify("1", ["1"])[0] == ["right"]


def test_a_parser_that_cannot_start_is_an_error_and_no_grade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with MathGrader() as own, pytest.raises(RuntimeError, match="did not start: it ended with status 1"):
        own.classify("1", ["1"])


def test_a_program_without_a_main_guard_a_fork_and_a_thread_grade() -> None:
    """The parser's process runs nothing of the caller's, and answers nobody but the process that started it."""
    code = """
import os, threading
from assay_rl.grading import MathGrader
print("once")
grader = MathGrader()
print(grader.classify("2", ["1+1"])[0], flush=True)
child = os.fork()
print(grader.classify("3", ["1+1", "1+2"])[0], flush=True)
if child == 0:
    grader.close()
    os._exit(0)
os.waitpid(child, 0)
threads = [threading.Thread(target=lambda: print(grader.classify("4", ["2+2"])[0])) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
    found = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=HANGS, check=True)
    said = found.stdout.splitlines()
    assert said == ["once", "['right']", *["['wrong', 'right']"] * 2, *["['right']"] * 4], (said, found.stderr)


def test_an_interrupt_ends_no_parser(grader: MathGrader) -> None:
    assert grader.classify("1", ["1"])[0] == ["right"]
    assert os.getpgid(worker_of(grader).pid) != os.getpgid(0)
