"""Answers of judges on disk: what was paid for once is never paid for again, in this run or in the next."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any


class Cache:
    """A file of answers by the bytes of their requests. Safe for threads and for processes that share the file.

    path: None keeps the answers in memory only, for as long as the cache lives.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._lock = threading.Lock()
        self._file = sqlite3.connect(str(path) if path is not None else ":memory:", timeout=30, check_same_thread=False)
        with self._lock, self._file:
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT NULL)"
            )

    @staticmethod
    def key(url: str, body: dict[str, Any]) -> str:
        """Of a request: where it goes and every byte of what it says. Credentials are no part of it."""
        text = json.dumps([url, body], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> str | None:
        with self._lock:
            row = self._file.execute("SELECT answer FROM answers WHERE request = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, answer: str) -> None:
        with self._lock, self._file:
            self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, answer, time.time()))

    def __len__(self) -> int:
        with self._lock:
            return int(self._file.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
