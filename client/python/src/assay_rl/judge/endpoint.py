"""One OpenAI-compatible endpoint: requests with retries, and no request twice."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

_TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_MAX_BYTES = 4 << 20  # of an answer


class JudgeError(RuntimeError):
    """A judge gave no answer. `fatal`: it will give none to any other question either (a key, a model's name)."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may take.

    timeout: seconds of one attempt. attempts: of one question, the first included. longest_wait: seconds between two.
    """

    timeout: float = 120.0
    attempts: int = 4
    longest_wait: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 100:
            raise ValueError("attempts: 1 to 100")
        if not 0 < self.timeout <= 3600:
            raise ValueError("timeout: above 0 and at most 3600 seconds")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key must not follow a redirect to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


class Endpoint:
    """A model behind POST URL/chat/completions. Safe for threads.

    url: http or https, with the version, such as http://localhost:8080/v1.
    key_variable: the environment variable that holds the key; "" sends none. forced: the server is told the JSON schema
    of each answer (response_format) and forces it, as llama.cpp and vLLM do.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key_variable: str = "",
        forced: bool = False,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"{url}: an http or https address expected")
        if parts.username or parts.password:
            raise ValueError("an address must not hold a password; name the key's environment variable instead")
        self.url = url.rstrip("/") + "/chat/completions"
        self.model = model
        self._key_variable = key_variable
        self._forced = forced
        self._limits = limits or Limits()
        self._sleep = sleep
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._lock = threading.Lock()
        self.requests = 0  # sent, failed ones and repetitions included

    def body(
        self, messages: list[dict[str, str]], most_tokens: int, grades: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """A request. grades: names of the grades in the JSON object that answers it, for who can be forced."""
        body = {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": most_tokens}
        if not self._forced or not grades:
            return body
        # JSON in small tokens, with space between them.
        return {**body, "max_tokens": 32 + 4 * most_tokens, "response_format": _format(grades)}

    def ask(self, body: dict[str, Any]) -> str:
        """The text of the answer. JudgeError where there is none after every attempt."""
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return self._once(body)
            except _TransientError as failure:
                if attempt == self._limits.attempts:
                    raise JudgeError(f"{failure} (attempt {attempt} of {attempt})") from failure
                wait = failure.after if failure.after is not None else 0.5 * 2 ** (attempt - 1)
                self._sleep(min(wait, self._limits.longest_wait))
        raise AssertionError("an attempt returns or raises")

    def _once(self, body: dict[str, Any]) -> str:
        headers = {"Content-Type": "application/json"}
        if self._key_variable:
            key = os.environ.get(self._key_variable)
            if not key:
                raise JudgeError(f"the environment variable {self._key_variable} holds no key", fatal=True)
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers, method="POST")
        with self._lock:
            self.requests += 1
        try:
            with self._opener.open(request, timeout=self._limits.timeout) as response:
                raw = response.read(_MAX_BYTES + 1)
        except urllib.error.HTTPError as failure:
            raise _of_status(failure) from failure
        except (OSError, http.client.HTTPException) as failure:
            raise _TransientError(f"{type(failure).__name__}: {failure}") from failure
        if len(raw) > _MAX_BYTES:
            raise JudgeError(f"the answer is longer than {_MAX_BYTES} bytes")
        return _text_of(raw)


def _format(grades: Sequence[str]) -> dict[str, Any]:
    grade = {"type": "integer", "enum": list(range(10))}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(grades, grade),
        "required": list(grades),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "grades", "strict": True, "schema": schema}}


class _TransientError(Exception):
    """It may work the next time; `after`: seconds that the server asks for."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


def _of_status(failure: urllib.error.HTTPError) -> Exception:
    told = failure.read(500).decode("utf-8", "replace").strip()
    message = f"HTTP {failure.code}: {told or failure.reason}"
    if failure.code not in _TRANSIENT:
        return JudgeError(message, fatal=failure.code in (401, 403, 404) or 300 <= failure.code < 400)
    asked = failure.headers.get("Retry-After", "")
    return _TransientError(message, float(asked) if asked.replace(".", "", 1).isdecimal() else None)


def _text_of(raw: bytes) -> str:
    try:
        text = json.loads(raw)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as failure:
        raise JudgeError("the answer is no chat completion") from failure
    if not isinstance(text, str) or not text.strip():
        raise JudgeError("the answer is empty")
    return text
