#!/usr/bin/env python3
"""Both clients against servers whose certificate is wrong, or to which theirs is: `certificates.py [PROGRAM]`.

PROGRAM: hostile_client, the C++ client. Each case is a stream and a call of one request. They must be over soon after
their time, without a result, and say that it is about a certificate, its verification or the handshake.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import trustme
from assay_rl import AssayError, Client, Failed

from hostile_server import Connection
from python_client import SLACK, episode

# What a client must say of a handshake that failed.
CLEAR = re.compile("certificate|verification|handshake", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    name: str
    serve: Callable[[ssl.SSLContext], None]  # what the server shows and asks
    roots: trustme.CA  # what the client trusts
    own: trustme.LeafCert | None = None
    good: bool = False


def cases() -> list[Case]:
    authority, stranger = trustme.CA(), trustme.CA()
    good = authority.issue_cert("127.0.0.1")
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    expired = authority.issue_cert("127.0.0.1", not_before=past - datetime.timedelta(days=2), not_after=past)
    other = authority.issue_cert("elsewhere.example")

    def mutual(context: ssl.SSLContext) -> None:
        good.configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

    def old(context: ssl.SSLContext) -> None:
        mutual(context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    return [
        Case("good", good.configure_cert, authority, good=True),
        Case("good, mutual", mutual, authority, authority.issue_cert("127.0.0.1"), good=True),
        Case("expired", expired.configure_cert, authority),
        Case("wrong name", other.configure_cert, authority),
        Case("unknown authority", good.configure_cert, stranger),
        Case("no certificate of the client", mutual, authority),
        Case("client's of an unknown authority", mutual, authority, stranger.issue_cert("me")),
        Case("client's expired", mutual, authority,
             authority.issue_cert("me", not_before=past - datetime.timedelta(days=2), not_after=past)),
        Case("no certificate of the client, TLS 1.2", old, authority),
    ]  # fmt: skip


def serve(case: Case) -> int:
    """The port of a server that shakes hands as the case says and then behaves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    case.serve(context)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def play(raw: socket.socket) -> None:
        raw.settimeout(10)
        with contextlib.suppress(OSError, ValueError), context.wrap_socket(raw, server_side=True) as wire:
            Connection(wire, random.Random(), good=True).run()

    def accept() -> None:
        while True:
            threading.Thread(target=play, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def python_client(target: str, roots: bytes, key: bytes | None, chain: bytes | None) -> dict[str, str]:
    """The error of each kind of call; empty: it was answered."""
    errors = {"stream": "", "unary": ""}
    credentials = grpc.ssl_channel_credentials(roots, key, chain)
    with Client(target, credentials=credentials, deadline=SLACK, reconnect_timeout=SLACK) as client:
        try:
            for outcome in client.score([episode(0)]):
                if isinstance(outcome, Failed):
                    errors["stream"] = f"{outcome.error.code.name}: {outcome.error.message}"
        except AssayError as error:
            errors["stream"] = f"{error.error.code.name}: {error.error.message}"
        try:
            client.compute([episode(0)], timeout=SLACK)
        except AssayError as error:
            errors["unary"] = f"{error.error.code.name}: {error.error.message}"
    return errors


def cpp_client(program: str, target: str, roots: bytes, key: bytes | None, chain: bytes | None) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as name:
        files = []
        for number, pem in enumerate((roots, key, chain)):
            files.append(str(Path(name) / str(number)))
            Path(files[-1]).write_bytes(pem or b"")
        run = subprocess.run([program, "tls", target, *files], capture_output=True, text=True, check=True)
    return {kind: text for kind, _, text in (line.partition(" ") for line in run.stdout.splitlines())}


def judge(case: Case, client: str, errors: dict[str, str], took: float) -> list[str]:
    faults = []
    for kind, text in errors.items():
        if case.good and text:
            faults.append(f"{client} {kind}: {text}")
        if not case.good and not (text.startswith("UNAVAILABLE") and CLEAR.search(text)):
            faults.append(f'{client} {kind} does not say what is wrong: "{text}"')
    if sorted(errors) != ["stream", "unary"]:
        faults.append(f"{client}: {json.dumps(errors)}")
    if took > 3 * SLACK:
        faults.append(f"{client} took {took:.1f} s")
    return [f"{case.name}: {fault}" for fault in faults]


def main() -> int:
    faults = []
    for case in cases():
        target = f"127.0.0.1:{serve(case)}"
        roots = case.roots.cert_pem.bytes()
        key = None if case.own is None else case.own.private_key_pem.bytes()
        chain = None if case.own is None else b"".join(pem.bytes() for pem in case.own.cert_chain_pems)
        for client in ("python", *sys.argv[1:2]):
            began = time.monotonic()
            if client == "python":
                errors = python_client(target, roots, key, chain)
            else:
                errors = cpp_client(client, target, roots, key, chain)
            found = judge(case, Path(client).name, errors, time.monotonic() - began)
            faults += found
            print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(cases())} cases of certificates, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
