"""What a command takes, as one table, which is parsed, checked, explained and completed from.

The C++ command line has the same (server/base/command_line.h), with the same rules and the same messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_rl.convert.closest import closest, did_you_mean

_FLAG_COLUMNS = 34
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class UsageError(ValueError):
    """The words of a call are not what the command takes."""


@dataclass(frozen=True)
class Flag:
    """A flag: --NAME or --NAME=VALUE.

    takes: LOW..HIGH is a whole number, A|B one of these words, DURATION a time such as 30s, and all else (FILE) names a
    text; empty: no value. fallback: the value where the flag is not given. letter: of -o, which is then the same flag.
    choices: words that the value is one of, where there are too many for `takes`. also: other names of the flag.
    """

    name: str
    takes: str = ""
    fallback: str = ""
    help: str = ""
    letter: str = ""
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        """The words that the value is one of; empty: any."""
        return self.choices or (tuple(self.takes.split("|")) if "|" in self.takes else ())

    def range(self) -> tuple[int, int] | None:
        low, dots, high = self.takes.partition("..")
        return (int(low), int(high)) if dots and high.isdigit() else None

    def wanted(self) -> str:
        """What the flag takes, in words."""
        if not self.takes:
            return "no value"
        if bounds := self.range():
            return f"a whole number from {bounds[0]} to {bounds[1]}"
        if self.takes == "DURATION":
            return "a duration, such as 30s"
        words = self.words()
        return f"{', '.join(words[:-1])} or {words[-1]}" if words else self.takes

    def fits(self, value: str) -> bool:
        if bounds := self.range():
            return bool(re.fullmatch(r"\d{1,18}", value)) and bounds[0] <= int(value) <= bounds[1]
        if self.takes == "DURATION":
            return duration(value) is not None
        return not self.words() or value in self.words()


@dataclass(frozen=True)
class Group:
    """Flags under a title; without one, those of the command itself."""

    title: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class Command:
    """How a command is called. arguments: such as "[FILE...]"; about: whole lines."""

    name: str
    summary: str
    arguments: str = ""
    max_arguments: int = 0
    about: str = ""
    groups: tuple[Group, ...] = ()
    min_arguments: int = 0

    def flags(self) -> list[Flag]:
        return [flag for group in self.groups for flag in group.flags]


@dataclass(frozen=True)
class Arguments:
    """The words of one call: names are those that are no flags."""

    command: Command
    given: Mapping[str, Sequence[str]]
    names: tuple[str, ...]

    def has(self, flag: str) -> bool:
        return flag in self.given

    def text(self, flag: str) -> str:
        """The value, or the flag's fallback."""
        fallback = next((f.fallback for f in self.command.flags() if f.name == flag), "")
        return self.given[flag][-1] if flag in self.given else fallback

    def all(self, flag: str) -> Sequence[str]:
        """Every value of a flag that may be given several times."""
        return self.given.get(flag, ())

    def number(self, flag: str) -> int:
        return int(self.text(flag))

    def seconds(self, flag: str) -> float | None:
        """Of a duration; None where neither it nor a fallback is there."""
        return duration(self.text(flag))

    def list(self, flag: str) -> tuple[str, ...]:
        """With commas between."""
        return tuple(part for part in self.text(flag).split(",") if part.strip())


def duration(text: str) -> float | None:
    """Seconds of a text such as 1m30s or 250ms; None where it is none."""
    if text in ("0", "inf"):
        return float(text)
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse(command: Command, words: Sequence[str]) -> Arguments:
    """A flag may be written with _ for -, its value behind = or as the next word; behind -- nothing is a flag; the last
    value of a flag counts. Raises UsageError."""
    given: dict[str, list[str]] = {}
    names: list[str] = []
    flags_may_follow = True
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if flags_may_follow and word == "--":
            flags_may_follow = False
            continue
        if not flags_may_follow or not _is_flag(word):
            if len(names) == command.max_arguments:
                raise UsageError(f"unexpected: {word}")
            names.append(word)
            continue
        flag, value = _read(command, word)
        if value is None and flag.takes and rest and not _is_flag(rest[0]):
            value = rest.pop(0)
        if (value is None) == bool(flag.takes) or (value is not None and not flag.fits(value)):
            raise UsageError(f"--{flag.name} takes {flag.wanted()}")
        given.setdefault(flag.name, []).append(value or "")
    if len(names) < command.min_arguments:
        raise UsageError(f"{command.name} needs {command.arguments}")
    return Arguments(command, given, tuple(names))


def _is_flag(word: str) -> bool:
    return len(word) > 1 and word.startswith("-")


def _read(command: Command, word: str) -> tuple[Flag, str | None]:
    """The flag that a word names, and the value within the word. Raises UsageError."""
    if word.startswith("--"):
        written, equals, value = word.partition("=")
        name = written[2:].replace("_", "-")
        for flag in command.flags():
            if name in (flag.name, *flag.also):
                return flag, value if equals else None
        meant = closest(name, [flag.name for flag in command.flags()])
        raise UsageError(f"{command.name} has no flag --{name}{did_you_mean(meant and '--' + meant)}")
    for flag in command.flags():
        if flag.letter == word[1]:
            return flag, word[2:] or None
    raise UsageError(f"{command.name} has no flag {word[:2]}")


def help_text(call: str, command: Command) -> str:
    """What --help prints. call: the words before the flags, such as "assay-rl signals"."""
    text = f"usage: {call}{' [FLAGS]' if command.groups else ''}"
    text += f"{' ' if command.arguments else ''}{command.arguments}\n\n{command.about}"
    for group in command.groups:
        text += f"\n{group.title + ':' if group.title else ''}{chr(10) if group.title else ''}"
        for flag in group.flags:
            left = f"  {'-' + flag.letter + ', ' if flag.letter else ''}--{flag.name}"
            left += f"={flag.takes}" if flag.takes else ""
            text += f"{left:<{max(_FLAG_COLUMNS, len(left) + 2)}}{flag.help}"
            text += f"; default {flag.fallback}\n" if flag.fallback else "\n"
    return text


def completions(command: Command, words: Sequence[str]) -> list[str]:
    """What may stand in place of the unfinished last word: flags, and of a flag whose value is a choice its values,
    without what stands before the =. A shell offers files where there is none."""
    word = words[-1] if words else ""
    before = words[-2] if len(words) > 1 else ""
    behind_equals = word.startswith("--") and "=" in word
    owner = word if behind_equals else before
    if behind_equals or (_is_flag(owner) and not _is_flag(word)):
        try:
            flag, value = _read(command, owner)
        except UsageError:
            return []
        if not behind_equals and value is not None:
            return []
        begun = value or "" if behind_equals else word
        return [choice for choice in flag.words() if choice.startswith(begun)]
    if not word.startswith("-"):
        return []
    names = [f"--{flag.name}{'=' if flag.takes else ''}" for flag in command.flags()]
    return [name for name in names if name.startswith(word)]
