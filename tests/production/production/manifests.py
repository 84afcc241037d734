"""Every overlay and the Helm chart render to what Kubernetes takes (strictly, by its published schemas).

They give the pod the memory that its configuration needs, and the image's list of packages (deploy/packages/run.txt)
holds every library that the server links.

PodMonitor is of the Prometheus operator: no schema for it is at hand, and it is not checked.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from production import chart
from production.fleet import ASSAYD, ROOT, Assayd, Verdict

KUBERNETES = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/helm/assay"
# Names of the settings of the chart that are rendered, with their values.
CHART_VALUES: dict[str, dict[str, Any]] = {
    "chart": {},
    "chart, everything on": {
        "autoscaling": {"enabled": True},
        "podMonitor": {"enabled": True},
        "token": {"secretName": "assay-token"},
        "tls": {"allowedNames": ["trainer.example"]},
    },
    "chart, plaintext": {"tls": {"enabled": False}},
}
WITHOUT_SCHEMA = {"PodMonitor"}
UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}


def render(overlay: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(KUBERNETES / overlay)], capture_output=True, text=True, check=True
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def invalid(documents: list[dict[str, Any]]) -> int:
    count = 0
    for document in documents:
        if document["kind"] in WITHOUT_SCHEMA:
            continue
        try:
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            print(f"    {document['kind']}: {error}")
            count += 1
    return count


def of_kind(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def memory_bound(config: dict[str, Any]) -> int:
    """Of the mounted configuration; its certificates and tokens are not here."""
    config = {key: value for key, value in config.items() if key not in ("tls", "tokenFile")}
    with tempfile.TemporaryDirectory() as folder:
        return Assayd(Path(folder), "assayd", {**config, "insecure": True}).memory_bound()


def check(overlay: str, documents: list[dict[str, Any]], verdict: Verdict) -> None:
    verdict.figure(f"{overlay}: resources", len(documents), least=5)
    verdict.figure(f"{overlay}: of them invalid", invalid(documents), most=0)
    pod = of_kind(documents, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    confined = (
        pod["securityContext"]["runAsNonRoot"],
        container["securityContext"]["readOnlyRootFilesystem"],
        container["securityContext"]["capabilities"] == {"drop": ["ALL"]},
        not container["securityContext"]["allowPrivilegeEscalation"],
    )
    verdict.figure(f"{overlay}: confined", float(all(confined)), least=1)
    config = json.loads(of_kind(documents, "ConfigMap")["data"]["assay.json"])
    grace = float(config["grace"].removesuffix("s"))
    verdict.figure(f"{overlay}: seconds to end over the drain", pod["terminationGracePeriodSeconds"] - grace, least=5)
    size, unit = re.fullmatch(r"(\d+)(\w+)", container["resources"]["limits"]["memory"]).groups()  # type: ignore[union-attr]
    verdict.figure(
        f"{overlay}: memory by the formula", memory_bound(config) / UNITS["Mi"], "MiB",
        most=int(size) * UNITS[unit] / UNITS["Mi"],
    )  # fmt: skip


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def installed(package: str) -> bool:
    return subprocess.run(["dpkg-query", "-W", package], capture_output=True, check=False).returncode == 0


def missing_libraries() -> set[str]:
    """Packages of libraries that the server needs and the image's packages do not bring along."""
    names = [line.split("|") for line in (ROOT / "deploy/packages/run.txt").read_text().split()]
    listed = [next(name for name in several if installed(name)) for several in names]
    options = ("--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces")
    brought = set(re.findall(r"^(\S+)", output("apt-cache", "depends", *options, *listed), re.M))
    paths = dict(re.findall(r"^\s*(\S+) .* => (\S+)$", output("/sbin/ldconfig", "-p"), re.M)[::-1])
    needed = re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", str(ASSAYD)))
    # dpkg knows files by the place where they are, not by the links to it.
    owners = output("dpkg-query", "--search", *(f"*/{'/'.join(Path(paths[name]).parts[-2:])}" for name in needed))
    return {line.partition(":")[0] for line in owners.splitlines()} - brought


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdict = Verdict("manifests")
    for overlay in ("base", *sorted(f"overlays/{path.name}" for path in (KUBERNETES / "overlays").iterdir())):
        check(overlay, render(overlay), verdict)
    for name, values in CHART_VALUES.items():
        check(name, chart.render(CHART, values), verdict)
    missing = missing_libraries()
    verdict.figure(f"packages that the image lacks {' '.join(sorted(missing))}", len(missing), most=0)
    return verdict.close()


if __name__ == "__main__":
    raise SystemExit(main())
