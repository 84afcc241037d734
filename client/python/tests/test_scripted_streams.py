"""tests/data/streams.jsonl, which the C++ client and the server's state machine must pass as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_service import Behaviour, fake_server
from test_client import run

from assay_rl import Episode, Failed, Group, GroupFailed, GroupScored, Message, Scored

TABLE = Path(__file__).resolve().parents[3] / "tests/data/streams.jsonl"
STREAMS: list[dict[str, Any]] = [json.loads(line) for line in TABLE.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("stream", STREAMS, ids=[s["name"] for s in STREAMS])
def test_scripted_stream(stream: dict[str, Any], mode: str) -> None:
    scripts = stream["episodes"]
    episodes = [
        Episode(s["id"], [Message("amy", "x")], score=1, group=Group(s["group"], s["size"]) if s.get("group") else None)
        for s in scripts
    ]
    behaviour = Behaviour(
        retry_ids=[s["id"] for s in scripts for _ in range(s.get("turned_away", 0))],
        failing_ids=frozenset(s["id"] for s in scripts if s.get("fails")),
    )
    with fake_server(behaviour) as server:
        outcomes = run(server.target, episodes, mode)
    answered = [o.episode_id for o in outcomes if isinstance(o, (Scored, Failed))]
    assert sorted(answered) == sorted(s["id"] for s in scripts)
    assert sorted(o.episode_id for o in outcomes if isinstance(o, Failed)) == sorted(stream["errors"])
    groups: list[tuple[str, Any]] = []
    for o in outcomes:
        if isinstance(o, GroupScored):
            groups.append((o.group_id, sorted(o.advantages)))
        elif isinstance(o, GroupFailed):
            given_up = "turned away" in o.error.message
            groups.append((o.group_id, None if given_up else []))
    expected = [(g, None if m is None else sorted(m)) for g, m in stream["groups"]]
    assert sorted(groups, key=str) == sorted(expected, key=str)
