"""The programs `assayd` (the server) and `assay` (the C++ command line), where this wheel brings them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

_HERE = Path(__file__).resolve().parent


class ProgramNotFoundError(FileNotFoundError):
    """Neither this wheel nor the machine has the program; the message says what to do."""


def find(program: str) -> Path:
    """The program's path: that of the environment variable of its name in capitals (ASSAYD, ASSAY), else the one in
    this wheel, else the first one on PATH. Raises ProgramNotFoundError."""
    if named := os.environ.get(program.upper()):
        return Path(named)
    bundled = _HERE / program
    if bundled.is_file():
        return bundled
    starter = Path(sys.argv[0]).resolve()
    for folder in os.get_exec_path():
        found = shutil.which(program, path=folder)
        # The starter of a wheel that has lost its programs would start itself for ever.
        if found is not None and Path(found).resolve() != starter:
            return Path(found)
    raise ProgramNotFoundError(
        f"{program} is not here: this is the pure wheel of assay-rl. On x86_64 Linux with glibc 2.36 or newer pip "
        f"installs the wheel that holds it; elsewhere build it from the sources (README.md) and set {program.upper()}."
    )


def run(program: str) -> NoReturn:
    """Becomes the program, with the arguments of this process."""
    try:
        path = find(program)
    except ProgramNotFoundError as missing:
        sys.exit(str(missing))
    os.execv(path, [program, *sys.argv[1:]])
