"""Failures with a human's label.

With the label as annotation the first error is the labelled one; with it withheld, and no other
evidence, nothing is claimed.
"""

from __future__ import annotations

import gzip
import json
import sys
from typing import Any

from assay_process import Server, data_or_skip

BLAMED = {"LABEL_FIRST_ERROR", "LABEL_ERROR", "LABEL_FAILURE_ALIGNED"}


def check_annotated(record: dict[str, Any], signals: dict[str, Any]) -> None:
    index = record["label"]["first_error_index"]
    error = signals["firstError"]
    assert error["firstIndex"] == index, error
    assert error["agentId"] == record["messages"][index]["agent"], error
    assert error["tier"] == "EVIDENCE_TIER_ANNOTATION", error
    labels = {message["index"]: message["label"] for message in signals["messages"]}
    assert labels[index] == "LABEL_FIRST_ERROR", labels
    for other, label in labels.items():
        if other < index:
            assert label == "LABEL_SOUND", (other, labels)
        if other > index:
            assert label != "LABEL_FIRST_ERROR" and label != "LABEL_SOUND", (other, labels)


def check_ledger(signals: dict[str, Any]) -> None:
    ledger = signals["conservation"]
    rewards = sum(message["reward"] for message in signals["messages"])
    assert abs(ledger["target"] + 1) < 1e-12, ledger
    assert abs(rewards + ledger["unallocated"] - ledger["target"]) <= 1e-9, ledger
    assert ledger["error"] <= 1e-9, ledger
    assert all(abs(message["reward"]) <= 2 for message in signals["messages"])


def main() -> int:
    (path,) = data_or_skip("whowhen_ag.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        records = {record["id"]: record for record in map(json.loads, lines)}
    with Server() as server:
        kept = server.signals(path.read_bytes(), None, "--input-format=log")
        dropped = server.signals(path.read_bytes(), None, "--input-format=log", "--labels=drop")
    for results in (kept, dropped):
        assert sorted(result["episodeId"] for result in results) == sorted(records)
    for result in kept:
        check_annotated(records[result["episodeId"]], result["signals"])
        check_ledger(result["signals"])
    for result in dropped:
        error = result["signals"]["firstError"]
        assert "firstIndex" not in error and "decisiveIndex" not in error, error
        assert error["tier"] == "EVIDENCE_TIER_NONE", error
        check_ledger(result["signals"])
    print(f"{len(kept)} labelled failures, with and without their labels")
    return 0


if __name__ == "__main__":
    sys.exit(main())
