"""Every overlay renders, is what Kubernetes takes (strictly, by its published schemas), and gives the memory it needs.

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

from production.fleet import ROOT, Assayd, Verdict

KUBERNETES = ROOT / "deploy/kubernetes"
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
    """Of the mounted configuration; its certificates are not here."""
    config = {key: value for key, value in config.items() if key != "tls"}
    with tempfile.TemporaryDirectory() as folder:
        return Assayd(Path(folder), "assayd", {**config, "insecure": True}).memory_bound()


def check(overlay: str, verdict: Verdict) -> None:
    documents = render(overlay)
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


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdict = Verdict("manifests")
    for overlay in ("base", *sorted(f"overlays/{path.name}" for path in (KUBERNETES / "overlays").iterdir())):
        check(overlay, verdict)
    return verdict.close()


if __name__ == "__main__":
    raise SystemExit(main())
