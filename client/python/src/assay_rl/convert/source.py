"""A file to be read, a value found in one, and the place of either, in words for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


class FileError(ValueError):
    """A file cannot be read; the message names the file, the line where there is one, and the reason."""


@dataclass(frozen=True, slots=True)
class Value:
    """One decoded JSON value, or a whole text that is not JSON."""

    value: Any
    name: str  # of the file, as people gave it; members of archives as ARCHIVE:MEMBER
    line: int  # where it begins, from 1
    folder: Path | None = None  # of the file, where it is one

    @property
    def place(self) -> str:
        return place_of(self.name, self.line)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read, as often as one likes; standard input once.

    found: nobody named it; it lay in a folder or an archive.
    """

    name: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None
    found: bool = False

    def place(self, line: int) -> str:
        """A line of it, for people; 0: the whole."""
        return place_of(self.name, line)


def place_of(name: str, line: int) -> str:
    """FILE:LINE, - is standard input; without a line the file."""
    return f"{name}:{line}" if line else name
