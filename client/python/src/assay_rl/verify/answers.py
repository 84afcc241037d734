"""What an answer says, as the server's graders read it (server/grading): strict readers, which call unreadable what
they do not know. tests/data/answer_forms.jsonl lists what they must agree on.
"""

from __future__ import annotations

import re
from sys import float_info

from assay_rl.v1 import options_pb2

from .answer_text import MAX_BYTES, normal_form, plain_text
from .number_answers import Numbers, read_number

RIGHT = "right"
WRONG = "wrong"
UNREADABLE = "unreadable"
NO_ANSWER = "none"

# Choices.

_MARKED = r"""[*_`"'(\[{]+([A-Za-z])[*_`"')\]}]+"""
_LETTER = r"""[*_`"'(\[{]*[A-Z][*_`"')\]}]*"""
_LETTERS = rf"{_LETTER}(?:(?: ?[,;&] ?(?:and )?| and ){_LETTER})+"
_LEADS = (
    "(?:(?i:i|i'm|we|think|believe|choose|pick|select|say|it|it's|is|so|thus|therefore|hence|the|my|our|correct|right|"
    "best|final|most|likely|answer|answers|choice|choices|option|options|letter|would|be|are|should|must|antwort|lautet|"
    "ist|die|richtige|réponse|la|est|bonne|respuesta|correcta|es|risposta|resposta|a resposta|correta|é|ответ|الإجابة)"
    "[ :=,*_>-]+|(?:正确|正確|正解|答案|答え|回答|选项|选|選|我|的|是|为|為|は|정답|답|은)[ :=,*_>-]*)"
)
_OPENING = r"""[*_>`" ]*"""
_CLOSING = r"""[.*_`"]*"""
_CHOICE_BARE = re.compile(r"""[*_`"'(\[{ ]*([A-Za-z])[*_`"')\]}.: ]*""")
_CHOICE_SET = re.compile(f"{_OPENING}{_LEADS}*({_LETTERS}){_CLOSING}")
_CHOICE_LISTED = re.compile(r"([A-Za-z])([).:\]].*)")
_CHOICE_ASSERTED = re.compile(rf"""{_OPENING}{_LEADS}*(?:{_MARKED}|([A-Z])(?![A-Za-z0-9_])[*_`"]*)(.*)""")
_CHOICE_LED_TO_END = re.compile(f"{_OPENING}{_LEADS}+([a-z]){_CLOSING}")
_OTHER_LETTER = re.compile(
    r"(?:^|[^A-Za-z0-9\x80-\U0010ffff])(?:[B-HJ-Zb-hj-z](?:$|[^A-Za-z0-9'\x80-\U0010ffff])"
    r"|[AaIi](?:$|[^A-Za-z0-9' \x80-\U0010ffff]))"
)
_JUDGES = re.compile(
    r"(?i)\b(?:answer|choice|option|correct|incorrect|wrong|right|false|not|no|but|however|or|actually|wait|instead|"
    r"unless|maybe|perhaps)\b|n't\b",
    re.A,
)
_ASSERTS = re.compile(r"(?i)\b(?:answer|correct|right|true|best|but|however|actually|wait|no|sure|either)\b", re.A)
_CONFIRMS = re.compile(r"(?i) (?:is|would be) (?:the )?(?:correct|right|best)(?: (?:answer|choice|option|one))?[.*]*")
_REASONS = re.compile(r"(?i)[,.;:)]? ?-? ?(?:because|since|as|not|rather than|instead of)\b(.*)", re.A)
_TEXT = re.compile(r"(?:[.,;:)\]][*_ ]*| - )(.*)")


def _is_text(text: str) -> bool:
    return not _OTHER_LETTER.search(text) and not _JUDGES.search(text)


def _is_tail(tail: str, marked: bool) -> bool:
    if not tail or _CONFIRMS.fullmatch(tail):
        return True
    if reason := _REASONS.fullmatch(tail):
        return not _ASSERTS.search(reason.group(1))
    if marked and tail[0] == " ":
        return _is_text(tail)
    text = _TEXT.fullmatch(tail)
    return text is not None and _is_text(text.group(1))


def read_choice(plain: str) -> str | None:
    """Upper-case letters, ascending, that a plain text asserts."""
    if len(plain.encode()) > MAX_BYTES:
        return None
    text = re.sub(r"[ \t\n\v\f\r\x1e\x1f]+", " ", plain).strip(" ")
    if found := _CHOICE_BARE.fullmatch(text):
        return found.group(1).upper()
    if found := _CHOICE_SET.fullmatch(text):
        return "".join(sorted(set(re.findall(r"\b([A-Z])\b", found.group(1), re.A))))
    if found := _CHOICE_LISTED.fullmatch(text):
        return found.group(1).upper() if _is_tail(found.group(2), marked=False) else None
    if found := _CHOICE_ASSERTED.fullmatch(text):
        marked, letter, tail = found.groups()
        return (marked or letter).upper() if _is_tail(tail, marked=marked is not None) else None
    if found := _CHOICE_LED_TO_END.fullmatch(text):
        return found.group(1).upper()
    return None


# Graders.

UNREADABLE_MARK = "\ufffd"
"""What the name of a class begins with whose answers the caller could not read (GRADER_IDENTICAL)."""


def _compare_classes(answer: str, reference: str) -> str:
    if answer == reference:
        return RIGHT
    return UNREADABLE if UNREADABLE_MARK in (answer[:1], reference[:1]) else WRONG


class Grader:
    """Grades and classes of answers against one reference."""

    def __init__(self, kind: int, tolerance: float, reference: str) -> None:
        self._kind = kind
        self._tolerance = tolerance
        self._text, self._form, self._numbers = self._read(reference)

    def _read(self, answer: str) -> tuple[str, str, Numbers | None]:
        if self._kind == options_pb2.GRADER_IDENTICAL:
            return answer, answer, None
        text = normal_form(answer)
        if self._kind == options_pb2.GRADER_CHOICE:
            return text, read_choice(plain_text(answer)) or "", None
        if self._kind == options_pb2.GRADER_NUMBER:
            numbers = read_number(plain_text(answer))
            return text, numbers.form if numbers is not None else "", numbers
        return text, text, None

    def grade(self, answer: str) -> tuple[str, str]:
        """(grade, form): two answers that are not right are the same where their forms are."""
        text, form, numbers = self._read(answer)
        if self._kind == options_pb2.GRADER_IDENTICAL:
            return _compare_classes(form, self._form), form
        if not text:
            return NO_ANSWER, ""
        return self._compare(text, form, numbers), ("=" + form if form else "?" + text)

    def _compare(self, text: str, form: str, numbers: Numbers | None) -> str:
        if text == self._text:
            return RIGHT
        if not form or not self._form:
            return UNREADABLE
        if form == self._form:
            return RIGHT
        if numbers is None or self._numbers is None:
            return WRONG
        if numbers.brackets != self._numbers.brackets:
            return UNREADABLE if "," in (numbers.brackets, self._numbers.brackets) else WRONG
        return RIGHT if self._within(numbers, self._numbers) else WRONG

    def _within(self, answer: Numbers, reference: Numbers) -> bool:
        if self._tolerance == 0 or len(answer.numbers) != len(reference.numbers):
            return False
        for a, b in zip(answer.numbers, reference.numbers, strict=True):
            rounding = 4 * float_info.epsilon * max(abs(a.value), abs(b.value))
            if a.text != b.text and not abs(a.value - b.value) <= self._tolerance + rounding:
                return False
        return True
