"""Token rewards that sum to the score and carry advantages, for trainers whose estimators see that tensor only.

Every token of a message carries the message's value, and the last token of a row carries what makes the row's sum the
score: outcome estimators that sum token rewards, metrics and validation see the score as always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay_rl.training.tokens import Span, place, runs


def encode(score: float, values: Mapping[int, float], spans: Sequence[Span], mask: Sequence[int]) -> list[float]:
    """Token rewards of one row that sum to `score` and carry each message's value on its tokens.

    mask: 1 on the policy's own tokens. Raises ValueError where the row's last message has one token and touches
    another: its value could not be told from the other's.
    """
    tokens = place(values, spans, len(mask), where="every")
    tokens = [value if bit else 0.0 for value, bit in zip(tokens, mask, strict=True)]
    start, end = _last_run(mask)
    if end - start >= 2:
        owner = {position: span.message for span in spans for position in range(span.start, span.end)}
        if owner.get(end - 1) != owner.get(end - 2):
            raise ValueError(f"the last message is the single token {end - 1}, right after another message")
        tokens[end - 1] = score - (sum(tokens) - tokens[end - 1])
    return tokens


def decode(tokens: Sequence[float], mask: Sequence[int]) -> list[float]:
    """The values that encode() placed: the row's last token has its neighbour's."""
    values = [value if bit else 0.0 for value, bit in zip(tokens, mask, strict=True)]
    start, end = _last_run(mask)
    if end - start >= 2:
        values[end - 1] = values[end - 2]
    return values


def _last_run(mask: Sequence[int]) -> tuple[int, int]:
    stretches = runs(mask)
    return stretches[-1] if stretches else (0, 0)
