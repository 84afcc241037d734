"""Bytes into decoded values: files, folders, archives, gzip, encodings, JSON in every layout; each with its place.

Nothing is guessed: what cannot be read is refused with its file, its line and the reason.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast


def _zip_and_zstd() -> tuple[Any, Any]:
    """Newer logs of Inspect are archives packed by Zstandard, which Python itself reads from 3.14 on."""
    for archives, streams in (("backports.zstd.zipfile", "backports.zstd"), ("zipfile", "compression.zstd")):
        with suppress(ImportError):
            return import_module(archives), import_module(streams)
    return import_module("zipfile"), None


zipfile, zstd = _zip_and_zstd()

MAX_LINE = 512 << 20  # characters of one line, as for the C++ client
MAX_DOCUMENT = 2 << 30  # characters of one JSON value that spans lines
MAX_FILES = 1_000_000  # of a folder or an archive
CHUNK = 1 << 20

_ZSTANDARD = 93  # in the words of zip
ZSTD_ERRORS: tuple[type[Exception], ...] = (zstd.ZstdError,) if zstd is not None else ()
_NO_ZSTD = "packed by Zstandard, for which this Python has no library: pip install 'assay-rl[zstd]'"

SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj", ".eval", ".log", ".txt", ".gz", ".zst", ".zip")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


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
    """A file to be read, as often as one likes; standard input once."""

    name: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None

    def place(self, line: int) -> str:
        """A line of it, for people; 0: the whole."""
        return place_of(self.name, line)


def place_of(name: str, line: int) -> str:
    """FILE:LINE, - is standard input; without a line the file."""
    return f"{name}:{line}" if line else name


def sources(names: list[str] | tuple[str, ...]) -> Iterator[Source]:
    """The files that names stand for: "-" is standard input, a folder its files in order, an archive its members."""
    for name in names or ("-",):
        if name == "-":
            yield Source("-", lambda: sys.stdin.buffer)
            continue
        path = Path(name)
        if not path.exists():
            raise FileError(f"cannot read {name}: {os.strerror(errno.ENOENT)}")
        if path.is_dir():
            yield from _folder(path)
        else:
            yield from _file(path, name)


def _folder(folder: Path) -> Iterator[Source]:
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))
    shown = [p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    if not shown:
        raise FileError(f"{folder}: no files ({', '.join(SUFFIXES)}) in this folder")
    if len(shown) > MAX_FILES:
        raise FileError(f"{folder}: more than {MAX_FILES} files")
    for path in shown:
        yield from _file(path, str(path))


def _file(path: Path, name: str) -> Iterator[Source]:
    try:
        with path.open("rb") as probe:
            head = probe.read(4)
    except OSError as failure:
        raise FileError(f"cannot read {name}: {failure.strerror}") from failure
    if head == b"PK\x03\x04":
        yield from _archive(path, name)
    else:
        yield Source(name, lambda: path.open("rb"), path)


def _archive(path: Path, name: str) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [m for m in archive.infolist() if not m.is_dir()]
    except (zipfile.BadZipFile, OSError) as failure:
        raise FileError(f"{name}: a damaged archive: {failure}") from failure
    members = [m.filename for m in listed]
    if len(members) > MAX_FILES:
        raise FileError(f"{name}: more than {MAX_FILES} files")
    samples = [member for member in members if re.search(r"(^|/)samples/[^/]+\.json$", member)]
    if samples and "header.json" in members:
        members = samples  # a log of Inspect, which repeats them in its summaries
    for member in sorted(members):
        hidden = any(part.startswith((".", "_")) for part in member.split("/"))
        if member.lower().endswith(SUFFIXES) and not hidden:
            yield Source(f"{name}:{member}", lambda member=member: _Member(path, name, member))  # type: ignore[misc]


class _Member(io.BufferedReader):
    """A member of an archive, which closes the archive with it."""

    def __init__(self, path: Path, name: str, member: str) -> None:
        self._archive = zipfile.ZipFile(path)
        try:
            opened = self._archive.open(member)
        except (NotImplementedError, RuntimeError) as failure:  # an unknown way of packing; a password
            packed = self._archive.getinfo(member).compress_type
            self._archive.close()
            raise FileError(f"{name}:{member}: {_NO_ZSTD if packed == _ZSTANDARD else failure}") from failure
        super().__init__(opened)

    def close(self) -> None:
        super().close()
        self._archive.close()


@contextmanager
def opened(source: Source) -> Iterator[io.BufferedReader]:
    """The bytes of a source, gzip unpacked, whatever its name says."""
    raw = source.open()
    try:
        held: Any = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", raw))
        head = held.peek(4)[:4]
        if head[:2] == b"\x1f\x8b":
            held = io.BufferedReader(_Unpacked(held), CHUNK)
        elif head == b"\x28\xb5\x2f\xfd":
            held = io.BufferedReader(_zstd_file(held, source.name))
        yield held
    finally:
        if raw is not sys.stdin.buffer:
            raw.close()


class _Unpacked(io.RawIOBase):
    """Members of gzip, one after the other, and zeros that fill the last block.

    What was packed before a damaged or missing part is handed out before that is raised (zlib.error, EOFError), which
    the reader of the standard library does not do.
    """

    def __init__(self, packed: io.BufferedReader) -> None:
        self._packed = packed
        self._left = b""
        self._member: Any = None
        self._damage: zlib.error | None = None  # behind what was handed out

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._damage is not None:
                raise self._damage
            if self._member is None:
                self._left = self._left.lstrip(b"\0")
                if not self._left:
                    if not self._more():
                        return 0
                    continue
                self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            data = self._unpack(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            if self._member is not None and not self._left and not self._more():
                raise EOFError("it ends in the middle")

    def _unpack(self, size: int) -> bytes:
        """At most `size` bytes of the member; what comes before a damage too, which zlib for Python forgets."""
        before = self._member.copy()
        try:
            data: bytes = self._member.decompress(self._left, size)
        except zlib.error as damage:
            self._damage = damage
            return _until_damage(before, self._left)
        self._left = self._member.unconsumed_tail
        if self._member.eof:
            self._left, self._member = self._member.unused_data, None
        return data

    def _more(self) -> bool:
        self._left = self._packed.read1(CHUNK)
        return bool(self._left)


def _until_damage(member: Any, packed: bytes) -> bytes:
    parts = []
    with suppress(zlib.error):
        for i in range(len(packed)):
            parts.append(member.decompress(packed[i : i + 1]))
    return b"".join(parts)


def _zstd_file(held: Any, name: str) -> Any:
    if zstd is None:
        raise FileError(f"{name}: {_NO_ZSTD}")
    return zstd.ZstdFile(held)


def text_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers. The encoding is UTF-8, or what the first bytes say."""
    return ((number, line) for number, line in _all_lines(source) if not _is_blank(line))


def _is_blank(line: str) -> bool:
    """White space, and zeros that fill the last block of a file."""
    return not line.strip("\0\r\n\t\v\f\ufeff ")


def _all_lines(source: Source) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with opened(source) as raw:
            for line in _decoded(raw, source.name):
                number += 1
                yield number, line.rstrip("\0")  # zeros that fill the last block
    except (EOFError, zlib.error, zipfile.BadZipFile, *ZSTD_ERRORS) as failure:
        where = f"{source.name}:{number + 1}"
        raise FileError(f"{where}: the compressed data is damaged or cut off: {failure}") from failure
    except OSError as failure:
        raise FileError(f"{source.name}: {failure.strerror or failure}") from failure


def _encoding_of(raw: io.BufferedReader) -> str:
    """As the first bytes tell: a byte order mark, or the zeros of the first character of JSON."""
    head = raw.peek(4)[:4]
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
    if encoding == "utf-8" and len(head) >= 2 and b"\x00" in head[:2] and head[:2] != b"\0\0":
        encoding = "utf-16-le" if head[1] == 0 else "utf-16-be"  # JSON begins with a character below 128
    return encoding


def decoded_lines(raw: io.BufferedReader) -> Iterator[str | bytes]:
    """Lines as texts; as bytes where a line is not UTF-8. The encoding is UTF-8, or what the first bytes say.

    Raises OverflowError for a line of more than MAX_LINE bytes, and UnicodeError, naming the encoding, where a text of
    another one is damaged.
    """
    encoding = _encoding_of(raw)
    if encoding != "utf-8":
        try:
            yield from io.TextIOWrapper(raw, encoding=encoding, newline="\n")
        except UnicodeDecodeError as failure:
            raise UnicodeError(f"not {encoding.upper().replace('-LE', 'LE').replace('-BE', 'BE')}") from failure
        return
    if raw.peek(3)[:3] == codecs.BOM_UTF8:
        raw.read(len(codecs.BOM_UTF8))
    while line := raw.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise OverflowError
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            yield line


def _decoded(raw: io.BufferedReader, name: str) -> Iterator[str]:
    number = 0
    try:
        for line in decoded_lines(raw):
            number += 1
            yield line.decode("utf-8") if isinstance(line, bytes) else line
    except OverflowError as failure:
        raise FileError(f"{name}:{number + 1}: a line of more than {MAX_LINE} bytes") from failure
    except UnicodeDecodeError as failure:
        raise FileError(
            f"{name}:{number}: byte 0x{failure.object[failure.start]:02x} at {failure.start + 1} is not UTF-8; "
            "write the file again as UTF-8 (iconv -f ENCODING -t UTF-8)"
        ) from failure
    except UnicodeError as failure:
        raise FileError(f"{name}: near line {number + 1}: {failure}") from failure


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_LOG_LINE = re.compile(r"\[\d{4}-\d\d-\d\d[ T]")  # a list of JSON never begins so


def _integer(text: str) -> int | float:
    """Some writers leave the point out of negative zero, which is another double than zero."""
    return -0.0 if text == "-0" else int(text)


DECODER = json.JSONDecoder(parse_constant=_constant, parse_int=_integer)
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
    lines = _all_lines(source)
    begun = False
    for number, line in lines:
        if _is_blank(line):
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
        wanted = max(CHUNK, len(self._text) - self._at)
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
