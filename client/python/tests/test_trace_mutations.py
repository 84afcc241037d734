"""Mutated records: never a crash, never an empty episode without an error, never a text lost without a word."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from traces import CASES, DATA

from assay_rl.convert.files import FORMATS, FileError, Summary, read_episodes

MUTANTS = int(os.environ.get("ASSAY_MUTANTS", "60"))  # of each record
SEED = os.environ.get("ASSAY_SEED", "")
OTHERS: tuple[Any, ...] = (None, 0, 7, -1.5, True, "", "other", [], {}, [None], [[]], ["x", {"y": 1}], {"x": {"y": []}})


def records() -> Iterator[Any]:
    paths = sorted([*(DATA / "traces").iterdir(), *(DATA / "recorded").iterdir()]) + (
        sorted(CASES.glob("*.jsonl")) if CASES.is_dir() else []
    )
    for path in paths:
        if path.suffix not in (".log", ".txt"):
            yield pytest.param(path, id=f"{path.parent.parent.name}-{path.stem}")


def values_of(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside a value."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield (*place, key)
            yield from places(held, (*place, key))
    elif isinstance(value, list):
        for k, held in enumerate(value):
            yield (*place, k)
            yield from places(held, (*place, k))


def mutate(values: list[Any], rng: random.Random) -> list[Any]:
    """One to three changes: a part taken out, emptied, replaced, said twice, or the order of a list or of keys."""
    mutant = copy.deepcopy(values)
    for _ in range(rng.randint(1, 3)):
        found = list(places(mutant))
        if not found:
            break
        *way, last = rng.choice(found)
        holder: Any = mutant
        for key in way:
            holder = holder[key]
        change = rng.randrange(6)
        if change == 0:
            del holder[last]
        elif change == 1:
            holder[last] = None
        elif change == 2:
            holder[last] = copy.deepcopy(rng.choice(OTHERS))
        elif change == 3 and isinstance(holder, list):
            holder.insert(last, copy.deepcopy(holder[last]))
        elif change == 4 and isinstance(holder, list):
            rng.shuffle(holder)
        elif isinstance(holder, dict):
            keys = list(holder)
            rng.shuffle(keys)
            shuffled = {key: holder[key] for key in keys}
            holder.clear()
            holder.update(shuffled)
    return mutant


def agents_texts(path: Path, form: str) -> set[str]:
    """What agents say in the record as it was, line by line."""
    return {
        line
        for episode in read_episodes(str(path), form)
        for message in episode.messages
        if message.agent
        for line in message.content.removeprefix("[reasoning] ").removeprefix("[refusal] ").splitlines()
        if len(line) > 8 and not line.startswith(("[tool_call]", "[text not", "[image", "[reasoning]"))
    }


def write(values: list[Any], path: Path) -> None:
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")


@pytest.mark.parametrize("path", list(records()))
def test_mutants_are_read_or_refused(path: Path, tmp_path: Path) -> None:
    summary = Summary()
    list(read_episodes(str(path), "auto", summary=summary))
    (form,) = summary.formats
    texts = agents_texts(path, form)
    values = values_of(path)
    rng = random.Random(path.stem + SEED)
    read = 0
    for k in range(MUTANTS):
        mutant = mutate(values, rng)
        target = tmp_path / "mutant.jsonl"
        write(mutant, target)
        told = Summary()
        try:
            episodes = list(read_episodes(str(target), form, summary=told))
        except FileError:
            continue
        read += 1
        assert episodes, k
        said = []
        for episode in episodes:
            assert any(message.agent for message in episode.messages), k
            assert all(message.content for message in episode.messages if message.agent), k
            said += [message.content for message in episode.messages]
            episode.to_proto()
        whole = "\n".join(said)
        held = json.dumps(mutant, ensure_ascii=False)
        for text in texts:
            lost = json.dumps(text, ensure_ascii=False)[1:-1] in held and text not in whole
            assert not lost or told.dropped != summary.dropped or told.notes, (k, text)
    assert read > MUTANTS // 10, "nearly all mutants were refused"


def test_nothing_that_looks_for_a_format_crashes() -> None:
    rng = random.Random(3)
    for parameter in records():
        values = values_of(parameter.values[0])
        for _ in range(20):
            for value in mutate(values, rng):
                for form in FORMATS.values():
                    assert form.is_one(value) in (True, False)
