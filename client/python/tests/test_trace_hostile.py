"""Files that nobody meant to write: each is read, or refused with its place and a reason, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from traces import agents, dialogue, summary_of

from assay_rl.__main__ import main
from assay_rl.convert.files import FileError, Summary, read_episodes
from assay_rl.convert.times import time_of

BIG = "9" * 400  # no double holds it
LOG = '{"id": "a", "task": "t", "messages": [{"agent": "amy", "content": "x"%s}], "outcome": %s}'
EPISODE = '{"id": "a", "messages": [{"agentId": "amy", "content": "x"%s}], "outcome": {"score": %s}}'
RESULT = '{"episodeId": "a", "signals": {"score": %s}}'


def chat(*said: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Well?"}, *said], **more}


def says(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def write(path: Path, *values: Any) -> Path:
    path.write_text(
        "".join(
            (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) + "\n" for value in values
        ),
        encoding="utf-8",
    )
    return path


COMMANDS = {
    "convert": ["convert"],
    "report": ["report", "--input-format=auto"],
    "verify": ["verify", "--input-format=auto", "--episodes=FILE"],
    "export": ["export", "dpo", "--input-format=auto", "--episodes=FILE"],
}


def run(command: str, path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main([*(word.replace("FILE", str(path)) for word in COMMANDS[command]), str(path)])
    told = capsys.readouterr()
    return code, told.out, told.err


NUMBERS = {
    "outcome of a log": LOG % ("", BIG),
    "answer of a log": LOG % (f', "answer": {BIG}', 1),
    "round of a log": LOG % (f', "round": {BIG}', 1),
    "score": EPISODE % ("", BIG),
    "score in decimals": EPISODE % ("", "1e999"),
    "round": EPISODE % (f', "round": {BIG}', 1),
    "round as text": EPISODE % (f', "round": "{BIG}"', 1),
    "round that only Python reads": EPISODE % (', "round": "1_0"', 1),
    "result": RESULT % BIG,
    "thousands of digits": LOG % ("", BIG * 20),
    "chat": json.dumps(chat(says("x"), reward=int(BIG))),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_no_double_holds_is_refused(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "in.jsonl", NUMBERS[name])
    code, _, told = run(command, path, capsys)
    assert code in (1, 2)
    assert str(path) in told
    assert "set_int_max_str_digits" not in told


@pytest.mark.parametrize(
    ("given", "said"), [("nan", "a whole number expected"), ("inf", "out of range"), ("-1e300", "out of range")]
)
def test_a_text_that_is_no_whole_number_is_told_as_the_cpp_client_does(given: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", EPISODE % (f', "round": "{given}"', 1))
    with pytest.raises(FileError, match=rf"messages\[0\]\.round: {said}"):
        list(read_episodes(str(path), "episode"))


def test_numbers_that_only_describe_a_run_do_not_refuse_it(tmp_path: Path) -> None:
    huge = int(BIG)
    rollout = {"prompt": "Well?", "completion": "Yes.", "reward": 1, "metrics": {"good": 0.5, "huge": huge}}
    (episode,) = read_episodes(str(write(tmp_path / "rollout.jsonl", rollout)), "auto", summary=(told := Summary()))
    assert dict(episode.components) == {"good": 0.5}
    assert told.dropped == {"metrics that are no finite number": 1}
    spent = chat(says("Yes.", usage={"completion_tokens": huge}))
    (episode,) = read_episodes(str(write(tmp_path / "chat.jsonl", spent)), "auto")
    assert episode.messages[-1].token_count == 0
    called = chat(says(None, tool_calls=[{"function": {"name": "factor", "arguments": {"n": huge}}}]))
    (episode,) = read_episodes(str(write(tmp_path / "call.jsonl", called)), "auto")
    assert episode.messages[-1].content == f'[tool_call] factor({{"n": {BIG}}})'


@pytest.mark.parametrize("moment", ["9" * 6000, "²", float("inf"), 10**400, True, [1], "yesterday", "1e5"])
def test_a_moment_that_is_none_is_not_told(moment: Any) -> None:
    assert time_of(moment) == time_of(moment, 1) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_nested_too_deep_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for depth in (5000, 100_000):
        nested = json.dumps(chat(says("DEEP"))).replace('"DEEP"', "[" * depth + '"x"' + "]" * depth)
        path = write(tmp_path / "in.jsonl", nested)
        code, out, told = run(command, path, capsys)
        assert code in (1, 2)
        assert str(path) in out + told
        assert "recursion" not in out + told


@pytest.mark.parametrize("record", [{"messages": []}, {"messages": [{"content": "x"}]}, {"id": "a", "messages": []}])
def test_convert_writes_no_episode_in_which_no_agent_speaks(
    record: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, told = run("convert", write(tmp_path / "in.jsonl", record), capsys)
    assert (code, out) == (2, "")
    assert "no message of an agent" in told


def test_a_run_that_never_began_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    empty, full = chat(says(None)), chat(says("Yes."))
    empty["messages"] = [says(None)]
    path = write(tmp_path / "in.jsonl", full, empty, full)
    summary = Summary()
    assert len(list(read_episodes(str(path), "auto", summary=summary))) == summary.episodes == 2
    assert summary.dropped["runs without any text"] == 1
    with pytest.raises(FileError, match=r"in\.jsonl:1: .*no message of an agent: it holds no text"):
        list(read_episodes(str(write(tmp_path / "in.jsonl", empty, empty)), "openai"))


def test_a_rollout_without_a_text_is_refused_where_its_group_would_wait_for_it(tmp_path: Path) -> None:
    full = {"example_id": 1, "prompt": "Well?", "completion": "Yes.", "reward": 1}
    path = write(tmp_path / "in.jsonl", full, {**full, "prompt": None, "completion": None})
    with pytest.raises(FileError, match="no message of an agent"):
        list(read_episodes(str(path), "verifiers"))


@pytest.mark.parametrize("name", [None, "", " ", "\t"])
def test_whoever_has_no_name_is_the_default_agent(name: str | None, tmp_path: Path) -> None:
    chats = [
        chat(says("Yes.", name=name)),
        {"messages": [{"source": "user", "type": "TextMessage", "content": "Well?"},
                      {"source": name, "type": "TextMessage", "content": "Yes."}]},
    ]  # fmt: skip
    for number, record in enumerate(chats):
        path = write(tmp_path / f"{number}.jsonl", record)
        (episode,) = read_episodes(str(path), "auto")
        assert dialogue(episode) == [("", "Well?"), ("assistant", "Yes.")]
        assert agents(episode) == ["assistant"]


def test_nothing_that_was_read_is_told_as_left_out(tmp_path: Path) -> None:
    lines = [
        {"type": "session_meta", "payload": {"id": "s"}},
        {"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": "Yes."}},
        {"type": "response_item", "payload": {"type": "psychic", "text": "Perhaps."}},
    ]
    path = write(tmp_path / "in.jsonl", *lines)
    assert "left out" not in summary_of(path)
    (episode,) = read_episodes(str(path), "auto")
    assert "Perhaps." in episode.messages[-1].content


def test_an_outcome_is_read_as_text_and_one_that_contradicts_it_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *(chat(says("Yes."), **more) for more in (
        {"reward": "0.5"}, {"reward": 1, "success": True}, {"reward": 1, "success": False}, {"correct": "7"},
        {"reward": "very good"}, {"reward": "nan"})))  # fmt: skip
    summary = Summary()
    assert [e.score for e in read_episodes(str(path), "auto", summary=summary)] == [0.5, 1, 1, None, None, None]
    assert list(summary.notes) == [
        "success says something else than the outcome that was taken: --outcome FIELD says which"
    ]


def test_an_action_beside_an_empty_message_is_kept(tmp_path: Path) -> None:
    said = {"role": "assistant", "content": None, "thought": "Look.", "action": "ls -l"}
    record = {"history": [{"role": "user", "content": "Mend it."}, said], "info": {"exit_status": "submitted"}}
    (episode,) = read_episodes(str(write(tmp_path / "in.traj", record)), "auto")
    assert episode.messages[-1].content == "[reasoning] Look.\nls -l"


def test_an_update_of_a_graph_without_a_message_is_told(tmp_path: Path) -> None:
    updates = [{"ann": {"messages": [{"type": "ai", "content": "Yes."}]}}, {"bob": {"plan": "Wait."}}, {"bob": None}]
    assert "left out: 1 updates of bob without a message" in summary_of(write(tmp_path / "in.jsonl", *updates))


def test_marks_between_files_that_were_put_together_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(2 * ("\ufeff" + json.dumps(chat(says("Yes."))) + "\n").encode())
    assert len(list(read_episodes(str(path), "auto"))) == 2


def test_other_files_of_a_folder_are_named_and_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    write(folder / "a.jsonl", chat(says("Yes.")))
    write(folder / "config.json", {"model": "m", "temperature": 0})
    write(folder / "notes.txt", "Look at the third run.")
    told = summary_of(folder)
    assert "1 episode from openai" in told
    assert "left out: 2 files of no known format (config.json, notes.txt)" in told
    with pytest.raises(FileError, match=r"config\.json:1: of no known format, an object with model, temperature"):
        list(read_episodes([str(folder / "a.jsonl"), str(folder / "config.json")], "auto"))
    (folder / "a.jsonl").unlink()
    with pytest.raises(FileError, match=r"config\.json:1: of no known format"):
        list(read_episodes(str(folder), "auto"))
    write(folder / "a.jsonl", '{"messages": [{"role": "assis')
    with pytest.raises(FileError, match=r"a\.jsonl:1: not JSON"):
        list(read_episodes(str(folder), "auto"))


def test_what_is_packed_twice_says_so(tmp_path: Path) -> None:
    inner = write(tmp_path / "in.jsonl", chat(says("Yes.")))
    twice = tmp_path / "in.jsonl.gz"
    twice.write_bytes(gzip.compress(gzip.compress(inner.read_bytes())))
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.write(inner, "in.jsonl")
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as made:
        made.write(archive, "in.zip")
    packed = tmp_path / "in.tar.gz"
    with tarfile.open(packed, "w:gz") as made_tar:
        made_tar.add(inner, "in.jsonl")
    for path, said in ((twice, "packed again inside"), (outer, "packed again inside"), (packed, "a tar archive")):
        with pytest.raises(FileError, match=said):
            list(read_episodes(str(path), "auto"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "an object with nothing"), ("[]", "a list"), ("[null]", "a list that begins with null"),
     ("[[]]", "a list that begins with a list"), ("[{}]", "a list of objects with nothing")],
)  # fmt: skip
def test_what_is_of_no_format_is_described(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=rf"in\.json:1: of no known format, {said}; say"):
        list(read_episodes(str(write(tmp_path / "in.json", text)), "auto"))


def test_an_archive_without_members_holds_no_episodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w"):
        pass
    code, _, told = run("convert", tmp_path / "in.zip", capsys)
    assert code == 2
    assert "no episodes" in told


def test_a_kind_of_observation_that_is_not_known_is_a_step(tmp_path: Path) -> None:
    ends = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:01Z"}
    said = {"id": "o", "type": "GENERATION", "traceId": "t", "parentObservationId": "p", "output": "Yes.", **ends}
    step = {"id": "p", "type": "DREAM", "traceId": "t", "parentObservationId": None, "name": "ann", **ends}
    trace = {"id": "t", "input": "Well?", "observations": [step, said]}
    (episode,) = read_episodes(str(write(tmp_path / "in.json", trace)), "auto")
    assert dialogue(episode) == [("ann", "Yes.")]


def test_an_event_that_is_not_known_is_no_run_without_a_text(tmp_path: Path) -> None:
    said = {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}
    events = [
        {"kind": "MessageEvent", "id": "1", "source": "agent", "llm_message": said},
        {"kind": "Dream", "text": "No."},
    ]
    with pytest.raises(FileError, match=r"in\.jsonl:2: not of format openhands"):
        list(read_episodes(str(write(tmp_path / "in.jsonl", *events)), "auto"))


def test_a_name_does_not_break_the_line_that_tells_it(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", chat(says("Yes.", name="a\n\u202eb"), says("No.", name="c" * 5000)))
    assert f"\nagents: a  b: 1 message, {'c' * 80}...: 1 message\n" in summary_of(path)
