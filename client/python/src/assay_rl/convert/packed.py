"""Bytes of a file, unpacked: gzip, Zstandard and members of zip archives, whatever the name of the file says."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from assay_rl.convert.source import FileError, Source


def _zip_and_zstd() -> tuple[Any, Any]:
    """Newer logs of Inspect are archives packed by Zstandard, which Python itself reads from 3.14 on."""
    for archives, streams in (("backports.zstd.zipfile", "backports.zstd"), ("zipfile", "compression.zstd")):
        with suppress(ImportError):
            return import_module(archives), import_module(streams)
    return import_module("zipfile"), None


zipfile, zstd = _zip_and_zstd()

_CHUNK = 1 << 20  # bytes that are read at a time
_ZSTANDARD = 93  # in the words of zip
ZSTD_ERRORS: tuple[type[Exception], ...] = (zstd.ZstdError,) if zstd is not None else ()
_NO_ZSTD = "packed by Zstandard, for which this Python has no library: pip install 'assay-rl[zstd]'"


class Member(io.BufferedReader):
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
            held = io.BufferedReader(_Unpacked(held), _CHUNK)
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
        self._left = self._packed.read1(_CHUNK)
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
