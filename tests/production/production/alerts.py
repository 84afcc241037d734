"""A real Prometheus scrapes a loaded server, and each alert of deploy/prometheus/rules.yaml is made to fire once.

The rules are the deployed ones but for time: windows and `for:` are cut to seconds. What is wrong is really wrong, but
for AssayConservationBroken: no server does that, so a page of metrics is doctored on its way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.server
import json
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from assay_rl.v1 import episode_pb2, options_pb2

from production.fleet import ROOT, Assayd, Process, SlowEvaluator, Verdict, ended
from production.load import Lane, Sent, channel, debate
from production.replicas import free_port

RULES = ROOT / "deploy/prometheus"
ALERTS = re.findall(r"alert: (\w+)", (RULES / "rules.yaml").read_text())
SECONDS_TO_FIRE = 90.0


def hurried(rules: str) -> str:
    """The same rules in another time: minutes become seconds."""
    rules = re.sub(r"\[\d+m\]", "[15s]", rules)
    rules = re.sub(r"for: \d+m", "for: 3s", rules)
    return re.sub(r"interval: \d+s", "interval: 1s", rules)


class Prometheus(Process):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "prometheus.log")
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"

    def start(self, targets: list[str]) -> Prometheus:
        """Beside the targets it scrapes those that broken.json names, as it changes."""
        (self.folder / "rules.yaml").write_text(hurried((RULES / "rules.yaml").read_text()))
        jobs = [
            {"job_name": "assay", "static_configs": [{"targets": targets}]},
            {"job_name": "broken", "file_sd_configs": [{"files": ["broken.json"], "refresh_interval": "1s"}]},
        ]
        timing = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config = {"global": timing, "rule_files": ["rules.yaml"], "scrape_configs": jobs}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        program = shutil.which("prometheus")
        assert program is not None, "unpack Debian's prometheus, as tests/production/run.sh does"
        self.spawn([program, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                    f"--web.listen-address={self.url.removeprefix('http://')}"])  # fmt: skip
        self.wait_for("Server is ready to receive web requests")
        return self

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as page:
            return json.load(page)["data"]

    def firing(self) -> set[str]:
        return {a["labels"]["alertname"] for a in self._get("/api/v1/alerts")["alerts"] if a["state"] == "firing"}

    def value(self, query: str) -> float:
        found = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": query}))["result"]
        return float(found[0]["value"][1]) if found else float("nan")


@contextlib.contextmanager
def doctored(server: Assayd) -> Iterator[str]:
    """The server's metrics, to which each scrape adds an episode whose ledger does not balance."""
    scrapes = 0

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal scrapes
            scrapes += 1
            with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=5) as page:
                text = page.read().decode()
            name = "assay_conservation_error_count"
            text = re.sub(rf"^{name} (\d+)", lambda m: f"{name} {int(m[1]) + scrapes}", text, flags=re.M)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()


Change = Callable[[episode_pb2.Episode], None]


async def trouble(
    server: Assayd, rate: float, options: options_pb2.AttributionOptions, agents: int = 4, change: Change | None = None
) -> None:
    """So many episodes a second, credits or not, until it is cancelled."""
    async with channel(server.target, 0) as where:
        lane = Lane(where, options)
        await lane.open()
        number = 0
        while True:
            number += 1
            episode = debate(number, agents)
            if change is not None:
                change(episode)
            lane.send(episode, Sent(time.monotonic()))
            await asyncio.sleep(1 / rate)


def named(name: str) -> options_pb2.AttributionOptions:
    return options_pb2.AttributionOptions(named=options_pb2.NamedEvaluator(name=name))


async def fires(prometheus: Prometheus, alert: str, cause: Coroutine[Any, Any, None], verdict: Verdict) -> None:
    running = asyncio.create_task(cause)
    start = time.monotonic()
    while alert not in await asyncio.to_thread(prometheus.firing):
        if time.monotonic() > start + SECONDS_TO_FIRE or (running.done() and running.exception() is not None):
            break
        await asyncio.sleep(0.5)
    took = time.monotonic() - start
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    verdict.figure(f"{alert} fires after", took, "s", most=SECONDS_TO_FIRE)


async def forever() -> None:
    await asyncio.Event().wait()


async def down(spare: Assayd) -> None:
    spare.kill()
    await forever()


async def flood(server: Assayd) -> None:
    """Connections that are cut off, four a second: SETTINGS without end."""
    settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]) * 100
    host, _, port = server.target.rpartition(":")
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=5) as wire:
            wire.sendall(settings)
        await asyncio.sleep(0.25)


def disagree(episode: episode_pb2.Episode) -> None:
    """A score that is no value of a vote."""
    episode.outcome.score = 0.37


async def measure(server: Assayd, spare: Assayd, prometheus: Prometheus, broken: str, verdict: Verdict) -> None:
    vote = options_pb2.AttributionOptions(vote=options_pb2.VoteReplay())
    healthy = asyncio.create_task(trouble(server, 20, vote))
    await asyncio.sleep(20)
    verdict.figure("alerts that fire while all is well", len(prometheus.firing()), most=0)
    rate = prometheus.value('assay:episodes:rate5m{outcome="ok"}')
    verdict.figure("episodes a second as Prometheus sees them", rate, least=10, most=30)
    healthy.cancel()

    exact = options_pb2.AttributionOptions(vote=options_pb2.VoteReplay())
    exact.estimator.method = options_pb2.METHOD_EXACT
    causes: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "AssayDown": lambda: down(spare),
        "AssayEpisodesFail": lambda: trouble(server, 10, named("gone")),
        "AssayEvaluatorFails": lambda: trouble(server, 10, named("gone")),
        # Credits that are gone for a second or two each.
        "AssayOverloaded": lambda: trouble(server, 30, named("slow")),
        "AssayConnectionsTurnedAway": lambda: flood(server),
        # More episodes than one worker ends, each with a million coalitions before it.
        "AssayQueueing": lambda: trouble(server, 40, exact, agents=20),
        "AssayOutcomeMismatch": lambda: trouble(server, 20, vote, change=disagree),
    }
    for alert, cause in causes.items():
        await fires(prometheus, alert, cause(), verdict)
    (prometheus.folder / "broken.json").write_text(json.dumps([{"targets": [broken]}]))
    await fires(prometheus, "AssayConservationBroken", forever(), verdict)
    verdict.figure("alerts without a cause here", len(set(ALERTS) - {*causes, "AssayConservationBroken"}), most=0)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdict = Verdict("alerts")
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "rules_test.yaml"]):
        code = subprocess.run(["promtool", *command], cwd=RULES, capture_output=True).returncode
        verdict.figure(f"promtool {' '.join(command[:2])}: exit code", code, most=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        evaluator = SlowEvaluator(folder, 1)
        server, spare = Assayd(folder, "assayd", {"workers": 1}), Assayd(folder, "spare", {})
        prometheus = Prometheus(folder)
        with ended(prometheus, server, spare, evaluator):
            slow = evaluator.start().configured("slow")
            traits = {"supports": ["coalition"]}
            nobody = {"endpoints": [f"127.0.0.1:{free_port()}"], "traits": traits}
            gone = {"name": "gone", "remote": nobody, "maxAttempts": 1, "timeout": "1s", "breakerFailures": 0}
            server.config["evaluators"] = [slow, gone]
            server.config["limits"] = {"maxEpisodesInFlight": 32}
            server.start()
            spare.start()
            with doctored(server) as broken:
                (folder / "broken.json").write_text("[]")
                targets = [f"127.0.0.1:{s.metrics_port}" for s in (server, spare)]
                prometheus.start(targets)
                asyncio.run(measure(server, spare, prometheus, broken, verdict))
    return verdict.close()


if __name__ == "__main__":
    raise SystemExit(main())
