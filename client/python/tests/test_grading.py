"""assay_rl.grading on the table of forms, and on answers that need algebra."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay_rl import Episode, Message, Task
from assay_rl.grading import MathGrader, graded, options_for

TABLE = Path(__file__).resolve().parents[3] / "tests/data/answer_forms.jsonl"

# Forms that say the same by arithmetic, or as a set; the table calls them unreadable or wrong for strict readers.
SAME_BY_ARITHMETIC = {"18 + 0", "3 \u00d7 6", "15 \\times 100", "(3, \\sqrt{16})", "1 and 2", "\\{1,2\\}", "1 234"}

pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def grader() -> Iterator[MathGrader]:
    with MathGrader() as found:
        yield found


def test_the_table_of_forms(grader: MathGrader) -> None:
    forms: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in TABLE.read_text("utf-8").split("\n"):
        form = json.loads(line) if line else {}
        if form and form["grader"] != "choice" and "tolerance" not in form:
            forms[form["reference"]].append(form)
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
    assert [m.answer for m in found.episode.messages] == ["x+1", "x+1", "no idea", None, None, "left alone"]
    assert found.grades == ["right", "right", "unreadable", "none", "none", "none"]
    assert found.unreadable == 1
    assert [m.answer for m in messages][:2] == said[:2], "the caller's episode is not touched"


def test_an_episode_without_a_reference_stays_as_it_is(grader: MathGrader) -> None:
    episode = Episode("e", [Message("a", "x", answer="5")])
    assert grader.grade(episode).episode is episode
    assert list(graded([episode], "choice")) == [episode]


def test_options() -> None:
    assert options_for("math") == {"vote": {"grader": "GRADER_IDENTICAL"}}
    assert options_for("choice", {"seed": 1})["vote"] == {"grader": "GRADER_CHOICE"}
    assert options_for("number", {"vote": {"tolerance": 0.1}})["vote"]["tolerance"] == 0.1
    with pytest.raises(ValueError, match="GRADER_EXACT"):
        options_for("math", {"vote": {"grader": "GRADER_EXACT"}})
    with pytest.raises(ValueError, match="outcome"):
        options_for("exact", {"outcome": {}})


def test_a_parser_that_dies_leaves_answers_unreadable_and_comes_again() -> None:
    with MathGrader() as own:
        assert own.classify("1", ["1"])[0] == ["right"]
        pool = own._pool
        assert pool is not None
        for process in list(pool._processes.values()):
            process.kill()
            process.join()
        assert own.classify("1", ["1", "2"]) == (["unreadable"] * 2, ["1", "2"])
        assert own.classify("1", ["1", "2"])[0] == ["right", "wrong"]
