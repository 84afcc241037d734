"""What the package logs, such as notices of a server, as lines for people."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"assay-rl: note: {record.getMessage()}", file=sys.stderr)


@contextlib.contextmanager
def on_stderr() -> Iterator[None]:
    logger, lines = logging.getLogger("assay_rl"), _Lines()
    logger.addHandler(lines)
    try:
        yield
    finally:
        logger.removeHandler(lines)
