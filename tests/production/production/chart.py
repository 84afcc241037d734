"""Renders the Helm chart with Helm itself, without a cluster.

Helm comes as a library (helm-sdkpy) that can install but not print: it installs into a Kubernetes API of this process that
knows no objects and keeps none, and the manifest is what Helm says it has installed.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import helm_sdkpy
import yaml

# What the chart may hold: group and version -> plural name -> kind.
RESOURCES = {
    "v1": {"configmaps": "ConfigMap", "services": "Service", "secrets": "Secret"},
    "apps/v1": {"deployments": "Deployment"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "monitoring.coreos.com/v1": {"podmonitors": "PodMonitor"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
}
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def _groups() -> list[dict[str, Any]]:
    named = [name.split("/") for name in RESOURCES if "/" in name]
    versions = [{"groupVersion": f"{group}/{version}", "version": version} for group, version in named]
    return [
        {"name": group, "versions": [at], "preferredVersion": at}
        for (group, _), at in zip(named, versions, strict=True)
    ]


def _resources(name: str) -> dict[str, Any]:
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    listed = [
        {"name": plural, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}
        for plural, kind in RESOURCES[name].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}


class EmptyCluster(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, code: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        discovered = re.fullmatch(r"/apis?/(.+)", path)
        if path == "/version":
            self._answer(200, {"major": "1", "minor": "30", "gitVersion": "v1.30.0"})
        elif path == "/api":
            self._answer(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            self._answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()})
        elif discovered and discovered.group(1) in RESOURCES:
            self._answer(200, _resources(discovered.group(1)))
        elif path.endswith("/secrets"):
            self._answer(200, {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []})
        else:
            self._answer(404, NOT_FOUND)

    def _create(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] == "application/json":
            self._answer(201, json.loads(body))
        else:  # Helm's own record of the release, in protobuf
            self._answer(201, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "release"}})

    do_POST = do_PUT = do_PATCH = _create  # noqa: N815


def _kubeconfig(port: int) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "empty", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "empty", "context": {"cluster": "empty", "user": "nobody"}}],
            "current-context": "empty",
        }
    )


async def _install(chart: Path, values: dict[str, Any], port: int) -> str:
    configuration = helm_sdkpy.Configuration(namespace="default", kubeconfig=_kubeconfig(port))
    lint = await helm_sdkpy.Lint(configuration).run(str(chart))
    if lint["Errors"]:
        raise ValueError(f"{chart}: {lint['Errors']}")
    release = await helm_sdkpy.Install(configuration).run("assay", str(chart), values=values, wait=False)
    return str(release["manifest"])


def render(chart: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects that `helm install assay CHART` with these values would create."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyCluster)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        manifest = asyncio.run(_install(chart, values, server.server_port))
    finally:
        server.shutdown()
    return [document for document in yaml.safe_load_all(manifest) if document]
