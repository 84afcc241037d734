"""assay_rl and autogen-core in one process: their ranges of protobuf meet (tests/pins.sh installs both)."""

from __future__ import annotations

import pytest

from assay_rl import Episode, Message


def test_episodes_stand_beside_the_messages_of_autogen() -> None:
    autogen = pytest.importorskip("autogen_core")
    assert autogen.SingleThreadedAgentRuntime is not None
    from autogen_core._serialization import SerializationRegistry  # loads its protobuf code

    assert SerializationRegistry() is not None
    episode = Episode("e", [Message("a", "x")], score=1)
    assert Episode.from_json(episode.to_json()).to_proto() == episode.to_proto()
