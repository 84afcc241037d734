"""Moments as logs write them, as nanoseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from assay_rl.convert._fields import is_finite


def time_of(value: Any, unit: int = 0) -> int:
    """Nanoseconds: numbers in `unit` nanoseconds (0: by their size), digits, or ISO 8601 with or without a zone."""
    if value is None or isinstance(value, bool):
        return 0
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"[0-9]{1,30}(\.[0-9]+)?", text):
            return _iso(text)
        if "." not in text:
            return _nanoseconds(int(text), unit)
        value = float(text)
    if isinstance(value, (int, float)):
        return _nanoseconds(value, unit)
    return _iso(value.isoformat()) if isinstance(value, datetime) else 0


def _nanoseconds(value: float, unit: int) -> int:
    if not is_finite(value):
        return 0
    if not unit:
        size = abs(value)
        unit = 10**9 if size < 1e11 else 10**6 if size < 1e14 else 10**3 if size < 1e17 else 1
    return int(value * unit)


def _iso(text: str) -> int:
    """Python 3.10 reads three or six digits of a second and no Z: the fraction is read apart."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?", text)
    if found is None:
        return 0
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError:
        return 0
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())
    return seconds * 10**9 + int((fraction or "0")[:9].ljust(9, "0"))
