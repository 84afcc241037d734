"""The log format: one table that this reader and the C++ client's are held to (tests/data/log_records.jsonl)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay_rl import Episode
from assay_rl.convert import ConversionError, from_record
from assay_rl.convert.json_values import decode

TABLE = Path(__file__).resolve().parents[3] / "tests" / "data" / "log_records.jsonl"
ROWS = [json.loads(line) for line in TABLE.open(encoding="utf-8", newline="\n")] if TABLE.is_file() else []


@pytest.mark.skipif(not ROWS, reason="outside the repository")
@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_the_table_that_the_cpp_client_reads(row: dict[str, Any]) -> None:
    record = decode(row["record"])
    context = [row["context"]] if "context" in row else []

    def read() -> Episode:
        return from_record(record, keep_labels="drop_labels" not in row, context_agents=context)

    if "error" in row:
        with pytest.raises(ConversionError) as raised:
            read()
        assert row["error"] == str(raised.value)
    else:
        expected = Episode.from_json(row["episode"]).to_proto()
        assert read().to_proto() == expected
