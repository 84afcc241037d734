"""assay-rl export: training sets from signals (the output of `assay-rl signals` or `assay signals`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from assay_rl.cli.common import choices_of, fail
from assay_rl.cli.flags import Arguments, UsageError
from assay_rl.convert.files import FileError, output_file, read_episodes, read_outcomes
from assay_rl.training import exports

_JSON_LINES: dict[str, Callable[[exports.Material], Iterable[exports.Row]]] = {
    "dpo": exports.dpo,
    "kto": exports.kto,
    "step-dpo": exports.step_dpo,
}
KINDS = ("dpo", "kto", "prm", "step-dpo", "tokens")


def run(arguments: Arguments) -> int:
    """0 at least one row was written, 1 the signals held none, 2 a file cannot be read."""
    kind, signals = arguments.names
    if kind not in KINDS:
        raise UsageError(f"export takes {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if not arguments.has("episodes"):
        raise UsageError("export needs --episodes=FILE")
    output = arguments.text("output") or None
    try:
        material = exports.Material.of(
            read_episodes(arguments.text("episodes"), arguments.text("input-format"), choices_of(arguments)),
            read_outcomes(signals),
        )
        if kind == "tokens":
            where = cast("Any", arguments.text("where"))
            written = _write_tokens(list(exports.token_advantages(material, where)), output)
        elif kind == "prm":
            written = _write_lines(exports.prm(material, cast("Any", arguments.text("after-error"))), output)
        else:
            written = _write_lines(_JSON_LINES[kind](material), output)
    except (FileError, exports.ExportError, OSError) as failure:
        return fail(failure)
    print(f"{written} rows", file=sys.stderr)
    return 0 if written else 1


def _write_lines(rows: Iterable[exports.Row], output: str | None) -> int:
    written = 0
    with output_file(output) as out:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False), file=out)
            written += 1
    return written


def _write_tokens(samples: list[exports.TokenValues], output: str | None) -> int:
    suffix = Path(output or "").suffix
    if suffix == ".npz":
        _write_npz(samples, str(output))
    elif suffix in (".arrow", ".feather"):
        _write_arrow(samples, str(output))
    else:
        raise exports.ExportError("tokens go to a file: -o FILE.arrow or -o FILE.npz")
    return len(samples)


def _write_npz(samples: list[exports.TokenValues], output: str) -> None:
    """Ragged rows as one flat array: sample i is values[offsets[i]:offsets[i + 1]]."""
    import numpy as np

    offsets = np.cumsum([0, *(len(s.values) for s in samples)])
    values: Any = [v for s in samples for v in s.values]
    mask: Any = [m for s in samples for m in s.mask]
    np.savez_compressed(
        output,
        episode_id=np.array([s.episode_id for s in samples], dtype=str),
        sample_id=np.array([s.sample_id for s in samples], dtype=str),
        offsets=offsets.astype(np.int64),
        advantages=np.array(values, dtype=np.float64),
        mask=np.array(mask, dtype=np.bool_),
    )


def _write_arrow(samples: list[exports.TokenValues], output: str) -> None:
    """Arrow IPC file: episode_id, sample_id, advantages (list<double>), mask (list<bool>)."""
    import pyarrow as pa

    schema = pa.schema(
        [
            ("episode_id", pa.string()),
            ("sample_id", pa.string()),
            ("advantages", pa.list_(pa.float64())),
            ("mask", pa.list_(pa.bool_())),
        ]
    )
    table = pa.Table.from_pylist(
        [
            {"episode_id": s.episode_id, "sample_id": s.sample_id, "advantages": s.values, "mask": s.mask}
            for s in samples
        ],
        schema=schema,
    )
    with pa.OSFile(output, "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table)
