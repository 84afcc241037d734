"""What a check found: the place, what proto/signals.md says stands there, and what stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol


class Enum(Protocol):
    """A protobuf enum."""

    def Name(self, number: int) -> str: ...  # noqa: N802


def enum_name(enum: Enum, number: int) -> str:
    """The name of an enum's value, or its number where it has none: a record may hold anything."""
    try:
        return enum.Name(number)
    except ValueError:
        return str(number)


@dataclass(frozen=True)
class Finding:
    """One wrong value. `path` is a field path below the result, such as signals.messages[3].reward; without it
    `found` says all."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        if not self.path:
            return self.found
        return f"{self.path}: expected {self.expected}, found {self.found}"


@dataclass
class Report:
    """Everything that one result, or one group, gave: findings, and what had to be taken on trust."""

    subject: str
    tolerance: float = 1e-9
    findings: list[Finding] = field(default_factory=list)
    trusted: set[str] = field(default_factory=set)
    answered: bool = True  # false: by an error, which says nothing that could be wrong
    missing: bool = False  # there is no such record
    place: bool = False  # the subject is a place of a file: what stands there cannot be read

    @classmethod
    def of_place(cls, place: str, fault: str) -> Report:
        """Of a record that is no result."""
        return cls(place, findings=[Finding("", "", fault)], place=True)

    @classmethod
    def told(cls, subject: str, fault: str, missing: bool = False) -> Report:
        """Of a result as a whole."""
        return cls(subject, findings=[Finding("", "", fault)], missing=missing)

    @property
    def name(self) -> str:
        """The subject as people are told it."""
        return self.subject if self.place or self.subject.startswith("group ") else f"episode {self.subject}"

    @property
    def ok(self) -> bool:
        return not self.findings

    def wrong(self, path: str, expected: object, found: object) -> None:
        self.findings.append(Finding(path, _text(expected), _text(found)))

    def trust(self, what: str) -> None:
        """Notes that `what` cannot be computed from record and episode alone."""
        self.trusted.add(what)

    def equal(self, path: str, expected: object, found: object) -> bool:
        if expected != found:
            self.wrong(path, expected, found)
            return False
        return True

    def close(self, path: str, expected: float, found: float, scale: float = 1.0) -> bool:
        """|expected - found| <= tolerance * scale. NaN is never close."""
        if abs(expected - found) <= self.tolerance * scale:
            return True
        self.wrong(path, expected, found)
        return False

    def true(self, path: str, holds: bool, expected: str, found: object) -> bool:
        if not holds:
            self.wrong(path, expected, found)
        return holds


def _text(value: object) -> str:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return value if len(value) <= 120 else value[:117] + "..."
    if isinstance(value, Iterable):
        items = list(value)
        shown = ", ".join(_text(item) for item in items[:16])
        return f"[{shown}{', ...' if len(items) > 16 else ''}]"
    return str(value)
