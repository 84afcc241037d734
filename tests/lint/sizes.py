#!/usr/bin/env python3
"""Checks the sizes of files and folders, and the width of Markdown.

    tests/lint/sizes.py [ROOT]

A file has one subject and at most 400 lines, be it a source, a test, a script or a .proto; a folder of server/ or
client/ holds at most 2,500 lines of C++. Prose in Markdown is at most 120 columns wide; tables, code, pictures and what
a program wrote are as wide as they are. Prints one line a fault; the exit code is 1 where there is one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 400
MAX_FOLDER_LINES = 2500
MAX_COLUMNS = 120
SOURCES = {".cc", ".h", ".py", ".proto", ".sh", ".js"}
# Neither ours nor read by people.
SKIPPED = {".cache", "build", "node_modules", "__pycache__", ".git", ".venv", "v1"}
# Files and folders that are larger, each with the one subject that needs it.
LARGE = {
    "proto/assay/v1/options.proto": "all that a caller may choose, which programs import by this name",
    "proto/assay/v1/signals.proto": "all that an episode is answered with, which programs import by this name",
    "server/blame": "the posterior of the first error, and what is read from it",
}
# Written by a program, which tests hold to its text.
WRITTEN = {
    "client/python/examples/team_training/ABLATIONS.md",
    "client/python/examples/team_training/REPORT.md",
}


def files(root: Path) -> Iterator[Path]:
    """All files of the repository that people read, by their place in it; the .proto files are read, stubs are not."""
    for path in sorted(root.iterdir()):
        if path.is_dir() and (path.name not in SKIPPED or path.parts[-3:-1] == ("proto", "assay")):
            yield from files(path)
        elif path.suffix in SOURCES or path.suffix == ".md":
            yield path


def size_faults(lines: dict[str, int]) -> list[str]:
    """Files and folders of too many lines."""
    folders: Counter[str] = Counter()
    for path, count in lines.items():
        if path.startswith(("server/", "client/")) and path.endswith((".cc", ".h")):
            folders[path.rpartition("/")[0]] += count
    faults = [f"{path}: {count} lines, at most {MAX_FILE_LINES}" for path, count in lines.items()
              if count > MAX_FILE_LINES and path not in LARGE]  # fmt: skip
    faults += [f"{folder}/: {count} lines, at most {MAX_FOLDER_LINES}" for folder, count in sorted(folders.items())
               if count > MAX_FOLDER_LINES and folder not in LARGE]  # fmt: skip
    faults += [f"{place}: is no longer too large and need not stand in LARGE" for place in LARGE
               if lines.get(place, 0) <= MAX_FILE_LINES and folders[place] <= MAX_FOLDER_LINES]  # fmt: skip
    return faults


def width_faults(path: str, text: str) -> list[str]:
    """Lines of prose that are too wide."""
    faults, fenced = [], False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        prose = not fenced and not line.startswith(("|", "    ", "![", "```"))
        if prose and len(line) > MAX_COLUMNS:
            faults.append(f"{path}:{number}: {len(line)} columns, at most {MAX_COLUMNS}")
    return faults


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    texts = {str(path.relative_to(root)): path.read_text() for path in files(root)}
    faults = size_faults({path: text.count("\n") for path, text in texts.items() if not path.endswith(".md")})
    for path, text in texts.items():
        if path.endswith(".md") and path not in WRITTEN:
            faults += width_faults(path, text)
    print("".join(fault + "\n" for fault in faults), end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
