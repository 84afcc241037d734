"""Groups that are put together from real debates: both verifiers agree with the server, and find every change."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from assayd import HANGS, REPOSITORY, binary, needs_assayd, records, running
from google.protobuf import json_format
from google.protobuf.message import Message as Proto
from verify_episodes import episode_of

import assay_rl
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2
from assay_rl.verify import check_episode
from assay_rl.verify.check_group import check_group
from assay_rl.verify.records import ResultLine, parse_result, signals_digest

pytestmark = needs_assayd

GROUPS, SIZE = 200, 16
LETTERS = "ABCD"


def permuted(record: dict[str, object], reference: str, draw: random.Random) -> episode_pb2.Episode:
    """The debate with its choice letters permuted so that `reference` is right, in answers and texts."""
    episode = episode_of(record)
    others = [letter for letter in LETTERS if letter != reference]
    draw.shuffle(others)
    renamed = {episode.task.reference_answer: reference}
    renamed |= dict(zip([x for x in LETTERS if x not in renamed], others, strict=True))
    for message in episode.messages:
        message.content = re.sub(r"\b([ABCD])\b", lambda found: renamed[found[1]], message.content)
        if message.HasField("answer"):
            message.answer = renamed.get(message.answer, message.answer)
    episode.task.Clear()
    episode.task.prompt, episode.task.reference_answer = "Which one is right?", reference
    episode.ClearField("outcome")
    return episode


def groups_of_debates() -> list[list[episode_pb2.Episode]]:
    draw = random.Random(28)
    debates = [r for r in records("dylan_mmlu_7agents") if r["reference_answer"] in LETTERS]
    found = []
    for number in range(GROUPS):
        members = []
        for place, record in enumerate(draw.sample(debates, SIZE)):
            episode = permuted(record, LETTERS[number % len(LETTERS)], draw)
            episode.id = f"{number:03d}-{place:02d}"
            episode.group.id, episode.group.size = f"group {number:03d}", SIZE
            members.append(episode)
        found.append(members)
    return found


OPTIONS = {
    "vote": {"ballots": "BALLOTS_FIRST", "emptyBallots": True, "grader": "GRADER_CHOICE"},
    "audit": "AUDIT_FULL",
    "advantages": {"outcome": "OUTCOME_PART_RECOMBINED"},
}


@pytest.fixture(scope="module")
def answered() -> tuple[list[episode_pb2.Episode], assay_rl.Batch]:
    """Episodes of real debates in groups, and what the server makes of them."""
    episodes = [episode for members in groups_of_debates() for episode in members]
    with running() as server, assay_rl.Client(server.target) as client:
        batch = client.score_batch(episodes, options=OPTIONS)
    assert not batch.failed()
    return episodes, batch


def results_of(batch: assay_rl.Batch) -> list[signal_service_pb2.EpisodeResult]:
    return [outcome.proto for outcome in batch.outcomes if isinstance(outcome, assay_rl.Scored)]


def leaves(message: Proto) -> Iterator[tuple[Proto, str, int]]:
    """Every scalar of a message, as (owner, field, place in the field or -1)."""
    for field, value in message.ListFields():
        many = hasattr(value, "append")
        if field.type == field.TYPE_MESSAGE:
            if field.name == "options":  # of the record: what was asked for, and not what came of it
                continue
            for inner in value if many else (value,):
                yield from leaves(inner)
        elif field.name != "software_version":
            yield from ((message, field.name, k) for k in (range(len(value)) if many else (-1,)))


def changed(group: signal_service_pb2.GroupResult, draw: random.Random) -> tuple[str, signal_service_pb2.GroupResult]:
    """The group with one of its numbers, names or bytes changed, and the name of the field. The digest goes along with
    the change: the numbers themselves have to give it away."""
    copy = signal_service_pb2.GroupResult()
    copy.CopyFrom(group)
    places = list(leaves(copy.signals))
    # As often as each kind of field, not as each number: there are hundreds of advantages.
    name = draw.choice(sorted({field for _, field, _ in places}))
    owner, field, place = draw.choice([p for p in places if p[1] == name])
    old = getattr(owner, field) if place < 0 else getattr(owner, field)[place]
    new: object = old
    if isinstance(old, bool):
        new = not old
    elif isinstance(old, float):
        new = old + 1e-6
    elif isinstance(old, int):
        new = old + 1
    elif isinstance(old, bytes):
        new = bytes([old[0] ^ 1]) + old[1:]
    else:
        new = f"{old}x"
    if place < 0:
        setattr(owner, field, new)
    else:
        getattr(owner, field)[place] = new
    if field != "signals_sha256":
        copy.signals.audit.signals_sha256 = signals_digest(copy.signals)
    return f"{owner.DESCRIPTOR.name}.{field}", copy


def verified_by_assay(folder: Path, episodes: list[episode_pb2.Episode], lines: list[Proto]) -> tuple[int, str]:
    server = binary()
    assert server is not None
    assay = Path(os.environ.get("ASSAY", server.parent.parent / "client" / "command" / "assay"))
    if not assay.is_file():
        pytest.skip(f"{assay} is not built")
    sources, signals = folder / "episodes.jsonl", folder / "signals.jsonl"
    for path, rows in ((sources, episodes), (signals, lines)):
        path.write_text("".join(json_format.MessageToJson(row, indent=None) + "\n" for row in rows))
    with signals.open() as standard_input:
        done = subprocess.run(
            [str(assay), "verify", f"--episodes={sources}"],
            stdin=standard_input,
            capture_output=True,
            text=True,
            timeout=HANGS,
            check=False,
            cwd=REPOSITORY,
        )
    return done.returncode, done.stdout + done.stderr


def test_groups_are_recombined_and_verified(
    answered: tuple[list[episode_pb2.Episode], assay_rl.Batch], tmp_path: Path
) -> None:
    episodes, batch = answered
    assert len(batch.groups) == GROUPS
    sources = {episode.id: episode for episode in episodes}
    members: dict[str, list[signals_pb2.EpisodeSignals]] = {}
    for result in results_of(batch):
        line = parse_result(json_format.MessageToJson(result, indent=None))
        assert isinstance(line, ResultLine)
        report = check_episode(line, sources[result.episode_id])
        assert not report.findings, report
        members.setdefault(result.signals.group.id, []).append(result.signals)
    for group in batch.groups.values():
        assert isinstance(group, assay_rl.GroupScored), group
        assert group.outcome_part == "RECOMBINED"
        assert len(group.recombined) == SIZE
        found = check_group(group.proto, members[group.group_id], sources)
        assert not found.findings, found
    lines = [*results_of(batch), *(group.proto for group in batch.groups.values())]
    code, said = verified_by_assay(tmp_path, episodes, lines)
    assert (code, said) == (0, f"verified {GROUPS * SIZE} episodes and {GROUPS} groups: all right\n")


def test_single_changes_are_found(answered: tuple[list[episode_pb2.Episode], assay_rl.Batch], tmp_path: Path) -> None:
    episodes, batch = answered
    draw = random.Random(200)
    sources = {episode.id: episode for episode in episodes}
    results = results_of(batch)
    unnoticed, kinds, forged = [], Counter[str](), []
    for group in batch.groups.values():
        assert isinstance(group, assay_rl.GroupScored)
        kind, copy = changed(group.proto, draw)
        kinds[kind] += 1
        forged.append((kind, copy))
        own = [result.signals for result in results if result.signals.group.id == group.group_id]
        if not check_group(copy, own, sources).findings:
            unnoticed.append(kind)
    assert unnoticed == []
    assert len(forged) == GROUPS
    assert len(kinds) > 20, kinds
    code, said = verified_by_assay(tmp_path, episodes, [*results, *(copy for _, copy in forged)])
    assert code == 1
    missed = [kind for kind, copy in forged if f"WRONG group {copy.group_id}: " not in said]
    assert missed == [], said[-2000:]
    assert f"verified {GROUPS * SIZE} episodes and {GROUPS} groups: {GROUPS} wrong" in said


def test_peers_follow_the_same_text(answered: tuple[list[episode_pb2.Episode], assay_rl.Batch]) -> None:
    """Nothing stands before a first ballot but the task, and no pair prefers a text to itself."""
    episodes, batch = answered
    sources = {episode.id: episode for episode in episodes}
    peers = 0
    for group in batch.groups.values():
        assert isinstance(group, assay_rl.GroupScored)
        for pair in group.proto.signals.pairs:
            if pair.kind != options_pb2.PREFERENCE_KIND_PEER:
                continue
            peers += 1
            sides = [sources[side.episode_id] for side in (pair.chosen, pair.rejected)]
            chosen, rejected = (
                source.messages[side.begin] for source, side in zip(sides, (pair.chosen, pair.rejected), strict=True)
            )
            assert chosen.agent_id == rejected.agent_id
            assert chosen.content != rejected.content
            before = [[(m.agent_id, m.content) for m in source.messages[: pair.context_length]] for source in sides]
            assert before[0] == before[1]
            assert sides[0].task == sides[1].task
    assert peers > 0
