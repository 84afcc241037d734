"""Which word was probably meant by one that there is not."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST_WORD = 32  # that is compared with others
_FAR = 3


def closest(word: str, words: Iterable[str]) -> str:
    """The one of `words` that was probably meant: fewest letters away (Levenshtein), at most two; else empty."""
    nearest, found = _FAR, ""
    if len(word) > _LONGEST_WORD:
        return found
    for other in words:
        row = list(range(len(other) + 1))
        for i, letter in enumerate(word, start=1):
            diagonal, row[0] = row[0], i
            for j, wanted in enumerate(other, start=1):
                replaced = diagonal + (letter != wanted)
                diagonal = row[j]
                row[j] = min(row[j] + 1, row[j - 1] + 1, replaced)
        if row[-1] < nearest and row[-1] < len(other):
            nearest, found = row[-1], other
    return found


def did_you_mean(meant: str) -> str:
    return f". Did you mean {meant}?" if meant else ""
