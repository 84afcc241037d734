"""What `assay fit` makes of one kind of runs, asked about others: nothing is claimed, and the order of suspects is at
least as good as that of the best predictor that reads nothing.

Skipped where the shared data is absent.
"""

from __future__ import annotations

import gzip
import json
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assayd import SHARED, command, needs_assayd, running
from google.protobuf import json_format

from assay_rl import Client, Episode, Scored
from assay_rl.convert import from_record
from assay_rl.v1 import options_pb2, signals_pb2

DATA = SHARED / "data"
pytestmark = [
    needs_assayd,
    pytest.mark.skipif(command() is None, reason="the C++ command line is not built"),
    pytest.mark.skipif(not (DATA / "whowhen_ag.jsonl.gz").is_file(), reason="skipped: no shared data"),
]


def records(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def wrong(record: dict[str, Any], message: dict[str, Any]) -> bool:
    """Whether the program that the message holds fails, or its answer is another than the reference."""
    if "hidden_pass" in message:
        return message["hidden_pass"] == 0
    answer = message.get("answer")
    return answer is not None and answer != record["reference_answer"]


def failures(name: str) -> list[tuple[Episode, int]]:
    """Failed runs and their first wrong messages, where there is one."""
    found = []
    for record in records(name):
        first = next((t for t, m in enumerate(record["messages"]) if wrong(record, m)), None)
        if not record["outcome"] and first is not None:
            found.append((from_record(record), first))
    return found


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> options_pb2.FittedPrior:
    path = tmp_path_factory.mktemp("fit") / "prior.json"
    words = ["fit", "--input-format=log", f"--labels=talks={DATA / 'whowhen_ag.jsonl.gz'}", f"--output={path}"]
    subprocess.run([str(command()), *words], check=True, capture_output=True)
    return json_format.Parse(Path(path).read_text(), options_pb2.FittedPrior())


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running() as server, Client(server.target, deadline=300) as connected:
        yield connected


@pytest.mark.parametrize("name", ["dylan_humaneval_gpt_35_turbo_0301", "dylan_mmlu_7agents"])
def test_a_prior_of_talks_is_foreign_to_debates(name: str, client: Client, fitted: options_pb2.FittedPrior) -> None:
    asked = failures(name)
    options = options_pb2.AttributionOptions(outcome=options_pb2.OutcomeOnly())
    options.first_error.fitted.CopyFrom(fitted)
    batch = client.score_batch([episode for episode, _ in asked], options=options)
    found = {o.episode_id: o.signals.proto for o in batch.outcomes if isinstance(o, Scored)}
    assert len(found) == len(asked) > 20
    named, gain = 0, 0.0
    for episode, first in asked:
        signals = found[episode.id]
        assert signals.first_error.prior_used == signals_pb2.PRIOR_USED_FLAT
        assert signals.first_error.tier == signals_pb2.EVIDENCE_TIER_NONE
        assert not signals.first_error.HasField("first_index")
        assert signals.first_error.agent_id == ""
        shares = {m.index: m.first_error_probability for m in signals.messages}
        assert max(shares.values()) - min(shares.values()) < 1e-4, "the order changes no share"
        named += max(shares, key=lambda t: shares[t]) == first
        gain += math.log(shares[first] * len(shares) / sum(shares.values()))
    share = sum(first == 0 for _, first in asked) / len(asked)  # of the best predictor that reads nothing
    assert named / len(asked) >= share - 1.96 * math.sqrt(share * (1 - share) / len(asked))
    assert gain / len(asked) > -1e-5
