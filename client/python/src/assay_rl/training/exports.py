"""Training sets from signals: what each trainer reads, row by row.

A pair's two sides continue the same context, and a side is text that was really produced; rows carry the pair's weight,
the posterior probability of the place (1 - weight can serve as label smoothing).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from assay_rl.client.episodes import Episode, Message
from assay_rl.client.outcomes import Advantages, GroupScored, Outcome, Scored
from assay_rl.client.signals import Signals
from assay_rl.training import rendering
from assay_rl.training.rendering import Turn
from assay_rl.training.tokens import Span, Where, place
from assay_rl.v1 import options_pb2, signals_pb2
from assay_rl.verify.findings import enum_name

Row: TypeAlias = dict[str, Any]
AfterError: TypeAlias = Literal["mask", "propagate", "soft"]

_ONE_SIDED = options_pb2.PREFERENCE_KIND_ONE_SIDED
_STEPS = frozenset(
    {options_pb2.PREFERENCE_KIND_STEP, options_pb2.PREFERENCE_KIND_REPAIR, options_pb2.PREFERENCE_KIND_PEER}
)


class ExportError(ValueError):
    """The signals do not fit the episodes that were given with them."""


@dataclass(frozen=True)
class Material:
    """Outcomes together with the episodes they belong to."""

    episodes: Mapping[str, Episode]
    outcomes: Sequence[Outcome]

    @classmethod
    def of(cls, episodes: Iterable[Episode], outcomes: Iterable[Outcome]) -> Material:
        return cls({episode.id: episode for episode in episodes}, list(outcomes))

    def scored(self) -> Iterator[tuple[Episode, Signals]]:
        for outcome in self.outcomes:
            if isinstance(outcome, Scored):
                yield self.episode(outcome.episode_id), outcome.signals

    def pairs(self) -> Iterator[signals_pb2.PreferencePair]:
        for outcome in self.outcomes:
            if isinstance(outcome, (Scored, GroupScored)):
                yield from outcome.proto.signals.pairs

    def advantages(self) -> Iterator[Advantages]:
        for outcome in self.outcomes:
            if isinstance(outcome, GroupScored):
                yield from outcome.advantages.values()

    def episode(self, episode_id: str) -> Episode:
        try:
            return self.episodes[episode_id]
        except KeyError:
            raise ExportError(f"episode {episode_id!r} is not among the episodes given") from None

    def side(self, side: signals_pb2.PreferenceSide, named: bool = False) -> str:
        """The text of one side of a pair, as it follows its context's prompt; `named` puts its author's name first."""
        episode = self.episode(side.episode_id)
        if not 0 <= side.begin < side.end <= len(episode.messages):
            raise ExportError(f"episode {side.episode_id!r} has no messages [{side.begin}, {side.end})")
        name = rendering.header(episode.messages[side.begin]) if named else ""
        if not side.HasField("alternative"):
            return name + rendering.continuation(episode, side.begin, side.end)
        alternatives = episode.messages[side.begin].alternatives
        if side.alternative >= len(alternatives):
            raise ExportError(f"messages[{side.begin}] of {side.episode_id!r} has no alternative {side.alternative}")
        return name + alternatives[side.alternative].content + "\n\n"

    @cached_property
    def grades(self) -> Mapping[tuple[str, int], str]:
        """Grade of every message's answer, by episode and index."""
        return {(e.id, m.index): m.grade for e, signals in self.scored() for m in signals.messages}

    def contradicts(self, side: signals_pb2.PreferenceSide, good: bool) -> bool:
        """Whether the grade of a side that is one message of an episode says the opposite, or could not be told."""
        if side.end - side.begin != 1 or side.HasField("alternative"):
            return False
        return _contradicts(self.grades.get((side.episode_id, side.begin), ""), good)

    def author(self, side: signals_pb2.PreferenceSide) -> Message:
        messages = self.episode(side.episode_id).messages
        if not 0 <= side.begin < len(messages):
            raise ExportError(f"episode {side.episode_id!r} has no message {side.begin}")
        return messages[side.begin]


@dataclass(frozen=True)
class Preference:
    """A pair whose sides continue the same context. Where `named`, they have different authors, each named in its text.

    The same context twice: as one text that ends with the author's name, and as the turns of a chat in which the author
    is the assistant.
    """

    prompt: str
    turns: tuple[Turn, ...]
    chosen: str
    rejected: str
    weight: float
    kind: str


@dataclass(frozen=True)
class Judged:
    """One side of a pair, or of a pair with one side only: what the author wrote, and whether it is desirable."""

    prompt: str
    turns: tuple[Turn, ...]
    completion: str
    label: bool
    weight: float


def preferences(material: Material) -> Iterator[Preference]:
    """All pairs with two sides. A pair comes once, though several kinds can tell it: siblings that part at the start
    are a trajectory too. One in which an answer that was graded wrong would be chosen over one that was graded right is
    left out.
    """
    seen: set[tuple[str, str, str]] = set()
    for pair in material.pairs():
        if pair.kind == _ONE_SIDED:
            continue
        if material.contradicts(pair.chosen, True) and material.contradicts(pair.rejected, False):
            continue
        author = material.author(pair.chosen)
        named = author.agent != material.author(pair.rejected).agent
        context = material.episode(pair.context_episode_id)
        found = Preference(
            rendering.prompt(context, pair.context_length, None if named else author),
            tuple(rendering.turns(context, pair.context_length, "" if named else author.agent)),
            material.side(pair.chosen, named),
            material.side(pair.rejected, named),
            pair.weight,
            _kind(pair),
        )
        key = (found.prompt, found.chosen, found.rejected)
        if key not in seen:
            seen.add(key)
            yield found


def judged(material: Material) -> Iterator[Judged]:
    """Both sides of all pairs. A message whose answer was graded is desirable only where it is right, and undesirable
    only where it is wrong."""
    seen: set[tuple[str, str, bool]] = set()
    for pair in material.pairs():
        for side, label in ((pair.chosen, True), (pair.rejected, False)):
            if not pair.HasField("chosen" if label else "rejected") or material.contradicts(side, label):
                continue
            author = material.author(side)
            context = material.episode(pair.context_episode_id)
            found = Judged(
                rendering.prompt(context, pair.context_length, author),
                tuple(rendering.turns(context, pair.context_length, author.agent)),
                material.side(side),
                label,
                pair.weight,
            )
            key = (found.prompt, found.completion, label)
            if key not in seen:
                seen.add(key)
                yield found


def dpo(material: Material) -> Iterator[Row]:
    """TRL's DPOTrainer, standard format: prompt, chosen, rejected; and weight, kind. layouts.py has the other trainers.

    The prompt ends with the author's name; where the sides have different authors, each side begins with its own.
    """
    for pair in preferences(material):
        yield {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected,
               "weight": pair.weight, "kind": pair.kind}  # fmt: skip


def step_dpo(material: Material) -> Iterator[Row]:
    """Step-DPO: prompt (the task), initial_reason_steps (what its author had read), chosen and rejected next step."""
    for pair in material.pairs():
        if pair.kind in _STEPS:
            episode = material.episode(pair.context_episode_id)
            author = material.author(pair.chosen)
            yield {
                "prompt": episode.task.prompt,
                "initial_reason_steps": rendering.render(episode.messages[: pair.context_length])
                + rendering.header(author),
                "chosen": material.side(pair.chosen),
                "rejected": material.side(pair.rejected),
                "weight": pair.weight,
            }


def kto(material: Material) -> Iterator[Row]:
    """TRL's KTOTrainer, standard format: prompt, completion, label; and weight. Both sides of other pairs count too."""
    for side in judged(material):
        yield {"prompt": side.prompt, "completion": side.completion, "label": side.label, "weight": side.weight}


_GOOD = frozenset({"SOUND", "REPAIR"})
_BAD = frozenset({"FIRST_ERROR", "ERROR"})


def prm(material: Material, after_error: AfterError = "mask") -> Iterator[Row]:
    """TRL's PRMTrainer, stepwise standard format: prompt, completions, labels.

    A step is one message: right where its label is SOUND or REPAIR, wrong where it is FIRST_ERROR or ERROR. A message
    without such a label (context, NEUTRAL) is no step. It ends a row and is part of the next row's prompt, which holds
    all that was said before its steps: an episode gives a row for each run of judged messages.
    after_error "mask": rows end with the first error; "propagate": every later step is wrong as well; "soft": labels
    are floats, the probability that success is still likely after the step.
    Where answers were graded no wrong one is labelled right and no right one wrong (soft: beyond .5), whatever became
    of the episode, and one that could not be read is not judged.
    """
    for episode, signals in material.scored():
        labels = verdicts(episode, signals, after_error)
        for begin, end in _judged(labels):
            yield {
                "prompt": rendering.prompt(episode, begin),
                "completions": [rendering.render([message]) for message in episode.messages[begin:end]],
                "labels": [labels[index] for index in range(begin, end)],
            }


def verdicts(episode: Episode, signals: Signals, after_error: AfterError = "mask") -> Mapping[int, bool | float]:
    """The label of each step of prm(), by message index."""
    return _likely_after(episode, signals) if after_error == "soft" else _decided(signals, after_error)


def _decided(signals: Signals, after_error: AfterError) -> dict[int, bool]:
    found: dict[int, bool] = {}
    failed = False
    for message in signals.messages:
        good = message.label in _GOOD and not failed
        bad = message.label in _BAD or failed
        if (good or bad) and not _contradicts(message.grade, good):
            found[message.index] = good
        if bad and not failed:
            if after_error == "mask":
                break
            failed = True
    return found


def _contradicts(grade: str, good: bool) -> bool:
    """Whether a verdict is not what the grade of the answer says; what could not be read gets none."""
    return grade == "UNREADABLE" or grade == ("WRONG" if good else "RIGHT")


def _likely_after(episode: Episode, signals: Signals) -> dict[int, float]:
    """P(High) of the node after each message: error(t) leaves High, repair(t) returns to it, and the end is known.

    Where a reply had the last word in a failure, success was as likely before it as luck is to blame.
    """
    found = signals.first_error
    if found is None and not signals.success:
        return {}
    replied = bool(episode.messages) and not episode.messages[-1].agent
    luck = found.environment_probability if found is not None and replied else 0.0
    likely = 1.0 if signals.success else luck
    after: dict[int, float] = {}
    for message in reversed(signals.messages):
        if message.grade != "UNREADABLE":
            floor, ceiling = (0.5 if message.grade == "RIGHT" else 0.0), (0.5 if message.grade == "WRONG" else 1.0)
            after[message.index] = min(ceiling, max(floor, likely))
        likely += message.error_probability - message.repair_probability
    return after


def _judged(labels: Mapping[int, Any]) -> Iterator[tuple[int, int]]:
    """The runs [begin, end) of messages that follow one another and all have a label."""
    for index in sorted(labels):
        if index - 1 not in labels:
            end = index + 1
            while end in labels:
                end += 1
            yield index, end


@dataclass(frozen=True)
class TokenValues:
    """Token-level values of one training sample; `mask` is set where a message's value was placed."""

    episode_id: str
    sample_id: str
    values: list[float]
    mask: list[bool]


def token_advantages(material: Material, where: Where = "every") -> Iterator[TokenValues]:
    """Advantages of every sample named in the episodes' token spans; a sample is as long as its last span."""
    for advantages in material.advantages():
        episode = material.episode(advantages.episode_id)
        by_sample: dict[str, list[Span]] = {}
        for index, message in enumerate(episode.messages):
            for span in message.token_spans:
                by_sample.setdefault(span.sample_id, []).append(Span(index, span.start, span.end, span.sample_id))
        for sample_id, spans in by_sample.items():
            length = max(span.end for span in spans)
            placed = dict.fromkeys(advantages.messages, 1.0)
            yield TokenValues(
                episode.id,
                sample_id,
                place(advantages.messages, spans, length, where=where),
                [bool(x) for x in place(placed, spans, length, where=where)],
            )


def _kind(pair: signals_pb2.PreferencePair) -> str:
    return enum_name(options_pb2.PreferenceKind, pair.kind).removeprefix("PREFERENCE_KIND_").lower()
