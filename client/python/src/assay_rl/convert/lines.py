"""Bytes into numbered lines of text, in UTF-8 or in the encoding that the first bytes show.

Nothing is guessed: a line that cannot be read is refused with its file, its number and the reason.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from assay_rl.convert.packed import DamageError, opened
from assay_rl.convert.source import FileError, Source

MAX_LINE = 512 << 20  # bytes of one line, as for the C++ client
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers. The encoding is UTF-8, or what the first bytes say."""
    return ((number, line) for number, line in all_lines(source) if not is_blank(line))


def is_blank(line: str) -> bool:
    """White space, and zeros that fill the last block of a file."""
    return not line.strip("\0\r\n\t\v\f\ufeff ")


def all_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Every line with its number, from 1, and its end of line."""
    number = 0
    try:
        with opened(source) as raw:
            for line in _decoded(raw, source.name):
                number += 1
                # Zeros fill the last block; files that were put together keep their marks.
                yield number, line.rstrip("\0").lstrip("\ufeff")
    except DamageError as failure:
        raise FileError(f"{source.name}:{number + 1}: {failure}") from failure
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
