"""Every format over a small record of our own (tests/data/traces): what becomes of it, and what people are told.

The records tell one invented run: a planner looks something up and hands over, a writer answers.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from traces import DATA, dialogue, read, summary_of

from assay_rl.convert import ConversionError, from_trace
from assay_rl.convert.files import FORMATS, NAMES, FileError, Summary, read_episodes

EXPECTED: dict[str, Any] = json.loads((DATA / "traces_expected.json").read_text(encoding="utf-8"))
TREES = [
    "otel_genai.jsonl",
    "otel_events.jsonl",
    "otel_logs.jsonl",
    "openinference.jsonl",
    "openllmetry.jsonl",
    "openai_agents.jsonl",
    "langsmith.jsonl",
    "langfuse.json",
    "mlflow.json",
]
RUN = [
    ("planner", '[tool_call] look_up({"topic": "rivers"})'),
    ("", "[tool_result] look_up: Rivers run and never walk."),
    ("planner", "Use the line on running."),
    ("writer", "What runs but never walks?"),
]


def test_every_sample_has_an_expectation_and_every_format_a_sample() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in (DATA / "traces").iterdir())
    assert {row["format"] for row in EXPECTED.values()} == set(FORMATS) - {"episode", "log"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_becomes_what_it_says(name: str) -> None:
    path = DATA / "traces" / name
    summary = Summary()
    found = [
        {
            "id": e.id,
            "prompt": e.task.prompt,
            "reference": e.task.reference_answer,
            "score": e.score,
            "truncated": e.truncated,
            "group": [e.group.id, e.group.size] if e.group else None,
            "components": dict(e.components),
            "agents": [agent.id for agent in e.players()],
            "messages": [[m.round, m.agent, m.token_count, m.content] for m in e.messages],
        }
        for e in read_episodes(str(path), "auto", summary=summary)
    ]
    assert found == EXPECTED[name]["episodes"]
    assert summary.lines() == EXPECTED[name]["summary"]
    assert dict(summary.formats) == {EXPECTED[name]["format"]: 1}
    again = list(read_episodes(str(path), EXPECTED[name]["format"]))
    assert [e.to_proto() for e in again] == [e.to_proto() for e in read(path)]


@pytest.mark.parametrize("name", TREES)
def test_one_run_is_the_same_from_every_tracer(name: str) -> None:
    (episode,) = read(DATA / "traces" / name)
    assert dialogue(episode) == RUN
    assert [m.token_count for m in episode.messages] == [12, 0, 8, 20]
    assert episode.task.prompt == "Write a riddle about rivers."


def test_names_overrule_what_a_format_says() -> None:
    path = DATA / "traces" / "autogen.jsonl"
    (episode,) = read(path, agents=("UserProxy*",), context=("planner",))
    assert [agent.id for agent in episode.players()] == ["writer", "UserProxyAgent"]
    summary = summary_of(path, agents=("UserProxy*",), context=("planner",))
    assert "planner (framework): 2 messages" in summary
    (episode,) = read(DATA / "traces" / "codex.jsonl", agent="solver")
    assert [agent.id for agent in episode.players()] == ["solver"]


def test_the_outcome_is_a_field_or_a_score_that_the_caller_names() -> None:
    path = DATA / "traces" / "inspect.json"
    assert [e.score for e in read(path, outcome="match")] == [1.0]
    assert [e.score for e in read(path, outcome="style")] == [0.5]
    assert [e.score for e in read(path, outcome="scores.match.value")] == [1.0]
    with pytest.raises(
        FileError, match=r"nothing: the record has no such field or score .*its scores are match, style"
    ):
        read(path, outcome="nothing")
    assert [
        e.score for e in read(DATA / "traces" / "tau2.json", outcome="reward_info.reward_breakdown.COMMUNICATE")
    ] == [1]
    assert [e.task.reference_answer for e in read(path, reference="input")] == ["Write a riddle about rivers."]


def test_files_in_every_wrapping_are_read_alike(tmp_path: Path) -> None:
    record = json.loads((DATA / "traces" / "openai_chat.jsonl").read_text(encoding="utf-8"))
    records = [{**record, "id": f"r{k}"} for k in range(3)]
    lines = "".join(json.dumps(r) + "\n" for r in records)
    pretty = "\n".join(json.dumps(r, indent=2) for r in records)
    written: dict[str, bytes] = {
        "lines.jsonl": lines.encode(),
        "crlf.jsonl": lines.replace("\n", "\r\n").encode(),
        "bom.jsonl": b"\xef\xbb\xbf" + lines.encode(),
        "utf16.jsonl": lines.encode("utf-16"),
        "utf16be.jsonl": lines.encode("utf-16-be"),
        "list.json": json.dumps(records).encode(),
        "pretty.json": json.dumps(records, indent=2).encode(),
        "several.json": pretty.encode(),
        "gz.jsonl": gzip.compress(lines.encode()),
        "members.jsonl.gz": b"".join(gzip.compress(line.encode()) for line in lines.splitlines(keepends=True)),
        "padded.gz": gzip.compress(lines.encode()) + bytes(512),
        "zeros.jsonl": lines.encode() + bytes(512),
        "blank.jsonl": b"\n \n" + lines.replace("\n", "\n\n").encode() + b"\n",
    }
    for name, data in written.items():
        (tmp_path / name).write_bytes(data)
        assert [e.id for e in read(tmp_path / name)] == ["r0", "r1", "r2"], name
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("b/lines.jsonl", lines)
        archive.writestr("a/pretty.json", json.dumps(records[0], indent=1))
        archive.writestr("__MACOSX/x.json", "{}")
    assert [e.id for e in read(tmp_path / "all.zip")] == ["r0", "r0#2", "r1", "r2"]
    folder = tmp_path / "folder"
    (folder / "inside").mkdir(parents=True)
    (folder / ".hidden.json").write_text("nonsense")
    (folder / "inside" / "x.jsonl").write_text(lines)
    (folder / "readme.md").write_text("nonsense")
    assert [e.id for e in read(folder)] == ["r0", "r1", "r2"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            b'{"agent":"a","messages":[{"role":"assistant","content":"x"}]}\n{"id": "caf\xe9"}\n',
            r":2: byte 0xe9 at 12 is not UTF-8",
        ),
        (b"\xff\xfeno", r"utf.?16|not JSON|no known format"),
        (
            gzip.compress(b'{"messages":[{"role":"assistant","content":"x"}]}\n' * 50)[:-4],
            r":51: the gzip data is cut off",
        ),
        (
            gzip.compress(b'{"messages":[{"role":"assistant","content":"x"}]}\n') + b"rest",
            r":2: the gzip data is damaged",
        ),
        (b'{"messages":[{"role":"user"', r":1: not JSON"),
        (b'{"messages":[]}\n{"messages":\n{"messages":[]}\n', r":2: not JSON"),
        (b"[1, 2", r":1: not JSON: the list has no end"),
        (b"[1 2]", r":1: not JSON: , or \] expected"),
        (b"{" * 100000, r":1: not JSON"),
        (b"[" * 100000, r":1: not JSON: nested too deep"),
        (b'{"messages": NaN}', r":1: not JSON: NaN is not JSON"),
        (b"hello there", r"of no known format, a text that begins 'hello there'"),
        (b'{"what": 1}', r"of no known format, an object with what; say which it is: "),
        (b'[{"what": 1}]', r"of no known format, a list of objects with what"),
        (b"17", r"of no known format"),
        (b"PK\x03\x04 no archive", r"a damaged archive"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(data)
    with pytest.raises(FileError, match=told) as raised:
        read(path, "openai" if b"agent" in data else "auto")
    assert str(raised.value).startswith(str(path))


def test_what_has_no_agent_is_an_error_that_says_who_spoke(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": "hi"}]}))
    with pytest.raises(FileError, match=r"x.jsonl:1: .*no message of an agent: its messages are of user \(human\)"):
        read(path)
    path.write_text(json.dumps({"resourceSpans": []}))
    with pytest.raises(FileError, match="no run of format otel in it"):
        read(path, "otel")
    with pytest.raises(FileError, match=r"No such file"):
        read(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"no files .* in this folder"):
        read(tmp_path / "empty")


def test_half_of_a_character_is_mended_in_a_trace_and_refused_in_an_episode(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"messages": [{"role": "assistant", "content": "cut \\ud83d"}]}')
    (episode,) = read(path)
    assert episode.messages[0].content == "cut \ufffd"
    assert episode.to_json()
    for form, author in (("episode", "agentId"), ("log", "agent")):
        path.write_text(f'{{"id": "e", "messages": [{{"{author}": "a", "content": "cut \\ud83d"}}]}}')
        with pytest.raises(FileError, match=r"x.jsonl:1: "):
            read(path, form)


def test_the_archive_of_inspect_is_read_by_its_samples(tmp_path: Path) -> None:
    log = json.loads((DATA / "traces" / "inspect.json").read_text(encoding="utf-8"))
    sample = log.pop("samples")[0]
    with zipfile.ZipFile(tmp_path / "x.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(log))
        archive.writestr("summaries.json", json.dumps([{"id": "riddle", "epoch": 1, "input": "x", "scores": {}}]))
        archive.writestr("_journal/start.json", "{}")
        for epoch in (1, 2):
            archive.writestr(f"samples/riddle_epoch_{epoch}.json", json.dumps({**sample, "epoch": epoch}))
    found = read(tmp_path / "x.eval")
    assert [e.id for e in found] == ["riddle", "riddle-epoch2"]
    assert dialogue(found[0]) == RUN


def test_files_of_sub_agents_belong_to_their_session(tmp_path: Path) -> None:
    lines = (DATA / "traces" / "claude_code.jsonl").read_text(encoding="utf-8").splitlines()
    side = [json.dumps({**json.loads(line), "agentId": "a1"}) for line in lines if '"isSidechain": true' in line]
    (tmp_path / "ses-1.jsonl").write_text("\n".join(line for line in lines if '"isSidechain": true' not in line))
    (tmp_path / "ses-1" / "subagents").mkdir(parents=True)
    (tmp_path / "ses-1" / "subagents" / "agent-a1.jsonl").write_text("\n".join(side))
    (episode,) = read(tmp_path)
    (whole,) = read(DATA / "traces" / "claude_code.jsonl")
    assert dialogue(episode) == dialogue(whole)


def test_sub_agents_of_atif_stand_in_files_beside_it_and_the_verifier_tells_the_reward(tmp_path: Path) -> None:
    held = json.loads((DATA / "traces" / "atif.json").read_text(encoding="utf-8"))
    (sub,) = held.pop("subagent_trajectories")
    held["schema_version"], held["extra"] = "ATIF-v1.6", {}
    reference = held["steps"][4]["observation"]["results"][0]["subagent_trajectory_ref"][0]
    reference.clear()
    reference.update(session_id="x", trajectory_path="writer.json")
    (tmp_path / "agent").mkdir()
    (tmp_path / "verifier").mkdir()
    (tmp_path / "verifier" / "reward.txt").write_text("0.25\n")
    trajectory = tmp_path / "agent" / "trajectory.json"
    trajectory.write_text(json.dumps(held))
    assert "neither inside nor beside" in summary_of(trajectory)
    (tmp_path / "agent" / "writer.json").write_text(json.dumps(sub))
    (episode,) = read(trajectory)
    (whole,) = read(DATA / "traces" / "atif.json")
    assert dialogue(episode) == dialogue(whole)
    assert episode.score == 0.25
    reference["trajectory_path"] = "../verifier/reward.txt"
    trajectory.write_text(json.dumps(held))
    assert "neither inside nor beside" in summary_of(trajectory), "nothing outside its folder is read"


def test_decoded_values_are_read_as_files_are() -> None:
    record = json.loads((DATA / "traces" / "langfuse.json").read_text(encoding="utf-8"))
    (episode,) = from_trace(record)
    assert dialogue(episode) == RUN
    assert dialogue(from_trace(record["observations"], "langfuse", score=0.5)[0]) == RUN
    with pytest.raises(ConversionError, match="none that is known"):
        from_trace({"what": 1})


def test_the_page_of_formats_names_every_format() -> None:
    page = (DATA.parents[1] / "FORMATS.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"`{name}`" in page, name
