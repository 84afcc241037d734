"""An OpenAI-compatible endpoint that answers as a script says: status codes, delays and texts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class ScriptedJudge:
    """Serves POST /v1/chat/completions on a free port of the loopback.

    answer: from the body of a request to the text of its answer, or to (status, headers, text) of an error.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], str | tuple[int, dict[str, str], str]]) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        lock = threading.Lock()
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    script.bodies.append(body)
                    script.keys.append(self.headers.get("Authorization"))
                    said = answer(body)
                if self.path != "/v1/chat/completions":
                    said = (404, {}, "no such path")
                status, headers, text = (200, {}, said) if isinstance(said, str) else said
                raw = text.encode()
                if status == 200:
                    raw = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ScriptedJudge:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
