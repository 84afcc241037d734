"""Token rewards that sum to the score and still tell every message's advantage."""

from __future__ import annotations

import random

import pytest

from assay_rl.training.token_rewards import decode, encode
from assay_rl.training.tokens import Span, place, spans_from_mask


def test_a_row_sums_to_the_score_and_reads_back() -> None:
    source = random.Random(3)
    for _ in range(300):
        mask: list[int] = [0] * source.randint(0, 2)
        messages = source.randint(1, 5)
        for number in range(messages):
            mask += [1] * source.randint(2 if number == messages - 1 else 1, 5) + [0] * source.randint(1, 3)
        spans = spans_from_mask(mask, list(range(messages)))
        values = {m: source.uniform(-2, 2) for m in range(messages)}
        score = source.uniform(0, 1)
        tokens = encode(score, values, spans, mask)
        assert sum(tokens) == pytest.approx(score)
        assert all(value == 0 for value, bit in zip(tokens, mask, strict=True) if not bit)
        assert decode(tokens, mask) == place(values, spans, len(mask))


def test_a_single_last_token_keeps_its_own_value() -> None:
    mask = [1, 1, 0, 1]
    tokens = encode(1.0, {0: 0.5, 1: -0.5}, [Span(0, 0, 2), Span(1, 3, 4)], mask)
    assert decode(tokens, mask) == [0.5, 0.5, 0, -0.5]


def test_two_messages_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="right after another message"):
        encode(1.0, {0: 0.5, 1: -0.5}, [Span(0, 0, 2), Span(1, 2, 3)], [1, 1, 1])


def test_an_empty_row() -> None:
    assert decode(encode(1.0, {}, [], [0, 0]), [0, 0]) == [0, 0]
