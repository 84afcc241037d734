"""Reading and comparing answers of mathematics with math-verify, in a process of its own (see `worker`).

Run as a program it says "ready", then answers each line of standard input, [reference, answers] in JSON, with a line
[[grade, class], ...]. math-verify's parser can take for ever, and its limits on time need a main thread.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from assay_rl.grading.classes import class_of
from assay_rl.v1 import options_pb2
from assay_rl.verify.answer_text import plain_text
from assay_rl.verify.answers import (
    NO_ANSWER,
    RIGHT,
    UNREADABLE,
    UNREADABLE_MARK,
    WRONG,
    Grader,
)
from assay_rl.verify.number_answers import read_number

_MAX_BYTES = 4096
_MAX_CLASSES = 64  # beyond it wrong answers are compared by their text alone
_PARSE_SECONDS = 5

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_LEAD = re.compile(
    r"(?is).*(?:answer|result|solution)\s*(?:is|:|=|is:)\s*(?=[^\s])|#{2,6}\s*|(?:so|thus|therefore|hence),?\s+"
)
# Words that are part of mathematics; a text with others is prose, and nothing is read of it.
_WORDS = re.compile(
    r"(?i)\b(?!(?:sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|lg|exp|sqrt|pi|infty|and|max|min|gcd|"
    r"lcm|det|mod|dx|dy|dt)\b)[A-Za-z]{2,}\b"
)
# What math-verify reads as another number than it says: digits in a row as a sum, a base as nothing.
_MISREAD = re.compile(
    r"\d[ \x1e\x1f]+\d|\d(?:st|nd|rd|th)\b|:|;|^\[[^,]*\]$|\d_|\d!{2}|\.\."
    r"|…|\\ldots|\\dots|\\overline|\\mod|\\pmod|\\bmod|≈|\\approx|~|\\sim"
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_BRACKETED = re.compile(r"(?s)\s*(?:\\left)?[(\[].*[)\]]\s*")


def _boxed(text: str) -> str | None:
    """What stands in the only box of a text; None where there is none, or several that differ."""
    found = set()
    for box in _BOXED.finditer(text):
        depth, end = 1, box.end()
        while end < len(text) and depth:
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        found.add(text[box.end() : end - 1] if depth == 0 else text[box.end() :])
    return found.pop() if len(found) == 1 else None


def _answer_of(text: str) -> str:
    """The part of a free answer that states it: the box, or what follows "the answer is"."""
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    lead = _LEAD.match(text.strip())
    rest = text.strip()[lead.end() :] if lead else text
    return rest.strip().strip("*`").removesuffix(".").strip()


def _parsed(text: str) -> list[Any]:
    """What math-verify reads of a whole answer; empty: nothing, or more than an expression."""
    from math_verify import parse
    from math_verify.parser import LatexExtractionConfig

    plain = plain_text(text).replace("\x1e", " ").replace("\x1f", " ").replace("½", "\\frac{1}{2}").replace("**", "^")
    plain = plain.strip().strip("*`\"'").removesuffix(".")
    words = _WORDS.search(_COMMAND.sub(" ", plain))
    if not plain or len(plain) > _MAX_BYTES or words or _MISREAD.search(plain):
        return []
    config = [LatexExtractionConfig(boxed_match_priority=0)]
    found: list[Any] = parse(
        f"\\boxed{{{plain}}}",
        extraction_config=config,
        fallback_mode="no_fallback",
        extraction_mode="first_match",
        parsing_timeout=_PARSE_SECONDS,
        raise_on_error=False,
    )
    return found


def _same(a: list[Any], b: list[Any]) -> bool:
    from math_verify import verify

    return bool(verify(a, b, float_rounding=12, numeric_precision=15, strict=True, timeout_seconds=_PARSE_SECONDS))


class _Reader:
    def __init__(self, reference: str) -> None:
        self._strict = Grader(options_pb2.GRADER_NUMBER, 0.0, reference)
        self._reference = _answer_of(reference)
        self._number = read_number(plain_text(self._reference))
        self._parsed = _parsed(self._reference)

    def grade(self, answer: str) -> tuple[str, str, list[Any]]:
        """(grade, form, parsed): answers of one form are one class; those without a form need a comparison."""
        grade, form = self._strict.grade(answer)
        if grade in (RIGHT, NO_ANSWER, WRONG) or answer.startswith(UNREADABLE_MARK):  # a class already
            return grade, form, []
        stated = _answer_of(answer)
        number = read_number(plain_text(stated))
        if number is not None and self._number is not None and number.brackets == self._number.brackets:
            return (RIGHT if number.form == self._number.form else WRONG), "=" + number.form, []
        parsed = _parsed(stated)
        # A tuple is no set of its numbers, and which of the two was meant is not for us to say.
        alike = bool(_BRACKETED.fullmatch(stated)) == bool(_BRACKETED.fullmatch(self._reference))
        if not parsed or not self._parsed or not alike:
            return UNREADABLE, form, []
        return (RIGHT if _same(self._parsed, parsed) else WRONG), "", parsed


def classify(reference: str, answers: list[str]) -> list[tuple[str, str]]:
    """(grade, class) of each answer; the class of a right one is the reference, and of no other."""
    reader = _Reader(reference)
    names: dict[str, str] = {}  # of forms
    compared: list[tuple[list[Any], str]] = []
    classes = []
    for answer in answers:
        grade, form, parsed = reader.grade(answer)
        first = answer  # of its class
        if form:
            first = names.setdefault(form, answer)
        elif grade != RIGHT:
            first = next((other for known, other in compared if _same(known, parsed)), answer)
            if first == answer and len(compared) < _MAX_CLASSES:
                compared.append((parsed, answer))
        classes.append((grade, class_of(grade, first, reference)))
    return classes


def main() -> None:
    import math_verify  # noqa: F401

    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(classify(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
