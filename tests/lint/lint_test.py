#!/usr/bin/env python3
"""The lint passes what is in the repository, and finds each fault that is planted in a copy of it.

    tests/lint/lint_test.py BUILD
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# What is planted (path, text), and a part of what the lint must say of it.
PLANTED = [
    ("server/base/planted.h", '#include "server/wire/limits.h"\n', "whose room comes later"),
    ("server/credit/planted.cc", '#include "server/credit/odd_bayes/../../blame/chain.h"\n', "whose room comes later"),
    ("server/wire/planted.cc", '#include "client/cpp/outbox.h"\n', "neither clients nor tests"),
    ("server/session/planted.cc", '#include "tests/paths.h"\n', "neither clients nor tests"),
    ("server/nowhere/planted.cc", "", "in no room"),
    ("client/cpp/planted.cc", '#include "server/base/mutex.h"\n', "stands alone"),
    ("client/command/planted.cc", '#include "tests/paths.h"\n', "only tests know tests"),
    ("server/base/circle.h", '#include "server/base/circle.h"\n', "in a circle"),
    ("server/audit/limits.h", "", "files are named limits.h"),
    ("server/audit/planted.cc", "\n" * 401, "at most 400"),
]


def run(script: str, *arguments: object) -> tuple[int, str]:
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check_rooms() -> None:
    code, said = run("rooms.py")
    assert code == 0, said
    for path, text, expected in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            for part in ("server", "client/cpp", "client/command"):
                shutil.copytree(ROOT / part, Path(folder) / part)
            planted = Path(folder) / path
            planted.parent.mkdir(exist_ok=True)
            planted.write_text(text)
            code, said = run("rooms.py", folder)
            assert code == 1, (path, said)
            assert any(expected in line for line in said.splitlines()), (path, said)


def check_headers(build: str) -> None:
    """A header that leans on its includer, among two that do not."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder) / "server" / "base"
        room.mkdir(parents=True)
        (room / "upright.h").write_text("#include <string>\n\nstd::string Upright();\n")
        (room / "upright_too.h").write_text('#include "server/base/upright.h"\n')
        code, said = run("headers.py", build, folder)
        assert code == 0, said
        (room / "leaning.h").write_text("std::string Leaning();\n")
        code, said = run("headers.py", build, folder)
        assert code == 1, said
        assert "server/base/leaning.h does not compile alone" in said, said
        assert "upright.h does not" not in said, said


def main() -> int:
    check_rooms()
    check_headers(sys.argv[1])
    print(f"{len(PLANTED) + 1} planted faults found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
