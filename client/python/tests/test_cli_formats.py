"""Every command reads every format, by the same arguments, and says what it made of it."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from assayd import Assayd, command, needs_assayd
from traces import DATA, SHARED

from assay_rl import Episode, Message
from assay_rl.__main__ import main

TRACE = str(DATA / "traces" / "langfuse.json")


def test_convert_writes_episodes_and_tells_who_is_who(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "episodes.jsonl"
    assert main(["convert", TRACE, "-o", str(out)]) == 0
    told = capsys.readouterr().err
    assert "assay-rl convert: agents: planner: 2 messages, writer: 1 message" in told
    (episode,) = (Episode.from_json(line) for line in out.open(encoding="utf-8"))
    assert episode.id == "t1"
    assert main(["convert", "otel", TRACE, "-q"]) == 0
    captured = capsys.readouterr()
    assert Episode.from_json(captured.out).to_proto() == episode.to_proto()
    assert captured.err == ""
    assert main(["convert", str(out)]) == 0
    assert Episode.from_json(capsys.readouterr().out).to_proto() == episode.to_proto()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["openai", TRACE], "not of format openai"),
        (["nothing.json"], "cannot read nothing.json: No such file or directory"),
        ([TRACE, "--outcome", "beauty"], "no such field or score (--outcome); its scores are quality"),
        ([TRACE, "--context", "*"], "no message of an agent: its messages are of planner (framework)"),
    ],
)
def test_what_cannot_be_converted_is_status_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--agents=x", "--agent=x", "--outcome=x", "--reference=x", "--sequential"])
def test_what_says_nothing_of_episodes_is_refused(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(Episode("e", [Message("x", "hello")], score=0.0).to_json())
    assert main(["convert", str(path), flag]) == 2
    assert f"{flag.split('=')[0]} says nothing of episodes" in capsys.readouterr().err


def test_a_file_without_episodes_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    assert main(["convert", str(tmp_path / "empty.jsonl")]) == 2
    assert "no episodes" in capsys.readouterr().err


def test_the_wrong_format_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "assistant", "content": "x"}]}))
    assert main(["report", "missing.jsonl", "--episodes", str(path)]) == 2
    assert "it looks like openai: --input-format openai" in capsys.readouterr().err


@needs_assayd
def test_one_trace_goes_through_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signals, options = tmp_path / "signals.jsonl", tmp_path / "options.json"
    options.write_text('{"audit": "AUDIT_FULL", "preferences": {"kinds": ["PREFERENCE_KIND_ONE_SIDED"]}}')
    given = ["--input-format", "auto"]
    server = Assayd().start()
    try:
        arguments = ["signals", TRACE, *given, "--server", server.target, "--options", str(options)]
        assert main([*arguments, "-o", str(signals)]) == 0
    finally:
        server.stop()
    told = capsys.readouterr().err
    assert "agents: planner: 2 messages, writer: 1 message" in told
    assert "1 episodes read, 1 answered, 0 failed" in told
    assert main(["report", str(signals), "--episodes", TRACE, *given, "-o", str(tmp_path / "r.html")]) == 0
    assert "What runs but never walks?" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert main(["export", "kto", str(signals), "--episodes", TRACE, *given, "-o", str(tmp_path / "k")]) in (0, 1)
    assert main(["verify", str(signals), "--episodes", TRACE, *given]) in (0, 1)
    assert "verified 1 episode" in capsys.readouterr().err


@needs_assayd
@pytest.mark.skipif(command() is None, reason="the C++ command line is not built")
@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared folder's data is not here")
@pytest.mark.parametrize("name", ["dylan_math_complex", "whowhen_ag", "taubench_airline_gpt4o"])
def test_both_command_lines_make_the_same_of_a_log(name: str, tmp_path: Path) -> None:
    path = SHARED / "data" / f"{name}.jsonl.gz"
    few = tmp_path / "log.jsonl"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        few.write_text("".join(next(lines) for _ in range(60)), encoding="utf-8")
    options = tmp_path / "options.json"
    options.write_text('{"audit": "AUDIT_FULL"}')
    server = Assayd().start()
    try:
        arguments = ["--input-format=log", "--context-agents=user,tool:*,Computer_terminal"]
        cpp = subprocess.run(
            [str(command()), "signals", f"--server={server.target}", f"--options={options}", *arguments],
            stdin=few.open("rb"),
            capture_output=True,
            check=False,
        )
        out = tmp_path / "python.jsonl"
        target = ["--server", server.target, "--options", str(options)]
        status = main(["signals", str(few), *target, *arguments, "-o", str(out)])
    finally:
        server.stop()
    assert status == cpp.returncode

    def digests(lines: list[bytes]) -> dict[str, str]:
        """Of every result: the digest of its signals, or its error (an annotation on what is context here)."""
        results = [json.loads(line) for line in lines]
        return {
            result["episodeId"]: result["signals"]["audit"]["signalsSha256"] if "signals" in result else result["error"]
            for result in results
        }

    found = digests(out.read_bytes().splitlines())
    assert len(found) == 60
    assert found == digests(cpp.stdout.splitlines())
