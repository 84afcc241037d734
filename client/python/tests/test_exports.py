"""Training sets from signals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from assay_rl import Alternative, Episode, Message, Task, TokenSpan
from assay_rl.__main__ import main
from assay_rl.client.outcomes import GroupScored, Scored
from assay_rl.convert.files import outcome_line
from assay_rl.training import exports
from assay_rl.v1 import options_pb2, signal_service_pb2, signals_pb2

LABELS = ("SOUND", "FIRST_ERROR", "NEUTRAL", "REPAIR")


def episode() -> Episode:
    return Episode(
        "e",
        [
            Message("a", "one", token_spans=[TokenSpan("s", 1, 3)]),
            Message("b", "wrong", alternatives=[Alternative("right", 1.0)], token_spans=[TokenSpan("s", 4, 5)]),
            Message("", "tool output"),
            Message("a", "idle"),
            Message("b", "fixed"),
        ],
        task=Task("t", "Q?"),
        score=0.0,
    )


def scored() -> Scored:
    result = signal_service_pb2.EpisodeResult(episode_id="e")
    signals = result.signals
    signals.episode_id = "e"
    errors = (0.1, 0.7, 0.1, 0.0)
    repairs = (0.0, 0.0, 0.05, 0.6)
    for index, label, error, repair in zip((0, 1, 3, 4), LABELS, errors, repairs, strict=True):
        signals.messages.add(
            index=index,
            agent_id="ab"[index % 2],
            label=signals_pb2.Label.Value(f"LABEL_{label}"),
            error_probability=error,
            repair_probability=repair,
        )
    signals.first_error.first_index = 1
    step = signals.pairs.add(
        kind=options_pb2.PREFERENCE_KIND_STEP, context_episode_id="e", context_length=1, weight=0.9
    )
    step.chosen.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=1, end=2, alternative=0))
    step.rejected.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=1, end=2))
    one = signals.pairs.add(
        kind=options_pb2.PREFERENCE_KIND_ONE_SIDED, context_episode_id="e", context_length=0, weight=1.0
    )
    one.chosen.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=0, end=1))
    return Scored(result)


def group() -> GroupScored:
    result = signal_service_pb2.GroupResult(group_id="g")
    result.signals.group_id = "g"
    advantages = result.signals.episodes.add(episode_id="e", outcome_advantage=1.0)
    advantages.messages.add(index=0, advantage=0.5)
    advantages.messages.add(index=1, advantage=-2.0)
    return GroupScored(result)


@pytest.fixture
def material() -> exports.Material:
    return exports.Material.of([episode()], [scored(), group()])


def test_dpo(material: exports.Material) -> None:
    (row,) = exports.dpo(material)
    assert row == {
        "prompt": "Q?\n\na:\none\n\nb:\n",
        "chosen": "right\n\n",
        "rejected": "wrong\n\n",
        "weight": 0.9,
        "kind": "step",
    }


def test_step_dpo(material: exports.Material) -> None:
    (row,) = exports.step_dpo(material)
    assert row["prompt"] == "Q?"
    assert row["initial_reason_steps"] == "a:\none\n\nb:\n"
    assert (row["chosen"], row["rejected"]) == ("right\n\n", "wrong\n\n")


def test_kto(material: exports.Material) -> None:
    rows = list(exports.kto(material))
    assert [(r["completion"], r["label"]) for r in rows] == [
        ("right\n\n", True),
        ("wrong\n\n", False),
        ("one\n\n", True),
    ]
    assert rows[2]["prompt"] == "Q?\n\na:\n"


def test_siblings_with_different_authors_carry_their_names() -> None:
    other = Episode("f", [Message("b", "else")], task=Task("t", "Q?"))
    result = group()
    pair = result.proto.signals.pairs.add(
        kind=options_pb2.PREFERENCE_KIND_SIBLING, context_episode_id="e", context_length=0, weight=1.0
    )
    pair.chosen.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=0, end=2))
    pair.rejected.CopyFrom(signals_pb2.PreferenceSide(episode_id="f", begin=0, end=1))
    (row,) = exports.dpo(exports.Material.of([episode(), other], [result]))
    assert row["prompt"] == "Q?\n\n"
    assert row["chosen"] == "a:\none\n\nb:\nwrong\n\n"
    assert row["rejected"] == "b:\nelse\n\n"


def test_prm_masks_after_the_first_error(material: exports.Material) -> None:
    (row,) = exports.prm(material)
    assert row == {"prompt": "Q?\n\n", "completions": ["a:\none\n\n", "b:\nwrong\n\n"], "labels": [True, False]}


def test_prm_propagates(material: exports.Material) -> None:
    first, later = exports.prm(material, "propagate")
    assert first["labels"] == [True, False]
    assert later["labels"] == [False, False]
    assert later["prompt"] == "Q?\n\na:\none\n\nb:\nwrong\n\ntool output\n\n"
    assert later["completions"] == ["a:\nidle\n\n", "b:\nfixed\n\n"]


def test_prm_never_judges_two_messages_as_one_step(material: exports.Material) -> None:
    """A message without a label ends a row; each step is one message, and a row's prompt is all before its steps."""
    said = [f"{m.agent}:\n{m.content}\n\n" if m.agent else f"{m.content}\n\n" for m in episode().messages]
    for after_error in ("mask", "propagate", "soft"):
        for row in exports.prm(material, after_error):
            begin = said.index(row["completions"][0])
            assert row["prompt"] == "Q?\n\n" + "".join(said[:begin])
            assert row["completions"] == said[begin : begin + len(row["labels"])]


def graded(*grades: str) -> Scored:
    """The same with answers that were graded."""
    found = scored()
    for message, grade in zip(found.proto.signals.messages, grades, strict=True):
        message.grade = signals_pb2.AnswerGrade.Value(f"ANSWER_GRADE_{grade}")
    return found


@pytest.mark.parametrize(
    ("grades", "labels"),
    [
        (("RIGHT", "WRONG", "RIGHT", "WRONG"), [[True, False], [False]]),
        (("WRONG", "WRONG", "RIGHT", "RIGHT"), [[False]]),
        (("UNREADABLE", "WRONG", "UNREADABLE", "UNSPECIFIED"), [[False], [False]]),
        (("RIGHT", "RIGHT", "WRONG", "WRONG"), [[True], [False, False]]),
    ],
)
def test_prm_labels_follow_grades(grades: tuple[str, ...], labels: list[list[bool]]) -> None:
    rows = exports.prm(exports.Material.of([episode()], [graded(*grades)]), "propagate")
    assert [row["labels"] for row in rows] == labels


def test_prm_is_masked_after_an_error_that_gets_no_label() -> None:
    (row,) = exports.prm(exports.Material.of([episode()], [graded("RIGHT", "RIGHT", "WRONG", "WRONG")]))
    assert row["labels"] == [True]


def test_prm_soft_labels_stay_on_the_side_of_the_grade() -> None:
    rows = exports.prm(exports.Material.of([episode()], [graded("RIGHT", "WRONG", "UNREADABLE", "WRONG")]), "soft")
    assert [row["labels"] for row in rows] == [[0.5, 0.0], [0.0]]


def test_pairs_that_their_grades_contradict_are_left_out() -> None:
    found = graded("WRONG", "RIGHT", "UNSPECIFIED", "UNSPECIFIED")
    pair = found.proto.signals.pairs.add(
        kind=options_pb2.PREFERENCE_KIND_SIBLING, context_episode_id="e", context_length=0, weight=1.0
    )
    pair.chosen.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=0, end=1))
    pair.rejected.CopyFrom(signals_pb2.PreferenceSide(episode_id="e", begin=1, end=2))
    material = exports.Material.of([episode()], [found])
    assert [row["kind"] for row in exports.dpo(material)] == ["step"]
    assert [(row["completion"], row["label"]) for row in exports.kto(material)] == [("right\n\n", True)]


def test_prm_soft_labels_follow_the_posterior_back_from_the_end(material: exports.Material) -> None:
    labels = [label for row in exports.prm(material, "soft") for label in row["labels"]]
    assert labels == pytest.approx([0.15, 0.0, 0.0, 0.0], abs=1e-9)


def test_tokens(material: exports.Material) -> None:
    (sample,) = exports.token_advantages(material)
    assert sample.values == [0, 0.5, 0.5, 0, -2.0]
    assert sample.mask == [False, True, True, False, True]


def test_foreign_signals_are_refused() -> None:
    with pytest.raises(exports.ExportError, match="not among"):
        list(exports.dpo(exports.Material.of([], [scored()])))


def test_the_command_writes_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes, signals = tmp_path / "episodes.jsonl", tmp_path / "signals.jsonl"
    episodes.write_text(episode().to_json() + "\n")
    signals.write_text(outcome_line(scored()) + "\n" + outcome_line(group()) + "\n")
    for name in ("dpo", "kto", "prm", "step-dpo"):
        assert main(["export", name, str(signals), "--episodes", str(episodes)]) == 0
        assert "prompt" in json.loads(capsys.readouterr().out.splitlines()[0])
    for suffix in ("arrow", "npz"):
        out = str(tmp_path / f"tokens.{suffix}")
        assert main(["export", "tokens", str(signals), "--episodes", str(episodes), "-o", out]) == 0
    arrays = np.load(tmp_path / "tokens.npz")
    assert arrays["advantages"].tolist() == [0, 0.5, 0.5, 0, -2.0]
    assert arrays["offsets"].tolist() == [0, 5]
    table = pa.ipc.open_file(str(tmp_path / "tokens.arrow")).read_all()
    assert table.column("advantages").to_pylist() == [[0, 0.5, 0.5, 0, -2.0]]
    assert main(["export", "tokens", str(signals), "--episodes", str(episodes)]) == 2


def test_the_command_names_the_bad_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes = tmp_path / "episodes.jsonl"
    episodes.write_text("{nonsense\n")
    assert main(["export", "dpo", "-", "--episodes", str(episodes)]) == 2
    assert "episodes.jsonl:1" in capsys.readouterr().err
