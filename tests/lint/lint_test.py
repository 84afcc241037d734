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
OF_ROOMS = [
    ("server/base/planted.h", '#include "server/wire/limits.h"\n', "whose room comes later"),
    ("server/credit/planted.cc", '#include "server/credit/odd_bayes/../../blame/chain.h"\n', "whose room comes later"),
    ("server/wire/planted.cc", '#include "client/cpp/outbox.h"\n', "neither clients nor tests"),
    ("server/session/planted.cc", '#include "tests/paths.h"\n', "neither clients nor tests"),
    ("server/nowhere/planted.cc", "", "in no room"),
    ("client/cpp/planted.cc", '#include "server/base/mutex.h"\n', "stands alone"),
    ("client/input/planted.cc", '#include "client/command/table.h"\n', "does not know the commands"),
    ("client/command/planted.cc", '#include "tests/paths.h"\n', "only tests know tests"),
    ("server/base/circle.h", '#include "server/base/circle.h"\n', "in a circle"),
    ("server/audit/limits.h", "", "files are named limits.h"),
]
OF_SIZES = [
    ("server/audit/planted.cc", "\n" * 401, "planted.cc: 401 lines, at most 400"),
    ("tests/unit/audit/planted_test.cc", "\n" * 401, "planted_test.cc: 401 lines, at most 400"),
    ("client/python/src/assay_rl/planted.py", "\n" * 401, "planted.py: 401 lines, at most 400"),
    ("client/python/tests/test_planted.py", "\n" * 401, "test_planted.py: 401 lines, at most 400"),
    ("proto/assay/v1/planted.proto", "\n" * 401, "planted.proto: 401 lines, at most 400"),
    ("README.md", "w" * 121 + "\n", "README.md:1: 121 columns, at most 120"),
]


def run(script: str, *arguments: object) -> tuple[int, str]:
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check_planted(script: str, planted: list[tuple[str, str, str]]) -> None:
    """The script passes the repository, and says what is planted in a copy of it."""
    code, said = run(script)
    assert code == 0, said
    with tempfile.TemporaryDirectory() as folder:
        for part in ("server", "client", "proto"):
            shutil.copytree(ROOT / part, Path(folder) / part)
        for path, text, expected in planted:
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            before = file.read_text() if file.exists() else None
            file.write_text(text)
            code, said = run(script, folder)
            assert code == 1, (path, said)
            assert any(expected in line for line in said.splitlines()), (path, said)
            file.unlink()
            if before is not None:
                file.write_text(before)


def check_folder() -> None:
    """A folder of many files, each of which is small enough."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder) / "client" / "cpp"
        room.mkdir(parents=True)
        for k in range(7):
            (room / f"planted_{k}.cc").write_text("\n" * 400)
        code, said = run("sizes.py", folder)
        assert code == 1, said
        assert "client/cpp/: 2800 lines, at most 2500" in said, said


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
    check_planted("rooms.py", OF_ROOMS)
    check_planted("sizes.py", OF_SIZES)
    check_folder()
    check_headers(sys.argv[1])
    print(f"{len(OF_ROOMS) + len(OF_SIZES) + 2} planted faults found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
