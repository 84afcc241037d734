"""One command line, not two: `assay` (C++) and `assay-rl` make the same of the same files and the same calls.

Every call is made with both programs; exit code, standard output and standard error must be alike but for the program's
name and the time that the run took.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assayd import Assayd, needs_assayd
from assayd import command as assay

from assay_rl.__main__ import main
from assay_rl.cli import progress

SAMPLES = Path(__file__).resolve().parents[3] / "tests" / "data" / "samples"
pytestmark = [
    needs_assayd,
    pytest.mark.skipif(assay() is None, reason="the C++ command line is not built"),
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="outside the repository"),
]

GOOD = {
    "id": "a",
    "agents": [{"id": "x"}, {"id": "y"}],
    "messages": [{"agentId": "x", "content": "häl😀lo"}, {"agentId": "y", "content": "no"}],
    "outcome": {"score": 1},
}
LOG = {"id": "l", "task": "t", "outcome": 1, "messages": [{"agent": "x", "content": "c"}], "label": None}


def line(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes}, ensure_ascii=False) + "\n"


def log(**changes: Any) -> str:
    return json.dumps({**LOG, **changes}) + "\n"


def message(**changes: Any) -> str:
    return line(messages=[{**GOOD["messages"][0], **changes}])  # type: ignore[dict-item,index]


TWO = line() + line(id="b")
PRETTY = json.dumps(GOOD, indent=2)
GZIP = gzip.compress(TWO.encode(), mtime=0)


def damaged_at(episode: int) -> bytes:
    """2,000 episodes in gzip that is damaged right before one of them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    before = packer.compress("".join(line(id=str(i)) for i in range(episode)).encode()) + packer.flush(
        zlib.Z_FULL_FLUSH
    )
    rest = packer.compress("".join(line(id=str(i)) for i in range(episode, 2000)).encode()) + packer.flush()
    return before + b"\x07" + rest[1:]  # a block of a kind that does not exist


FILES: dict[str, str | bytes] = {
    "good": TWO,
    "samples": b"".join(path.read_bytes() for path in sorted(SAMPLES.glob("*.jsonl"))) if SAMPLES.is_dir() else b"",
    "empty": "",
    "blank": "\n  \n\t\n",
    "no_end_of_line": TWO.rstrip("\n"),
    "crlf": TWO.replace("\n", "\r\n"),
    "blank_between": line() + "\n\n" + line(id="b"),
    "zeros_at_the_end": TWO.encode() + bytes(512),
    "huge_content": message(content="word " * 400_000),
    "many": "".join(line(id=str(i)) for i in range(500)),
    "pretty": PRETTY,
    "pretty_two": PRETTY + "\n" + PRETTY.replace('"a"', '"b"') + "\n",
    "pretty_broken": PRETTY.replace('"outcome"', "outcome"),
    "list_on_a_line": json.dumps([GOOD, {**GOOD, "id": "b"}]),
    "list_pretty": json.dumps([GOOD, {**GOOD, "id": "b"}, 7], indent=1),
    "gzip": GZIP,
    "gzip_members": GZIP + gzip.compress(line(id="c").encode(), mtime=0),
    "gzip_padded": GZIP + bytes(100),
    "gzip_truncated": gzip.compress("".join(line(id=str(i)) for i in range(2000)).encode(), mtime=0)[:-200],
    "gzip_damaged_late": damaged_at(1700),
    "gzip_damaged": GZIP[:40] + b"\xff\xff\xff" + GZIP[43:],
    "gzip_then_garbage": GZIP + b"garbage",
    "bom": b"\xef\xbb\xbf" + TWO.encode(),
    "utf16_bom": TWO.encode("utf-16"),
    "utf16_little": TWO.encode("utf-16-le"),
    "utf16_big": b"\xfe\xff" + TWO.encode("utf-16-be"),
    "utf32": TWO.encode("utf-32"),
    "latin1_bytes": line().encode() + line(id="b").replace("😀", "").encode("latin-1") + line(id="c").encode(),
    "not_json": "hello\n" + line(),
    "single_quotes": "{'id': 'a'}\n" + line(),
    "trailing_comma": line().replace("}\n", ",}\n") + line(id="b"),
    "nan": line().replace('"score": 1', '"score": NaN'),
    "cut_in_a_string": line() + line(id="b")[:30],
    "cut_between": line() + line(id="b")[:10] + "\n" + line(id="c"),
    "first_line_cut": line()[: line().index("[") + 1] + "\n" + TWO,
    "half_of_a_character": '{"id": "\\ud800"}\n' + line(),
    "unknown_field": line(idd=3) + line(id="b"),
    "unknown_field_deep": line(messages=[{"agentID": "x"}]) + line(id="b"),
    "wrong_types": line(id=7) + line(agents={}) + message(content=None) + message(content=[]) + line(outcome="1"),
    "score_true": line(outcome={"score": True}),
    "number_as_text": line(outcome={"score": "0.5"}),
    "beyond_int32": message(round=1 << 40) + message(round=1.5) + message(round=-1),
    "no_such_enum": line(agents=[{"id": "x", "kind": 3}]),
    "field_twice": line().replace('"id": "a"', '"id": "a", "agent_id": 1'),
    "without_agents": line(agents=[]),
    "without_id": line() + line(id=""),
    "invalid_episode": message(agentId="z") + line(id="b"),
    "same_id_later": line() + line(id="b") + line(id="c"),
    "not_an_object": "3\n" + '"text"\n' + "null\n" + line(),
    "deep": "[" * 150 + "]" * 150 + "\n" + line(),
    "chat_format": json.dumps({"messages": [{"role": "assistant", "content": "x"}]}) + "\n",
    "csv": "id,score\na,1\n",
    "xml": "<episode/>\n",
    "log_format": log() + log(id="m", label={"first_error_index": 0}),
}
AS_LOG = {
    "log": log() + log(id="m", reference_answer=7, messages=[{"agent": "tool:a", "content": 1.5, "answer": "A"}]),
    "log_labels": log(label={"first_error_index": 0}) + log(id="m", label={"first_error_index": 9}),
    "log_wrong": log(messages=None) + log(messages=[3]) + log(outcome="x") + "[]\n3\n" + log(id="m"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    running = Assayd().start()
    yield running
    running.stop()


def run(program: str, *words: str, stdin: bytes = b"", cwd: Path | None = None) -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error. assay-rl runs in this process: a hundred starts take minutes."""
    if program == "assay":
        done = subprocess.run([str(assay()), *words], input=stdin, capture_output=True, check=False, cwd=cwd)
        return done.returncode, done.stdout, done.stderr.decode()
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", write_through=True) for data in (stdin, b"", b"")]
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("ASSAY", str(assay()))
        patch.chdir(cwd or Path.cwd())
        patch.setattr(sys, "stdin", streams[0])
        stack.enter_context(contextlib.redirect_stdout(streams[1]))
        stack.enter_context(contextlib.redirect_stderr(streams[2]))
        code = main(list(words))
    return code, streams[1].buffer.getvalue(), streams[2].buffer.getvalue().decode()  # type: ignore[attr-defined]


def alike(text: str) -> str:
    """Standard error without the program's name, how long it took, and what only assay-rl adds.

    A run of more than ten seconds says on the way how far it is, which depends on the machine.
    """
    text = re.sub(r"^(\d+ episodes read,.*\n)+(?=\d+ episodes read,)", "", text, flags=re.MULTILINE)
    text = re.sub(r"^assay-rl:", "assay:", text, flags=re.MULTILINE)
    text = re.sub(r"^Try: assay-rl ", "Try: assay ", text, flags=re.MULTILINE)
    text = re.sub(r"; \d+\.\d s, \d+/s;", ";", text)
    return re.sub(r"^assay: the input looks like .*\n", "", text, flags=re.MULTILINE)


def results(lines: bytes) -> dict[str, Any]:
    """By episode or group, without what differs from run to run."""
    found: dict[str, Any] = {}
    for text in lines.splitlines():
        result = json.loads(text)
        key = result.get("episodeId") or result.get("groupId") or result["error"]["message"]
        result.pop("elapsed", None)
        assert key not in found
        found[key] = result
    return found


def both(*words: str, stdin: bytes = b"", cwd: Path | None = None) -> tuple[int, bytes, bytes, str]:
    """Exit code, both outputs, and what both say on standard error."""
    code, cpp, told = run("assay", *words, stdin=stdin, cwd=cwd)
    python_code, python, python_told = run("assay-rl", *words, stdin=stdin, cwd=cwd)
    assert (python_code, alike(python_told)) == (code, alike(told))
    return code, cpp, python, told


@pytest.mark.parametrize("name", [*FILES, *AS_LOG])
def test_signals_of_a_file(name: str, server: Assayd, tmp_path: Path) -> None:
    content = FILES.get(name, AS_LOG.get(name, b""))
    (tmp_path / "file").write_bytes(content if isinstance(content, bytes) else content.encode())
    flags = ["--input-format=log", "--context-agents=tool:*"] if name in AS_LOG else []
    code, cpp, python, told = both("signals", f"--server={server.target}", *flags, "file", cwd=tmp_path)
    assert results(python) == results(cpp)
    assert code == 0 or told


@pytest.mark.parametrize(
    "flags", [["--context-agents=u*"], ["--kinds"], ["--kinds", "--context-agents=z"], ["--labels=drop"]]
)
def test_what_the_caller_says_counts_for_episodes(flags: list[str], server: Assayd, tmp_path: Path) -> None:
    names = ["ann", "user", "z", "ann"]
    messages: list[dict[str, Any]] = [{"agentId": name, "content": f"{k}"} for k, name in enumerate(names)]
    messages[0]["firstError"] = True
    record = {"id": "a", "messages": messages, "outcome": {"score": 0}}
    (tmp_path / "file").write_text(json.dumps(record))
    words = ["signals", f"--server={server.target}", "file"]
    _, cpp, python, _ = both(*words, *flags, cwd=tmp_path)
    assert results(python) == results(cpp)
    _, plain, _, _ = both(*words, cwd=tmp_path)
    assert results(plain) != results(cpp)


def test_what_comes_before_a_damage_is_answered_and_counted(server: Assayd, tmp_path: Path) -> None:
    """However slow the machine is: a run that says on the way how far it is has the same end."""
    (tmp_path / "file").write_bytes(damaged_at(1700))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "_ELSEWHERE_SECONDS", 0.0)
        code, _, python, told = both("signals", f"--server={server.target}", "file", cwd=tmp_path)
    assert code == 2
    assert len(results(python)) == 1700
    assert "1700 episodes read, 1700 answered, 0 failed" in told
    assert "file:1701: the gzip data is damaged" in told


def test_there_are_forty_files_with_every_outcome() -> None:
    assert len({**FILES, **AS_LOG}) >= 40


@pytest.mark.parametrize("stdin", [TWO.encode(), b"oops\n" + GZIP, b"{\n"])
def test_signals_of_standard_input(stdin: bytes, server: Assayd) -> None:
    _, cpp, python, _ = both("signals", f"--server={server.target}", stdin=stdin)
    assert results(python) == results(cpp)


def test_groups_and_options(server: Assayd, tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text('{"audit": "AUDIT_FULL"}')
    sample = SAMPLES / "lost_debate.jsonl"
    words = ["signals", f"--server={server.target}", f"--options={tmp_path}/o.json", "--grade=number"]
    _, cpp, python, _ = both(*words, str(sample), "-o", str(tmp_path / "out"))
    assert (cpp, python) == (b"", b"")
    (tmp_path / "signals").write_bytes((tmp_path / "out").read_bytes())
    code, _, _, told = both("verify", str(tmp_path / "signals"), f"--episodes={sample}")
    assert (code, told) == (0, "verified 3 episodes and 1 groups: all right\n")


@pytest.mark.parametrize(
    "words",
    [
        ["signals", "missing.jsonl"],
        ["signals", "--options=missing.json"],
        ["signals", "--options=bad.json"],
        ["signals", "--options=wrong.json"],
        ["signals", "--options=caller.json"],
        ["signals", "--options=given.json", "--grade=choice"],
        ["signals", "--tls-key=good"],
        ["signals", "--tls-roots=missing.pem"],
        ["signals", "--token-file=missing"],
        ["signals", "--labels=lose"],
        ["signals", "--labels"],
        ["signals", "--streams=0"],
        ["signals", "--timeout=5"],
        ["signals", "--tls=yes"],
        ["signals", "--sever=x"],
        ["signals", "--format=xml"],
        ["signals", "--output=missing/out", "good"],
        ["signals", "-x"],
        ["verify"],
        ["verify", "--episodes=missing"],
        ["verify", "--episodes=good", "missing"],
        ["verify", "--episodes=good", "empty"],
        ["verify", "--episodes=good", "--episodes=missing", "empty", "empty"],
        ["verify", "--episodes=good", "--episodes=good", "signals"],
        ["verify", "--episodes=wrong.json", "signals"],
        ["verify", "--episodes=twice", "signals"],
        ["fit"],
        ["fit", "--labels=missing"],
        ["fit", "--labels=wrong.json"],
        ["fit", "--labels=good"],
        ["fit", "--labels=invalid"],
        ["fit", "--labels=good", "--options=missing.json"],
        ["info", "x"],
        ["info", "--server=127.0.0.1:1", "--tls-roots=missing.pem"],
        ["infp"],
        ["launch"],
        ["help", "infp"],
        ["completion", "fish"],
    ],
    ids=" ".join,
)
def test_wrong_calls(words: list[str], tmp_path: Path) -> None:
    files = {
        "good": TWO,
        "empty": "\n",
        "twice": line() + line(),
        "invalid": line() + line(id=""),
        "signals": "{}\n",
        "bad.json": "{",
        "wrong.json": '{"idd": 1}',
        "caller.json": '{"caller": {}}',
        "given.json": '{"given": {}}',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    code, cpp, python, told = both(*words, cwd=tmp_path)
    assert (cpp, python) == (b"", b"")
    assert code in (1, 2)
    assert "assay:" in told


VERIFIED: dict[str, tuple[str, list[str]]] = {
    "not json": ("oops\n", ["WRONG signals:1: not JSON"]),
    "no result": ('{"episodeId": 7}\n', ["WRONG signals:1: episodeId: a text expected, got a number"]),
    "unknown episode": ('{"episodeId": "z", "signals": {}}\n', ["WRONG episode z: is not among the episodes"]),
    "an error": ('{"episodeId": "a", "error": {"code": 3}}\n', []),
    "a wrong field": (
        '{"groupId": "g", "signal": 1}\n',
        ["WRONG signals:1: signal: no such field. Did you mean signals?"],
    ),
}


@pytest.mark.parametrize("name", list(VERIFIED))
def test_verify_of_a_file(name: str, tmp_path: Path) -> None:
    text, expected = VERIFIED[name]
    (tmp_path / "signals").write_text(text)
    (tmp_path / "episodes").write_text(TWO)
    code, cpp, python, _ = both("verify", "signals", "--episodes=episodes", cwd=tmp_path)
    answered = ["WRONG episode a: has no result"] if name != "an error" else []
    assert cpp == python
    assert cpp.decode().splitlines() == [*expected, *answered, "WRONG episode b: has no result"]
    assert code == 1


def test_info_is_the_same(server: Assayd) -> None:
    code, cpp, python, _ = both("info", f"--server={server.target}")
    assert code == 0
    assert json.loads(cpp) == json.loads(python)


@pytest.mark.parametrize("command", ["info", "signals"])
def test_a_server_that_is_not_there(command: str) -> None:
    outcomes = []
    for program in ("assay", "assay-rl"):
        code, _, told = run(program, command, "--server=127.0.0.1:1", stdin=line().encode())
        outcomes.append((code, "the server at 127.0.0.1:1 cannot be reached" in told))
    assert outcomes == [(1, True)] * 2


def test_fit_learns_the_same(tmp_path: Path) -> None:
    episodes = [
        {**GOOD, "id": str(i), "outcome": {"score": 0}, "messages": [{"agentId": "x", "content": f"so {i}"},
         {"agentId": "y", "content": "wrong now", "firstError": True}]} for i in range(6)
    ]  # fmt: skip
    (tmp_path / "labels").write_text("".join(json.dumps(e) + "\n" for e in episodes))
    code, cpp, python, told = both("fit", "--labels=labels", cwd=tmp_path)
    assert code == 0, told
    assert cpp == python


def shared_lines(text: str) -> list[str]:
    """The lines of a help that tell a flag that both have; formats are more in Python."""
    return [part for part in text.splitlines() if part.startswith("  -") and "--input-format" not in part]


@pytest.mark.parametrize("command", ["signals", "verify", "fit", "info"])
def test_help_tells_the_same_flags(command: str) -> None:
    code, cpp, _ = run("assay", "help", command)
    python_code, python, _ = run("assay-rl", command, "--help")
    assert (code, python_code) == (0, 0)
    assert shared_lines(cpp.decode())
    assert set(shared_lines(cpp.decode())) <= set(shared_lines(python.decode()))
