"""Files as people have them, through both command lines: read, or refused with file, line, reason and exit code 2.

That both say the same of each is what test_command_lines.py holds them to.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from assayd import HANGS, Assayd, command, needs_assayd, running

pytestmark = [needs_assayd, pytest.mark.skipif(command() is None, reason="the C++ command line is not built")]

MESSAGE = {"agentId": "amy", "content": "x"}
LINES = [
    json.dumps({"id": f"r{i}", "agents": [{"id": "amy"}], "messages": [MESSAGE], "outcome": {"score": 1}})
    for i in range(3)
]
TEXT = "".join(line + "\n" for line in LINES)
PLAIN = TEXT.encode()
FIRST = (LINES[0] + "\n").encode()
MEMBERS = [gzip.compress((line + "\n").encode(), mtime=0) for line in LINES]
PACKED = gzip.compress(PLAIN, mtime=0)

READ = {
    "plain": PLAIN,
    "byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "CRLF": PLAIN.replace(b"\n", b"\r\n"),
    "byte order mark and CRLF": b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n"),
    "blank lines": b"\n \n" + PLAIN.replace(b"\n", b"\n\n\t\r\n"),
    "no newline at the end": PLAIN[:-1],
    "zeros fill the last block": PLAIN + b"\0" * 300,
    "zeros behind the last line": PLAIN[:-1] + b"\0" * 3,
    "UTF-16, little endian": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "UTF-16, big endian": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 with CRLF": TEXT.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16, big endian, without a mark": TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "separators of Unicode inside texts": PLAIN.replace(
        b'"x"', '"\u2028\u2029\x85\x1e"'.encode().replace(b"\x1e", b"")
    ),
    "gzip": PACKED,
    "gzip of three members": b"".join(MEMBERS),
    "gzip whose members part within a line": gzip.compress(PLAIN[:50]) + gzip.compress(PLAIN[50:]),
    "gzip with empty members": gzip.compress(b"") + PACKED + gzip.compress(b""),
    "gzip padded with zeros": PACKED + b"\0" * 512,
    "zeros between members": MEMBERS[0] + b"\0" * 7 + MEMBERS[1] + MEMBERS[2],
    "gzip with a byte order mark": gzip.compress(b"\xef\xbb\xbf" + PLAIN),
    "gzip of UTF-16": gzip.compress(TEXT.encode("utf-16")),
    "gzip with CRLF": gzip.compress(PLAIN.replace(b"\n", b"\r\n")),
}

# The bytes, how many episodes come before, the line that is named, and what both say of it.
REFUSED: dict[str, tuple[bytes, int, int, str]] = {
    "Latin-1": (FIRST + LINES[1].replace('"x"', '"\xe9"').encode("latin-1"), 1, 2, "byte 0xe9 at 85 is not UTF-8"),
    "an overlong form": (FIRST + LINES[1].encode().replace(b'"x"', b'"\xc0\xaf"'), 1, 2, "byte 0xc0 at 85"),
    "half of a character as bytes": (FIRST + LINES[1].encode().replace(b'"x"', b'"\xed\xa0\xbd"'), 1, 2, "byte 0xed"),
    "a cut character": (FIRST + LINES[1].encode().replace(b'"x"', b'"\xe2\x82"'), 1, 2, "is not UTF-8"),
    "half of a character escaped": (FIRST + LINES[1].replace('"x"', '"\\ud83d"').encode(), 1, 2, "surrogate"),
    "a zero within a line": (FIRST + LINES[1].encode().replace(b'"x"', b'"\0"'), 1, 2, ""),
    "a line that is cut off": (PLAIN[:-20], 2, 3, ""),
    "NaN": (FIRST + LINES[1].replace("1}", "NaN}").encode(), 1, 2, ""),
    "a number": (FIRST + b"7\n", 1, 2, ""),
    "null": (FIRST + b"null\n", 1, 2, ""),
    "a list": (FIRST + b"[1]\n", 1, 2, ""),
    "a field that nobody knows": (FIRST + LINES[1].replace('"id": "r1"', '"idd": "r1"').encode(), 1, 2, "idd"),
    "a value of another type": (FIRST + LINES[1].replace('"x"', "{}").encode(), 1, 2, ""),
    "prose": (FIRST + b"and so on\n", 1, 2, ""),
    "UTF-16 that is cut off": (TEXT.encode("utf-16")[:-1], 2, 3, "UTF-16"),
    "gzip without its end": (PACKED[:-4], 3, 4, "cut off"),
    "half of a gzip": (PACKED[: len(PACKED) // 2], 0, 1, "cut off"),
    "the head of a gzip": (PACKED[:5], 0, 1, "cut off"),
    "gzip whose last member is cut off": (b"".join(MEMBERS)[:-40], 2, 3, "cut off"),
    "gzip with a wrong checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], 3, 4, "damaged"),
    "gzip with something behind it": (PACKED + b"garbage", 3, 4, "damaged"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def both(server: Assayd, content: bytes, path: Path) -> list[tuple[int, list[str], str]]:
    """Exit code, ids that were answered with signals, and standard error of either command line."""
    path.write_bytes(content)
    cpp = [str(command()), "signals", f"--server={server.target}"]
    python = [sys.executable, "-m", "assay_rl", "signals", "--server", server.target, str(path)]
    found = []
    for line in (cpp, python):
        ran = subprocess.run(line, input=content, capture_output=True, timeout=HANGS)
        results = [json.loads(text) for text in ran.stdout.decode().split("\n") if text]
        ids = sorted(r["episodeId"] for r in results if "signals" in r)
        found.append((ran.returncode, ids, ran.stderr.decode()))
    return found


@pytest.mark.parametrize("name", READ)
def test_read_by_both(server: Assayd, name: str, tmp_path: Path) -> None:
    for code, ids, told in both(server, READ[name], tmp_path / "in.jsonl"):
        assert (code, ids) == (0, ["r0", "r1", "r2"]), told


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_both_with_the_line(server: Assayd, name: str, tmp_path: Path) -> None:
    content, before, line, reason = REFUSED[name]
    path = tmp_path / "in.jsonl"
    for place, (code, ids, told) in zip(("-", str(path)), both(server, content, path), strict=True):
        assert code == 2, told
        assert ids == [f"r{i}" for i in range(before)], told
        assert re.search(rf"{re.escape(place)}:{line}(#1)?: ", told) or f"{place}: near line {line}: " in told, told
        assert reason in told
        assert "Traceback" not in told


@pytest.mark.parametrize("bad", [1, 2, 3, 50, 99, 256, 257, 500, 990, 1000])
def test_a_bad_line_anywhere_loses_nothing_before_it(server: Assayd, bad: int, tmp_path: Path) -> None:
    lines = [LINES[0].replace('"r0"', f'"r{i}"') for i in range(1, 1001)]
    lines[bad - 1] = lines[bad - 1].replace('"x"', '"\\ud83d"')
    (cpp_code, cpp, told), (code, python, _) = both(server, "\n".join(lines).encode(), tmp_path / "in.jsonl")
    assert (cpp_code, len(cpp)) == (2, 999), told
    assert (code, len(python)) == (2, 999)
