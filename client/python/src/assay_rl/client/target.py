"""gRPC's names of servers, such as HOST:PORT, and what stands between them and us (client/cpp/target.h)."""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

# gRPC takes the first of them that is set, and none where that is empty or no http:// address.
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
# Likewise the ends of names of hosts to which no proxy is taken.
_EXCEPTIONS = ("no_grpc_proxy", "no_proxy")


def _hosts(target: str) -> list[str]:
    """The hosts of a target in lower case; none where it is a socket of this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return []
    target = re.sub(r"\A(?:dns|ipv4|ipv6):(?://[^/]*/)?", "", target)
    return [_host(part) for part in target.split(",")]


def _host(name: str) -> str:
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name.removesuffix(".").lower()


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found: IPv4Address | IPv6Address = ip_address(host)
        if isinstance(found, IPv6Address):
            found = found.ipv4_mapped or found
    except ValueError:
        try:
            found = IPv4Address(socket.inet_aton(host))  # 127.1 and the like
        except OSError:
            return False
    return found.is_loopback or found.is_unspecified


def is_local(target: str) -> bool:
    """Whether a target is this machine's own: its loopback or a Unix socket."""
    return all(map(_is_loopback, _hosts(target)))


def _first_set(names: tuple[str, ...]) -> tuple[str, str]:
    return next(((name, os.environ[name]) for name in names if name in os.environ), ("", ""))


def proxy_of(target: str) -> str:
    """NAME=HOST:PORT of the environment variable that names the proxy to a target, without a password; empty where gRPC
    takes none."""
    if is_local(target):
        return ""
    host = _hosts(target)[0]
    ends = [end.strip().lower() for end in _first_set(_EXCEPTIONS)[1].split(",")]
    if any(end and host.endswith(end) for end in ends):
        return ""
    name, value = _first_set(_PROXIES)
    return f"{name}={value.removeprefix('http://').rpartition('@')[2]}" if value.startswith("http://") else ""
