"""How much of a message had been said before: word 5-shingles (proto/signals.md, "Redundancy")."""

from __future__ import annotations

from collections.abc import Iterable

from .transcript import CONTEXT, Transcript

WIDTH = 5


def shingles(text: str) -> list[bytes]:
    """Every run of five words; a shorter text has none: said twice it may be right twice.

    White space and case are those of ASCII: the same in every language and version of Unicode.
    """
    words = text.encode().lower().split()
    return [b" ".join(words[k : k + WIDTH]) for k in range(len(words) - WIDTH + 1)]


def redundancies(transcript: Transcript, measured: bool) -> list[float]:
    """rho_t: as given, else (where `measured`) 1 - share of shingles not seen before, else 0."""
    given = transcript.redundancies
    if not measured or all(rho is not None for rho in given):
        return [rho or 0.0 for rho in given]
    said = [shingles(content) for content in transcript.contents]
    rounds, authors = transcript.rounds, transcript.authors
    if len(set(rounds)) == 1 and rounds[0] == 0:
        return [g if g is not None else r for g, r in zip(given, _in_order(said), strict=True)]
    earliest: dict[bytes, dict[int, int]] = {}  # shingle -> per reader group, see _seen
    out: list[float] = []
    for t, grams in enumerate(said):
        fresh = sum(not _seen(earliest.get(gram), rounds[t], authors[t]) for gram in grams)
        rho = 1 - fresh / len(grams) if grams else 0.0
        known = given[t]
        out.append(rho if known is None else known)
        _remember(earliest, grams, rounds[t], authors[t])
    return out


def _in_order(said: Iterable[list[bytes]]) -> list[float]:
    seen: set[bytes] = set()
    out: list[float] = []
    for grams in said:
        out.append(1 - sum(gram not in seen for gram in grams) / len(grams) if grams else 0.0)
        seen.update(grams)
    return out


_LOWEST = -2  # key of the lowest round that said a shingle; agents' indices and CONTEXT are the other keys


def _seen(said_by: dict[int, int] | None, round_: int, author: int) -> bool:
    if said_by is None:
        return False
    if round_ == 0 or said_by[_LOWEST] < round_ or CONTEXT in said_by:
        return True
    return author in said_by


def _remember(earliest: dict[bytes, dict[int, int]], grams: Iterable[bytes], round_: int, author: int) -> None:
    for gram in grams:
        said_by = earliest.get(gram)
        if said_by is None:
            earliest[gram] = {_LOWEST: round_, author: round_}
        else:
            said_by[_LOWEST] = min(said_by[_LOWEST], round_)
            said_by[author] = round_
