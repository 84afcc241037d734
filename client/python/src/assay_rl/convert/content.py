"""What a message holds, as text: text parts as they are, calls and media named."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, from_json, is_list, label, mapping, to_json, whole

TEXT_KINDS = frozenset({"text", "input_text", "output_text", "summary_text", "reasoning_text", "TextContent"})
MEDIA_KINDS = frozenset(
    [
        "image",
        "image_url",
        "input_image",
        "image_file",
        "audio",
        "input_audio",
        "video",
        "file",
        "input_file",
        "document",
        "blob",
        "uri",
        "media",
        "inline_data",
        "inlineData",
        "file_data",
        "fileData",
        "resource",
    ]
)
_MIME_KEYS = ("media_type", "mime_type", "mimeType", "mime", "format")
_NAME_KEYS = ("filename", "file_name", "file_id", "name", "path", "title")
_URL_KEYS = ("url", "uri", "file_uri", "fileUri", "image_url")
_DATA_KEYS = ("data", "content", "file_data", "bytes", "base64", "b64_json", "image", "blob")


def call_line(name: Any, arguments: Any) -> str:
    """A call of a tool as one line; the arguments are JSON with sorted keys wherever they are JSON at all."""
    arguments = from_json(arguments)
    if arguments is None or arguments == "":
        arguments = {}
    return f"[tool_call] {label(name)}({arguments if isinstance(arguments, str) else to_json(arguments)})"


def reasoning_line(text: str) -> str:
    return f"[reasoning] {text}" if text else ""


def refusal_line(text: str) -> str:
    return f"[refusal] {text}" if text else ""


def join(*texts: str) -> str:
    """The texts that are not empty, one below the other."""
    return "\n".join(text for text in texts if text)


def content_text(content: Any) -> str:
    """Text of any content: a string, a list of parts, one part; absent is empty."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return part_text(content)
    if is_list(content):
        return join(*(part_text(part) for part in content))
    return label(content)


def part_text(part: Any) -> str:
    """One part of a content. A part of an unknown kind is its text, or all of it as JSON: nothing is left out."""
    if not isinstance(part, Mapping):
        dump = getattr(part, "model_dump", None)
        if not callable(dump):
            return content_text(part)
        part = dump()
    kind = label(part.get("type"))
    if kind in ("thinking", "reasoning"):
        return reasoning_line(reasoning_text(part))
    if kind == "redacted_thinking":
        return _named("redacted reasoning", part, first(part, "data"))
    if kind == "refusal":
        return refusal_line(content_text(first(part, "refusal", "text")))
    if kind in MEDIA_KINDS or _is_bare_picture(part):
        return media_text(kind or "image", part)
    held = first(part, "text", "content", "output", "value") if kind in TEXT_KINDS or not kind else None
    if held is None:
        held = part.get("text") if isinstance(part.get("text"), str) else part.get("content")
    if isinstance(held, str) or is_list(held):
        return content_text(held)
    return to_json({key: value for key, value in part.items() if value is not None})


def reasoning_text(part: Mapping[str, Any]) -> str:
    """What a part of reasoning says: Anthropic's thinking, Inspect's reasoning, Responses' summary and content."""
    said = [content_text(part.get(key)) for key in ("thinking", "reasoning", "text", "summary", "content")]
    return "\n".join(dict.fromkeys(text for text in said if text))


def _is_bare_picture(part: Mapping[str, Any]) -> bool:
    """AutoGen writes a picture as {"data": BASE64}, Gemini as {"inlineData": {...}}."""
    keys = set(part)
    return keys == {"data"} or bool(keys & {"inlineData", "inline_data", "fileData", "file_data"} and len(keys) == 1)


def media_text(kind: str, part: Mapping[str, Any]) -> str:
    """A picture, sound or file by its kind, name, type, address, size and digest: signals are about text."""
    inner = part
    for key in (kind, "source", "image_url", "input_audio", "file", "blob", "resource", "inlineData", "inline_data"):
        held = inner.get(key)
        if isinstance(held, Mapping):
            inner = held
    data = first(inner, *_DATA_KEYS)
    if not isinstance(data, str):
        data = part.get(kind) if isinstance(part.get(kind), str) else None
    return _named(kind, inner, data)


def _named(kind: str, part: Mapping[str, Any], data: Any) -> str:
    url = first(part, *_URL_KEYS)
    if not isinstance(url, str):
        url = None
    if isinstance(data, str) and data.startswith(("http://", "https://", "file://", "/")) and len(data) < 2048:
        url, data = data, None
    if url is not None and url.startswith("data:"):
        url, data = None, url
    words = [kind]
    words += [label(part[key]) for key in _NAME_KEYS if isinstance(part.get(key), str)]
    mime = first(part, *_MIME_KEYS)
    if isinstance(data, str) and data.startswith("data:"):
        head, _, data = data.partition(",")
        mime = mime or head[5:].partition(";")[0]
    words += [label(mime)] if mime else []
    words += [url] if url and ("/" in url or "." in url) else []
    if isinstance(data, str) and data:
        held = _bytes(data)
        words += [f"{len(held)} bytes", f"sha256 {hashlib.sha256(held).hexdigest()[:16]}"]
    return "[" + " ".join(words) + "]"


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return data.encode("utf-8", "surrogatepass")


def tokens_of(record: Mapping[str, Any]) -> int:
    """Tokens that a model wrote, by whichever name the record has for its usage; 0: not told."""
    for holder in (record, mapping(record.get("response_metadata"))):
        for key in (
            "usage",
            "usage_metadata",
            "token_usage",
            "models_usage",
            "metrics",
            "usageDetails",
            "usage_details",
        ):
            usage = mapping(holder.get(key))
            found = first(usage, "completion_tokens", "output_tokens", "completionTokens", "outputTokens", "output")
            if found is not None:
                return whole(found)
    return 0
