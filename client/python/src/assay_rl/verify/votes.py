"""Vote replay: the value of a coalition is the grade of the answer that its ballots elect (proto/signals.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from math import isfinite

from assay_rl.v1 import options_pb2, signals_pb2

from .settings import Settings
from .transcript import CONTEXT, Transcript

RIGHT = "right"
NONE = "none"

_WRAPPERS = (
    re.compile(r"^\$+(.*?)\$+$", re.S),
    re.compile(r"^\\\((.*)\\\)$", re.S),
    re.compile(r"^\\\[(.*)\\\]$", re.S),
    re.compile(r"^\\(?:boxed|fbox|text|textbf|mathrm|mathbf|mbox)\s*\{(.*)\}$", re.S),
)
_SEPARATOR = re.compile(r"(?<=\d)(?:,|\\,|\{,\})(?=\d{3}(?!\d))")
_CHOICE = re.compile(r"^\(?([a-z])(?:$|[).:,\s])")


def normalise(answer: str) -> str:
    """Case, white space, LaTeX wrappers and thousands separators away."""
    text = answer.strip().lower()
    while True:
        for wrapper in _WRAPPERS:
            match = wrapper.match(text)
            if match and _balanced(match.group(1)):
                text = match.group(1).strip()
                break
        else:
            break
    return _SEPARATOR.sub("", "".join(text.split()))


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0


def _number(answer: str) -> Decimal | None:
    try:
        value = Decimal(normalise(answer))
    except InvalidOperation:
        return None
    return value if isfinite(value) else None


def classifier(settings: Settings, reference: str) -> Callable[[str], str]:
    """Maps an answer to its class; every right answer to RIGHT, wrong ones told apart exactly."""
    grader = settings.grader
    if grader == options_pb2.GRADER_NUMBER:
        wanted = _number(reference)

        def number(answer: str) -> str:
            value = _number(answer)
            if value is None or wanted is None:
                return RIGHT if normalise(answer) == normalise(reference) else "=" + normalise(answer)
            if abs(value - wanted) <= Decimal(settings.tolerance):
                return RIGHT
            return f"={value.normalize()}"

        return number
    key: Callable[[str], str] = normalise
    if grader == options_pb2.GRADER_IDENTICAL:
        key = str
    elif grader == options_pb2.GRADER_CHOICE:
        key = _choice
    right = key(reference)

    def by_key(answer: str) -> str:
        text = key(answer)
        return RIGHT if text == right else "=" + text

    return by_key


def _blank(settings: Settings, answer: str) -> bool:
    """Nothing is left of it to compare: as good as no answer."""
    return settings.grader != options_pb2.GRADER_IDENTICAL and not normalise(answer)


def readable(settings: Settings, answer: str) -> bool:
    """Whether the grader finds in the text what it compares: a number, a choice letter."""
    if settings.grader == options_pb2.GRADER_NUMBER:
        return _number(answer) is not None
    return settings.grader != options_pb2.GRADER_CHOICE or _CHOICE.match(normalise(answer)) is not None


def _choice(answer: str) -> str:
    text = normalise(answer)
    match = _CHOICE.match(text)
    return match.group(1) if match else text


class VoteReplay:
    """Values of coalitions, kept messages and prefixes of one transcript.

    Ballots are counted in the digits of one integer, a digit of eight bits for each class: adding ballots is integer
    addition, and equal counts have equal values.
    """

    def __init__(self, transcript: Transcript, settings: Settings, reference: str) -> None:
        self._transcript = transcript
        self._settings = settings
        self._reference = reference
        classify = classifier(settings, reference)
        self._classes: dict[str, int] = {RIGHT: 1}
        self._digits: list[int | None] = []
        self._answers = [None if a is None or _blank(settings, a) else a for a in transcript.answers]
        for answer in self._answers:
            if answer is not None:
                name = classify(answer)
            elif settings.empty_ballots:
                name = NONE
            else:
                self._digits.append(None)
                continue
            self._digits.append(self._classes.setdefault(name, 1 << 8 * len(self._classes)))
        self._by_last_round = settings.ballots == options_pb2.BALLOTS_LAST_ROUND
        self._top_round = self._highest(len(transcript.rounds))
        self._ballots: dict[tuple[int, int], int] = {}
        self._values: dict[int, float] = {}
        self._whole = [self._ballot(i, members, self._top_round) for i, members in enumerate(transcript.members)]

    def grade_of(self, t: int) -> int:
        """AnswerGrade of message t; unspecified without an answer."""
        answer = self._answers[t]
        if answer is None or self._transcript.authors[t] == CONTEXT:
            return signals_pb2.ANSWER_GRADE_UNSPECIFIED
        if self._digits[t] == 1:
            return signals_pb2.ANSWER_GRADE_RIGHT
        if readable(self._settings, self._reference) and readable(self._settings, answer):
            return signals_pb2.ANSWER_GRADE_WRONG
        return signals_pb2.ANSWER_GRADE_UNREADABLE

    def grade(self, t: int) -> float | None:
        """q of message t: +1 for a right answer, -1 for a wrong one; None without an answer."""
        if self._answers[t] is None or self._transcript.authors[t] == CONTEXT:
            return None
        return 1.0 if self._digits[t] == 1 else -1.0

    def coalition(self, mask: int) -> float:
        total, agent = 0, 0
        while mask:
            if mask & 1:
                total += self._whole[agent]
            mask >>= 1
            agent += 1
        return self._elect(total)

    def table(self) -> list[float]:
        """v of all 2^n coalitions."""
        totals = [0]
        for ballot in self._whole:
            totals += [total + ballot for total in totals]
        return [self._elect(total) for total in totals]

    def messages(self, kept: int) -> float:
        """`kept`: mask of message indices; the episode's own rounds stand."""
        total = 0
        for agent, members in enumerate(self._transcript.members):
            total += self._partial(agent, members, kept)
        return self._elect(total)

    def with_part(self, others: int, agent: int, part: int) -> float:
        """The agents of mask `others` in full, of `agent` the messages of mask `part` (bit k: its k-th message)."""
        members = self._transcript.members[agent]
        kept = sum(1 << members[k] for k in range(len(members)) if part >> k & 1)
        total = self._partial(agent, members, kept)
        return self._elect(total + sum(b for i, b in enumerate(self._whole) if others >> i & 1))

    def prefix(self, length: int) -> float:
        """The first `length` messages, by their own highest round."""
        transcript, top = self._transcript, self._highest(length)
        return self._elect(
            sum(
                self._ballot(agent, [t for t in members if t < length], top)
                for agent, members in enumerate(transcript.members)
            )
        )

    def _highest(self, length: int) -> int:
        """The highest round in which an agent spoke: a tool's last word is no round of votes."""
        transcript = self._transcript
        return max((transcript.rounds[t] for t in transcript.players if t < length), default=0)

    def _partial(self, agent: int, members: Iterable[int], kept: int) -> int:
        key = (agent, kept & sum(1 << t for t in members))
        ballot = self._ballots.get(key)
        if ballot is None:
            ballot = self._ballot(agent, [t for t in members if kept >> t & 1], self._top_round)
            self._ballots[key] = ballot
        return ballot

    def _ballot(self, agent: int, members: Iterable[int], top_round: int) -> int:
        assert agent != CONTEXT
        own = list(members)
        if self._settings.ballots == options_pb2.BALLOTS_FIRST:
            own = own[:1]
        elif self._by_last_round:
            own = [t for t in own if self._transcript.rounds[t] == top_round]
        for t in reversed(own):
            digit = self._digits[t]
            if digit is not None:
                return digit
        return 0

    def _elect(self, total: int) -> float:
        value = self._values.get(total)
        if value is None:
            counts = total.to_bytes(len(self._classes), "little")
            most = max(counts)
            low = self._settings.low
            value = low
            if most and counts[0] == most:
                value = low + self._settings.range / sum(count == most for count in counts)
            self._values[total] = value
        return value
