"""Fixtures of several files of tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from browsing import chromium  # skips where there is none

    with chromium() as started:
        yield started
