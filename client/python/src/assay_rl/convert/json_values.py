"""The JSON values of a file, in every layout: one a line, one over many lines, or a long list, read by elements."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assay_rl.convert.lines import all_lines, is_blank
from assay_rl.convert.source import FileError, Source, Value

_CHUNK = 1 << 20  # characters of a long value that are read at a time
_DIGITS = 4000  # of a whole number: Python's own limit, with room
MAX_DOCUMENT = 2 << 30  # characters of one JSON value that spans lines
_LOG_LINE = re.compile(r"\[\d{4}-\d\d-\d\d[ T]")  # a list of JSON never begins so


def refuse_constant(name: str) -> Any:
    """NaN and Infinity."""
    raise ValueError(f"{name} is not JSON")


def integer(text: str) -> int | float:
    """Some writers leave the point out of negative zero, which is another double than zero."""
    if len(text) > _DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return -0.0 if text == "-0" else int(text)


DECODER = json.JSONDecoder(parse_constant=refuse_constant, parse_int=integer)
Split = Callable[[Any], bool]


def decode(text: str) -> Any:
    """A JSON value. Raises ValueError, for what is nested too deep as well."""
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def values(source: Source, split: Split = lambda _: False) -> Iterator[Value]:
    """The JSON values of a source: one a line, or one after the other over any lines; or the whole text, if no JSON.

    A list at the top is one value, or where `split` says so of its first element one value an element.
    """
    folder = source.path.parent if source.path is not None else None
    lines = all_lines(source)
    begun = False
    for number, line in lines:
        if is_blank(line):
            continue
        count, begun = int(begun), True
        head = line.lstrip("\ufeff \t")[:1]
        if count == 0 and _LOG_LINE.match(line):
            yield from _foreign(source, number, line, lines, folder)
            return
        if head == "[" or (count == 0 and head and head in '{"'):
            document = _Document(source, number, line, lines, folder, split)
            yield from document.read(alone=count == 0 and head != "[")
            if not document.by_line:
                return
            continue
        if head and head not in '{["':
            yield from _foreign(source, number, line, lines, folder)
            return
        try:
            yield Value(decode(line), source.name, number, folder)
        except ValueError as failure:
            raise FileError(f"{source.name}:{number}: not JSON: {failure}") from failure


def _foreign(
    source: Source, number: int, line: str, lines: Iterator[tuple[int, str]], folder: Path | None
) -> Iterator[Value]:
    """A text that is not JSON, as one value; a line of other kind in the middle of JSON lines is an error."""
    if number > 1 and not source.name.lower().endswith((".log", ".txt")):
        raise FileError(f"{source.name}:{number}: not JSON: {line.strip()[:60]!r}")
    rest = [line]
    size = len(line)
    for _, more in lines:
        size += len(more)
        if size > MAX_DOCUMENT:
            raise FileError(f"{source.name}: a text of more than {MAX_DOCUMENT} characters")
        rest.append(more)
    yield Value("".join(rest).rstrip("\0"), source.name, 1, folder)


class _Document:
    """JSON values over any number of lines. Lists at the top are decoded an element at a time.

    by_line: the document turned out to be one value on one line, and more such lines may follow.
    """

    def __init__(
        self,
        source: Source,
        number: int,
        line: str,
        lines: Iterator[tuple[int, str]],
        folder: Path | None,
        split: Split,
    ) -> None:
        self._source, self._lines, self._folder, self._split = source, lines, folder, split
        self._text = line.lstrip("\ufeff")
        self._at = 0
        self._line = number
        self._ended = False
        self.by_line = False

    def read(self, alone: bool) -> Iterator[Value]:
        """`alone`: the first line may be the first of many that hold a value each."""
        if alone:
            try:
                value = decode(self._text)
            except ValueError:
                pass
            else:
                self.by_line = True
                yield self._value(value, self._line)
                return
        while self._skip():
            start = self._line
            if self._text[self._at] == "[":
                yield from self._list(start)
            else:
                yield self._value(self._decode(), start)
            if "\n" not in self._text[self._at :].strip(" \t\r") and not self._text[self._at :].strip():
                self.by_line = True  # the value ended its line
                return

    def _value(self, value: Any, line: int) -> Value:
        return Value(value, self._source.name, line, self._folder)

    def _list(self, start: int) -> Iterator[Value]:
        self._at += 1
        held: list[Any] = []
        splits = False
        while True:
            if not self._skip():
                raise FileError(f"{self._source.name}:{self._line}: not JSON: the list has no end")
            if self._text[self._at] == "]":
                self._at += 1
                break
            line = self._line
            value = self._decode()
            if not held and not splits:
                splits = self._split(value)
            if splits:
                yield self._value(value, line)
            else:
                held.append(value)
            if self._skip() and self._text[self._at] == ",":
                self._at += 1
            elif self._at < len(self._text) and self._text[self._at] != "]":
                raise FileError(f"{self._source.name}:{self._line}: not JSON: , or ] expected in a list")
        if not splits:
            yield self._value(held, start)

    def _skip(self) -> bool:
        """Goes to the next character that is not white space; false at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n\ufeff\0":
                self._line += self._text[self._at] == "\n"
                self._at += 1
            if self._at < len(self._text):
                return True
            if not self._more():
                return False

    def _decode(self) -> Any:
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise FileError(f"{self._source.name}:{self._line}: not JSON: nested too deep") from None
            except json.JSONDecodeError as failure:
                # A text that only goes on in the lines to come is wrong at its very end, or in its last string.
                early = failure.pos < len(self._text) - 16 and not failure.msg.startswith("Unterminated")
                if early or not self._more():
                    line = self._line + self._text.count("\n", self._at, failure.pos)
                    raise FileError(f"{self._source.name}:{line}: not JSON: {failure.msg}") from failure
            except ValueError as failure:
                raise FileError(f"{self._source.name}:{self._line}: not JSON: {failure}") from failure
            else:
                self._line += self._text.count("\n", self._at, end)
                self._at = end
                return value

    def _more(self) -> bool:
        """Adds lines: as much text again as is held, so that a long value is not decoded once a line."""
        if self._ended:
            return False
        wanted = max(_CHUNK, len(self._text) - self._at)
        if self._at >= len(self._text):
            wanted = 1
        pieces, size = [self._text[self._at :]], 0
        while size < wanted:
            found = next(self._lines, None)
            if found is None:
                self._ended = True
                break
            pieces.append(found[1])
            size += len(found[1])
        self._text, self._at = "".join(pieces), 0
        if len(self._text) > MAX_DOCUMENT:
            raise FileError(f"{self._source.name}:{self._line}: a value of more than {MAX_DOCUMENT} characters")
        return size > 0
