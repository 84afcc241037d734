"""How channels to the service are set up."""

from __future__ import annotations

import json
from typing import Any

from assay_rl.client.target import is_local

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


def proxy_options(target: str) -> list[tuple[str, Any]]:
    """A proxy that is configured for the network never stands between a process and its own machine."""
    return [("grpc.enable_http_proxy", 0)] if is_local(target) else []
