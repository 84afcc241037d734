"""assay_rl and autogen-core in one process: their ranges of protobuf meet (tests/pins.sh installs both)."""

from __future__ import annotations

import pytest

from assay_rl import Episode, Message
from assay_rl.convert import from_autogen


def test_episodes_stand_beside_the_messages_of_autogen() -> None:
    autogen = pytest.importorskip("autogen_core")
    assert autogen.SingleThreadedAgentRuntime is not None
    from autogen_core._serialization import SerializationRegistry  # loads its protobuf code

    assert SerializationRegistry() is not None
    episode = Episode("e", [Message("a", "x")], score=1)
    assert Episode.from_json(episode.to_json()).to_proto() == episode.to_proto()


def test_autogens_own_result_is_read() -> None:
    messages = pytest.importorskip("autogen_agentchat.messages")
    base = pytest.importorskip("autogen_agentchat.base")
    said = [
        messages.TextMessage(source="user", content="Write a riddle."),
        messages.HandoffMessage(source="planner", target="writer", content="Transferred."),
        messages.TextMessage(source="writer", content="What runs but never walks?"),
    ]
    episode = from_autogen(base.TaskResult(messages=said, stop_reason="done"), id="e")
    assert [m.agent for m in episode.messages] == ["", "", "writer"]
