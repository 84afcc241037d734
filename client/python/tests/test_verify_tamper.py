"""Honest audits pass; any single change is found."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from verify_episodes import SHARED, episode_of, group_of, log_records, options_of, sign, signals_of, write_lines

from assay_rl.__main__ import main
from assay_rl.cli.verify import verify_records
from assay_rl.convert.own import Record
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2

Path_ = tuple[Any, ...]


def episode(identity: str, agents: str, messages: list[dict[str, Any]], score: float | None) -> episode_pb2.Episode:
    out = episode_pb2.Episode(id=identity)
    out.task.reference_answer = "42"
    for agent in agents:
        out.agents.add(id=agent)
    for message in messages:
        json_format.ParseDict(message, out.messages.add())
    if score is not None:
        out.outcome.score = score
    return out


def said(agent: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"agentId": agent, "content": text, **fields}


def debate() -> episode_pb2.Episode:
    first = "let us add the two numbers carefully"
    return episode(
        "debate",
        "abc",
        [
            said("", "system: add 40 and 2"),
            said("a", first, round=1, answer="42", tokenSpans=[{"sampleId": "s", "end": 7}]),
            said("b", "I say forty and two make 41", round=1, answer="41"),
            said("c", "no idea", round=1),
            said("a", first + " again", round=2, answer="42"),
            said("b", "you are right", round=2, answer="42"),
        ],
        None,
    )


def failure() -> episode_pb2.Episode:
    return episode(
        "failure",
        "abc",
        [
            said("a", "plan the work", processScore=0.9),
            said("b", "use the wrong file", processScore=-0.9, alternatives=[{"content": "ask", "value": 0.9}]),
            said("", "tool: exit 1"),
            said("c", "it failed, continue", processScore=-0.6),
            said("a", "try to repair it", processScore=0.8, repairs=1),
            said("c", "report anyway", processScore=-0.2),
        ],
        0.1,
    )


def annotated() -> episode_pb2.Episode:
    out = episode("annotated", "ab", [said("a", "x"), said("b", "y"), said("a", "z")], 0)
    out.messages[1].first_error = True
    return out


def rolled_out() -> episode_pb2.Episode:
    out = episode("rolled", "ab", [said("ab"[t % 2], f"step {t}") for t in range(5)], 0)
    for node, successes in ((0, 5), (1, 8), (2, 0), (3, 1), (4, 7)):
        out.messages[node].prefix_rollouts.trials = 8
        out.messages[node].prefix_rollouts.successes = successes
    return out


def given() -> episode_pb2.Episode:
    messages = [said(a, f"{a} works", processScore=q) for a, q in (("a", 0.5), ("a", -0.5), ("b", 0.2), ("c", -1.0))]
    out = episode("given", "abc", messages, 0.6)
    out.values.coalition_values.extend([0, 0, 0, 1, 0, 0, 0, 0.6])
    return out


def valued() -> episode_pb2.Episode:
    messages = [said("ab"[t % 2], f"part {t}", prefixValue=v) for t, v in enumerate((0.5, 0.6, 0.4, 0.8))]
    return episode("valued", "ab", messages, 1)


def bare() -> episode_pb2.Episode:
    return episode("bare", "ab", [said("a", "one"), said("b", "two")], 0.2)


EPISODES = [debate, failure, annotated, rolled_out, given, valued, bare]
FULL = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)

# The clock, and texts that say which software and options made the record, are no signals.
UNCHECKED = ("elapsed", "softwareVersion", "options")


def signed(result: dict[str, Any]) -> dict[str, Any]:
    """The result with a digest that matches its change: the numbers themselves have to give it away."""
    parsed = json_format.ParseDict(result, signal_service_pb2.EpisodeResult())
    sign(parsed.signals)
    return as_dict(parsed)


def reports(lines: list[dict[str, Any]], episodes: list[episode_pb2.Episode]) -> list[str]:
    sources = {e.id: json_format.MessageToJson(e, indent=None) for e in episodes}
    numbered = (Record(None, f"line {k}", json.dumps(line)) for k, line in enumerate(lines, 1))
    return [f"{r.subject}: {f}" for r in verify_records(numbered, sources) for f in r.findings]


def honest(source: episode_pb2.Episode) -> dict[str, Any]:
    return as_dict(signals_of(source, FULL))


def as_dict(message: Any) -> dict[str, Any]:
    out: dict[str, Any] = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return out


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in UNCHECKED:
                yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for k, item in enumerate(value):
            yield from leaves(item, (*path, k))
    else:
        yield path, value


def lists(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in UNCHECKED:
                yield from lists(item, (*path, key))
    elif isinstance(value, list):
        if value:
            yield path
        for k, item in enumerate(value):
            yield from lists(item, (*path, k))


def forged(result: dict[str, Any], path: Path_) -> dict[str, Any]:
    return result if path[-1] == "signalsSha256" else signed(result)


def replaced(value: Any, path: Path_, change: Any) -> Any:
    out = copy.deepcopy(value)
    place = out
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change
    return out


def other(path: Path_, value: Any) -> Any:
    """A different value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1 if isinstance(value, int) else value + 1e-6
    enums = {"label": signals_pb2.Label, "tier": signals_pb2.EvidenceTier, "kind": options_pb2.PreferenceKind}
    enums |= {"evidence": options_pb2.Evidence} if isinstance(value, str) else {}
    enums |= {"ballots": options_pb2.Ballots, "interval": signals_pb2.IntervalKind, "grade": signals_pb2.AnswerGrade}
    enums |= {"priorUsed": signals_pb2.PriorUsed}
    enums |= {"outcomePart": options_pb2.OutcomePart, "creditPart": options_pb2.CreditPart}
    if path[-1] in enums:
        names = enums[path[-1]].keys()
        return names[(names.index(value) + 1) % len(names)]
    if "supports" in path:
        return "QUESTION_KIND_CORRECTION"
    if path[-1] == "method":
        return "METHOD_KERNEL" if value != "METHOD_KERNEL" else "METHOD_EXACT"
    if str(path[-1]).endswith("Sha256"):
        if not value:
            return "AAAA"
        return ("B" if value[0] == "A" else "A") + value[1:]
    return value + "x"


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


def of_one_task(episodes: list[episode_pb2.Episode]) -> list[episode_pb2.Episode]:
    for k, e in enumerate(episodes):
        e.id = f"{e.id} {k}"
        e.group.id, e.group.size = "task", len(episodes)
    return episodes


def siblings() -> list[episode_pb2.Episode]:
    """Scores are all that they have in common: OUTCOME and SCORES."""
    episodes = of_one_task([valued(), bare(), failure(), valued()])
    episodes[3].outcome.score = 0
    episodes[3].messages[2].content = "another way"
    return episodes


def debates() -> list[episode_pb2.Episode]:
    """Counterfactuals throughout: CONTROL and CREDIT."""
    episodes = of_one_task([debate(), debate(), debate()])
    for e, answers in zip(episodes, (("42", "41", "42", "42"), ("42", "41", "42", "41"), ("40", "41", "41", "41"))):  # noqa: B905
        for t, answer in zip((1, 2, 4, 5), answers, strict=True):
            e.messages[t].answer = answer
    return episodes


def all_valued() -> list[episode_pb2.Episode]:
    """Values of every node, some by rollouts: OUTCOME and VALUES."""
    episodes = of_one_task([valued(), rolled_out(), valued()])
    episodes[2].messages[2].prefix_value = 0.1
    episodes[2].outcome.score = 0
    return episodes


GROUPS = [siblings, debates, all_valued]


def answered(episodes: list[episode_pb2.Episode]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    results = [signals_of(e, FULL) for e in episodes]
    return [as_dict(r) for r in results], as_dict(group_of(episodes, results, FULL))


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (siblings, ("OUTCOME_PART_OUTCOME", "CREDIT_PART_SCORES", 0.5, False)),
        (debates, ("OUTCOME_PART_CONTROL", "CREDIT_PART_CREDIT", 0.5, False)),
        (all_valued, ("OUTCOME_PART_OUTCOME", "CREDIT_PART_VALUES", None, False)),
    ],
)
def test_groups_pass_and_say_what_they_rest_on(make: Any, parts: tuple[str, str, float | None, bool]) -> None:
    episodes = make()
    results, group = answered(episodes)
    assert reports([*results, group], episodes) == []
    signals = group["signals"]
    found = (signals["outcomePart"], signals["creditPart"], signals["weight"], signals["parallel"])
    assert (*found[:2], found[2] if parts[2] is not None else None, found[3]) == parts
    assert 0 < signals["reliability"] <= 1


@pytest.mark.parametrize("make", GROUPS)
def test_every_change_of_a_group_is_found(make: Any) -> None:
    episodes = make()
    results, group = answered(episodes)
    for path, value in leaves(group):
        assert reports([*results, replaced(group, path, other(path, value))], episodes), path


def test_pairs_of_a_group_are_checked() -> None:
    episodes = siblings()
    results, group = answered(episodes)
    kinds = [pair["kind"].removeprefix("PREFERENCE_KIND_") for pair in group["signals"]["pairs"]]
    assert set(kinds) == {"SIBLING", "SUFFIX", "TRAJECTORY"}
    for changed in (group["signals"]["pairs"][1:], group["signals"]["pairs"] + group["signals"]["pairs"][:1]):
        assert reports([*results, replaced(group, ("signals", "pairs"), changed)], episodes)


def test_an_unsupported_part_that_was_answered_is_found() -> None:
    """The record of one episode says what was asked for: a part that the group cannot have is an error there."""
    episodes = siblings()
    results, group = answered(episodes)
    for result in results:
        result["signals"]["audit"]["options"]["advantages"] = {"outcome": "OUTCOME_PART_CONTROL"}
    (finding,) = [f for f in reports([*map(signed, results), group], episodes) if f.startswith("group")]
    assert "FAILED_PRECONDITION" in finding
    assert "CONTROL" in finding


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
