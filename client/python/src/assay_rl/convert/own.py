"""Records of Assay's own files, episodes, logs and results: JSON values one a line, or over several lines, or in lists.

A record that is no JSON does not end the reading. The C++ command line reads the same (client/input/record_reader.h).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay_rl.convert.lines import MAX_LINE, decoded_lines
from assay_rl.convert.misfit import MisfitError, parse
from assay_rl.convert.packed import DamageError, opened
from assay_rl.convert.source import FileError, Source

_SPACE = "\0 \t\r\n\v\f\ufeff"


@dataclass(frozen=True, slots=True)
class Record:
    """What stands at one place of a file. fault: why it is no JSON; empty where it is."""

    value: Any
    place: str
    text: str = ""  # of the value
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    fault: str


def records(source: Source) -> Iterator[Record]:
    """The records of a source. Raises FileError where it cannot be read to its end."""
    lines = _lines(source)
    first = next(lines, None)
    if first is None:
        return
    if not first.fault and _is_beginning(first.text):
        yield from _document(source, first, lines)
        return
    yield from _of_line(source, first)
    for line in lines:
        yield from _of_line(source, line)


def _lines(source: Source) -> Iterator[_Line]:
    """Lines that are not blank. Raises FileError."""
    number = 0
    try:
        with opened(source) as raw:
            for line in decoded_lines(raw):
                number += 1
                fault = ""
                if isinstance(line, bytes):
                    fault, line = _not_utf8(line), line.decode("utf-8", "replace")
                line = line.rstrip("\0")  # that fill the last block
                if "\0" in line and not fault:
                    fault = f"byte 0x00 at {len(line[: line.index(chr(0))].encode()) + 1} is no text"
                if line.strip(_SPACE):
                    yield _Line(number, line, fault)
    except DamageError as failure:
        raise FileError(f"{source.place(number + 1)}: {failure}") from failure
    except OverflowError as failure:
        raise FileError(f"{source.place(number + 1)}: longer than {MAX_LINE} bytes") from failure
    except UnicodeError as failure:
        raise FileError(f"{source.place(number + 1)}: {failure}") from failure
    except OSError as failure:
        raise FileError(f"{source.place(number + 1)}: {failure.strerror or failure}") from failure


def _not_utf8(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as failure:
        return (
            f"byte 0x{line[failure.start]:02x} at {failure.start + 1} is not UTF-8; "
            "write the file again as UTF-8 (iconv -f ENCODING -t UTF-8)"
        )
    return ""


def _of_line(source: Source, line: _Line) -> Iterator[Record]:
    place = source.place(line.number)
    try:
        if line.fault:
            raise MisfitError(line.fault)
        text = line.text.strip(_SPACE)
        value = parse(text)
    except MisfitError as misfit:
        yield Record(None, place, fault=str(misfit))
    else:
        yield from _elements(value, text, place)


def _elements(value: Any, text: str, place: str) -> Iterator[Record]:
    if not isinstance(value, list):
        yield Record(value, place, text)
        return
    for number, element in enumerate(value, start=1):
        yield Record(element, f"{place}#{number}", json.dumps(element))


def _is_beginning(text: str) -> bool:
    """Whether a text stops between the brackets of a value. Strings of JSON do not go over lines."""
    depth, in_string, escaped = 0, False, False
    for c in text:
        if in_string:
            in_string = escaped or c != '"'
            escaped = not escaped and c == "\\"
        elif c == '"':
            in_string = True
        elif c in "[{":
            depth += 1
        elif c in "]}":
            depth -= 1
    return depth > 0 and not in_string


def _document(source: Source, first: _Line, rest: Iterator[_Line]) -> Iterator[Record]:
    """Values over several lines, to the end of the file; where they are no JSON, line by line."""
    lines, size = [first], len(first.text)
    for line in rest:
        size += len(line.text)
        if size > MAX_LINE:
            raise FileError(f"{source.place(first.number)}: longer than {MAX_LINE} bytes")
        lines.append(line)
    found = None if any(line.fault for line in lines) else _split(lines)
    if found is not None:
        for number, text in found:
            yield from _elements(parse(text), text, source.place(number))
        return
    texts = [line.text.strip(_SPACE) for line in lines[1:] if line.text.startswith("{") and not line.fault]
    by_line = any(len(text) > 2 and _is_json(text) for text in texts)
    for line in lines if by_line else lines[:1]:
        yield from _of_line(source, line)


def _is_json(text: str) -> bool:
    try:
        parse(text)
    except MisfitError:
        return False
    return True


def _split(lines: list[_Line]) -> list[tuple[int, str]] | None:
    """The values of a text, each with the line where it begins; None where it is no JSON."""
    found: list[tuple[int, str]] = []
    held: list[str] = []
    depth, in_string, escaped, begun = 0, False, False, 0
    for line in lines:
        start = 0
        for at, c in enumerate(line.text):
            if in_string:
                in_string = escaped or c != '"'
                escaped = not escaped and c == "\\"
                continue
            if c == '"':
                in_string = True
            if c in "[{":
                depth += 1
                if depth == 1:
                    start, begun = at, line.number
            if depth == 0 and c not in _SPACE:
                return None
            if c in "]}":
                depth -= 1
                if depth == 0:
                    held.append(line.text[start : at + 1])
                    found.append((begun, "".join(held)))
                    held, start = [], at + 1
                    if not _is_json(found[-1][1]):
                        return None
        if depth > 0:
            held.append(line.text[start:])
    return found if depth == 0 and not in_string else None
