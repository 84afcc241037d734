"""Outcomes as formats write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay_rl.convert._fields import ConversionError, is_finite, is_list, label, mapping

# Fields that mean an outcome in whatever record they stand, in this order.
USUAL = ("outcome", "reward", "score", "success", "resolved", "is_correct", "correct", "passed", "is_success")

_WORDS = {
    **dict.fromkeys(("c", "correct", "pass", "passed", "success", "succeeded", "true", "yes", "resolved"), 1.0),
    **dict.fromkeys(("i", "incorrect", "fail", "failed", "failure", "false", "no", "n", "unresolved"), 0.0),
    "p": 0.5,  # Inspect's "partially correct"
    "partial": 0.5,
}


@dataclass(slots=True)
class Outcome:
    """What a format says about the outcome: its one score, or several named ones among which the caller chooses."""

    score: float | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    components: dict[str, float] = field(default_factory=dict)
    truncated: bool = False


def grade_of(value: Any, path: str) -> float | None:
    """A score from a number, a boolean, a word (C, I, P, N of Inspect; correct, passed, failed, ...) or a record with a
    `value`, `score` or `reward`; absent is None. Raises ConversionError."""
    if value is None:
        return None
    if isinstance(value, (bool, int, float)):
        if not is_finite(value):
            raise ConversionError(f"{path}: a finite number expected, got {label(value)[:24]}")
        return float(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        try:
            return grade_of(float(word), path)
        except ValueError:
            raise ConversionError(f"{path}: neither a number nor a word for right or wrong: {value!r}") from None
    for key in ("value", "score", "reward", "resolved", "success"):
        if mapping(value).get(key) is not None:
            return grade_of(mapping(value)[key], f"{path}.{key}")
    raise ConversionError(f"{path}: a number, a boolean or a word expected")


def usual_outcome(record: Any) -> float | None:
    """The score by the first of the usual fields that a record has, its `info` and `metadata` included."""
    for holder in (record, mapping(record).get("info"), mapping(record).get("metadata")):
        for key in USUAL:
            value = mapping(holder).get(key)
            if isinstance(value, (bool, int, float)):
                return grade_of(value, key)
            if isinstance(value, str) and (value.strip().lower() in _WORDS or _is_score(key, value)):
                return grade_of(value, key)
    return None


def contradicts(record: Any, score: float | None) -> str:
    """The first of the usual fields at the top of a record that says something else than the score that was taken."""
    if score is None:
        return ""
    for key in USUAL:
        value = mapping(record).get(key)
        if isinstance(value, (bool, int, float)) and is_finite(value) and value != score:
            return key
    return ""


def _is_score(key: str, text: str) -> bool:
    """Whether a text is a score written as one: in other fields a number may be the answer."""
    try:
        return key in ("reward", "score") and is_finite(float(text))
    except ValueError:
        return False


def field_of(record: Any, path: str) -> Any:
    """The value at a path such as reward_info.reward or scores.0.value; None where there is none."""
    if isinstance(record, Mapping) and record.get(path) is not None:
        return record[path]
    value = record
    for key in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif is_list(value) and re.fullmatch(r"-?[0-9]{1,9}", key) and -len(value) <= int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
