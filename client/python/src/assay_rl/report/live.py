"""A page that updates while a run goes on: a small server on this machine for one reader's browser.

It listens on the loopback address only, answers two addresses, and refuses a Host header that is not its own: a page of
another site, whose name was made to point here, gets nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .collect import Collector
from .page import page

LOOPBACK = "127.0.0.1"
MAX_READERS = 16  # requests at a time
TIMEOUT = 10.0  # seconds that a reader may take for a request


class Shown:
    """What is served: the newest state under a version that grows."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lock = threading.Lock()
        self._version = 0
        self._page = self._data = b""

    def show(self, collected: Collector) -> None:
        version = str(self._version + 1)
        whole, data = b"".join(page(collected, self._title, version)), b"".join(collected.pieces(self._title, version))
        with self._lock:
            self._version += 1
            self._page, self._data = whole, data

    def page(self) -> bytes:
        with self._lock:
            return self._page

    def data(self) -> tuple[str, bytes]:
        with self._lock:
            return str(self._version), self._data


class LiveServer:
    """Serves `shown` on the loopback address. port 0: a free one. Use as a context manager."""

    def __init__(self, shown: Shown, port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"shown": shown, "room": threading.BoundedSemaphore(MAX_READERS)})
        self._server = ThreadingHTTPServer((LOOPBACK, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    def __enter__(self) -> LiveServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    shown: Shown
    room: threading.BoundedSemaphore
    timeout = TIMEOUT
    protocol_version = "HTTP/1.1"
    server_version = "assay-rl"
    sys_version = ""

    def do_GET(self) -> None:
        if not self.room.acquire(blocking=False):
            self._answer(503, b"too many readers\n")
            return
        try:
            self._get()
        finally:
            self.room.release()

    def _get(self) -> None:
        port = self.connection.getsockname()[1]
        if self.headers.get("Host", "") not in (f"{LOOPBACK}:{port}", f"localhost:{port}"):
            self._answer(403, b"this page is read from this machine, by its own address\n")
            return
        address = urlsplit(self.path)
        answers: dict[str, Callable[[str], None]] = {"/": self._page, "/data": self._data}
        answer = answers.get(address.path)
        if answer is None:
            self._answer(404, b"not here\n")
        else:
            answer(address.query)

    def _page(self, query: str) -> None:
        self._answer(200, self.shown.page(), "text/html; charset=utf-8")

    def _data(self, query: str) -> None:
        version, data = self.shown.data()
        if parse_qs(query).get("after") == [version]:
            self._answer(204, b"", version=version)
        else:
            self._answer(200, data, "application/json; charset=utf-8", version)

    def _answer(
        self, code: int, body: bytes, kind: str = "text/plain; charset=utf-8", version: str | None = None
    ) -> None:
        self.send_response(code)
        if code != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Frame-Options": "DENY",
        }.items():
            self.send_header(name, value)
        if version is not None:
            self.send_header("X-Assay-Version", version)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A reader asks every other second: nobody wants to see that."""
