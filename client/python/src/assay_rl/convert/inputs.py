"""The files that names on a command line stand for: standard input, files, folders and archives, in their order."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from assay_rl.convert.packed import open_member, zipfile
from assay_rl.convert.source import FileError, Source

MAX_FILES = 1_000_000  # of a folder or an archive
SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj", ".eval", ".log", ".txt", ".gz", ".zst", ".zip")


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
        yield from _file(path, str(path), found=True)


def _file(path: Path, name: str, found: bool = False) -> Iterator[Source]:
    try:
        with path.open("rb") as probe:
            head = probe.read(4)
    except OSError as failure:
        raise FileError(f"cannot read {name}: {failure.strerror}") from failure
    if head in (b"PK\x03\x04", b"PK\x05\x06"):  # the second begins an archive without members
        yield from _archive(path, name)
    else:
        yield Source(name, lambda: path.open("rb"), path, found)


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
            yield Source(f"{name}:{member}", lambda member=member: open_member(path, name, member), found=True)  # type: ignore[misc]
