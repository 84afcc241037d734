"""Summaries of steps, where curves change, runs compared, and the files that people give."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from course_runs import Plan, play, write
from tampering import FULL, annotated, bare, debate, given, rolled_out
from verify_episodes import signals_of, write_lines

from assay_rl.convert.files import FileError
from assay_rl.course import StepSummary, files
from assay_rl.course.changes import changes
from assay_rl.course.course import compared, course, thinned
from assay_rl.course.metrics import scalars
from assay_rl.course.summary import Json
from assay_rl.v1 import episode_pb2, signal_service_pb2


def summary_of(*episodes: episode_pb2.Episode) -> Json:
    out = StepSummary(3, "run")
    for episode in episodes:
        out.expect(episode)
    for episode in reversed(episodes):
        out.add(signals_of(episode, FULL))
    return out.to_json()


def test_credit_and_shares_of_the_outcome_never_meet_in_one_number() -> None:
    told = summary_of(given(), bare())
    role = told["roles"]["a"]
    assert role["credit"]["n"] == role["share"]["n"] == 1
    assert role["credit"]["mean"] == pytest.approx(1.1 / 3)
    assert role["share"]["mean"] == pytest.approx(-0.4)
    assert told["roles"]["c"]["hurt"] == 1
    assert told["roles"]["c"]["share"] is None
    # Nobody is known to have hurt where nobody was asked.
    assert role["hurt"] == 0


def test_a_summary_counts_what_the_signals_say() -> None:
    told = summary_of(debate(), annotated(), rolled_out())
    assert (told["episodes"], told["successes"], told["claimed"]) == (3, 1, 2)
    assert told["roles"]["b"]["first_errors"] == 2
    assert told["roles"]["b"]["positions"] == [0, 2]
    assert told["graded"] == 4
    assert told["right"] == 3
    assert told["tiers"] == {"ANNOTATION": 1, "ROLLOUTS": 1}
    assert told["metrics"]["success_rate"] == pytest.approx(1 / 3)
    assert sum(told["labels"].values()) == told["messages"] == 13
    assert told["metrics"]["conservation"] < 1e-12
    assert scalars(told)["roles/b/first_errors"] == pytest.approx(2 / 3)


def test_a_failure_is_no_number() -> None:
    error = signal_service_pb2.EpisodeResult(episode_id="late")
    error.error.code = 4
    out = StepSummary()
    out.add(error)
    told = out.to_json()
    assert (told["episodes"], told["failed"]) == (1, 1)
    assert all(value is None for value in told["metrics"].values())
    assert scalars(told) == {"episodes": 1, "failed": 1}


def test_a_summary_is_a_small_file_that_is_read_again(tmp_path: Path) -> None:
    (step,) = play(Plan(steps=1, tasks=8, members=8))
    out = StepSummary(7)
    for episode in step.episodes:
        out.expect(episode)
    for result in step.results:
        out.add(result)
    path = tmp_path / "run" / "step-7.json"
    out.write(path)
    assert path.stat().st_size < 12_000
    (one,) = files.inputs([str(path)])
    assert (one.kind, one.step) == ("summary", 7)
    (again,) = files.summaries(one)
    assert again == json.loads(json.dumps(out.to_json()))
    assert again["groups"] == 8
    assert again["roles"]["solver"]["advantage"]["n"] == 64


def test_the_mean_is_followed_to_where_it_changes() -> None:
    luck = random.Random(5)
    values = [0.7 + luck.gauss(0, 0.1) for _ in range(30)] + [0.05 + luck.gauss(0, 0.1) for _ in range(30)]
    (change,) = changes(values, 0.08)
    assert change.at == 30
    assert change.before == pytest.approx(math.fsum(values[:30]) / 30)
    assert change.after == pytest.approx(math.fsum(values[30:]) / 30)
    assert changes([1.0] * 3 + [2.0] * 3)[0].at == 3, "without noise"
    assert changes([1.0] * 20) == changes([]) == changes([1.0, 2.0]) == []


def test_chance_is_seldom_taken_for_a_change() -> None:
    luck = random.Random(11)
    found = sum(bool(changes([luck.gauss(0, 1) for _ in range(60)])) for _ in range(400))
    assert found <= 8, found


def test_several_changes_have_means_of_their_own_stretches() -> None:
    luck = random.Random(3)
    values = [level + luck.gauss(0, 0.05) for level in (0, 1, 0.4) for _ in range(20)]
    found = changes(values)
    assert [change.at for change in found] == [20, 40]
    assert [change.begin for change in found] == [0, 20]
    assert [change.end for change in found] == [40, 60]
    assert found[0].after == found[1].before


def test_a_run_of_sixty_steps_tells_when_the_saboteur_stopped() -> None:
    told = course("run", [_summary(k, step) for k, step in enumerate(play(Plan()))])
    assert told is not None
    (run,) = told["runs"]
    hurt = [c for c in run["changes"] if (c["role"], c["name"]) == ("saboteur", "sabotage")]
    assert [c["step"] for c in hurt] == [31]
    assert hurt[0]["before"] > 0.3
    assert hurt[0]["after"] == 0
    repeats = [c for c in run["changes"] if (c["role"], c["name"]) == ("critic", "redundancy")]
    assert [c["step"] for c in repeats] == [42]
    assert repeats[0]["after"] > 0.9
    assert any(c["name"] == "score" and 25 <= c["step"] <= 35 for c in run["changes"])


def _summary(number: int, step: object) -> Json:
    out = StepSummary(number)
    for episode in step.episodes:  # type: ignore[attr-defined]
        out.expect(episode)
    for result in step.results:  # type: ignore[attr-defined]
        out.add(result)
    return out.to_json()


def test_two_runs_are_compared_on_the_tasks_of_both() -> None:
    mine = [_summary(k, s) for k, s in enumerate(play(Plan(steps=4, seed=1)))]
    theirs = [_summary(k, s) for k, s in enumerate(play(Plan(steps=8, seed=2, honest=0)))]
    told = course("mine", mine, ("theirs", theirs))
    assert told is not None
    both = told["compared"]
    assert both["shared"] == 7
    assert both["onlyTheirs"] == 1
    assert both["difference"] == pytest.approx(both["theirs"] - both["mine"])
    assert both["difference"] > 0
    assert both["better"] + both["worse"] <= 7
    assert course("one", mine[:1]) is None


def test_the_end_of_two_runs_is_compared_by_itself() -> None:
    """A lead early on and the other's at the end cancel over all steps; the last quarter of the common steps tells."""

    def run(scores: list[tuple[float, float]]) -> list[Json]:
        return [{"step": k, "tasks": {"a": [2, a], "b": [2, b]}} for k, (a, b) in enumerate(scores)]

    late = [(0.75, 0.5), (0.75, 0.5)]
    mine = run([(0.25, 0.25)] * 6 + late)
    theirs = run([(0.25, 0.25)] * 4 + [(0.5, 0.5)] * 2 + [(0.25, 0.25)] * 2 + [(1.0, 1.0)])  # one step more
    told = compared(mine, theirs)["late"]
    assert (told["from"], told["to"], told["shared"]) == (6, 7, 2)
    assert (told["mine"], told["theirs"], told["difference"]) == (0.625, 0.25, -0.375)
    assert told["error"] == pytest.approx(0.125), "of -0.5 and -0.25"
    assert (told["better"], told["worse"]) == (0, 2)
    assert compared(mine[:3], theirs)["late"] is None, "three steps have no last quarter"
    assert compared(mine, [{"step": k, "tasks": {"c": [1, 0.5]}} for k in range(8)])["late"] is None, "no common task"


def test_of_many_steps_evenly_chosen_ones_are_kept() -> None:
    steps = [{"step": k} for k in range(5000)]
    kept = thinned(steps)
    assert len(kept) == 1000
    assert kept[0]["step"] == 0
    assert kept[-1]["step"] == 4999


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("run/step-00012.jsonl", 12),
        ("step_3-part7.json.gz", 3),
        ("2026-11-30.9.jsonl", 30),
        ("iteration7.json", 7),
        ("runs/12/signals.jsonl", None),
        ("a.zip:inner/step 4.jsonl", 4),
    ],
)
def test_the_name_tells_the_step(name: str, number: int | None) -> None:
    assert files.number_in(name) == number


def test_a_folder_is_a_run(tmp_path: Path) -> None:
    write(Plan(steps=12, tasks=1, members=2), tmp_path / "run")
    found = files.inputs([str(tmp_path / "run")])
    assert [one.step for one in found if one.kind == "signals"] == list(range(12))
    assert sum(one.kind == "episodes" for one in found) == 12
    assert [one.step for one in files.inputs([str(tmp_path / "run")], "order") if one.kind == "signals"] == list(
        range(12)
    )


def test_a_field_of_each_line_tells_its_step(tmp_path: Path) -> None:
    lines = []
    for number, step in enumerate(play(Plan(steps=2, tasks=1, members=2))):
        write_lines(tmp_path / "one.jsonl", step.results)
        for line in (tmp_path / "one.jsonl").read_text().splitlines():
            lines.append(json.dumps({**json.loads(line), "trainer": {"step": 10 * number}}))
    path = tmp_path / "all.jsonl"
    path.write_text("\n".join(lines))
    (one,) = files.inputs([str(path)], "trainer.step")
    assert {line.step for line in files.results(one, "trainer.step")} == {0, 10}
    with pytest.raises(FileError, match=r"all\.jsonl:1: no whole number at 'epoch'"):
        list(files.results(one, "epoch"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"assay_step": 2}', "no summary of a step"),
        ('{"assay_step": 1, "episodes": 3}', "a summary whose"),
        ('{"what": 1}', "neither signals nor a summary nor episodes"),
    ],
)
def test_what_is_no_summary_is_refused_by_its_place(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "step-1.json"
    path.write_text(text)

    def read() -> None:
        for one in files.inputs([str(path)]):
            list(files.summaries(one))

    with pytest.raises(FileError, match=rf"step-1\.json:1: {reason}"):
        read()
