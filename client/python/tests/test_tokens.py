"""Values land on the tokens of their own message and on no other."""

from __future__ import annotations

import math
import random

import pytest

from assay_rl import Advantages, Episode, Message, TokenSpan
from assay_rl.training.tokens import (
    Span,
    Where,
    advantages_for_spans,
    place,
    spans_from_lengths,
    spans_from_mask,
    spans_from_offsets,
    spans_of,
)


def test_last_every_spread() -> None:
    spans = [Span(0, 1, 3), Span(2, 5, 6)]
    values = {0: 0.5, 2: -1.0}
    assert place(values, spans, 7, where="last") == [0, 0, 0.5, 0, 0, -1, 0]
    assert place(values, spans, 7, where="every") == [0, 0.5, 0.5, 0, 0, -1, 0]
    assert place(values, spans, 7, where="spread") == [0, 0.25, 0.25, 0, 0, -1, 0]


@pytest.mark.parametrize("where", ["last", "every", "spread"])
def test_each_value_lands_on_its_own_message_only(where: Where) -> None:
    random_source = random.Random(7)
    for _ in range(200):
        lengths = [random_source.randint(0, 6) for _ in range(random_source.randint(1, 8))]
        gap = random_source.randint(0, 3)
        spans = spans_from_lengths(lengths, first=gap)
        total = gap + sum(lengths) + random_source.randint(0, 3)
        values = {i: float(i + 1) for i in range(len(lengths))}
        tokens = place(values, spans, total, where=where, fill=math.nan)
        owner: list[int | None] = [None] * total
        for span in spans:
            owner[span.start : span.end] = [span.message] * (span.end - span.start)
        for position, value in enumerate(tokens):
            message = owner[position]
            if message is None:
                assert math.isnan(value)
                continue
            last = position + 1 == total or owner[position + 1] != message
            expected = {"last": float(message + 1), "every": message + 1.0, "spread": (message + 1) / lengths[message]}
            if where == "last" and not last:
                assert math.isnan(value)
            else:
                assert value == pytest.approx(expected[where])


@pytest.mark.parametrize(
    ("spans", "match"),
    [
        ([Span(0, 0, 3), Span(1, 2, 4)], "overlap"),
        ([Span(0, 3, 9)], "not in"),
        ([Span(0, 2, 2)], "not in"),
        ([Span(0, -1, 2)], "not in"),
    ],
)
def test_wrong_spans_raise(spans: list[Span], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        place({0: 1.0, 1: 1.0}, spans, 5)


def test_messages_without_a_value_keep_the_fill() -> None:
    assert place({1: 2.0}, spans_from_lengths([2, 2]), 4, fill=-9) == [-9, -9, 2, 2]


def test_advantages_spread_over_samples() -> None:
    advantages = Advantages("e", 1.0, {0: 0.1, 2: 0.3}, {})
    spans = [Span(0, 2, 4, "a"), Span(2, 0, 1, "b")]
    assert advantages_for_spans(advantages, spans, {"a": 4, "b": 2}) == {"a": [0, 0, 0.1, 0.1], "b": [0.3, 0]}
    with pytest.raises(ValueError, match="no length"):
        advantages_for_spans(advantages, spans, {"a": 4})
    with pytest.raises(ValueError, match="lengths by sample_id"):
        advantages_for_spans(advantages, spans, 4)


def test_spans_of_reads_the_episode() -> None:
    episode = Episode("e", [Message("a", "x"), Message("b", "y", token_spans=[TokenSpan("s", 3, 5)])])
    assert spans_of(episode) == [Span(1, 3, 5, "s")]


def test_spans_from_offsets_follow_characters() -> None:
    # "ab: cd ef" with a special token in front, messages at [0, 2) and [4, 9).
    offsets = [(0, 0), (0, 2), (2, 3), (3, 6), (6, 9)]
    assert spans_from_offsets([(0, 2), (4, 9)], offsets) == [Span(0, 1, 2), Span(1, 4, 5)]


def test_spans_from_mask() -> None:
    assert spans_from_mask([0, 1, 1, 0, 1], [3, 5]) == [Span(3, 1, 3), Span(5, 4, 5)]
    with pytest.raises(ValueError, match="2 runs for 1"):
        spans_from_mask([1, 0, 1], [0])
