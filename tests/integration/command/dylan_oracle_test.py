"""Vote replay over every DyLAN episode gives the exact Shapley values of the oracle files."""

from __future__ import annotations

import gzip
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from assay_process import Server, data_or_skip

# File, and whether a message without an answer is a ballot for "none".
FILES = {"dylan_mmlu_7agents": True, "dylan_mmlu_3agents": True, "dylan_math_complex": False}
MODES = {
    "first": "BALLOTS_FIRST",
    "last": "BALLOTS_LAST",
    "lastround": "BALLOTS_LAST_ROUND",
}
TOLERANCE = 1e-12


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def largest_error(oracle: dict[str, Any], mode: str, signals: dict[str, Any]) -> float:
    agents = signals["agents"]
    if [agent["agentId"] for agent in agents] != oracle["agents"]:
        raise AssertionError(f"{oracle['id']}: other agents than the oracle's")
    credits = [Fraction(value) for value in oracle[f"shapley_{mode}"]]
    errors = [abs(Fraction(a["credit"]) - c) for a, c in zip(agents, credits, strict=True)]
    errors.append(abs(Fraction(signals["grandValue"]) - Fraction(oracle[f"v_N_{mode}"])))
    return float(max(errors))


def check_results(name: str, mode: str, results: list[dict[str, Any]], oracles: list[Any]) -> float:
    by_id = {result["episodeId"]: result["signals"] for result in results}
    if len(results) != len(oracles) or by_id.keys() != {oracle["id"] for oracle in oracles}:
        raise AssertionError(f"{name} {mode}: {len(results)} results for {len(oracles)} episodes")
    worst = 0.0
    for oracle in oracles:
        signals = by_id[oracle["id"]]
        error = largest_error(oracle, mode, signals)
        if error > TOLERANCE:
            raise AssertionError(f"{oracle['id']} {mode}: credit off by {error}")
        if signals["conservation"]["error"] > 1e-9:
            raise AssertionError(f"{oracle['id']} {mode}: not conserved")
        if any(abs(message["reward"]) > 2 for message in signals["messages"]):
            raise AssertionError(f"{oracle['id']} {mode}: a reward beyond the bound")
        worst = max(worst, error)
    return worst


def main() -> int:
    data_or_skip(*(f"{kind}{name}.jsonl.gz" for name in FILES for kind in ("", "oracle_")))
    total = 0
    with Server() as server:
        for name, empty_ballots in FILES.items():
            records, oracle_path = data_or_skip(f"{name}.jsonl.gz", f"oracle_{name}.jsonl.gz")
            oracles = read(oracle_path)
            for mode, ballots in MODES.items():
                options = {"vote": {"ballots": ballots, "emptyBallots": empty_ballots}}
                flags = ("--input-format=log", "--streams=2")
                results = server.signals(records.read_bytes(), options, *flags)
                worst = check_results(name, mode, results, oracles)
                total += len(results)
                print(f"{name} {mode}: {len(results)} episodes, largest error {worst:.1e}")
    print(f"{total} episodes agree with the oracles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
