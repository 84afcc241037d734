"""Messages that a tracer wrote down as Python prints them, where it found no text in them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import is_list
from assay_rl.convert.chat import turns
from assay_rl.convert.chat_messages import is_message
from assay_rl.convert.responses import is_item
from assay_rl.convert.turn import Turn

_LONGEST = 1 << 20  # characters; Python's parser needs some hundred bytes for each


def read_printed(turn: Turn) -> None:
    """Reads the lines of a message that are such as "{'role': 'assistant', 'tool_calls': [...]}" or
    "ResponseFunctionToolCall(arguments='{}', name='f', ...)"; other lines stay as they are."""
    lines = []
    for line in turn.text.split("\n"):
        value = _printed(line)
        if value is None:
            lines.append(line)
            continue
        for found in turns(value):
            lines += [found.text] if found.text else []
            turn.calls += found.calls
    turn.text = "\n".join(lines)


def _printed(text: str) -> Any:
    if not text.endswith(("}", ")", "]")) or len(text) > _LONGEST:
        return None
    if not (text.startswith(("{'", "[{'", "[Response")) or text.partition("(")[0].isidentifier()):
        return None
    try:
        value = _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    sample = value[0] if is_list(value) and value else value
    return value if isinstance(sample, Mapping) and (is_message(sample) or is_item(sample)) else None


def _value(node: ast.expr) -> Any:
    """A literal; an object's fields as a mapping. Raises ValueError for whatever would have to be run."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and node.keywords:
        return {str(field.arg): _value(field.value) for field in node.keywords if field.arg is not None}
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(k): _value(v) for k, v in zip(node.keys, node.values, strict=True) if k is not None}
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    return ast.literal_eval(node)
