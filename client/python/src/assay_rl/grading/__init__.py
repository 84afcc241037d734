"""Grading of free answers before they are sent: on math-verify for mathematics (`pip install assay-rl[grading]`), which
is the recommended way, and by the server's own strict readers.

    with MathGrader() as grader:
        graded = grader.grade(episode)                 # its answers are classes now: the reference's, or another
    client.score_batch([graded.episode], options=options_for("math"))

A class stands for all answers that say the same. The right ones carry the reference answer itself, so that the server
has only to compare bytes (GRADER_IDENTICAL). What cannot be read is never right nor wrong: its classes begin with
U+FFFD, by which the server knows them, and it is counted in `counts`.

`Grading` is what `--grade` of the command line and `grade=` of the trainer adapters do.
"""

from __future__ import annotations

import dataclasses
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, cast

from google.protobuf import json_format

from assay_rl.client.episodes import Episode, EpisodeLike
from assay_rl.grading.classes import class_of
from assay_rl.grading.worker import Worker, WorkerDiedError
from assay_rl.v1 import episode_pb2, options_pb2
from assay_rl.verify.answers import NO_ANSWER, RIGHT, UNREADABLE, WRONG, Grader

Kind = Literal["math", "choice", "number", "exact"]
KINDS: tuple[Kind, ...] = ("math", "choice", "number", "exact")
E = TypeVar("E", bound=EpisodeLike)

_GRADERS = {
    "math": options_pb2.GRADER_IDENTICAL,
    "choice": options_pb2.GRADER_CHOICE,
    "number": options_pb2.GRADER_NUMBER,
    "exact": options_pb2.GRADER_EXACT,
}


def options_for(
    kind: Kind, options: options_pb2.AttributionOptions | Mapping[str, Any] | None = None
) -> options_pb2.AttributionOptions:
    """A copy of the options with the grader of this kind. ValueError: they choose another grader or evaluator."""
    _known(kind)
    found = options_pb2.AttributionOptions()
    if isinstance(options, options_pb2.AttributionOptions):
        found.CopyFrom(options)
    else:
        json_format.ParseDict(dict(options or {}), found)
    evaluator = found.WhichOneof("evaluator")
    if evaluator not in (None, "vote"):
        raise ValueError(f"grade {kind!r} grades votes, but the options choose the evaluator {evaluator!r}")
    wanted, chosen = _GRADERS[kind], found.vote.grader
    if chosen not in (options_pb2.GRADER_UNSPECIFIED, wanted):
        names = options_pb2.Grader.Name
        raise ValueError(f"grade {kind!r} asks for vote.grader {names(wanted)}, but the options say {names(chosen)}")
    if kind == "math" and found.vote.tolerance:
        raise ValueError("grade 'math' knows no tolerance: leave vote.tolerance out, or grade 'number'")
    found.vote.grader = wanted
    return found


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"grade {kind!r}: expected one of {', '.join(KINDS)}")


@dataclasses.dataclass(frozen=True, slots=True)
class GradedEpisode(Generic[E]):
    """An episode whose answers are classes. grades: of each message, "right", "wrong", "unreadable" or "none"."""

    episode: E
    grades: list[str]

    @property
    def unreadable(self) -> int:
        """How many answers could not be read."""
        return self.grades.count(UNREADABLE)


class AnswerGrader(ABC):
    """Puts the answers of episodes into classes. Use it as a context, or close() it. Any thread may use it."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        """Answers of all episodes so far by grade: "right", "wrong", "unreadable", "none"."""
        self._counting = threading.Lock()

    def __enter__(self) -> AnswerGrader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027
        """Ends what the grader holds; it may be used again."""

    @abstractmethod
    def classify(self, reference: str, answers: Sequence[str | None]) -> tuple[list[str], list[str | None]]:
        """(grades, classes), one an answer; the class of a right answer is the reference, of none None."""

    def grade(self, episode: E) -> GradedEpisode[E]:
        """The episode with classes in place of its answers. One without a reference answer stays as it is."""
        said = _answers(episode)
        reference = episode.task.reference_answer
        if not reference:
            return GradedEpisode(episode, [NO_ANSWER] * len(said))
        grades, classes = self.classify(reference, said)
        with self._counting:
            self.counts.update(grade for grade, answer in zip(grades, said, strict=True) if answer is not None)
        return GradedEpisode(cast("E", _with_answers(episode, classes)), grades)


class MathGrader(AnswerGrader):
    """Answers of mathematics: read strictly first, as the server's NUMBER grader does; math-verify is asked about the
    rest: roots, powers, expressions, equations, intervals, sets, matrices. ImportError where it is not installed."""

    def __init__(self) -> None:
        super().__init__()
        try:
            import math_verify  # noqa: F401
        except ImportError as failure:
            raise ImportError("grading mathematics needs math-verify: pip install 'assay-rl[grading]'") from failure
        self._worker = Worker()

    def __enter__(self) -> MathGrader:
        return self

    def close(self) -> None:
        self._worker.close()

    def classify(self, reference: str, answers: Sequence[str | None]) -> tuple[list[str], list[str | None]]:
        distinct = list(dict.fromkeys(answer for answer in answers if answer is not None))
        try:
            found = dict(zip(distinct, self._worker.ask(reference, distinct), strict=True))
        except WorkerDiedError:  # the parser has died or hung: nothing of this can be read
            found = {answer: (UNREADABLE, class_of(UNREADABLE, answer, reference)) for answer in distinct}
        return _of_all(answers, found)


class StrictGrader(AnswerGrader):
    """The server's own readers of short answers: kind "choice", "number" or "exact"."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._grader = _GRADERS[kind]

    def classify(self, reference: str, answers: Sequence[str | None]) -> tuple[list[str], list[str | None]]:
        grader = Grader(self._grader, 0.0, reference)
        names: dict[str, str] = {}
        found: dict[str, tuple[str, str]] = {}
        for answer in answers:
            if answer is not None and answer not in found:
                grade, form = grader.grade(answer)
                found[answer] = (grade, class_of(grade, names.setdefault(form, answer), reference))
        return _of_all(answers, found)


def _of_all(answers: Sequence[str | None], found: Mapping[str, tuple[str, str]]) -> tuple[list[str], list[str | None]]:
    pairs = [(NO_ANSWER, "") if answer is None else found[answer] for answer in answers]
    return [grade for grade, _ in pairs], [None if grade == NO_ANSWER else name for grade, name in pairs]


def grader_of(kind: Kind) -> AnswerGrader:
    """The grader of a kind. ValueError: no such kind. ImportError: math-verify is not installed."""
    _known(kind)
    return MathGrader() if kind == "math" else StrictGrader(kind)


class Grading:
    """What `grade=` asks for; with None nothing. Mathematics is graded here; the others the server compares itself.

    Any thread may use it, and any process after a fork or unpickling.
    """

    def __init__(self, kind: Kind | None) -> None:
        if kind is not None:
            _known(kind)
        self.kind = kind
        self._grader = MathGrader() if kind == "math" else None

    def options(
        self, options: options_pb2.AttributionOptions | Mapping[str, Any] | None
    ) -> options_pb2.AttributionOptions | Mapping[str, Any] | None:
        """The options with the grader. ValueError: they choose another grader or evaluator."""
        return options if self.kind is None else options_for(self.kind, options)

    def episode(self, episode: E) -> E:
        """The episode as it is to be sent."""
        return episode if self._grader is None else self._grader.grade(episode).episode

    def episodes(self, episodes: Iterable[E]) -> Iterator[E]:
        """Each episode as it is to be sent."""
        return map(self.episode, episodes)

    def close(self) -> None:
        if self._grader is not None:
            self._grader.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Grading, (self.kind,)


def told(counts: Mapping[str, int]) -> str:
    """Counts of grades for people."""
    named = [(RIGHT, "right"), (WRONG, "wrong"), (UNREADABLE, "unreadable"), (NO_ANSWER, "empty")]
    return ", ".join(f"{counts.get(grade, 0)} {name}" for grade, name in named)


def _answers(episode: EpisodeLike) -> list[str | None]:
    if isinstance(episode, Episode):
        return [message.answer if message.agent else None for message in episode.messages]
    return [message.answer if message.agent_id and message.HasField("answer") else None for message in episode.messages]


def _with_answers(episode: EpisodeLike, classes: Sequence[str | None]) -> EpisodeLike:
    """A copy with these answers on the messages of agents."""
    if isinstance(episode, Episode):
        messages = [
            dataclasses.replace(message, answer=name) if message.agent else message
            for message, name in zip(episode.messages, classes, strict=True)
        ]
        return dataclasses.replace(episode, messages=messages)
    copy = episode_pb2.Episode()
    copy.CopyFrom(episode)
    for message, name in zip(copy.messages, classes, strict=True):
        if name is not None:
            message.answer = name
        elif message.agent_id:
            message.ClearField("answer")
    return copy
