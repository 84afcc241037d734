"""Throughput and memory of importing and of the report. Not a test: run it on an idle machine.

    python tests/benchmark_convert.py [--megabytes 100] [FORMAT...]

For each format it writes a file of that size with invented texts, runs the command in a process of its own, and prints
MB of input a second and the most memory that the process held.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trace_writers import atif, openinference, otel_genai, verifiers

from assay_rl import Episode, Message, Task
from assay_rl.v1 import signal_service_pb2

WORDS = [w + s for w in "archive ledger lantern meadow orchard parcel turbine viaduct".split() for s in ("", "s", "ed")]  # noqa: SIM905


def text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def episodes(rng: random.Random) -> Iterator[Episode]:
    """Teams of three over twelve messages of about 120 words, and four results of tools."""
    number = 0
    while True:
        number += 1
        messages = [
            Message("" if k % 4 == 3 else ("planner", "writer", "critic")[k % 3], text(rng, rng.randint(40, 200)))
            for k in range(16)
        ]
        yield Episode(f"e{number}", messages, task=Task("", text(rng, 30), "42"), score=float(rng.random() < 0.5))


def chat(episode: Episode) -> dict[str, Any]:
    said = [
        {"role": "assistant", "name": m.agent, "content": m.content}
        if m.agent
        else {"role": "tool", "content": m.content}
        for m in episode.messages
    ]
    return {"id": episode.id, "messages": [{"role": "user", "content": episode.task.prompt}, *said], "outcome": 1}


def autogen(episode: Episode) -> dict[str, Any]:
    said = [{"source": m.agent or "user", "type": "TextMessage", "content": m.content} for m in episode.messages]
    return {"id": episode.id, "messages": said, "outcome": 1}


def log(episode: Episode) -> dict[str, Any]:
    said = [{"agent": m.agent, "content": m.content} for m in episode.messages]
    return {"id": episode.id, "task": episode.task.prompt, "outcome": 1, "messages": said}


def one_trace_each(write: Callable[[Episode], dict[str, Any]]) -> Callable[[Episode], dict[str, Any]]:
    """Spans of a file are told apart by their trace's id."""

    def written(episode: Episode) -> dict[str, Any]:
        return json.loads(json.dumps(write(episode)).replace("5b8efff798038103d269b633813fc60c", episode.id))  # type: ignore[no-any-return]

    return written


FORMATS: dict[str, Callable[[Episode], dict[str, Any]]] = {
    "openai": chat,
    "autogen": autogen,
    "log": log,
    "episode": lambda e: json.loads(e.to_json()),
    "verifiers": verifiers,
    "atif": atif,
    "otel": one_trace_each(otel_genai),
    "openinference": openinference,
}


def write(path: Path, form: str, megabytes: int, layout: str) -> None:
    size, rng, separator = 0, random.Random(1), "[\n" if layout == "list" else ""
    with path.open("w", encoding="utf-8") as out:
        for episode in episodes(rng):
            record = FORMATS[form](episode)
            line = json.dumps(record, indent=1) if layout == "pretty" else json.dumps(record)
            size += out.write(separator + line)
            separator = ",\n" if layout == "list" else "\n"
            if size > megabytes << 20:
                break
        out.write("\n]" if layout == "list" else "\n")


def measured(arguments: list[str]) -> tuple[float, float]:
    """Seconds and the most MB that a run of the command held."""
    code = (
        "import resource, sys; from assay_rl.__main__ import main; code = main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - start
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    processor = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
    return min(processor, wall), int(done.stderr.split()[-1]) / 1024


def signals_of(path: Path, out: Path) -> None:
    """Plain results for the report: an invented reward a message."""
    with path.open(encoding="utf-8") as lines, out.open("w", encoding="utf-8") as signals:
        for line in lines:
            record = json.loads(line)
            result = signal_service_pb2.EpisodeResult(episode_id=record["id"])
            result.signals.score = 1
            for index, message in enumerate(record["messages"]):
                if message.get("agentId"):
                    result.signals.messages.add(index=index, agent_id=message["agentId"], reward=0.1)
            from google.protobuf import json_format

            signals.write(json_format.MessageToJson(result, indent=None) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", default=[*FORMATS, "report"])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--layouts", default="lines", help="lines,list,pretty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for form in arguments.formats:
            for layout in arguments.layouts.split(",") if form != "report" else ["lines"]:
                path = Path(scratch) / "input.json"
                write(path, "episode" if form == "report" else form, arguments.megabytes, layout)
                size = path.stat().st_size / 1e6
                if form == "report":
                    signals_of(path, Path(scratch) / "signals.jsonl")
                    seconds, memory = measured(
                        ["report", f"{scratch}/signals.jsonl", "--episodes", str(path), "-o", f"{scratch}/report.html"]
                    )
                else:
                    seconds, memory = measured(["convert", form, str(path), "-o", f"{scratch}/out.jsonl"])
                speed = f"{seconds:6.1f} s  {size / seconds:6.1f} MB/s"
                print(f"{form:<14} {layout:<7} {size:6.1f} MB  {speed}  {memory:6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
