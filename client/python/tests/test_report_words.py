"""Every value of the wire that a result can hold has words of its own for people."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from assay_rl.v1 import options_pb2, signals_pb2
from assay_rl.verify import advantages

WORDS = files("assay_rl.report").joinpath("assets/words.js").read_text("utf-8")


def table_of(name: str) -> dict[str, str]:
    """The rows of one table of words.js."""
    body = re.search(rf"^const {name} = \{{(.*?)\}};$", WORDS, re.MULTILINE | re.DOTALL)
    assert body is not None, f"words.js has no {name}"
    return dict(re.findall(r"\b([A-Z][A-Z_]+): (\[.*?\]|\".*?\")", body[1]))


@pytest.mark.parametrize(
    ("table", "values", "prefix"),
    [
        ("PAIRS", options_pb2.PreferenceKind, "PREFERENCE_KIND_"),
        ("LABELS", signals_pb2.Label, "LABEL_"),
        ("GRADES", signals_pb2.AnswerGrade, "ANSWER_GRADE_"),
        ("TIERS", signals_pb2.EvidenceTier, "EVIDENCE_TIER_"),
    ],
)
def test_the_page_has_words_for_every_value(table: str, values: Any, prefix: str) -> None:
    words = table_of(table)
    assert words.keys() == {name.removeprefix(prefix) for name, number in values.items() if number}
    assert len(set(words.values())) == len(words)


def test_every_part_of_an_advantage_has_words_of_its_own() -> None:
    outcome = {name.removeprefix("OUTCOME_PART_") for name, _ in options_pb2.OutcomePart.items()}
    credit = {name.removeprefix("CREDIT_PART_") for name, _ in options_pb2.CreditPart.items()}
    never = {"UNSPECIFIED", "AUTO"}  # of no result
    assert advantages.OUTCOME_WORDS.keys() == outcome - never
    assert advantages.CREDIT_WORDS.keys() == credit - never - {"NONE"}
    told = [*advantages.OUTCOME_WORDS.values(), *advantages.CREDIT_WORDS.values()]
    assert len(set(told)) == len(told)
