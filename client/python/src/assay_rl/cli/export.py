"""assay-rl export: training sets from signals (the output of `assay-rl signals` or `assay signals`)."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from assay_rl.cli.inputs import add_format, choices_of
from assay_rl.convert.files import FileError, output_file, read_episodes, read_outcomes
from assay_rl.training import exports, layouts

# What --trainer and --conversational lay out, and what LLaMA-Factory's dataset_info.json calls it.
_LAID_OUT: dict[str, tuple[Callable[[exports.Material, str, bool], Iterable[exports.Row]], str]] = {
    "dpo": (layouts.pairs, "pairs"),
    "kto": (layouts.singles, "singles"),
}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay-rl export", description=__doc__)
    parser.add_argument("format", choices=["dpo", "kto", "prm", "step-dpo", "tokens"])
    parser.add_argument("signals", help="JSON lines of EpisodeResult and GroupResult; - is standard input")
    parser.add_argument("--episodes", required=True, metavar="FILE", help="the episodes that were scored")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output; tokens: *.arrow or *.npz")
    parser.add_argument(
        "--after-error", choices=["mask", "propagate", "soft"], default="mask", help="prm: steps after the first error"
    )
    parser.add_argument("--where", choices=["last", "every", "spread"], default="every", help="tokens: of a message")
    parser.add_argument(
        "--trainer", choices=layouts.TRAINERS, default="trl", help="dpo, kto: whose rows to write (default: trl)"
    )
    parser.add_argument(
        "--conversational", action="store_true", help="dpo, kto: chats with the author as the assistant, not texts"
    )
    add_format(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Exit code 0 where at least one row was written, 1 where the signals held none, 2 for bad input."""
    arguments = parser().parse_args(argv)
    if arguments.format not in _LAID_OUT and (arguments.trainer != "trl" or arguments.conversational):
        parser().error(f"--trainer and --conversational go with dpo and kto, not with {arguments.format}")
    try:
        material = exports.Material.of(
            read_episodes(arguments.episodes, arguments.input_format, choices_of(arguments)),
            read_outcomes(arguments.signals),
        )
        if arguments.format == "tokens":
            written = _write_tokens(list(exports.token_advantages(material, arguments.where)), arguments.output)
        elif arguments.format == "prm":
            written = _write_lines(exports.prm(material, arguments.after_error), arguments.output)
        elif arguments.format == "step-dpo":
            written = _write_lines(exports.step_dpo(material), arguments.output)
        else:
            write, kind = _LAID_OUT[arguments.format]
            rows = write(material, arguments.trainer, arguments.conversational)
            written = _write_lines(rows, arguments.output)
            if arguments.trainer == "llamafactory":
                file = Path(arguments.output or "rows.jsonl").name
                entry = layouts.dataset_info("assay", file, kind, arguments.conversational)
                print(f"dataset_info.json: {json.dumps(entry)}", file=sys.stderr)
    except (FileError, exports.ExportError, layouts.LayoutError, OSError) as failure:
        print(f"assay-rl export: {failure}", file=sys.stderr)
        return 2
    return 0 if written else 1


def _write_lines(rows: Iterable[exports.Row], output: str | None) -> int:
    """Writes the rows, and tells on standard error how many there are, how large, and of which kinds."""
    written = size = longest = 0
    kinds: Counter[str] = Counter()
    with output_file(output) as out:
        for row in rows:
            line = json.dumps(row, ensure_ascii=False)
            print(line, file=out)
            written, size, longest = written + 1, size + len(line) + 1, max(longest, len(line))
            kinds.update(_kinds(row))
    of = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(f"{written} rows, {size} characters, the longest {longest}" + (f": {of}" if of else ""), file=sys.stderr)
    return written


def _kinds(row: exports.Row) -> list[str]:
    """What people want counted of a row: its kind of pair, or whether what it holds is wanted."""
    if "kind" in row:
        return [str(row["kind"])]
    label = row.get("label", row.get("kto_tag"))
    labels = row.get("labels", [] if label is None else [label])
    return ["right" if value else "wrong" for value in labels if isinstance(value, bool)]


def _write_tokens(samples: list[exports.TokenValues], output: str | None) -> int:
    suffix = Path(output or "").suffix
    if suffix == ".npz":
        _write_npz(samples, str(output))
    elif suffix in (".arrow", ".feather"):
        _write_arrow(samples, str(output))
    else:
        raise exports.ExportError("tokens go to a file: -o FILE.arrow or -o FILE.npz")
    print(f"{len(samples)} rows, {sum(len(s.values) for s in samples)} tokens", file=sys.stderr)
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
