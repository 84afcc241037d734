"""HTTP/2 by hand (RFC 9113, RFC 7541), as far as an attacker needs it: nothing here keeps to the rules by itself."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SERVICE = "/assay.v1.SignalService/"
COMPUTE = SERVICE + "ComputeSignals"


@dataclass(frozen=True)
class Target:
    """Where the server is, and how to get in."""

    port: int
    metrics_port: int
    http_port: int
    token: str
    authority: str = ""  # file of who signed the server's certificate; empty: plaintext
    certificate: str = ""  # file of a client's certificate and its key; empty: none
    source: str = "127.0.0.2"  # the attacker's own address


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _integer(value: int, prefix: int, first: int) -> bytes:
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([first | value])
    out, value = bytearray([first | limit]), value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def literal(name: str, value: str) -> bytes:
    """A header field that no table remembers."""
    return b"\0" + _integer(len(name), 7, 0) + name.encode() + _integer(len(value), 7, 0) + value.encode()


def call_head(path: str, token: str | None, **more: str) -> bytes:
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
              "content-type": "application/grpc", "te": "trailers"}  # fmt: skip
    if token is not None:
        fields["authorization"] = f"Bearer {token}"
    fields |= {name.replace("_", "-"): value for name, value in more.items()}
    return b"".join(literal(name, value) for name, value in fields.items())


def message(payload: bytes, compressed: bool = False) -> bytes:
    """A gRPC message, for DATA frames."""
    return bytes([compressed]) + struct.pack(">I", len(payload)) + payload


class Wire:
    """One connection; reads nothing unless it is told to."""

    def __init__(self, target: Target, port: int | None = None, preface: bool = True, tls: bool | None = None) -> None:
        raw = socket.create_connection(
            ("127.0.0.1", port or target.port), timeout=10, source_address=(target.source, 0)
        )
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = raw
        self._unread = b""
        self._initial = 65535
        self._windows = {0: 65535}
        if bool(target.authority) if tls is None else tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            if target.certificate:
                context.load_cert_chain(target.certificate)
            self.socket = context.wrap_socket(raw, server_hostname="localhost")
        if preface:
            # A window that lets the server answer as much as it likes.
            self.send(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7FFFFFFF)))

    def send(self, data: bytes) -> bool:
        """False: the server has closed, or takes no more for ten seconds."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def send_data(self, stream: int, payload: bytes, end: bool = True, patience: float = 3) -> bool:
        """As much at a time as the server's windows allow. False: it is closed, or they did not open in time."""
        self._windows.setdefault(stream, self._initial)
        at, deadline = 0, time.monotonic() + patience
        while at < len(payload):
            self.drop()
            room = min(self._windows[0], self._windows[stream], 16384)
            if room <= 0:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.002)
                continue
            part = payload[at : at + room]
            last = END_STREAM if end and at + len(part) == len(payload) else 0
            if not self.send(frame(DATA, last, stream, part)):
                return False
            self._windows[0] -= len(part)
            self._windows[stream] -= len(part)
            at, deadline = at + len(part), time.monotonic() + patience
        return True

    def read(self, seconds: float) -> bytes:
        """What comes within a time."""
        got, end = b"", time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                part = self.socket.recv(1 << 16)
                if not part:
                    break
                got += part
        self.socket.settimeout(10)
        return got

    def drop(self) -> None:
        """Throws away what is there to be read, but for how much the server lets us send."""
        self.socket.setblocking(False)
        with contextlib.suppress(OSError):
            while part := self.socket.recv(1 << 16):
                self._unread += part
        self.socket.setblocking(True)
        self.socket.settimeout(10)
        while len(self._unread) >= 9:
            size, kind = int.from_bytes(self._unread[:3], "big"), self._unread[3]
            if len(self._unread) < 9 + size:
                break
            stream, payload = int.from_bytes(self._unread[5:9], "big"), self._unread[9 : 9 + size]
            self._unread = self._unread[9 + size :]
            if kind == WINDOW_UPDATE:
                self._windows[stream] = self._windows.get(stream, self._initial) + int.from_bytes(payload, "big")
            elif kind == SETTINGS:
                for at in range(0, size, 6):
                    name, value = struct.unpack(">HI", payload[at : at + 6])
                    if name == 4:
                        for known in self._windows:
                            self._windows[known] += value - self._initial if known else 0
                        self._initial = value

    def close(self) -> None:
        self.socket.close()
