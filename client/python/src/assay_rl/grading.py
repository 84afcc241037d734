"""Grading of free answers, on math-verify (`pip install assay-rl[grading]`): the recommended way to grade mathematics.

    with MathGrader() as grader:
        graded = grader.grade(episode)                 # its answers are classes now: the reference's, or another
    client.score_batch([graded.episode], options=options_for("math"))

A class stands for all answers that say the same. The right ones carry the reference answer itself, so that the server
has only to compare bytes (GRADER_IDENTICAL). What cannot be read is never right; it is counted in `unreadable`.

Answers are read strictly first, as the server's own NUMBER grader does (assay_rl.verify.answers); math-verify is
asked about the rest: roots, powers, expressions, equations, intervals, sets, matrices. It runs in a process of its own,
with a limit on its time, because its parser can take for ever and its limits need a main thread.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Literal

from google.protobuf import json_format

from assay_rl.client.episodes import Episode
from assay_rl.v1 import options_pb2
from assay_rl.verify.answers import NO_ANSWER, RIGHT, UNREADABLE, WRONG, Grader, plain_text, read_number

Kind = Literal["math", "choice", "number", "exact"]
KINDS: tuple[Kind, ...] = ("math", "choice", "number", "exact")

_GRADERS = {"math": "IDENTICAL", "choice": "CHOICE", "number": "NUMBER", "exact": "EXACT"}
_MAX_BYTES = 4096
_MAX_CLASSES = 64  # beyond it wrong answers are compared by their text alone
_PARSE_SECONDS = 5
_BATCH_SECONDS = 120.0


def options_for(kind: Kind, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """AttributionOptions, as a mapping, with the grader of this kind. ValueError: they choose another evaluator."""
    merged = dict(options or {})
    others = [name for name in ("given", "caller", "named", "outcome") if name in merged]
    if others:
        raise ValueError(f"--grade {kind} grades votes, but the options choose the evaluator {others[0]!r}")
    vote = merged["vote"] = dict(merged.get("vote") or {})
    wanted = f"GRADER_{_GRADERS[kind]}"
    if vote.setdefault("grader", wanted) != wanted:
        raise ValueError(f"--grade {kind} asks for vote.grader {wanted}, but the options ask for {vote['grader']}")
    json_format.ParseDict(merged, options_pb2.AttributionOptions())
    return merged


@dataclasses.dataclass(frozen=True, slots=True)
class GradedEpisode:
    """An episode whose answers are classes. grades: of each message, "right", "wrong", "unreadable" or "none"."""

    episode: Episode
    grades: list[str]

    @property
    def unreadable(self) -> int:
        """How many answers could not be read."""
        return self.grades.count(UNREADABLE)


class MathGrader:
    """Reads and compares answers of mathematics. Use it as a context, or close() it."""

    def __init__(self) -> None:
        _require()
        self._pool: ProcessPoolExecutor | None = None
        self.unreadable = 0
        """Answers that could not be read, of all episodes so far."""

    def __enter__(self) -> MathGrader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def classify(self, reference: str, answers: Sequence[str | None]) -> tuple[list[str], list[str | None]]:
        """(grades, classes), one an answer; the class of a right answer is the reference."""
        distinct = list(dict.fromkeys(answer for answer in answers if answer is not None))
        try:
            found = dict(zip(distinct, self._ask(reference, distinct), strict=True))
        except (BrokenProcessPool, TimeoutError):  # the parser has died or hangs: nothing of this can be read
            self.close()
            found = {answer: (UNREADABLE, answer) for answer in distinct}
        grades, classes = [], list[str | None]()
        for answer in answers:
            grade, name = (NO_ANSWER, "") if answer is None else found[answer]
            grades.append(grade)
            classes.append(None if grade == NO_ANSWER else name)
        return grades, classes

    def _ask(self, reference: str, answers: list[str]) -> list[tuple[str, str]]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        return self._pool.submit(_classify, reference, answers).result(_BATCH_SECONDS)

    def grade(self, episode: Episode) -> GradedEpisode:
        """The episode with classes in place of its answers. One without a reference answer stays as it is."""
        reference = episode.task.reference_answer
        if not reference:
            return GradedEpisode(episode, [NO_ANSWER] * len(episode.messages))
        said = [m.answer if m.agent else None for m in episode.messages]
        grades, classes = self.classify(reference, said)
        self.unreadable += grades.count(UNREADABLE)
        messages = [
            dataclasses.replace(message, answer=name) if message.agent else message
            for message, name in zip(episode.messages, classes, strict=True)
        ]
        return GradedEpisode(dataclasses.replace(episode, messages=messages), grades)


def graded(episodes: Iterable[Episode], kind: Kind, grader: MathGrader | None = None) -> Iterator[Episode]:
    """Episodes ready for options_for(kind): those of "math" with classes, the others as they are."""
    if kind != "math":
        yield from episodes
        return
    with grader or MathGrader() as own:
        for episode in episodes:
            yield own.grade(episode).episode


def _require() -> None:
    try:
        import math_verify  # noqa: F401
    except ImportError as failure:
        raise ImportError("grading mathematics needs math-verify: pip install 'assay-rl[grading]'") from failure


# In the process of its own.

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
        if grade in (RIGHT, NO_ANSWER, WRONG):
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


def _classify(reference: str, answers: list[str]) -> list[tuple[str, str]]:
    reader = _Reader(reference)
    names: dict[str, str] = {}  # of forms
    compared: list[tuple[list[Any], str]] = []
    classes = []
    for answer in answers:
        grade, form, parsed = reader.grade(answer)
        if grade == RIGHT:
            name = reference
        elif form:
            name = names.setdefault(form, answer)
        else:
            name = next((name for other, name in compared if _same(other, parsed)), answer)
            if name == answer and len(compared) < _MAX_CLASSES:
                compared.append((parsed, answer))
        # A wrong answer may be spelled like the reference in all but a detail; its class may not.
        classes.append((grade, name + " " if grade != RIGHT and name == reference else name))
    return classes
