"""Both judges, that of the command line and the server's, before a real llama.cpp server with a tiny model.

The model has random weights and no sense; the server, its grammar of JSON schemas, its log-probabilities and its keys
are real. Skipped where the wheels of xllamacpp (llama.cpp) and gguf are not installed: pip install -e '.[llama]'.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay_rl import Episode, Message, Task
from assay_rl.__main__ import main
from assay_rl.judge import MODES

LLAMA = Path(__file__).resolve().parents[3] / "tests" / "chaos" / "llama"
KEY = "sk-of-the-test"
pytestmark = [
    pytest.mark.skipif(not LLAMA.is_dir(), reason="outside the repository"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "gguf")),
        reason="xllamacpp and gguf are not installed",
    ),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("llama")
    (folder / "key").write_text(KEY)
    command = [sys.executable, str(LLAMA / "tiny_server.py"), str(folder), str(folder / "key")]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdout is not None
        assert server.stdin is not None
        # What llama.cpp itself writes there comes first; it ends where the process does.
        listening = next((line for line in server.stdout if line.startswith("listening ")), "")
        assert listening, (folder / "log").read_text()
        yield listening.split()[1] + "/v1"
        server.stdin.close()  # it ends with its input


def episodes(path: Path) -> list[Episode]:
    made = []
    for number in range(2):
        messages = [Message("ann", f"We begin with {number}."), Message("", "exitcode: 0")]
        messages += [Message("bob" if t % 2 else "ann", f"Step {t} of {number} {{a brace}}.") for t in range(4)]
        made.append(Episode(f"e{number}", messages, task=Task(prompt=f"Question {number}"), score=0.0))
    path.write_text("".join(episode.to_json() + "\n" for episode in made))
    return made


@pytest.mark.parametrize("mode", list(MODES))
def test_every_answer_is_read_and_costs_what_was_said(
    url: str, mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_KEY", KEY)
    source, out = tmp_path / "episodes.jsonl", tmp_path / "judged.jsonl"
    episodes(source)
    command = ["judge", str(source), f"--judge=tiny={url},tiny", "--forced", "--key-env=LLAMA_KEY", f"--mode={mode}"]
    assert main([*command, "--dry-run"]) == 0
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert main([*command, "-o", str(out)]) == 0, capsys.readouterr().err
    done = capsys.readouterr().err
    assert f"{told['calls']} calls, 0 answers from the cache" in done
    assert "10 scores, 0 failures" in done
    for line in out.read_text().splitlines():
        for message in Episode.from_json(line).messages:
            assert [score.judge for score in message.judge_scores] == (["tiny"] if message.agent else [])
            assert all(-1 <= score.score <= 1 for score in message.judge_scores)
    # Once more: all is in the cache.
    assert main([*command, "-o", str(out)]) == 0
    assert f"0 calls, {told['calls']} answers from the cache" in capsys.readouterr().err


def test_a_wrong_key_ends_the_run_and_is_not_told(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_KEY", "sk-wrong")
    source = tmp_path / "episodes.jsonl"
    episodes(source)
    assert main(["judge", str(source), f"--judge=tiny={url},tiny", "--key-env=LLAMA_KEY"]) == 2
    told = capsys.readouterr().err
    assert "HTTP 401" in told
    assert "sk-wrong" not in told


def test_the_servers_judge() -> None:
    """By log-probabilities, by constrained JSON, of every message, and with a wrong key."""
    build = os.environ.get("ASSAY_BUILD", str(LLAMA.parents[2] / "build" / "release"))
    if not all((Path(build) / program).is_file() for program in ("server/assayd", "client/command/assay")):
        pytest.skip("assayd and assay are not built (ASSAY_BUILD)")
    environment = {**os.environ, "ASSAY_BUILD": build, "ASSAY_LLAMA_PYTHON": sys.executable}
    run = subprocess.run(
        [str(LLAMA / "run.sh")], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "passed: no key in any log or answer" in run.stdout
