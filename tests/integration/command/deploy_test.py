"""What deploy/ offers to copy is good: configurations, Prometheus's files, the dashboard and its provisioning.

The metrics that rules and dashboard name are those that a server has. promtool (Debian's package prometheus) judges the
files of Prometheus where it is installed; without it that part is skipped, and says so. Grafana is in no registry that
this project uses: its provisioning is held against the compose file and the dashboard.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from assay_process import ROOT, Server

DEPLOY = ROOT / "deploy"
METRIC = re.compile(r"\bassay[a-z_:0-9]+\b")
# Suffixes of the series that a histogram or summary consists of.
PARTS = re.compile(r"_(bucket|count|sum)$")


def check_configurations() -> int:
    files = sorted((DEPLOY / "examples").glob("*.json"))
    for file in files:
        run = subprocess.run(
            [os.environ["ASSAYD"], f"--config={file}", "--check-config"],
            env={**os.environ, "JUDGE_API_KEY": "secret"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0 and "the configuration is good" in run.stdout, (file, run)
    assert len(files) >= 3
    return len(files)


def check_compose() -> str:
    """Every file that the compose file mounts is there; returns it."""
    text: str = (DEPLOY / "compose/compose.yaml").read_text()
    mounts = re.findall(r"^\s+- (\.\S*?):(\S+?):ro$", text, re.MULTILINE)
    assert len(mounts) >= 4, mounts
    for source, _ in mounts:
        assert (DEPLOY / "compose" / source).exists(), source
    return text


def expressions(value: Any) -> list[str]:
    """The queries of a dashboard."""
    if isinstance(value, dict):
        own = [str(held) for key, held in value.items() if key == "expr"]
        return own + [found for held in value.values() for found in expressions(held)]
    return [found for held in value for found in expressions(held)] if isinstance(value, list) else []


def check_dashboard(compose: str, known: set[str]) -> int:
    dashboard = json.loads((DEPLOY / "grafana/assay.json").read_text())
    queries = expressions(dashboard)
    assert len(queries) > 5 and dashboard["uid"]
    for query in queries:
        strange = {name for name in METRIC.findall(query) if PARTS.sub("", name) not in known and name not in known}
        assert not strange, (query, strange)
    provider = (DEPLOY / "compose/grafana/provisioning/dashboards/assay.yaml").read_text()
    (folder,) = re.findall(r"path: (\S+)", provider)
    assert f"../grafana:{folder}:ro" in compose, "the dashboard is not where Grafana looks for it"
    source = (DEPLOY / "compose/grafana/provisioning/datasources/prometheus.yaml").read_text()
    (url,) = re.findall(r"url: http://(\w+):9090", source)
    assert f"  {url}:\n" in compose, "no service of this name"
    return len(queries)


def check_rules(known: set[str]) -> set[str]:
    """The names that the rules record."""
    text = (DEPLOY / "prometheus/rules.yaml").read_text()
    recorded = set(re.findall(r"record: (\S+)", text))
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith(("#", "summary", "action")))
    strange = {name for name in METRIC.findall(code)
               if PARTS.sub("", name) not in known | recorded and name not in recorded}  # fmt: skip
    assert not strange, strange
    return recorded


def promtool(*words: str) -> None:
    run = subprocess.run([shutil.which("promtool") or "", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run


def check_prometheus() -> None:
    """As the compose file mounts them: the rules beside the configuration."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (DEPLOY / "compose/prometheus.yaml", DEPLOY / "prometheus/rules.yaml"):
            shutil.copy(file, folder)
        promtool("check", "config", f"{folder}/prometheus.yaml")
    promtool("test", "rules", str(DEPLOY / "prometheus/rules_test.yaml"))


def main() -> int:
    with Server() as server:
        known = set(re.findall(r"^# TYPE (\S+)", server.metrics(), re.MULTILINE))
    assert "assay_episodes_total" in known, known
    configurations = check_configurations()
    recorded = check_rules(known)
    queries = check_dashboard(check_compose(), known | recorded)
    print(f"{configurations} configurations, {len(recorded)} recorded series, {queries} queries")
    if shutil.which("promtool"):
        check_prometheus()
        print("promtool finds nothing wrong")
    else:
        print("skipped: promtool is not installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
