"""Which questions a way of judging asks, and how many of them there will be."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from assay_rl.client.episodes import Episode
from assay_rl.judge.cache import Cache
from assay_rl.judge.endpoint import Endpoint
from assay_rl.judge.prompts import Prompts, read_digit, read_grades

CHARACTERS_A_TOKEN = 4.0  # of English text; only the estimate of tokens rests on it
_DIGIT_TOKENS = 16  # room for a space or a word before the digit
_GRADE_TOKENS = 8  # of one message's number and grade in JSON


@dataclass(frozen=True, slots=True)
class Question:
    messages: list[dict[str, str]]
    most_tokens: int
    grades: tuple[str, ...] = ("grade",)  # that a JSON object with the answer has

    def body(self, endpoint: Endpoint) -> dict[str, Any]:
        return endpoint.body(self.messages, self.most_tokens, self.grades)

    @property
    def characters(self) -> int:
        return sum(len(message["content"]) for message in self.messages)


# Asks by yielding, takes the text of the answer, returns scores in [-1, 1] by message.
Asking: TypeAlias = Generator[Question, str, dict[int, float]]


@dataclass(frozen=True, slots=True)
class Judge:
    """A named model. Its scores carry the name."""

    name: str
    endpoint: Endpoint
    prompts: Prompts = field(default_factory=Prompts)


def check_judges(judges: Sequence[Judge]) -> None:
    """Raises ValueError where no run could be made with them."""
    if len({judge.name for judge in judges}) != len(judges):
        raise ValueError("judges: two of one name")


def judged_messages(episode: Episode) -> list[int]:
    return [t for t, speaker in enumerate(episode.speakers()) if speaker]


def step_wise(episode: Episode, prompts: Prompts, asked: list[int]) -> Asking:
    """One question a message, which shows the work up to it."""
    scores = {}
    for t in asked:
        answer = yield Question(prompts.step_question(episode, t), _DIGIT_TOKENS)
        scores[t] = 2 * read_digit(answer) - 1
    return scores


def all_at_once(episode: Episode, prompts: Prompts, asked: list[int]) -> Asking:
    """One question an episode, which shows all of it and asks for every grade."""
    grades = tuple(map(str, asked))
    answer = yield Question(prompts.all_question(episode, asked), 32 + _GRADE_TOKENS * len(asked), grades)
    return {t: 2 * grade - 1 for t, grade in read_grades(answer, asked).items()}


def bisecting(episode: Episode, prompts: Prompts, asked: list[int]) -> Asking:
    """Which half holds the first mistake, and which half of that: ceil(log2 T) questions for T messages.

    Every answer moves probability between the halves, so that a judge who is not sure leaves both open. Where T is no
    power of two a single message can be left a round early: the last question then parts it from a neighbour, or from
    all on one side of it. So no question comes twice, and their number never depends on the answers.
    """
    mass = {t: 1 / len(asked) for t in asked}
    low, high = 0, len(asked)
    parted: set[tuple[int, int, int]] = set()
    for _ in range(rounds_of(len(asked))):
        middle = (low + high) // 2
        if high - low == 1:
            low, middle, high = _around(asked, mass, low, parted)
        parted.add((low, middle, high))
        early, late = asked[low:middle], asked[middle:high]
        answer = yield Question(prompts.half_question(episode, early, late), _DIGIT_TOKENS)
        p_late = min(max(read_digit(answer), 0.05), 0.95)
        for t in asked[low:high]:
            mass[t] *= p_late if t in late else 1 - p_late
        low, high = (middle, high) if p_late > 0.5 else (low, middle)
    total = sum(mass.values())
    return {t: 1 - 2 * m / total for t, m in mass.items()}


def rounds_of(count: int) -> int:
    """ceil(log2(count))."""
    return max(0, count - 1).bit_length()


def _around(
    asked: list[int], mass: Mapping[int, float], at: int, parted: set[tuple[int, int, int]]
) -> tuple[int, int, int]:
    """Two ranges [low, middle) and [middle, high) that were not compared yet, one with `at` at its edge: first its
    likelier neighbour."""
    before, after = (at - 1, at, at + 1), (at, at + 1, at + 2)
    count = len(asked)
    left = mass[asked[at - 1]] if at > 0 else -1.0
    right = mass[asked[at + 1]] if at + 1 < count else -1.0
    pairs = [before, after] if left > right else [after, before]
    ways = [*pairs, (0, at, count), (0, at + 1, count)]
    return next(way for way in ways if 0 <= way[0] < way[1] < way[2] <= count and way not in parted)


MODES = {"step-wise": step_wise, "all-at-once": all_at_once, "bisecting": bisecting}


@dataclass(slots=True)
class Estimate:
    """What a run will ask. Calls are counted and not guessed: no way of judging lets answers decide how many follow.

    calls: that will be sent, unless some have to be repeated; answers in the cache are not among them where the
    questions are known beforehand (a bisection's second question follows its first answer).
    """

    episodes: int = 0
    messages: int = 0
    calls: int = 0
    cached: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def cost(self, price_in: float, price_out: float) -> float:
        """In the unit of the prices, which are for a million tokens."""
        return (self.tokens_in * price_in + self.tokens_out * price_out) / 1e6


def estimate(episodes: Iterable[Episode], judges: Iterable[Judge], mode: str, cache: Cache) -> Estimate:
    """Walks through every question without sending one."""
    judges = list(judges)
    check_judges(judges)
    out = Estimate()
    seen: set[str] = set()
    for episode in episodes:
        asked = judged_messages(episode)
        out.episodes += 1
        out.messages += len(asked)
        for judge in judges:
            if asked:
                _walk(episode, judge, mode, asked, cache, seen, out)
    return out


def _walk(
    episode: Episode, judge: Judge, mode: str, asked: list[int], cache: Cache, seen: set[str], out: Estimate
) -> None:
    # What is not in the cache is answered as a judge would who knows nothing: the questions stay of one size.
    guess = "{" + ", ".join(f'"{t}": 5' for t in asked) + "}" if mode == "all-at-once" else "5"
    asking = MODES[mode](episode, judge.prompts, asked)
    try:
        question = next(asking)
        while True:
            key = Cache.key(judge.endpoint.url, question.body(judge.endpoint))
            answer = cache.get(key)
            if answer is not None or key in seen:
                out.cached += 1
            else:
                out.calls += 1
                out.tokens_in += question.characters / CHARACTERS_A_TOKEN
                out.tokens_out += len(guess) / CHARACTERS_A_TOKEN
            seen.add(key)
            question = asking.send(guess if answer is None else answer)
    except (StopIteration, ValueError):
        return
