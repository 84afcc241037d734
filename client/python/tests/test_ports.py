"""Ports of the server, and servers that are not there: what is said names the setting and the address."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from assayd import HANGS, binary, command, free_port, needs_assayd

pytestmark = needs_assayd

SETTINGS = ("listen", "metrics", "http", "ops")
EPISODE = '{"id":"e","agents":[{"id":"a"}],"messages":[{"agentId":"a","content":"x"}],"outcome":{"score":1}}'


def start(**settings: str) -> subprocess.Popen[str]:
    """The server, which ends with its standard input."""
    flags = [
        f"--{name}={address}" for name, address in {"listen": "127.0.0.1:0", "metrics": "none", **settings}.items()
    ]
    return subprocess.Popen(
        [str(binary()), *flags, "--stop-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def first_words(server: subprocess.Popen[str]) -> str:
    """Up to the line that says that it serves, or that it cannot."""
    assert server.stdout is not None
    said = ""
    for line in server.stdout:
        said += line
        if '"serving"' in line or "cannot listen" in line:
            break
    return said


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield int(held.getsockname()[1])


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_port_in_use_is_named(setting: str, taken: int) -> None:
    server = start(**{setting: f"127.0.0.1:{taken}"})
    assert f"assayd: {setting}: cannot listen on 127.0.0.1:{taken}" in first_words(server)
    server.communicate(timeout=HANGS)
    assert server.returncode == 1


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_port_speaks_ipv6(setting: str) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    port = free_port()
    server = start(**{setting: f"[::1]:{port}"})
    try:
        assert '"serving"' in first_words(server)
        socket.create_connection(("::1", port), timeout=HANGS).close()
    finally:
        server.communicate(timeout=HANGS)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_port_can_be_a_unix_socket(setting: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = start(**{setting: f"unix:{path}"})
    try:
        assert '"serving"' in first_words(server)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    finally:
        server.communicate(timeout=HANGS)


@pytest.mark.skipif(command() is None, reason="the C++ command line is not built")
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
@pytest.mark.parametrize("kind", ["port", "socket"])
def test_a_server_that_is_not_there_is_named(kind: str, proxy: str, tmp_path: Path) -> None:
    target = f"127.0.0.1:{free_port()}" if kind == "port" else f"unix:{tmp_path / 'nothing'}"
    said = subprocess.run(
        [str(command()), "signals", f"--server={target}"],
        input=EPISODE,
        capture_output=True,
        text=True,
        timeout=HANGS,
        env={"http_proxy": proxy, "grpc_proxy": proxy},
    )
    assert said.returncode == 1
    assert "UNAVAILABLE" in said.stderr
    assert target in said.stderr
    assert ("Connection refused" if kind == "port" else "No such file or directory") in said.stderr
