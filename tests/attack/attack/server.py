"""A server to attack: assayd with a token, on free ports of loopback, alone or behind HAProxy."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import trustme

from attack.wire import Target

# plain, tls: with a token. mutual: TLS with a token, and clients need a certificate. proxy: plain, behind HAProxy as
# deploy/haproxy/haproxy.cfg configures it.
MODES = ("plain", "tls", "mutual", "proxy")
GOOD, OTHER = "the-token-of-the-good-client", "the-token-of-an-attacker-who-was-let-in"
# As the Helm chart sets them.
LIMITS = {
    "maxBytes": "134217728",
    "maxStreams": 256,
    "maxStreamsPerCaller": 128,
    "maxConnections": 768,
    "maxBytesPerCaller": "117440512",
}
PROXY_CONFIG = Path(__file__).parents[3] / "deploy/haproxy/haproxy.cfg"


@dataclass
class Sample:
    resident: int
    descriptors: int
    cpu: float


def spawn(arguments: list[str], descriptors: int | None, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    limited = [] if descriptors is None else ["bash", "-c", f'ulimit -n {descriptors}; exec "$@"', "-"]
    with log.open("w") as file:
        return subprocess.Popen([*limited, *arguments], stdout=file, stderr=file, env=os.environ | environment)


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class Server:
    """`target` is how the good client reaches it, `attacker` how somebody does who was let in or was not."""

    def __init__(self, folder: Path, mode: str, descriptors: int | None = None) -> None:
        (folder / "tokens").write_text(f"{GOOD}\n{OTHER}\n")
        config: dict[str, object] = {"limits": LIMITS, "tokenFile": str(folder / "tokens")}
        authority, certificates = "", ["", ""]
        if mode in ("tls", "mutual"):
            signer = trustme.CA()

            def issue(name: str) -> str:
                """A file with a certificate of this machine and its key."""
                signer.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / name)
                return str(folder / name)

            authority, pair = str(folder / "authority.pem"), issue("server.pem")
            signer.cert_pem.write_to_path(authority)
            tls = config["tls"] = {"certFile": pair, "keyFile": pair}
            if mode == "mutual":
                tls["clientCaFile"] = authority
                certificates = [issue("good.pem"), issue("other.pem")]
        path = folder / "assay.json"
        path.write_text(json.dumps(config))
        program = [os.environ["ASSAYD"], f"--config={path}"]
        checked = subprocess.run([*program, "--check-config"], capture_output=True, text=True, check=True)
        self.mode = mode
        self.bound = int(re.findall(r"below (\d+) MiB", checked.stdout)[0]) << 20
        self._log = folder / "log"
        ports = ["--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", "--http=127.0.0.1:0"]
        self.process = spawn([*program, *ports], descriptors, self._log)
        found = self._ports()
        self._proxy = None if mode != "proxy" else self._start_proxy(folder, found)
        self.target = Target(found["port"], found["metrics_port"], found["http_port"], GOOD, authority, certificates[0])
        self._inside = replace(self.target, token=OTHER, certificate=certificates[1])

    def attacker(self, let_in: bool) -> Target:
        return self._inside if let_in else replace(self._inside, token="", certificate="")

    def _ports(self) -> dict[str, int]:
        for _ in range(600):
            for line in self._log.read_text().splitlines(keepends=True):
                if '"event":"serving"' in line and line.endswith("\n"):
                    ports: dict[str, int] = json.loads(line)
                    return ports
            time.sleep(0.1)
        raise SystemExit("the server does not serve")

    def _start_proxy(self, folder: Path, found: dict[str, int]) -> subprocess.Popen[bytes]:
        # Debian installs it where only root looks.
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise SystemExit("no haproxy: deploy/install_packages.sh proxy")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        replicas = {f"ASSAY_REPLICA_{number}": f"127.0.0.1:{found['port']}" for number in (1, 2, 3)}
        proxy = spawn([program, "-db", "-f", str(PROXY_CONFIG)], None, folder / "proxy_log",
                      ASSAY_BIND=f"127.0.0.1:{port}", **replicas)  # fmt: skip
        found["port"] = port
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return proxy
            time.sleep(0.1)
        raise SystemExit("haproxy does not listen")

    def sample(self) -> Sample:
        at = Path("/proc") / str(self.process.pid)
        resident = int((at / "statm").read_text().split()[1]) * resource.getpagesize()
        fields = (at / "stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return Sample(resident, len(os.listdir(at / "fd")), cpu)

    def log_bytes(self) -> int:
        return self._log.stat().st_size

    def stop(self) -> None:
        if self._proxy is not None:
            end(self._proxy)
        end(self.process)
