"""Honest audits pass; any single change is found."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from tampering import (
    EPISODES,
    FULL,
    Path_,
    as_dict,
    bare,
    debate,
    failure,
    forged,
    given,
    honest,
    leaves,
    lists,
    other,
    replaced,
    reports,
    signed,
    valued,
)
from verify_episodes import SHARED, episode_of, log_records, options_of, sign, signals_of, write_lines

from assay_rl.__main__ import main
from assay_rl.cli.verify import verify_records
from assay_rl.convert.own import Record
from assay_rl.v1 import episode_pb2, options_pb2


@pytest.mark.parametrize("make", EPISODES)
def test_honest_results_pass(make: Any) -> None:
    source = make()
    assert reports([honest(source)], [source]) == []


@pytest.mark.parametrize("make", EPISODES)
def test_every_changed_value_is_found(make: Any) -> None:
    source = make()
    result = honest(source)
    unnoticed = [
        (path, value)
        for path, value in leaves(result)
        if not reports([forged(replaced(result, path, other(path, value)), path)], [source])
    ]
    assert unnoticed == []


OPTIONAL = {
    "agents": ("valueWithout",),
    "messages": ("credit", "valueChange", "processScore"),
}


@pytest.mark.parametrize("make", EPISODES)
def test_a_number_that_appears_or_disappears_is_found(make: Any) -> None:
    source = make()
    result = honest(source)
    for kind, names in OPTIONAL.items():
        for k, entry in enumerate(result["signals"][kind]):
            for name in names:
                changed = copy.deepcopy(result)
                place = changed["signals"][kind][k]
                if name in entry:
                    del place[name]
                else:
                    place[name] = 0.0
                assert reports([signed(changed)], [source]), (kind, k, name)


@pytest.mark.parametrize("make", EPISODES)
def test_every_entry_left_out_or_doubled_is_found(make: Any) -> None:
    source = make()
    result = honest(source)
    for path in lists(result):
        place: Any = result
        for key in path:
            place = place[key]
        for changed in (place[1:], [*place, place[0]]):
            assert reports([forged(replaced(result, path, changed), path)], [source]), path


@pytest.mark.parametrize("make", EPISODES)
def test_every_changed_episode_is_found(make: Any) -> None:
    source = make()
    result = honest(source)
    plain: dict[str, Any] = json_format.MessageToDict(source)
    for path, value in leaves(plain):
        changed = json_format.ParseDict(replaced(plain, path, other(path, value)), episode_pb2.Episode())
        assert reports([result], [changed]), path


@pytest.mark.parametrize(
    ("make", "path", "value"),
    [
        (failure, ("rewardBound",), 1.5),
        (failure, ("firstError",), {"baseRate": 0.2}),
        (failure, ("messageRewards",), {"kappa": 0.4}),
        (failure, ("referenceScore",), 0.9),
        (debate, ("vote",), {"ballots": "BALLOTS_FIRST"}),
        (debate, ("vote",), {"emptyBallots": True}),
        (given, ("messageRewards",), {"redundancyPenalty": 0.3, "evidence": "EVIDENCE_EQUAL"}),
        (valued, ("successThreshold",), 1.5),
        (bare, ("valueRange",), {"low": 0, "high": 2}),
    ],
)
def test_changed_options_are_found(make: Any, path: Path_, value: Any) -> None:
    source = make()
    changed = signed(replaced(honest(source), ("signals", "audit", "options", *path), value))
    assert reports([changed], [source])


def test_a_task_that_says_nothing_may_be_left_out() -> None:
    source = bare()
    source.ClearField("task")
    result = honest(source)
    source.task.SetInParent()
    assert reports([result], [source]) == []


def test_negative_zero_survives_writers_that_leave_out_the_point() -> None:
    source = valued()
    made = signals_of(source, FULL)
    made.signals.audit.messages[0].low = -0.0
    sign(made.signals)
    line = json_format.MessageToJson(made, indent=None)
    assert '"low": -0.0' in line
    sources = {source.id: json_format.MessageToJson(source, indent=None)}
    for text in (line, line.replace('"low": -0.0', '"low": -0')):
        assert [str(f) for r in verify_records([Record(None, "line 1", text)], sources) for f in r.findings] == []


def test_a_swapped_pair_of_coalitions_is_found() -> None:
    source = debate()
    result = honest(source)
    for question in result["signals"]["audit"]["questions"]:
        table = question["table"]
        one, none = table.index(1), table.index(0)
        table[one], table[none] = table[none], table[one]
        assert reports([signed(result)], [source])
        table[one], table[none] = table[none], table[one]
    assert not reports([signed(result)], [source])


def test_a_needless_table_of_owen_sets_is_found() -> None:
    source = debate()
    plain = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)
    plain.message_rewards.evidence = options_pb2.EVIDENCE_EQUAL
    made, rich = signals_of(source, plain), signals_of(source, FULL)
    assert [q.counterfactual.WhichOneof("kind") for q in rich.signals.audit.questions][-1] == "owen_sets"
    made.signals.audit.questions.append(rich.signals.audit.questions[-1])
    sign(made.signals)
    assert any("owen" in finding for finding in reports([as_dict(made)], [source]))


def test_a_missing_doubled_or_unknown_result_is_found() -> None:
    source = debate()
    result = honest(source)
    assert reports([], [source])
    assert reports([result, result], [source])
    assert reports([result], [])
    error = {"episodeId": "debate", "error": {"code": 3, "message": "bad"}}
    assert reports([error], [source]) == []  # it says nothing that could be wrong


def test_without_a_full_audit_nothing_is_claimed() -> None:
    result = honest(debate())
    del result["signals"]["audit"]
    (finding,) = reports([result], [debate()])
    assert "AUDIT_FULL" in finding


def test_the_command_says_what_is_wrong_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = [make() for make in EPISODES]
    write_lines(tmp_path / "episodes.jsonl", sources)
    results = [signals_of(source, FULL) for source in sources]
    write_lines(tmp_path / "signals.jsonl", results)
    arguments = [str(tmp_path / "signals.jsonl"), "--episodes", str(tmp_path / "episodes.jsonl")]
    assert main(["verify", *arguments]) == 0
    assert "verified 7 episodes: all right" in capsys.readouterr().err
    results[0].signals.messages[1].reward += 0.25
    sign(results[0].signals)
    write_lines(tmp_path / "signals.jsonl", results)
    assert main(["verify", *arguments]) == 1
    told = capsys.readouterr()
    assert "WRONG episode debate: signals.messages[1].reward: expected" in told.out
    assert "1 wrong" in told.err


def test_unreadable_lines_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(tmp_path / "episodes.jsonl", [bare()])
    (tmp_path / "signals.jsonl").write_text('{"episodeId": 7}\n[1]\nnonsense\n')
    assert main(["verify", str(tmp_path / "signals.jsonl"), "--episodes", str(tmp_path / "episodes.jsonl")]) == 1
    output = capsys.readouterr().out
    assert all(f"signals.jsonl:{k}" in output for k in (1, 2, 3))
    assert main(["verify", str(tmp_path / "nowhere.jsonl"), "--episodes", str(tmp_path / "episodes.jsonl")]) == 2


def test_two_hundred_tampered_audits_of_real_episodes() -> None:
    """Show 2 of the verifier: 200 audits, one change each; and the same audits unchanged."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    draw = random.Random(11)
    sources: dict[str, episode_pb2.Episode] = {}
    untouched: list[dict[str, Any]] = []
    tampered: list[dict[str, Any]] = []
    for name, limit in (("dylan_mmlu_3agents", 100), ("dylan_math_complex", 60), ("whowhen_ag", 40)):
        for record in log_records(name, limit):
            source = episode_of(record)
            result = as_dict(signals_of(source, options_of(name)))
            path, value = draw.choice(list(leaves(result)))
            sources[source.id] = source
            untouched.append(result)
            tampered.append(replaced(result, path, other(path, value)))
    assert reports(untouched, list(sources.values())) == []
    found = sum(bool(reports([line], [e])) for line, e in zip(tampered, sources.values(), strict=True))
    assert found == len(tampered) == 200
