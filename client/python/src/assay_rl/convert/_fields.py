"""Reading fields of decoded JSON or of framework objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


class ConversionError(ValueError):
    """A field does not have the form that the source's format gives it."""


def as_dict(value: Any, path: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        dumped: Mapping[str, Any] = dump()
        return dumped
    raise ConversionError(f"{path}: expected an object, got {type(value).__name__}")


def text_of(content: Any, path: str) -> str:
    """Text of a message: a string, or the text parts of a list, other parts as JSON."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
    if isinstance(content, Sequence):
        return "\n".join(part_text(part, f"{path}[{i}]") for i, part in enumerate(content))
    raise ConversionError(f"{path}: expected text, got {type(content).__name__}")


def part_text(part: Any, path: str) -> str:
    if isinstance(part, str):
        return part
    part = as_dict(part, path)
    for key in ("text", "content"):
        if isinstance(part.get(key), str):
            return str(part[key])
    kind = part.get("type", "part")
    # Pictures and sounds are named, not copied: signals are about text.
    if kind in ("image_url", "image", "input_image", "input_audio", "audio", "file", "blob", "uri"):
        return f"[{kind}]"
    return text_of({k: v for k, v in part.items() if v is not None}, path)


def tool_call(name: Any, arguments: Any) -> str:
    shown = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, sort_keys=True)
    return f"[tool_call] {name}({shown})"


def score_of(outcome: Any, path: str) -> float | None:
    if outcome is None:
        return None
    if isinstance(outcome, (bool, int, float)):
        return float(outcome)
    raise ConversionError(f"{path}: expected a number or a boolean, got {outcome!r}")
