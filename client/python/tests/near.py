"""Test-only: two values of JSON that differ by rounding alone."""

from __future__ import annotations

from typing import Any

import pytest


def assert_near(a: Any, b: Any, at: str) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys(), at
        for key in a:
            assert_near(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), at
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_near(x, y, f"{at}[{k}]")
    elif isinstance(a, float) or isinstance(b, float):
        assert a == pytest.approx(b, abs=1e-12), at
    else:
        assert a == b, at
