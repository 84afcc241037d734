"""A part of agreement.py: every grader and every way to count ballots on some records of every log."""

from __future__ import annotations

import os

import pytest
from agreement import LOGS, SHARED, cells
from assayd import command, needs_assayd

EVERY = 1 if os.environ.get("ASSAY_VERIFY_ALL") else 200


@needs_assayd
@pytest.mark.skipif(command() is None, reason="the C++ command line is not built")
@pytest.mark.parametrize("log", LOGS)
def test_server_and_both_verifiers_agree(log: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    found = list(cells([log], EVERY, jobs=1))
    assert len(found) == 30
    assert [finding for cell in found for finding in (*cell.python, *cell.cpp)] == []
    for cell in found:
        print(cell)
        assert cell.results + sum(cell.refused.values()) > 0
