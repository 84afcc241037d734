#!/usr/bin/env python3
"""Checks the structure of the C++ sources: the order of rooms, circles and names.

    tests/lint/rooms.py [ROOT]

A room is a folder of server/ that ASSAY_ROOMS in server/CMakeLists.txt names; a folder inside that it does not name
belongs to the room around it. Prints one line a fault; the exit code is 1 where there is one.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections import Counter
from pathlib import Path

# Every room has its own.
COMMON_NAMES = {"CMakeLists.txt", "README.md", "MEASURED.md"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def rooms_in_order(root: Path) -> list[str]:
    """The rooms, each of which may include those before it."""
    text = (root / "server/CMakeLists.txt").read_text()
    found = re.search(r"set\(ASSAY_ROOMS\s+([^)]*)\)", text)
    if found is None:
        raise SystemExit("server/CMakeLists.txt: no ASSAY_ROOMS")
    return found.group(1).split()


def room_of(path: str, rooms: list[str]) -> int:
    """The place of a file's room in the order. Files of server/ itself, such as main.cc, come after every room."""
    inside = path.removeprefix("server/")
    holding = [room for room in rooms if inside.startswith(room + "/")]
    if holding:
        return rooms.index(max(holding, key=len))
    return -1 if "/" in inside else len(rooms)


def sources(root: Path, *folders: str) -> dict[str, str]:
    """The text of every C++ file, by its path within the repository."""
    files = [path for folder in folders for path in sorted((root / folder).rglob("*")) if path.suffix in (".h", ".cc")]
    return {str(path.relative_to(root)): path.read_text() for path in files}


def included_by(text: str) -> list[str]:
    """The paths that a file includes, without detours."""
    return [posixpath.normpath(path) for path in INCLUDE.findall(text)]


def order_faults(files: dict[str, str], rooms: list[str]) -> list[str]:
    """Includes against the order of rooms, and files in no room."""
    faults = []
    for path, text in files.items():
        if path.startswith("server/") and room_of(path, rooms) < 0:
            faults.append(f"{path}: its folder is in no room of ASSAY_ROOMS (server/CMakeLists.txt)")
            continue
        for included in included_by(text):
            if path.startswith("server/"):
                if included.startswith(("client/", "tests/")):
                    faults.append(f"{path}: includes {included}: the server knows neither clients nor tests")
                elif included.startswith("server/") and room_of(included, rooms) > room_of(path, rooms):
                    faults.append(f"{path}: includes {included}, whose room comes later in ASSAY_ROOMS")
            elif path.startswith("client/cpp/") and "/examples/" not in path:
                if included.startswith(("server/", "client/input/", "client/command/", "tests/")):
                    faults.append(f"{path}: includes {included}: the client library stands alone")
            elif path.startswith("client/input/") and included.startswith("client/command/"):
                faults.append(f"{path}: includes {included}: what reads files does not know the commands")
            elif included.startswith("tests/"):
                faults.append(f"{path}: includes {included}: only tests know tests")
    return faults


def circle_faults(files: dict[str, str]) -> list[str]:
    """Headers that include themselves by way of others."""
    faults, done = [], set()

    def visit(path: str, trail: tuple[str, ...]) -> None:
        if path in trail:
            faults.append("headers in a circle: " + " -> ".join([*trail[trail.index(path) :], path]))
        elif path in files and path not in done:
            for included in included_by(files[path]):
                visit(included, (*trail, path))
            done.add(path)

    for path in files:
        if path.endswith(".h"):
            visit(path, ())
    return faults


def name_faults(root: Path) -> list[str]:
    """Files of the server that share their name with another."""
    names = Counter(path.name for path in (root / "server").rglob("*") if path.is_file())
    return [f"server: {count} files are named {name}" for name, count in sorted(names.items())
            if count > 1 and name not in COMMON_NAMES]  # fmt: skip


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    files = sources(root, "server", "client")
    faults = [*order_faults(files, rooms_in_order(root)), *circle_faults(files), *name_faults(root)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
