"""`assay verify` finds every result right, and finds each single change of one."""

from __future__ import annotations

import copy
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay_process import ROOT, Server, data_or_skip

SAMPLES = sorted((ROOT / "tests/data/samples").glob("*.jsonl"))
CHANGES = 200
TEXT_CHANGES = 50
# What is not the server's word on the episode: how long it took.
UNPROVED = {"elapsed"}


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all numbers, strings and booleans inside."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in UNPROVED:
                yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def changed(value: Any, rng: random.Random) -> Any:
    """Another value of the same type, by as little as the type allows."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + rng.choice((-1, 1)) if value > 0 else value + 1
    if isinstance(value, float):
        return value * (1 + 2**-52)
    if value.startswith("LABEL_"):
        return "LABEL_REPAIR" if value != "LABEL_REPAIR" else "LABEL_SOUND"
    if value.startswith("METHOD_"):
        return "METHOD_KERNEL"
    if value.lstrip("-").isdigit():
        return str(int(value) + 1)
    return value + "x" if value[-1:] != "=" else "AAAA" + value[4:]


def change_one(result: Any, rng: random.Random) -> tuple[Any, str]:
    path = rng.choice(list(leaves(result["signals"], ("signals",))))
    twin = copy.deepcopy(result)
    place = twin
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = changed(place[path[-1]], rng)
    return twin, ".".join(map(str, path))


def verify(episodes: Path, results: list[Any], *flags: str) -> tuple[int, list[str]]:
    lines = "".join(json.dumps(result) + "\n" for result in results).encode()
    run = subprocess.run(
        [os.environ["ASSAY"], "verify", f"--episodes={episodes}", *flags], input=lines, capture_output=True, check=False
    )
    wrong = run.stdout.decode().splitlines()
    # Only some of the episodes' results are given at a time.
    return run.returncode, [line for line in wrong if not line.endswith(": has no result")]


def check_right(episodes: Path, results: list[Any], *flags: str) -> None:
    code, wrong = verify(episodes, results, *flags)
    assert code == 0 and not wrong, wrong[:5]


def check_changes(episodes: Path, results: list[Any], *flags: str) -> None:
    rng = random.Random(7)
    for count in range(CHANGES):
        twin, path = change_one(rng.choice(results), rng)
        code, wrong = verify(episodes, [twin], *flags)
        assert code == 1 and len(wrong) == 1, f"change {count} of {path} was not found"


def check_changed_text(lines: list[bytes], results: list[Any]) -> None:
    """The text of an episode is under the seal too."""
    by_id = {result["episodeId"]: result for result in results if "episodeId" in result}
    for line in lines:
        episode = json.loads(line)
        episode["messages"][0]["content"] += "."
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write(json.dumps(episode) + "\n")
            file.flush()
            code, wrong = verify(Path(file.name), [by_id[episode["id"]]])
        assert code == 1 and len(wrong) == 1, episode["id"]


def named(line: str, results: list[Any]) -> str:
    """The episode that a line of `assay verify` is about: a result that does not parse has a line number only."""
    subject = line.removeprefix("WRONG ").split(": ")[0]
    place, _, number = subject.rpartition(":")
    if place and number.isdigit():  # FILE:LINE
        return str(results[int(number) - 1]["episodeId"])
    return subject.removeprefix("episode ")


def check_changes_among(episodes: Path, results: list[Any], count: int) -> None:
    """One change in each of `count` results: all of these are named, and no other."""
    rng = random.Random(11)
    chosen = rng.sample(range(len(results)), count)
    twins = list(results)
    paths = {}
    for index in chosen:
        twins[index], path = change_one(results[index], rng)
        paths[results[index]["episodeId"]] = path
    code, wrong = verify(episodes, twins, "--input-format=log")
    found = {named(line, results) for line in wrong}
    missed = {name: path for name, path in paths.items() if name not in found}
    assert code == 1 and not missed, f"not found: {missed}"
    assert len(wrong) == count, f"{len(wrong)} wrong of {count}: {found - paths.keys()}"


def check_changed_records(path: Path, results: list[Any], count: int) -> None:
    """The text of `count` logged episodes, changed by a character."""
    rng = random.Random(13)
    records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    chosen = rng.sample(records, count)
    for record in chosen:
        rng.choice(record["messages"])["content"] += "."
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
        file.flush()
        code, wrong = verify(Path(file.name), results, "--input-format=log")
    found = {named(line, results) for line in wrong}
    assert code == 1 and found == {record["id"] for record in chosen}, wrong[:5]


def main() -> int:
    full = {"audit": "AUDIT_FULL"}
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.jsonl"
        samples.write_bytes(b"".join(path.read_bytes() for path in SAMPLES))
        results = server.signals(samples.read_bytes(), full)
        check_right(samples, results)
        check_changes(samples, [r for r in results if "episodeId" in r])
        check_changed_text(samples.read_bytes().splitlines(), results)
        print(f"{len(results)} results of the samples, {CHANGES} changes")
        for name in ("dylan_mmlu_7agents", "dylan_mmlu_3agents", "dylan_math_complex"):
            (path,) = data_or_skip(f"{name}.jsonl.gz")
            results = server.signals(path.read_bytes(), full, "--input-format=log")
            check_right(path, results, "--input-format=log")
            check_changes_among(path, results, CHANGES)
            check_changed_records(path, results, TEXT_CHANGES)
            print(f"{len(results)} results of {name}, {CHANGES} changes, {TEXT_CHANGES} of texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
