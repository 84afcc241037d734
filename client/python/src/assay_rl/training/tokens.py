"""From messages to tokens: rewards and advantages scattered onto exactly the tokens of their own message.

A Span says where a message lies in one training sample. It comes from the episode's token_spans (`spans_of`), from
message lengths in order (`spans_from_lengths`), from character offsets of a tokenizer (`spans_from_offsets`), or from
the trainer's own mask (`spans_from_mask`). Every function here is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import Advantages
from assay_rl.client.signals import Signals

Where: TypeAlias = Literal["last", "every", "spread"]


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens [start, end) of sample `sample_id` hold message `message` of the episode."""

    message: int
    start: int
    end: int
    sample_id: str = ""


def place(
    values: Mapping[int, float],
    spans: Iterable[Span],
    length: int,
    *,
    where: Where = "every",
    fill: float = 0.0,
) -> list[float]:
    """One sample's token values: values[span.message] on the tokens of each span, `fill` everywhere else.

    where "last": on the last token of the message, so that a sum over tokens counts it once (rewards).
    where "every": on every token (advantages).
    where "spread": on every token, divided by their number, so that the sum is the value.
    A span whose message has no value (context, or nothing was claimed) keeps `fill`.
    Raises ValueError where a span is empty, leaves [0, length) or overlaps another: a value on a wrong token is worse
    than none.
    """
    tokens = [fill] * length
    taken_until, taken_by = 0, -1
    for span in sorted(spans, key=lambda s: s.start):
        if not 0 <= span.start < span.end <= length:
            raise ValueError(f"message {span.message}: tokens [{span.start}, {span.end}) are not in [0, {length})")
        if span.start < taken_until:
            raise ValueError(f"messages {taken_by} and {span.message} overlap at token {span.start}")
        taken_until, taken_by = span.end, span.message
        value = values.get(span.message)
        if value is None:
            continue
        if where == "last":
            tokens[span.end - 1] = value
        elif where == "every":
            tokens[span.start : span.end] = [value] * (span.end - span.start)
        elif where == "spread":
            tokens[span.start : span.end] = [value / (span.end - span.start)] * (span.end - span.start)
        else:
            raise ValueError(f"where is 'last', 'every' or 'spread', not {where!r}")
    return tokens


def advantages_for_spans(
    signals: Advantages | Signals | Mapping[int, float],
    spans: Sequence[Span],
    lengths: Mapping[str, int] | int,
    *,
    where: Where = "every",
    fill: float = 0.0,
) -> dict[str, list[float]]:
    """Token-level advantages of every training sample of one episode, for any trainer: {sample_id: [value a token]}.

    signals: an episode's Advantages from its group; or its Signals, whose rewards are then placed; or values by message
    index. spans: where the episode's messages lie. lengths: tokens a sample (a number where there is one sample).
    fill: the value of all other tokens; NaN marks them for trainers that mask NaN.
    """
    if isinstance(signals, Advantages):
        values: Mapping[int, float] = signals.messages
    elif isinstance(signals, Signals):
        values = signals.rewards
    else:
        values = signals
    by_sample: dict[str, list[Span]] = {}
    for span in spans:
        by_sample.setdefault(span.sample_id, []).append(span)
    if isinstance(lengths, int):
        if len(by_sample) > 1:
            raise ValueError("several samples need their lengths by sample_id")
        lengths = dict.fromkeys(by_sample, lengths) or {"": lengths}
    for sample in by_sample:
        if sample not in lengths:
            raise ValueError(f"no length is given for sample {sample!r}")
    return {
        sample: place(values, by_sample.get(sample, ()), length, where=where, fill=fill)
        for sample, length in lengths.items()
    }


def spans_of(episode: Episode) -> list[Span]:
    """The spans that the episode's own messages carry."""
    return [
        Span(index, span.start, span.end, span.sample_id)
        for index, message in enumerate(episode.messages)
        for span in message.token_spans
    ]


def spans_from_lengths(lengths: Sequence[int], *, first: int = 0, sample_id: str = "") -> list[Span]:
    """Messages one after the other from token `first` on; a message without tokens has no span."""
    spans, start = [], first
    for message, length in enumerate(lengths):
        if length < 0:
            raise ValueError(f"message {message} has {length} tokens")
        if length:
            spans.append(Span(message, start, start + length, sample_id))
        start += length
    return spans


def spans_from_offsets(
    boundaries: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]], *, sample_id: str = ""
) -> list[Span]:
    """Spans of messages that lie at characters [begin, end) of a text, by a fast tokenizer's offset mapping.

    A token belongs to the message that holds its first character; tokens without characters belong to none.
    """
    spans = []
    for message, (begin, end) in enumerate(boundaries):
        inside = [i for i, (left, right) in enumerate(offsets) if left < right and begin <= left < end]
        if inside:
            spans.append(Span(message, inside[0], inside[-1] + 1, sample_id))
    return spans


def runs(mask: Sequence[int | bool]) -> list[tuple[int, int]]:
    """The maximal stretches [start, end) where the mask is set."""
    found, start = [], None
    for i, bit in enumerate([*mask, 0]):
        if bit and start is None:
            start = i
        elif not bit and start is not None:
            found.append((start, i))
            start = None
    return found


def spans_from_mask(mask: Sequence[int | bool], messages: Sequence[int], *, sample_id: str = "") -> list[Span]:
    """Spans of a multi-turn sample whose mask is set on the policy's own tokens: one run a message, in order.

    Raises ValueError where the number of runs is not the number of messages.
    """
    stretches = runs(mask)
    if len(stretches) != len(messages):
        raise ValueError(f"the mask has {len(stretches)} runs for {len(messages)} messages")
    return [Span(m, start, end, sample_id) for m, (start, end) in zip(messages, stretches, strict=True)]
