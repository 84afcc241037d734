"""What the commands that `assay` has too make of their flags."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message

from assay_rl.cli.flags import Arguments
from assay_rl.client.blocking import Client
from assay_rl.convert.misfit import MisfitError, check, parse
from assay_rl.convert.source import FileError

if TYPE_CHECKING:  # not every command reads episodes
    from assay_rl.convert.run import Choices
    from assay_rl.convert.summary import Summary


def fail(message: object, code: int = 2) -> int:
    """Says on standard error what is wrong, and returns the exit code."""
    print(f"assay-rl: {message}", file=sys.stderr)
    return code


def choices_of(arguments: Arguments) -> Choices:
    from assay_rl.convert.run import Choices

    return Choices(
        agents=arguments.list("agents"),
        context=arguments.list("context-agents"),
        agent=arguments.text("agent"),
        outcome=arguments.text("outcome"),
        reference=arguments.text("reference"),
        keep_labels=arguments.text("labels") != "drop",
        sequential=arguments.has("sequential"),
        kinds=arguments.has("kinds"),
    )


def read_bytes(path: str) -> bytes:
    """Raises FileError."""
    try:
        return Path(path).read_bytes()
    except OSError as failure:
        raise FileError(f"cannot read {path}: {failure.strerror}") from failure


def read_json(path: str, message: type[Message]) -> dict[str, Any]:
    """A file that holds one message in JSON. Raises FileError."""
    try:
        value = parse(read_bytes(path).decode("utf-8-sig", "replace"))
        check(value, message.DESCRIPTOR)
    except MisfitError as misfit:
        raise FileError(f"{path}: {misfit}") from misfit
    return dict(value)


def client_of(arguments: Arguments, deadline: float | None = None) -> Client:
    """A client as the flags of the server say. Raises FileError."""
    if arguments.has("tls-certificate") != arguments.has("tls-key"):
        raise FileError("--tls-certificate and --tls-key need each other")
    files = {
        flag: read_bytes(arguments.text(flag)).strip()
        for flag in ("tls-roots", "tls-certificate", "tls-key", "token-file")
        if arguments.has(flag)
    }
    credentials = None
    if arguments.has("tls") or any(flag.startswith("tls-") for flag in files):
        credentials = grpc.ssl_channel_credentials(
            files.get("tls-roots"), files.get("tls-key"), files.get("tls-certificate")
        )
    return Client(
        arguments.text("server"),
        credentials=credentials,
        token=files.get("token-file", b"").decode() or None,
        deadline=deadline,
        reconnect_timeout=arguments.seconds("timeout") or 0.0,
    )


def tell(summary: Summary) -> None:
    """The summary of an import on standard error. Episodes that were read as they stand need none."""
    if set(summary.formats) - {"episode", "log"}:
        for line in summary.lines():
            print(f"assay-rl: {line}", file=sys.stderr)
