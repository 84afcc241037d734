"""A page that updates: files that grow, the server that shows them, and what a browser makes of it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from assayd import HANGS
from course_runs import Plan, Step, play
from verify_episodes import write_lines

from assay_rl.cli.report import main
from assay_rl.report.collect import Collector
from assay_rl.report.follow import Follower
from assay_rl.report.live import LiveServer, Shown


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return list(play(Plan(steps=4, tasks=1, members=2, honest=2)))


def text(tmp_path: Path, step: Step) -> str:
    write_lines(tmp_path / "lines", step.results)
    return (tmp_path / "lines").read_text(encoding="utf-8")


def follower(*names: Path, episodes: tuple[Path, ...] = ()) -> Follower:
    return Follower([str(name) for name in names], [str(name) for name in episodes], Collector)


def test_lines_are_read_once_and_whole(tmp_path: Path, steps: list[Step]) -> None:
    path = tmp_path / "signals.jsonl"
    watching = follower(path)
    assert not watching.look(), "there is no file yet"
    told = text(tmp_path, steps[0])
    cut = len(told) // 2
    path.write_text(told[:cut], encoding="utf-8")
    watching.look()
    before = watching.collected.total.episodes
    with path.open("a", encoding="utf-8") as out:
        out.write(told[cut:])
    assert watching.look()
    assert before < watching.collected.total.episodes == 2
    assert watching.collected.total.groups == 1
    assert not watching.look()
    assert watching.collected.total.episodes == 2


def test_a_bad_line_is_told_and_those_around_it_are_read(tmp_path: Path, steps: list[Step]) -> None:
    path = tmp_path / "signals.jsonl"
    first, second, *rest = text(tmp_path, steps[0]).splitlines(keepends=True)
    path.write_text("".join([first, "{nonsense\n", second, *rest]), encoding="utf-8")
    watching = follower(path)
    assert watching.look()
    assert watching.collected.total.episodes == 2
    assert len(watching.complaints) == 1
    assert "signals.jsonl:2: not JSON" in watching.complaints[0]


def test_a_file_that_is_written_anew_begins_anew(tmp_path: Path, steps: list[Step]) -> None:
    path = tmp_path / "signals.jsonl"
    path.write_text(text(tmp_path, steps[0]) * 2, encoding="utf-8")
    watching = follower(path)
    watching.look()
    path.write_text(text(tmp_path, steps[1]), encoding="utf-8")
    assert watching.look()
    assert watching.collected.total.episodes == 2


def test_a_folder_grows_by_steps_with_their_texts(tmp_path: Path, steps: list[Step]) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    watching = follower(folder)
    assert not watching.look()
    for number, step in enumerate(steps):
        write_lines(folder / f"episodes-{number}.jsonl", step.episodes)
        write_lines(folder / f"signals-step-{number}.jsonl", step.results)
        assert watching.look()
        assert sorted(watching.collected.steps) == list(range(number + 1))
    data = json.loads(b"".join(watching.collected.pieces("run")))
    assert len(data["course"]["runs"][0]["steps"]) == 4
    assert all("text" in message for episode in data["episodes"] for message in episode["messages"])


def get(address: str, path: str, host: str | None = None, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    place = re.sub("^http://|/$", "", address)
    connection = http.client.HTTPConnection(place, timeout=HANGS)
    connection.request(method, path, headers={"Host": host or place})
    answer = connection.getresponse()
    told = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return told


@pytest.fixture
def served(tmp_path: Path, steps: list[Step]) -> Iterator[tuple[LiveServer, Shown, Collector]]:
    collected, shown = Collector(), Shown("live")
    for result in steps[0].results:
        collected.add(result, {}, 0)
    shown.show(collected)
    with LiveServer(shown) as server:
        yield server, shown, collected


def test_only_this_machine_is_answered_under_its_own_name(served: tuple[LiveServer, Shown, Collector]) -> None:
    server = served[0]
    assert server.address.startswith("http://127.0.0.1:")
    port = server.address.rsplit(":", 1)[1].strip("/")
    assert get(server.address, "/")[0] == 200
    assert get(server.address, "/", f"localhost:{port}")[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "localhost", f"127.0.0.1:{int(port) + 1}", " "):
        for path in ("/", "/data?after=0"):
            code, _, body = get(server.address, path, host)
            assert code == 403, (host, path)
            assert b"saboteur" not in body
    assert get(server.address, "/../etc/passwd")[0] == 404
    assert get(server.address, "/", method="POST")[0] == 501
    headers = get(server.address, "/")[1]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_data_come_when_they_are_new(served: tuple[LiveServer, Shown, Collector], steps: list[Step]) -> None:
    server, shown, collected = served
    code, headers, body = get(server.address, "/data?after=0")
    assert code == 200
    assert len(json.loads(body)["episodes"]) == 2
    version = headers["x-assay-version"]
    assert get(server.address, f"/data?after={version}")[0] == 204
    for result in steps[1].results:
        collected.add(result, {}, 1)
    shown.show(collected)
    code, headers, body = get(server.address, f"/data?after={version}")
    assert code == 200
    assert headers["x-assay-version"] != version
    assert len(json.loads(body)["episodes"]) == 4


def test_what_following_does_not_take_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--follow", "--numbers", "x"]) == 2
    assert "--follow and --numbers do not go together" in capsys.readouterr().err


@contextmanager
def following(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`report --follow` as a user runs it: its address, and the process."""
    command = [sys.executable, "-m", "assay_rl", "report", *arguments, "--follow"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0], process
    finally:
        process.kill()
        process.wait()


def ended(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(HANGS) == 0


def test_the_command_listens_on_the_loopback_address_alone(tmp_path: Path, steps: list[Step]) -> None:
    write_lines(tmp_path / "signals.jsonl", steps[0].results)
    with following(str(tmp_path / "signals.jsonl")) as (address, process):
        port = int(address.rsplit(":", 1)[1].strip("/"))
        assert get(address, "/")[0] == 200
        # On a system where all of 127.0.0.0/8 is this machine, who listens on every address answers here.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), HANGS)
        assert get(address, "/data", "evil.example")[0] == 403
        ended(process)


def test_a_browser_follows_a_run(tmp_path: Path, steps: list[Step]) -> None:
    browsing: Any = pytest.importorskip("browsing")
    folder = tmp_path / "run"
    folder.mkdir()

    def write(number: int) -> None:
        write_lines(folder / f"signals-step-{number}.jsonl", steps[number].results)

    write(0)
    with following(str(folder)) as (address, process), browsing.chromium() as browser:
        reader = browsing.Reader(browser, address)
        page = reader.page
        page.wait_for_selector("#count:has-text('2 episodes')")
        page.click("#list a")
        page.wait_for_selector(".verdict")
        shown = page.inner_text("h1")
        write(1)
        page.wait_for_selector("#count:has-text('4 episodes')")
        assert page.inner_text("h1").startswith(shown), "what the reader has open stays open"
        page.keyboard.press("c")
        page.wait_for_selector("h1 + .lead:has-text('2 steps, 0 to 1')")
        page.click("section:has(> h2:text-is('Score')) details.values summary")
        for number in (2, 3):
            write(number)
        page.wait_for_selector("h1 + .lead:has-text('4 steps, 0 to 3')")
        page.wait_for_selector("section:has(> h2:text-is('Score')) details.values tbody tr >> nth=3")
        assert page.inner_text("#live") == "live"
        assert not reader.complaints
        assert all(url.startswith((address, "data:")) for url in reader.requests), "nothing from elsewhere"
        ended(process)
        page.wait_for_selector("#live:has-text('its last state')")
        browsing.close_pages()


def test_a_browser_follows_a_file_line_by_line(tmp_path: Path, steps: list[Step]) -> None:
    browsing: Any = pytest.importorskip("browsing")
    signals, episodes = tmp_path / "signals.jsonl", tmp_path / "episodes.jsonl"
    write_lines(episodes, [episode for step in steps for episode in step.episodes])
    signals.touch()
    with following(str(signals), "--episodes", str(episodes)) as (address, process), browsing.chromium() as browser:
        reader = browsing.Reader(browser, address)
        for number, step in enumerate(steps):
            with signals.open("a", encoding="utf-8") as out:
                out.write(text(tmp_path, step))
            reader.page.wait_for_selector(f"#count:has-text('{2 * (number + 1)} episodes')")
        reader.page.click("#list a >> nth=5")
        reader.page.wait_for_selector(".messages li:has-text('I multiply, and I get')")
        assert not reader.complaints
        ended(process)
        browsing.close_pages()
