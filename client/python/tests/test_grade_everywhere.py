"""--grade of the commands and grade= of the trainer adapters: what the server answers for answers graded so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running

from assay_rl import Episode, Message, Task
from assay_rl.__main__ import main
from assay_rl.training.openrlhf import AssayReward, episode_label
from assay_rl.training.ray_data import SignalLabeler
from assay_rl.v1 import signals_pb2

pytestmark = needs_assayd

# Of each kind: the reference, then a right answer that bytes do not show, and one that is wrong.
VOTES = {
    "math": ("2\\sqrt{2}", "$\\sqrt{8}$", "\\sqrt{2}"),
    "choice": ("B", "The answer is (B)", "C"),
    "number": ("0.5", "\\frac12", "2"),
    "exact": ("New York", "new  york", "York"),
}
KINDS = list(VOTES)


def vote(kind: str, identity: str = "e") -> Episode:
    """Two are right and one is wrong; the score is left to the vote."""
    reference, right, wrong = VOTES[kind]
    said = zip(("amy", "ben", "cleo"), (right, right, wrong), strict=True)
    return Episode(identity, [Message(name, "text", answer=a) for name, a in said], task=Task("t", "p", reference))


@pytest.fixture(scope="module", autouse=True)
def _math_verify() -> None:
    pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def check(signals: Any) -> None:
    right, wrong = signals_pb2.ANSWER_GRADE_RIGHT, signals_pb2.ANSWER_GRADE_WRONG
    assert [m.grade for m in signals.messages] == [right, right, wrong]
    assert signals.grand_value == 1
    assert {a.agent_id: round(a.credit, 3) for a in signals.agents} == {"amy": 0.583, "ben": 0.583, "cleo": -0.167}


@pytest.mark.parametrize("kind", KINDS)
def test_ray_data(server: Assayd, kind: Any) -> None:
    batch = {"episode": [vote(kind, "a").to_json(), vote(kind, "b").to_proto().SerializeToString()]}
    found = SignalLabeler(server.target, grade=kind)(batch)
    assert found["error"] == [None, None]
    assert found["episode"] == batch["episode"], "the column is the caller's"
    for data in found["signals"]:
        check(signals_pb2.EpisodeSignals.FromString(data))


@pytest.mark.parametrize("kind", KINDS)
def test_openrlhf(server: Assayd, kind: Any) -> None:
    reward = AssayReward(server.target, grade=kind)
    assert reward(["q"], ["q"], [episode_label(vote(kind))])["rewards"] == [1.0]


def test_adapters_refuse_options_that_grade_otherwise(server: Assayd) -> None:
    options = {"vote": {"grader": "GRADER_NUMBER"}}
    with pytest.raises(ValueError, match="GRADER_NUMBER"):
        AssayReward(server.target, grade="math", options=options)
    with pytest.raises(ValueError, match="GRADER_NUMBER"):
        SignalLabeler(server.target, grade="choice", options=options)
    with pytest.raises(ValueError, match="expected one of math"):
        SignalLabeler(server.target, grade="maths")  # type: ignore[arg-type]


@pytest.mark.trainers
@pytest.mark.parametrize("kind", KINDS)
def test_trl(server: Assayd, kind: Any) -> None:
    pytest.importorskip("trl")
    from assay_rl.training import trl

    reward = trl.AssayReward(server.target, lambda prompt, completion, row: vote(kind), grade=kind)
    assert asyncio.run(reward(["p", "p"], ["c", "d"])) == [1.0, 1.0]
    for sample in reward.samples:
        check(sample.signals)


@pytest.mark.trainers
@pytest.mark.parametrize("kind", KINDS)
def test_verl(server: Assayd, kind: Any) -> None:
    pytest.importorskip("verl")
    from assay_rl.training.verl import EPISODE, AssayRewardManager

    manager = AssayRewardManager.__new__(AssayRewardManager)
    held = {"server": server.target, "grade": kind, "options": {"value_range": {"low": 0, "high": 1}}}
    AssayRewardManager.__init__(manager, type("Config", (), {"reward": {"assay": held}})(), None, None)

    class Item:
        non_tensor_batch = {"tool_extra_fields": {EPISODE: vote(kind).to_json()}}  # noqa: RUF012

    told = asyncio.run(manager.run_single([Item]))
    assert told["reward_score"] == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_signals_and_verify(server: Assayd, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes, signals = tmp_path / "e.jsonl", tmp_path / "s.jsonl"
    options = tmp_path / "o.json"
    options.write_text('{"audit": "AUDIT_FULL"}')
    unread = vote(kind, "unread")
    unread.messages[2].answer = "who knows"  # type: ignore[index]
    episodes.write_text("\n".join(e.to_json() for e in (vote(kind), unread)), encoding="utf-8")
    grade = ["--grade", kind, str(episodes)]
    assert main(["signals", "--server", server.target, "--options", str(options), "-o", str(signals), *grade]) == 0
    told = capsys.readouterr().err
    assert ("1 answers could not be read by the grader" in told) == (kind != "exact"), told
    lines = {r["episodeId"]: r["signals"] for r in map(json.loads, signals.open(encoding="utf-8"))}
    assert lines["e"]["grandValue"] == 1
    last = "ANSWER_GRADE_WRONG" if kind == "exact" else "ANSWER_GRADE_UNREADABLE"
    assert lines["unread"]["messages"][2]["grade"] == last
    assert main(["verify", str(signals), "--episodes", str(episodes), "--grade", kind]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_convert(server: Assayd, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a log to classes, and from these to signals that verify."""
    reference, right, wrong = VOTES[kind]
    said = zip(("amy", "ben", "cleo", "dan"), (right, right, wrong, None), strict=True)
    messages = [{"agent": name, "content": "c", "answer": answer} for name, answer in said]
    record = {"id": "e", "task": "t", "reference_answer": reference, "agents": ["amy", "ben", "cleo", "dan"]}
    bare = {"id": "bare", "task": "t", "outcome": 1, "agents": ["amy"], "messages": messages[:1]}
    log, out, signals = (tmp_path / name for name in ("log.jsonl", "e.jsonl", "s.jsonl"))
    log.write_text("\n".join(json.dumps(r) for r in ({**record, "messages": messages}, bare)), encoding="utf-8")
    assert main(["convert", "log", str(log), "--grade", kind, "-o", str(out)]) == 0
    told = capsys.readouterr().err
    assert f"answers by {kind}: 2 right, 1 wrong, 0 unreadable, 0 empty; they are classes now" in told
    assert "1 episodes have no reference answer" in told
    first, second = (Episode.from_json(line) for line in out.open(encoding="utf-8"))
    assert [m.answer for m in first.messages] == [reference, reference, wrong, None]
    assert second.messages[0].answer == right
    out.write_text(first.to_json(), encoding="utf-8")
    options = tmp_path / "o.json"
    options.write_text('{"audit": "AUDIT_FULL", "vote": {"grader": "GRADER_IDENTICAL"}}')
    assert main(["signals", "--server", server.target, "--options", str(options), "-o", str(signals), str(out)]) == 0
    assert json.loads(signals.read_text())["signals"]["grandValue"] == 1
    assert main(["verify", str(signals), "--episodes", str(out)]) == 0
