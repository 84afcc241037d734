"""Vote replay: the value of a coalition is the grade of the answer that its ballots elect (proto/signals.md)."""

from __future__ import annotations

from collections.abc import Iterable

from assay_rl.v1 import options_pb2, signals_pb2

from .answers import NO_ANSWER, RIGHT, UNREADABLE, WRONG, Grader
from .settings import Settings
from .transcript import CONTEXT, Transcript

_GRADES = {
    NO_ANSWER: signals_pb2.ANSWER_GRADE_UNSPECIFIED,
    RIGHT: signals_pb2.ANSWER_GRADE_RIGHT,
    WRONG: signals_pb2.ANSWER_GRADE_WRONG,
    UNREADABLE: signals_pb2.ANSWER_GRADE_UNREADABLE,
}

# A class of equal ballots: all right answers are one, all votes for "none" another, any other answer goes by its form.
BallotClass = tuple[str, str]
RIGHT_BALLOT: BallotClass = (RIGHT, "")


class VoteReplay:
    """Values of coalitions, kept messages and prefixes of one transcript.

    Ballots are counted in the digits of one integer, a digit of eight bits for each class: adding ballots is integer
    addition, and equal counts have equal values.
    """

    def __init__(self, transcript: Transcript, settings: Settings, reference: str) -> None:
        self._transcript = transcript
        self._settings = settings
        grader = Grader(settings.grader, settings.tolerance, reference)
        self._classes: dict[BallotClass, int] = {RIGHT_BALLOT: 1}
        self._grades: list[str] = []
        self._digits: list[int | None] = []
        for author, answer in zip(transcript.authors, transcript.answers, strict=True):
            grade, form = NO_ANSWER, ""
            if answer is not None and author != CONTEXT:
                grade, form = grader.grade(answer)
            self._grades.append(grade)
            if grade == NO_ANSWER and not settings.empty_ballots:
                self._digits.append(None)
                continue
            name = (grade, "") if grade in (RIGHT, NO_ANSWER) else ("other", form)
            self._digits.append(self._classes.setdefault(name, 1 << 8 * len(self._classes)))
        self._by_last_round = settings.ballots == options_pb2.BALLOTS_LAST_ROUND
        self._top_round = self._highest(len(transcript.rounds))
        self._ballots: dict[tuple[int, int], int] = {}
        self._values: dict[int, float] = {}
        self._whole = [self._ballot(i, members, self._top_round) for i, members in enumerate(transcript.members)]

    def grade_of(self, t: int) -> int:
        """AnswerGrade of message t; unspecified without an answer."""
        return _GRADES[self._grades[t]]

    def grade(self, t: int) -> float | None:
        """q of message t: +1 for a right answer, -1 for a wrong one; None without an answer that could be read."""
        grade = self._grades[t]
        if grade in (NO_ANSWER, UNREADABLE):
            return None
        return 1.0 if grade == RIGHT else -1.0

    def ballots(self) -> list[BallotClass | None]:
        """The class of every agent's final ballot, the same for equal answers in any episode; None: it casts none."""
        names = {digit: name for name, digit in self._classes.items()}
        return [names[ballot] if ballot else None for ballot in self._whole]

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
