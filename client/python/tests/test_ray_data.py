"""SignalLabeler, plain and (in the slow stage) under Ray Data with two replicas of which one dies."""

from __future__ import annotations

from typing import Any

import pytest
from assayd import DYLAN_MMLU, Assayd, episodes, needs_assayd
from fake_service import Behaviour, fake_server

from assay_rl import Episode, Group, Message
from assay_rl.training.ray_data import SignalLabeler
from assay_rl.v1 import signals_pb2


def test_columns_of_a_batch() -> None:
    rows = [Episode(f"e{i}", [Message("a", "x")], score=i / 4, group=Group("g", 3)) for i in range(3)]
    with fake_server(Behaviour(failing_ids=frozenset({"e1"}))) as server:
        labeler = SignalLabeler(server.target)
        batch = labeler(
            {"episode": [e.to_json() for e in rows[:2]] + [rows[2].to_proto().SerializeToString()], "n": [1, 2, 3]}
        )
    assert batch["n"] == [1, 2, 3]
    assert batch["score"] == [0.0, None, 0.5]
    assert batch["error"][0] is None
    assert batch["error"][1].startswith("INVALID_ARGUMENT")
    assert batch["signals"][1] is None
    assert signals_pb2.EpisodeSignals.FromString(batch["signals"][2]).score == 0.5


def test_rows_can_be_built() -> None:
    def build(row: Any) -> Episode:
        return Episode(row["id"], [Message("a", row["text"])], score=1.0)

    with fake_server() as server:
        batch = SignalLabeler(server.target, build=build)({"id": ["x"], "text": ["hello"]})
    assert batch["score"] == [1.0]


@pytest.mark.trainers
@needs_assayd
def test_two_replicas_label_everything_though_one_dies() -> None:
    ray = pytest.importorskip("ray")
    data = episodes("dylan_mmlu_3agents")
    first, second = Assayd().start(), Assayd().start()
    target = f"ipv4:{first.target},{second.target}"
    ray.init(num_cpus=2, include_dashboard=False, ignore_reinit_error=True, log_to_driver=False)
    try:
        rows = ray.data.from_items([{"episode": e.to_json()} for e in data])
        labelled = rows.repartition(24).map_batches(
            SignalLabeler,
            fn_constructor_kwargs={"server": target, "options": DYLAN_MMLU},
            concurrency=2,
            batch_size=64,
            num_cpus=0.5,
        )
        taken = []
        for row in labelled.iter_rows():
            taken.append(row)
            if len(taken) == len(data) // 4:
                second.kill()
    finally:
        ray.shutdown()
        first.kill()
        second.kill()
    assert sorted(row["episode_id"] for row in taken) == sorted(e.id for e in data)
    assert [row["error"] for row in taken if row["error"]] == []
