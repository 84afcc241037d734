"""Packed files that are damaged or cut off: every line before that is read, then it is told where the data ends."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import zipfile as plain_zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from assay_rl.convert.inputs import sources
from assay_rl.convert.lines import text_lines
from assay_rl.convert.packed import zipfile, zstd
from assay_rl.convert.source import FileError

needs_zstd = pytest.mark.skipif(zstd is None, reason="this Python has no Zstandard")

LINES = [f'{{"id": "r{i}", "noise": "{random.Random(i).getrandbits(256):x}"}}' for i in range(3000)]
TEXT = "".join(line + "\n" for line in LINES).encode()
BEFORE = len("".join(line + "\n" for line in LINES[:1700]).encode())  # a line begins here


def deflated(wbits: int) -> tuple[bytes, int]:
    """The text, and the place in what is packed where a block begins with line 1701."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    before = packer.compress(TEXT[:BEFORE]) + packer.flush(zlib.Z_FULL_FLUSH)
    return before + packer.compress(TEXT[BEFORE:]) + packer.flush(), len(before)


def zstandard() -> tuple[bytes, int]:
    packer = zstd.ZstdCompressor()
    before = packer.compress(TEXT[:BEFORE], zstd.ZstdCompressor.FLUSH_BLOCK)
    return before + packer.compress(TEXT[BEFORE:], zstd.ZstdCompressor.FLUSH_FRAME), len(before)


def archived(path: Path, packed: bytes, method: int) -> None:
    """An archive of one member with these packed bytes, whatever they hold."""
    stored = io.BytesIO()
    with plain_zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("in.jsonl", packed)
    held = bytearray(stored.getvalue())
    start = held.index(b"PK\x01\x02")
    for at, header in ((0, 8), (start, 10)):
        held[at + header : at + header + 2] = method.to_bytes(2, "little")
        held[at + header + 6 : at + header + 10] = zlib.crc32(TEXT).to_bytes(4, "little")
        held[at + header + 14 : at + header + 18] = len(TEXT).to_bytes(4, "little")
    path.write_bytes(held)


def write_gzip(path: Path, cut: Callable[[bytes, int], bytes]) -> None:
    path.write_bytes(cut(*deflated(31)))


def write_zstd(path: Path, cut: Callable[[bytes, int], bytes]) -> None:
    path.write_bytes(cut(*zstandard()))


def write_zip(path: Path, cut: Callable[[bytes, int], bytes]) -> None:
    archived(path, cut(*deflated(-15)), 8)


def write_zstd_zip(path: Path, cut: Callable[[bytes, int], bytes]) -> None:
    archived(path, cut(*zstandard()), 93)


def write_stored_zip(path: Path, cut: Callable[[bytes, int], bytes]) -> None:
    archived(path, cut(TEXT, BEFORE), 0)


PACKED = {"gzip": write_gzip, "zip": write_zip}
BY_ZSTD = {"Zstandard": write_zstd, "zip by Zstandard": write_zstd_zip}
EVERY = [*PACKED.items(), *(pytest.param(*row, marks=needs_zstd) for row in BY_ZSTD.items())]
Write = Callable[[Path, Callable[[bytes, int], bytes]], None]


def read(path: Path) -> tuple[list[str], str]:
    """The lines, and what is said behind them."""
    lines: list[str] = []
    try:
        for source in sources([str(path)]):
            lines.extend(line.rstrip("\n") for _, line in text_lines(source))
    except FileError as failure:
        return lines, str(failure)
    return lines, ""


def whole(packed: bytes, _: int) -> bytes:
    return packed


def cut_off(packed: bytes, at: int) -> bytes:
    return packed[:at]


def damaged(packed: bytes, at: int) -> bytes:
    return packed[:at] + b"\x07\x00\x00" + packed[at + 3 :]  # a block of a kind that does not exist


@pytest.mark.parametrize(("name", "write"), EVERY)
def test_a_whole_file_is_read(name: str, write: Write, tmp_path: Path) -> None:
    write(tmp_path / "in", whole)
    assert read(tmp_path / "in") == (LINES, "")


@pytest.mark.parametrize(("how", "cut"), [("cut off", cut_off), ("damaged", damaged)])
@pytest.mark.parametrize(("name", "write"), EVERY)
def test_every_line_before_the_damage_is_read(
    name: str, write: Write, how: str, cut: Callable[[bytes, int], bytes], tmp_path: Path
) -> None:
    write(tmp_path / "in", cut)
    lines, told = read(tmp_path / "in")
    assert lines == LINES[:1700]
    assert told.endswith(f":1701: the {name.partition(' ')[0]} data is {how}")


@pytest.mark.parametrize(("name", "write"), EVERY)
def test_a_damage_anywhere_loses_no_line_before_it(name: str, write: Write, tmp_path: Path) -> None:
    """What comes out of a damaged file is the beginning of the text, up to where the damage shows."""
    draw = random.Random(29)

    def cut_anywhere(packed: bytes, at: int) -> bytes:
        return packed[: draw.randrange(at, len(packed))]

    for _ in range(10):
        write(tmp_path / "in", cut_anywhere)
        lines, told = read(tmp_path / "in")
        assert len(lines) >= 1700
        assert lines[:-1] == LINES[: len(lines) - 1]
        assert told.endswith("data is cut off")


@pytest.mark.parametrize("write", [write_zip, write_stored_zip])
def test_a_wrong_checksum_is_told_behind_the_last_line(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "in"
    write(path, whole)
    held = bytearray(path.read_bytes())
    checksum = held.index(b"PK\x01\x02") + 16
    held[checksum] ^= 1
    path.write_bytes(held)
    lines, told = read(path)
    assert lines == LINES
    assert told.endswith(":3001: the zip data is damaged")


def test_a_stored_block_may_begin_with_a_zero(tmp_path: Path) -> None:
    """In an archive zeros are data, where between members of gzip they fill a block."""
    block = TEXT[:60000]
    size = len(block).to_bytes(2, "little")
    packed = b"\0" + size + bytes(255 - b for b in size) + block
    rest = zlib.compressobj(9, zlib.DEFLATED, -15)
    archived(tmp_path / "in", packed + rest.compress(TEXT[60000:]) + rest.flush(), 8)
    assert read(tmp_path / "in") == (LINES, "")


@needs_zstd
def test_frames_and_what_is_to_be_skipped_between_them(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"???"
    parts = [zstd.compress(TEXT[:1000]), skipped, zstd.compress(TEXT[1000:2000]), zstd.compress(TEXT[2000:]), skipped]
    (tmp_path / "in").write_bytes(b"".join(parts))
    assert read(tmp_path / "in") == (LINES, "")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_read(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in", "w", method) as archive:
        archive.writestr("in.jsonl", TEXT)
    assert read(tmp_path / "in") == (LINES, "")


@needs_zstd
def test_standard_input_stays_open_behind_what_was_packed() -> None:
    program = (
        "import sys; from assay_rl.convert.inputs import sources; from assay_rl.convert.lines import text_lines; "
        "print(sum(1 for source in sources(['-']) for _ in text_lines(source))); print(sys.stdin.buffer.closed)"
    )
    for packed in (deflated(31)[0], zstandard()[0]):
        ran = subprocess.run([sys.executable, "-c", program], input=packed, capture_output=True, check=True)
        assert ran.stdout.decode().split() == ["3000", "False"]
