"""What a client of any kind needs: its token, a channel to the server, and an episode to send."""

from __future__ import annotations

from pathlib import Path

import grpc
from assay_rl.v1 import episode_pb2

from attack.wire import Target


def bearer(target: Target) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {target.token}")]


def channel(target: Target, *more: tuple[str, int | str]) -> grpc.Channel:
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.use_local_subchannel_pool", 1), *more]
    where = f"localhost:{target.port}"
    if not target.authority:
        return grpc.insecure_channel(where, options=options)
    own = Path(target.certificate).read_bytes() if target.certificate else None
    credentials = grpc.ssl_channel_credentials(Path(target.authority).read_bytes(), own, own)
    return grpc.secure_channel(where, credentials, options=options)


def debate(number: int, agents: int = 4, turns: int = 8, letters: int = 60) -> episode_pb2.Episode:
    episode = episode_pb2.Episode(id=f"e{number}")
    episode.outcome.score = 1
    episode.task.reference_answer = "A"
    for agent in range(agents):
        episode.agents.add(id=f"agent-{agent}")
    for turn in range(turns):
        text = f"In turn {turn} of {number} I say "
        episode.messages.add(agent_id=f"agent-{turn % agents}", round=turn // agents, answer="ABC"[(turn + number) % 3],
                             content=(text * (1 + letters // len(text)))[:letters])  # fmt: skip
    return episode
