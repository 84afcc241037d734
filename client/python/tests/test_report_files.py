"""What `report`, `signals --summary` and `verify` read and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running
from course_runs import Plan, play, write
from google.protobuf import json_format
from tampering import annotated, debate, failure, given
from test_report import FULL, parts
from verify_episodes import signals_of, write_lines

from assay_rl.__main__ import main
from assay_rl.course.summary import StepSummary
from assay_rl.v1 import episode_pb2


def page(path: Path) -> Any:
    return parts(path.read_text(encoding="utf-8"))[3]


def report(tmp_path: Path, *arguments: str) -> Any:
    assert main(["report", *arguments, "-o", str(tmp_path / "r.html")]) == 0
    return page(tmp_path / "r.html")


def written(tmp_path: Path, *episodes: episode_pb2.Episode) -> tuple[str, str]:
    write_lines(tmp_path / "episodes.jsonl", episodes)
    write_lines(tmp_path / "signals.jsonl", [signals_of(e, FULL) for e in reversed(episodes)])
    return str(tmp_path / "signals.jsonl"), str(tmp_path / "episodes.jsonl")


def test_episodes_stand_in_the_order_of_their_own_file(tmp_path: Path) -> None:
    signals, episodes = written(tmp_path, debate(), annotated(), given())
    data = report(tmp_path, signals, "--episodes", episodes)
    assert [row["id"] for row in data["episodes"]] == ["debate", "annotated", "given"]


def test_episodes_of_another_run_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signals, _ = written(tmp_path, debate(), annotated())
    write_lines(tmp_path / "other.jsonl", [given(), failure()])
    assert main(["report", signals, "--episodes", str(tmp_path / "other.jsonl"), "-o", str(tmp_path / "r.html")]) == 2
    assert "of another run: no id of its 2 episodes is among the signals" in capsys.readouterr().err
    changed = debate(), annotated()
    for source in changed:
        source.messages[0].content += "!"
    write_lines(tmp_path / "changed.jsonl", changed)
    assert main(["report", signals, "--episodes", str(tmp_path / "changed.jsonl"), "-o", str(tmp_path / "r.html")]) == 2
    assert "other episodes than those that were scored" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_one_episode_that_differs_is_shown_without_texts_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signals, _ = written(tmp_path, debate(), annotated())
    changed = annotated()
    changed.messages[0].content = "something else"
    write_lines(tmp_path / "mixed.jsonl", [debate(), changed])
    data = report(tmp_path, signals, "--episodes", str(tmp_path / "mixed.jsonl"))
    assert "1 episodes differ from those that were scored" in capsys.readouterr().err
    assert data["foreign"] == 1
    texts = {row["id"]: ["text" in message for message in row["messages"]] for row in data["episodes"]}
    assert all(texts["debate"])
    assert not any(texts["annotated"])


def test_a_page_holds_what_fits_and_counts_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(Plan(steps=6, tasks=3, members=4), tmp_path / "run")
    whole = report(tmp_path, str(tmp_path / "run"))
    data = report(tmp_path, str(tmp_path / "run"), "--max-size", "0.1")
    assert (tmp_path / "r.html").stat().st_size < 300_000
    assert 0 < len(data["episodes"]) < len(whole["episodes"]) == 72
    assert data["left"] == 72 - len(data["episodes"])
    assert data["summary"] == whole["summary"], "the numbers count all"
    assert data["course"] == whole["course"]
    members: dict[tuple[int, str], int] = {}
    for row in data["episodes"]:
        members[row["step"], row["group"]] = members.get((row["step"], row["group"]), 0) + 1
    assert set(members.values()) == {4}, "groups are whole"
    assert {(group["step"], group["id"]) for group in data["groups"]} == set(members)
    assert "can be opened in it, the numbers count all" in capsys.readouterr().err


def test_summaries_alone_make_a_page_of_the_course(tmp_path: Path) -> None:
    for number, step in enumerate(play(Plan(steps=4, tasks=1, honest=2))):
        summary = StepSummary()
        for episode in step.episodes:
            summary.expect(episode)
        for result in step.results:
            summary.add(result)
        summary.write(tmp_path / "run" / f"step-{number}.json")
    data = report(tmp_path, str(tmp_path / "run"))
    assert data["episodes"] == []
    (run,) = data["course"]["runs"]
    assert [step["step"] for step in run["steps"]] == [0, 1, 2, 3]
    assert run["steps"][0]["roles"]["saboteur"]["right_answers"] == 0


def test_steps_may_use_ids_again_with_other_texts(tmp_path: Path) -> None:
    for number in range(2):
        source = debate()
        source.messages[0].content = f"step {number}"
        write_lines(tmp_path / f"episodes-{number}.jsonl", [source])
        write_lines(tmp_path / f"signals-{number}.jsonl", [signals_of(source, FULL)])
    data = report(tmp_path, str(tmp_path))
    assert {row["step"]: row["messages"][0]["text"] for row in data["episodes"]} == {0: "step 0", 1: "step 1"}
    assert data["foreign"] == 0


def test_verify_reads_folders_and_records_over_several_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [debate(), annotated(), given()]
    for folder in ("signals", "episodes"):
        (tmp_path / folder).mkdir()
    for source in sources:
        write_lines(tmp_path / "signals" / f"{source.id}.jsonl", [signals_of(source, FULL)])
        (tmp_path / "episodes" / f"{source.id}.json").write_text(json_format.MessageToJson(source, indent=2))
    assert main(["verify", str(tmp_path / "signals"), "--episodes", str(tmp_path / "episodes")]) == 0
    assert "verified 3 episodes: all right" in capsys.readouterr().err


@needs_assayd
def test_signals_leave_a_summary(tmp_path: Path) -> None:
    (step,) = play(Plan(steps=1, tasks=2))
    write_lines(tmp_path / "episodes.jsonl", step.episodes)
    server: Assayd
    with running() as server:
        arguments = ["signals", str(tmp_path / "episodes.jsonl"), "--server", server.target]
        out, summary = tmp_path / "signals.jsonl", tmp_path / "steps" / "step-0042.json"
        assert main([*arguments, "-o", str(out), "--summary", str(summary)]) == 0
    told = json.loads(summary.read_text())
    assert (told["step"], told["episodes"], told["groups"]) == (42, 8, 2)
    assert sorted(told["roles"]) == ["checker", "critic", "saboteur", "solver"]
    assert told["metrics"]["score"] == pytest.approx(sum(e.outcome.score for e in step.episodes) / 8)
    assert sorted(told["tasks"]) == ["times-0", "times-1"]
    data = report(tmp_path, str(out), "--episodes", str(tmp_path / "episodes.jsonl"))
    assert data["summary"]["metrics"] == pytest.approx(told["metrics"])
