"""How channels to the service are set up."""

from __future__ import annotations

import json
import os
from ipaddress import ip_address
from typing import Any

SERVICE = "/assay.v1.SignalService/"
_MAX_MESSAGE_BYTES = 64 << 20

CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    # Connections of its own: shared ones would make a new client wait for the back-off of an older one at that address,
    # longer than connect_timeout, although a server answers there by now.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    (
        "grpc.service_config",
        json.dumps(
            {
                "loadBalancingConfig": [{"round_robin": {}}],
                "methodConfig": [
                    {
                        "name": [
                            {"service": "assay.v1.SignalService", "method": method}
                            for method in ("ComputeSignals", "ComputeAdvantages", "GetServerInfo")
                        ],
                        "retryPolicy": {
                            "maxAttempts": 5,
                            "initialBackoff": "0.1s",
                            "maxBackoff": "2s",
                            "backoffMultiplier": 2,
                            "retryableStatusCodes": ["UNAVAILABLE"],
                        },
                    }
                ],
            }
        ),
    ),
]


# gRPC takes the first of them that is set.
_PROXY_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")


def _host(target: str) -> str:
    """The host of a gRPC target; empty where it names no host (a Unix socket)."""
    for scheme in ("dns:///", "dns:", "ipv4:", "ipv6:"):
        target = target.removeprefix(scheme)
    if target.startswith(("unix:", "unix-abstract:")):
        return ""
    if target.startswith("["):
        return target[1:].partition("]")[0]
    return target.rpartition(":")[0] or target


def is_local(target: str) -> bool:
    """Whether a target is this machine's own: its loopback or a Unix socket."""
    host = _host(target)
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_options(target: str) -> list[tuple[str, Any]]:
    """A proxy that is configured for the network never stands between a process and its own machine."""
    return [("grpc.enable_http_proxy", 0)] if is_local(target) else []


def proxy_of(target: str) -> str:
    """NAME=VALUE of the environment variable that names the proxy to a target; empty where there is none."""
    if is_local(target):
        return ""
    host = _host(target)
    for name in ("no_grpc_proxy", "no_proxy"):
        if any(entry and host.endswith(entry.strip()) for entry in os.environ.get(name, "").split(",")):
            return ""
    for name in _PROXY_VARIABLES:
        if value := os.environ.get(name):
            return f"{name}={value.rpartition('@')[2]}"  # without a password
    return ""
