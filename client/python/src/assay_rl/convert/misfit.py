"""Where a JSON value is not what a message takes: the C++ command line says the same (client/input/json_misfit.h)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import descriptor

from assay_rl.convert._fields import is_finite, kind_of
from assay_rl.convert.closest import closest, did_you_mean
from assay_rl.convert.json_values import integer, refuse_constant

_HALF = "not JSON: half of a surrogate pair"
_TOO_EARLY = "not JSON: it ends too early"
_DOUBLE_RANGES = {
    descriptor.FieldDescriptor.CPPTYPE_INT32: (-(2.0**31), 2.0**31),
    descriptor.FieldDescriptor.CPPTYPE_UINT32: (0.0, 2.0**32),
    descriptor.FieldDescriptor.CPPTYPE_INT64: (-(2.0**63), 2.0**63),
    descriptor.FieldDescriptor.CPPTYPE_UINT64: (0.0, 2.0**64),
}


def _integer(text: str) -> int | float:
    """What no double holds is no number of ours."""
    number = integer(text)
    if not is_finite(number):
        raise ValueError(f"a number of {len(text)} digits")
    return number


_DECODER = json.JSONDecoder(parse_constant=refuse_constant, parse_int=_integer)

# Of protobuf's two runtimes, each of which has classes of its own for it.
Descriptor: TypeAlias = Any


class MisfitError(ValueError):
    """Why a text is no JSON, or where it does not fit: "PATH: reason"."""


def parse(text: str) -> Any:
    """A JSON value. Raises MisfitError."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise MisfitError("is nested deeper than 100 levels") from None
    except json.JSONDecodeError as failure:
        cut = failure.pos >= len(text.rstrip()) or failure.msg.startswith("Unterminated string")
        raise MisfitError(_TOO_EARLY if cut else "not JSON") from failure
    except ValueError as failure:
        raise MisfitError("not JSON") from failure
    if "\\u" in text and _has_half(value):
        raise MisfitError(_HALF)
    return value


def _has_half(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return any(map(_has_half, value)) or any(map(_has_half, value.values()))
    return isinstance(value, list) and any(map(_has_half, value))


def check(value: Any, message: Descriptor, path: str = "") -> None:
    """Raises MisfitError for the first place at which a value does not fit the proto3 JSON mapping of a message."""
    if message.full_name == "google.protobuf.Duration":
        if not isinstance(value, str):
            raise _wrong(path, 'a text such as "30s"', value)
        return
    if not isinstance(value, Mapping):
        raise _wrong(path, "an object", value)
    seen: set[str] = set()
    chosen: set[str] = set()
    for name, held in value.items():
        inner = f"{path}.{name}" if path else str(name)
        field = message.fields_by_camelcase_name.get(name) or message.fields_by_name.get(name)
        if field is None:
            meant = closest(name, [f.json_name for f in message.fields])
            raise MisfitError(f"{inner}: no such field{did_you_mean(meant)}")
        if field.name in seen:
            raise MisfitError(f"{inner}: is there twice")
        seen.add(field.name)
        if held is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None and not oneof.name.startswith("_"):
            if oneof.name in chosen:
                raise MisfitError(f"{inner}: another {oneof.name} is given already")
            chosen.add(oneof.name)
        _field(held, field, inner)


def _field(value: Any, field: Descriptor, path: str) -> None:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        if not isinstance(value, Mapping):
            raise _wrong(path, "an object", value)
        for name, inner in value.items():
            _one(inner, entry.fields_by_name["value"], f"{path}.{name}")
    elif not _is_repeated(field):
        _one(value, field, path)
    elif not isinstance(value, list):
        raise _wrong(path, "a list", value)
    else:
        for i, inner in enumerate(value):
            _one(inner, field, f"{path}[{i}]")


def _is_repeated(field: Descriptor) -> bool:
    repeated = getattr(field, "is_repeated", None)  # newer than `label`, which goes
    return bool(field.label == field.LABEL_REPEATED if repeated is None else repeated)


def _one(value: Any, field: Descriptor, path: str) -> None:
    kind = field.cpp_type
    if kind == field.CPPTYPE_MESSAGE:
        check(value, field.message_type, path)
    elif kind == field.CPPTYPE_STRING:
        if not isinstance(value, str):
            raise _wrong(path, "a text", value)
    elif kind == field.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise _wrong(path, "true or false", value)
    elif kind == field.CPPTYPE_ENUM:
        _enum(value, field.enum_type, path)
    elif kind in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        if _is_number(value) and not is_finite(value):
            raise MisfitError(f"{path}: out of range")
        if not _is_number(value) and not (isinstance(value, str) and _is_real(value)):
            raise _wrong(path, "a number", value)
    else:
        _whole(value, *_DOUBLE_RANGES[kind], path)


def _enum(value: Any, kind: Descriptor, path: str) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        return  # of a later version
    if not isinstance(value, str):
        raise _wrong(path, "a name", value)
    if value not in kind.values_by_name:
        raise MisfitError(
            f"{path}: no such value: {value}{did_you_mean(closest(value, [v.name for v in kind.values]))}"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_real(text: str) -> bool:
    if text in ("NaN", "Infinity", "-Infinity"):
        return True
    try:
        return "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def _whole(value: Any, low: float, high: float, path: str) -> None:
    number = value
    if isinstance(value, str):
        try:
            number = float(value.replace("_", "x"))  # Python reads 1_0 as ten
        except ValueError:
            number = None
    if not _is_number(number):
        raise _wrong(path, "a whole number", value)
    if not is_finite(number) and not (isinstance(number, float) and math.isnan(number)):
        raise MisfitError(f"{path}: out of range")
    if number != number // 1:
        raise MisfitError(f"{path}: a whole number expected")
    if not low <= number < high:
        raise MisfitError(f"{path}: out of range")


def _wrong(path: str, wanted: str, value: Any) -> MisfitError:
    return MisfitError(f"{path}{': ' if path else ''}{wanted} expected, got {kind_of(value)}")
