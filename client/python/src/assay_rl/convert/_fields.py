"""Reading fields of decoded JSON or of framework objects.

A field is absent where it is missing or null. What is there is taken as it stands: 0, false and "" are values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

EXACT = 2**53  # whole numbers from here on are not exact in every JSON reader


class ConversionError(ValueError):
    """A field does not have the form that the source's format gives it; the message begins with the field's path."""


def is_finite(value: float) -> bool:
    """Whether a number is one that a double holds; whole numbers of Python have no bound."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def as_dict(value: Any, path: str) -> Mapping[str, Any]:
    """A mapping as it is; an object of a framework by its `model_dump()`."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        dumped: Mapping[str, Any] = dump()
        return dumped
    raise ConversionError(f"{path}: an object expected, got {kind_of(value)}")


def as_list(value: Any, path: str) -> Sequence[Any]:
    """A list as it is; absent is empty."""
    if value is None:
        return ()
    if is_list(value):
        return value
    raise ConversionError(f"{path}: a list expected, got {kind_of(value)}")


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def kind_of(value: Any) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if is_list(value) else type(value).__name__


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one for anything else: for optional parts of a record."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; nothing for anything else."""
    return [item for item in value if isinstance(item, Mapping)] if is_list(value) else []


def first(record: Mapping[str, Any], *keys: str) -> Any:
    """The first of the keys whose value is there; None where none is."""
    for key in keys:
        value = record.get(key)
        if value is not None:
            return value
    return None


def number_text(value: float) -> str:
    """A number as text, the same in the Python and the C++ client: whole numbers without a point, all others with the
    fewest digits, from 15 to 17, that read back as the same double."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < EXACT):
        return str(int(value))
    for digits in (15, 16):
        text = format(value, f".{digits}g")
        if float(text) == value:
            return text
    return format(value, ".17g")


def text_value(value: Any, path: str) -> str:
    """A text, or a number as text; absent is empty. Raises ConversionError for all else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConversionError(f"{path}: a text or a number expected, got {kind_of(value)}")
    if not is_finite(value) or abs(value) >= EXACT:
        raise ConversionError(f"{path}: a number beyond 2^53 must be written as a text")
    return number_text(value)


def label(value: Any) -> str:
    """A name or an id of any kind as text: absent is empty, numbers are written as numbers, all else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return to_json(value)


def to_json(value: Any) -> str:
    """Any value as JSON with sorted keys: equal values give equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def from_json(text: Any) -> Any:
    """What a text holds that is JSON of an object or a list; anything else as it is."""
    if isinstance(text, str) and text[:64].lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def whole(value: Any) -> int:
    """A count that a record states; 0 where it states none that is sensible."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return 0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0
    return int(number) if 0 <= number < 2**31 else 0


def score_of(outcome: Any, path: str) -> float | None:
    """A score: a finite number, or a boolean as 1 or 0; absent is None."""
    if outcome is None:
        return None
    if isinstance(outcome, (bool, int, float)) and is_finite(outcome):
        return float(outcome)
    raise ConversionError(f"{path}: a number or a boolean expected, got {kind_of(outcome)}")
