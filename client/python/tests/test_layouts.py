"""Rows of pairs and of judged messages for each trainer."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from test_exports import episode, group, scored

from assay_rl import Episode, Message, Task
from assay_rl.__main__ import main
from assay_rl.convert.files import outcome_line
from assay_rl.training import exports, layouts, rendering
from assay_rl.v1 import options_pb2, signals_pb2

CHAT = [("user", "Q?\n\na:\none")]
STANDARD = {"prompt": "Q?\n\na:\none\n\nb:\n", "chosen": "right\n\n", "rejected": "wrong\n\n"}
ABOUT = {"weight": 0.9, "kind": "step"}


@pytest.fixture
def material() -> exports.Material:
    return exports.Material.of([episode()], [scored(), group()])


PAIRS: dict[tuple[str, bool], dict[str, Any]] = {
    ("trl", False): STANDARD,
    ("openrlhf", False): STANDARD,
    ("axolotl", False): STANDARD,
    ("trl", True): {
        "prompt": [{"role": "user", "content": CHAT[0][1]}],
        "chosen": [{"role": "assistant", "content": "right"}],
        "rejected": [{"role": "assistant", "content": "wrong"}],
    },
    ("axolotl", True): {
        "messages": [{"role": "user", "content": CHAT[0][1]}],
        "chosen": {"role": "assistant", "content": "right"},
        "rejected": {"role": "assistant", "content": "wrong"},
    },
    ("llamafactory", False): {"instruction": STANDARD["prompt"], "input": "", "chosen": "right\n\n",
                              "rejected": "wrong\n\n"},
    ("llamafactory", True): {
        "conversations": [{"from": "human", "value": CHAT[0][1]}],
        "chosen": {"from": "gpt", "value": "right"},
        "rejected": {"from": "gpt", "value": "wrong"},
    },
}  # fmt: skip


@pytest.mark.parametrize(("trainer", "conversational"), PAIRS)
def test_pairs_in_the_form_of_each_trainer(material: exports.Material, trainer: str, conversational: bool) -> None:
    (row,) = layouts.pairs(material, trainer, conversational)
    assert row == {**PAIRS[trainer, conversational], **ABOUT}


def test_every_trainer_reads_the_same_pairs_and_messages(material: exports.Material) -> None:
    for trainer, conversational in itertools.product(layouts.TRAINERS, (False, True)):
        assert len(list(layouts.pairs(material, trainer, conversational))) == 1
        if trainer == "openrlhf" or (trainer, conversational) == ("axolotl", True):
            with pytest.raises(layouts.LayoutError, match=f"{trainer} reads no"):
                layouts.singles(material, trainer, conversational)
            continue
        rows = list(layouts.singles(material, trainer, conversational))
        assert [row.get("label", row.get("kto_tag")) for row in rows] == [True, False, True]
        assert all("weight" in row for row in rows)
    (first, *_) = layouts.singles(material, "llamafactory", True)
    assert first["conversations"] == [
        {"from": "human", "value": CHAT[0][1]},
        {"from": "gpt", "value": "right"},
    ]


def test_a_chat_alternates_and_ends_with_the_user() -> None:
    said = [Message("a", "1"), Message("a", "2"), Message("", "tool"), Message("b", "3"), Message("a", "4")]
    held = Episode("e", said, task=Task("t", "Q?"))
    assert rendering.turns(held, 5, "a") == [
        ("user", "Q?"),
        ("assistant", "1\n\n2"),
        ("user", "tool\n\nb:\n3"),
        ("assistant", "4"),
        ("user", ""),
    ]
    for length, task, agent in itertools.product(range(6), ("Q?", ""), ("a", "b", "")):
        held.task.prompt = task
        found = rendering.turns(held, length, agent)
        assert [role for role, _ in found] == [("user", "assistant")[k % 2] for k in range(len(found))]
        assert found[-1][0] == "user"
        whole = "\n".join(text for _, text in found)
        assert all(message.content in whole for message in said[:length]), "no text is lost"


def test_sides_of_different_authors_name_them(material: exports.Material) -> None:
    other = Episode("f", [Message("b", "else")], task=Task("t", "Q?"))
    result = group()
    pair = result.proto.signals.pairs.add(
        kind=options_pb2.PREFERENCE_KIND_SIBLING, context_episode_id="e", context_length=0, weight=1.0
    )
    pair.chosen.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=0, end=2))
    pair.rejected.CopyFrom(signals_pb2.PreferenceSide(episode_id="f", begin=0, end=1))
    (row,) = layouts.pairs(exports.Material.of([episode(), other], [result]), "trl", True)
    assert row["chosen"] == [{"role": "assistant", "content": "a:\none\n\nb:\nwrong"}]
    assert row["rejected"] == [{"role": "assistant", "content": "b:\nelse"}]


def test_the_command_lays_rows_out_and_tells_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes, signals, out = tmp_path / "e.jsonl", tmp_path / "s.jsonl", tmp_path / "dpo.jsonl"
    episodes.write_text(episode().to_json() + "\n")
    signals.write_text(outcome_line(scored()) + "\n")
    arguments = [str(signals), "--episodes", str(episodes)]
    assert main(["export", "dpo", *arguments, "--trainer", "llamafactory", "--conversational", "-o", str(out)]) == 0
    assert json.loads(out.read_text()) == {**PAIRS["llamafactory", True], **ABOUT}
    told = capsys.readouterr().err
    size = len(out.read_text())
    assert f"1 rows, {size} characters, the longest {size - 1}: 1 step" in told
    entry = json.loads(told.split("dataset_info.json: ")[1].splitlines()[0])["assay"]
    assert entry["ranking"] is True
    assert entry["formatting"] == "sharegpt"
    assert set(entry["columns"].values()) <= set(json.loads(out.read_text()))
    assert main(["export", "kto", *arguments]) == 0
    told = capsys.readouterr().err
    assert "3 rows" in told
    assert "2 right, 1 wrong" in told
    assert main(["export", "kto", *arguments, "--trainer", "openrlhf"]) == 2
    with pytest.raises(SystemExit):
        main(["export", "prm", *arguments, "--trainer", "axolotl"])
