#!/usr/bin/env python3
"""Checks that every header compiles alone: it includes what it needs and leans on nobody's includes.

    tests/lint/headers.py BUILD [ROOT]

Compiles each header of server/ and client/ as a source of its own, with the command of a source of its folder in
BUILD/compile_commands.json (of the folder around it where it has none), so that a compiler cache serves the next run.
Prints what the compiler says of a header that does not compile; the exit code is then 1.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def commands_by_folder(build: Path) -> dict[str, tuple[list[str], str]]:
    """Of each folder of sources: the command that compiles one of them, and where it runs."""
    found: dict[str, tuple[list[str], str]] = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        folder = os.path.relpath(Path(entry["directory"], entry["file"]).parent, ROOT)
        found.setdefault(folder, (shlex.split(entry["command"]), entry["directory"]))
    return found


def compile_alone(header: Path, root: Path, build: Path, commands: dict[str, tuple[list[str], str]]) -> str:
    """What the compiler says of the header; empty where it compiles."""
    name = header.relative_to(root)
    folder = next((str(place) for place in name.parents if str(place) in commands), None)
    if folder is None:
        return f"{name}: no source of its folder or of one around it is compiled\n"
    command, directory = commands[folder]
    source = build / "headers" / name.with_suffix(".cc")
    source.parent.mkdir(parents=True, exist_ok=True)
    if not source.exists() or str(name) not in source.read_text():
        source.write_text(f'#include "{name}"  // alone\n')
    flags = command[: command.index("-o")]
    run = subprocess.run(
        [*flags, f"-I{root}", "-O0", "-o", str(source.with_suffix(".o")), "-c", str(source)],
        cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if run.returncode == 0 else f"{name} does not compile alone:\n{run.stderr}"


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    root = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else ROOT
    commands = commands_by_folder(build)
    headers = sorted(path for folder in ("server", "client") for path in (root / folder).rglob("*.h"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [said for said in pool.map(lambda h: compile_alone(h, root, build, commands), headers) if said]
    print("".join(faults), end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
