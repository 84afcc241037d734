"""Completion of the commands that read their own words, from their parsers."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Iterable, Sequence

from assay_rl.convert.names import AUTO, NAMES

FORMAT_OR_FILE = "[FORMAT] FILE"  # the metavar of arguments of which the first may be a format


def completions_of(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What may stand in place of the unfinished last word, as `flags.completions` gives it: flags, values of a flag
    that has choices, and those of the argument whose turn it is."""
    *before, word = words
    owner, equals, value = word.partition("=")
    if word.startswith("--") and equals:
        return _begun(_choices(_flag(parser, owner)), value)
    if word.startswith("-"):
        return _begun((flag for action in parser._actions for flag in action.option_strings if flag[1] == "-"), word)
    flag = _flag(parser, before[-1]) if before else None
    if flag is not None and flag.nargs != 0:
        return _begun(_choices(flag), word)
    arguments = [action for action in parser._actions if not action.option_strings]
    given = _count_arguments(parser, before)
    if given >= len(arguments):
        return []
    if arguments[given].metavar == FORMAT_OR_FILE:
        return _formats_and_files(word)
    return _begun(_choices(arguments[given]), word)


def _formats_and_files(word: str) -> list[str]:
    """Nothing where no format begins so: a shell knows files better."""
    formats = _begun((AUTO, *NAMES), word) if word else []
    return formats and [*formats, *sorted(glob.glob(glob.escape(word) + "*"))]


def _begun(names: Iterable[str], word: str) -> list[str]:
    return [name for name in names if name.startswith(word)]


def _flag(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return next((action for action in parser._actions if word in action.option_strings), None)


def _choices(action: argparse.Action | None) -> Iterable[str]:
    return () if action is None or action.choices is None else action.choices


def _count_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    """How many of the words are neither a flag nor a flag's value."""
    count, taken = 0, False
    for word in words:
        if taken or word.startswith("-"):
            flag = None if taken else _flag(parser, word)
            taken = flag is not None and flag.nargs != 0
        else:
            count += 1
    return count
