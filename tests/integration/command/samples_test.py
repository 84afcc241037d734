"""The sample episodes, sent as a newcomer would."""

from __future__ import annotations

import json
import sys
from typing import Any

from assay_process import ROOT, Server

SAMPLES = ROOT / "tests/data/samples"


def by_id(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {r["episodeId"]: r["signals"] for r in results if "episodeId" in r}


def labels(signals: dict[str, Any]) -> list[str]:
    return [message["label"].removeprefix("LABEL_") for message in signals["messages"]]


def credit(signals: dict[str, Any]) -> dict[str, float]:
    return {agent["agentId"]: agent["credit"] for agent in signals["agents"]}


def close(value: float, expected: float) -> bool:
    return abs(value - expected) <= 1e-12


def check_newcomer(server: Server) -> None:
    signals = by_id(server.signals((SAMPLES / "newcomer.jsonl").read_bytes()))["newcomer-1"]
    assert any(message["reward"] > 0 for message in signals["messages"]), signals
    assert signals["evidence"] != "EVIDENCE_UNSPECIFIED", signals
    assert signals["effort"]["evaluator"] == "outcome", signals


def check_debate(server: Server) -> None:
    results = server.signals((SAMPLES / "debate.jsonl").read_bytes())
    signals = by_id(results)
    # Last ballots 367, 366, 367 of which 367 is right: the team wins without ben or with him.
    assert close(sum(credit(signals["debate-1"]).values()), 1), signals
    assert credit(signals["debate-1"])["ben"] < 0 < credit(signals["debate-1"])["ada"], signals
    assert credit(signals["debate-2"])["cleo"] > 0, signals
    (group,) = (r["signals"] for r in results if "groupId" in r)
    assert group["used"] == 2, group
    outcome = {e["episodeId"]: e["outcomeAdvantage"] for e in group["episodes"]}
    assert outcome["debate-1"] > 0.99 and outcome["debate-2"] < -0.99, group


def check_lost_debate(server: Server) -> None:
    results = server.signals((SAMPLES / "lost_debate.jsonl").read_bytes())
    signals = by_id(results)
    (group,) = (r["signals"] for r in results if "groupId" in r)
    for right, id in enumerate(("lost-1", "lost-2", "lost-3")):
        messages = signals[id]["messages"]
        assert [m["grade"] == "ANSWER_GRADE_RIGHT" for m in messages] == [t == right for t in range(3)], messages
        assert [m["reward"] > 0 for m in messages] == [t == right for t in range(3)], messages
        assert close(sum(m["reward"] for m in messages), -1), messages
        (advantages,) = (e["messages"] for e in group["episodes"] if e["episodeId"] == id)
        assert [m["advantage"] > 0 for m in advantages] == [t == right for t in range(3)], group


def check_coding(server: Server) -> None:
    # E2 of proto/signals.md#worked-examples.
    values = credit(by_id(server.signals((SAMPLES / "coding_team.jsonl").read_bytes()))["coding-1"])
    expected = {"architect": 11 / 30, "coder": 11 / 30, "optimizer": -2 / 15}
    assert all(close(values[agent], value) for agent, value in expected.items()), values


def check_research(server: Server) -> None:
    signals = by_id(server.signals((SAMPLES / "research_team.jsonl").read_bytes()))["research-1"]
    assert signals["firstError"]["firstIndex"] == 1, signals
    assert signals["firstError"]["decisiveIndex"] == 4, signals
    found = labels(signals)
    assert (found[1], found[3], found[4]) == ("FIRST_ERROR", "REPAIR", "ERROR"), found
    rewards = [message["reward"] for message in signals["messages"]]
    assert rewards[1] < 0 < rewards[3] and rewards[4] < 0, rewards


def check_pipeline(server: Server) -> None:
    signals = by_id(server.signals((SAMPLES / "pipeline.jsonl").read_bytes()))
    assert signals["pipeline-1"]["firstError"]["firstIndex"] == 1, signals
    assert all(m["reward"] > 0 for m in signals["pipeline-2"]["messages"]), signals


def check_command_line(server: Server) -> None:
    info = server.assay("info")
    assert info.returncode == 0 and json.loads(info.stdout)["limits"], info
    lines = b'{"id": "a", "agents": [{"id": "x"}], "messages": [{"agentId": "y"}]}\nnot json\n'
    errors = [result["error"] for result in server.signals(lines, expect=2)]
    assert len(errors) == 2 and {error["code"] for error in errors} == {3}, errors
    paths = [v["field"] for error in errors for v in error["violations"]]
    assert "messages[0].agent_id" in paths, errors
    bad = server.assay("signals", "--options=/does/not/exist")
    assert bad.returncode == 2 and "cannot read" in bad.stderr, bad


def check_metrics(server: Server) -> None:
    answered = [
        line
        for line in server.metrics().splitlines()
        if line.startswith("assay_conservation_error_count")
    ]
    assert answered and float(answered[0].split()[-1]) == 10, answered


def main() -> int:
    with Server() as server:
        check_newcomer(server)
        check_debate(server)
        check_lost_debate(server)
        check_coding(server)
        check_research(server)
        check_pipeline(server)
        check_metrics(server)
        check_command_line(server)
    print("the samples get the signals that they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
