"""Bytes of a file, unpacked: gzip, Zstandard and members of zip archives, whatever the name of the file says.

The readers of Python's libraries forget what they unpacked last where a damage comes behind it. Here everything before
a damage, or before the place where the data is cut off, is handed out first.
"""

from __future__ import annotations

import copy
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from assay_rl.convert.source import FileError, Source


def _zip_and_zstd() -> tuple[Any, Any]:
    """Newer logs of Inspect are archives packed by Zstandard, which Python itself reads from 3.14 on."""
    for archives, streams in (("backports.zstd.zipfile", "backports.zstd"), ("zipfile", "compression.zstd")):
        with suppress(ImportError):
            return import_module(archives), import_module(streams)
    return import_module("zipfile"), None


zipfile, zstd = _zip_and_zstd()

_CHUNK = 1 << 20  # bytes that are read at a time
_PIECE = 1 << 10  # of Zstandard, unpacked at once: it can become 32 MB

_ZSTANDARD = 93  # in the words of zip
_ZSTD_ERRORS: tuple[type[Exception], ...] = (zstd.ZstdError,) if zstd is not None else ()
_NO_ZSTD = "packed by Zstandard, for which this Python has no library: pip install 'assay-rl[zstd]'"


class DamageError(Exception):
    """What is packed is damaged or cut off; the message says which, and how it is packed."""


class _Part(Protocol):
    """A member of gzip or a frame of Zstandard."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes:
        """What was given beyond its end."""

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """What the next bytes hold, in portions; of a damage, raises after all that comes before it."""


class _Deflated:
    """zlib's data; `wbits` says in which wrapping."""

    def __init__(self, wbits: int) -> None:
        self._unpacker: Any = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return bool(self._unpacker.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._unpacker.unused_data)

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        size = _CHUNK
        while size == _CHUNK:
            before = self._unpacker.copy()
            try:
                data = self._unpacker.decompress(packed, _CHUNK)
            except zlib.error:
                yield _until_damage(before, packed)
                raise
            packed, size = self._unpacker.unconsumed_tail, len(data)
            yield data


class _Zstandard:
    """A frame. Its unpacker cannot be copied: a second one keeps one piece behind."""

    def __init__(self) -> None:
        self._unpacker, self._behind = zstd.ZstdDecompressor(), zstd.ZstdDecompressor()
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return bool(self._unpacker.eof)

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        for start in range(0, len(packed), _PIECE):
            piece = packed[start : start + _PIECE]
            try:
                data = self._unpacker.decompress(piece)
            except zstd.ZstdError:
                yield _until_damage(self._behind, piece)
                raise
            self._behind.decompress(piece)
            yield data
            if self.eof:
                self.unused_data = self._unpacker.unused_data + packed[start + _PIECE :]
                return


def _until_damage(unpacker: Any, packed: bytes) -> bytes:
    parts = []
    with suppress(zlib.error, *_ZSTD_ERRORS):
        for i in range(len(packed)):
            parts.append(unpacker.decompress(packed[i : i + 1]))
    return b"".join(parts)


def _part(packed: io.BufferedIOBase, part: _Part, begun: bytes = b"") -> Iterator[bytes]:
    """What one part holds, of which `begun` was read. Raises EOFError where it has no end."""
    yield from part.unpack(begun)
    while not part.eof:
        more = packed.read1(_CHUNK)
        if not more:
            raise EOFError
        yield from part.unpack(more)


def _parts(packed: io.BufferedIOBase, begin: Callable[[], _Part]) -> Iterator[bytes]:
    """What parts hold, one after the other; zeros between and behind them fill a block."""
    while left := packed.read1(_CHUNK):
        while left := left.lstrip(b"\0"):
            part = begin()
            yield from _part(packed, part, left)
            left = part.unused_data


class _Stream(io.RawIOBase):
    """Portions of bytes as a file. What is wrong behind them is raised as DamageError, again and again.

    packing: how they were packed, for people. archive: is closed with this.
    """

    def __init__(self, portions: Iterator[bytes], packing: str, archive: Any = None) -> None:
        self._portions, self._packing, self._archive = portions, packing, archive
        self._held = memoryview(b"")
        self._damage = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            portion = self._next()
            if portion is None:
                return 0
            self._held = memoryview(portion)
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size

    def _next(self) -> bytes | None:
        if not self._damage:
            try:
                return next(self._portions, None)
            except EOFError:
                self._damage = f"the {self._packing} data is cut off"
            except (zlib.error, zipfile.BadZipFile, *_ZSTD_ERRORS):
                self._damage = f"the {self._packing} data is damaged"
        raise DamageError(self._damage)

    def close(self) -> None:
        super().close()
        if self._archive is not None:
            self._archive.close()


def open_member(path: Path, name: str, member: str) -> io.BufferedReader:
    """A member of the archive that people call `name`, unpacked. Raises FileError."""
    archive = zipfile.ZipFile(path)
    info = archive.getinfo(member)
    try:
        portions = _portions_of(archive, info)
    except (NotImplementedError, RuntimeError) as failure:  # an unknown way of packing; a password
        archive.close()
        raise FileError(f"{name}:{member}: {_NO_ZSTD if info.compress_type == _ZSTANDARD else failure}") from failure
    return io.BufferedReader(_Stream(_checked(portions, info.CRC), "zip", archive), _CHUNK)


def _portions_of(archive: Any, info: Any) -> Iterator[bytes]:
    packed = copy.copy(info)  # the same bytes, as if they were stored so
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # of what is unpacked
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return _part(archive.open(packed), _Deflated(-zlib.MAX_WBITS))
    if info.compress_type == _ZSTANDARD and zstd is not None:
        return _part(archive.open(packed), _Zstandard())
    if info.compress_type == zipfile.ZIP_STORED:
        return _read(archive.open(packed))
    return _read(archive.open(info))


def _read(opened: io.BufferedIOBase) -> Iterator[bytes]:
    while portion := opened.read1(_CHUNK):
        yield portion


def _checked(portions: Iterator[bytes], crc: int) -> Iterator[bytes]:
    found = 0
    for portion in portions:
        found = zlib.crc32(portion, found)
        yield portion
    if found != crc:
        raise zipfile.BadZipFile("the checksum is another")


def _refuse_packed_again(held: io.BufferedReader, name: str) -> None:
    """What is packed twice is unpacked once, and says so rather than that it is no text."""
    with suppress(DamageError, OSError):  # which whoever reads the bytes is told with its line
        head = held.peek(512)
        again = head[:2] == b"\x1f\x8b" or head[:4] in (b"PK\x03\x04", b"\x28\xb5\x2f\xfd")
        if again or head[257:262] == b"ustar":
            kind = "a tar archive" if not again else "packed again inside"
            raise FileError(f"{name}: {kind}; unpack it, and give the folder or the file")


@contextmanager
def opened(source: Source) -> Iterator[io.BufferedReader]:
    """The bytes of a source, unpacked. Reading them raises DamageError."""
    raw = source.open()
    try:
        held = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", raw))
        head = held.peek(4)[:4]
        if head[:2] == b"\x1f\x8b":
            held = io.BufferedReader(_Stream(_parts(held, lambda: _Deflated(16 + zlib.MAX_WBITS)), "gzip"), _CHUNK)
        elif head == b"\x28\xb5\x2f\xfd":
            if zstd is None:
                raise FileError(f"{source.name}: {_NO_ZSTD}")
            held = io.BufferedReader(_Stream(_parts(held, _Zstandard), "Zstandard"), _CHUNK)
        _refuse_packed_again(held, source.name)
        yield held
    finally:
        if raw is not sys.stdin.buffer:
            raw.close()
