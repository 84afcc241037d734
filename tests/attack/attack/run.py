"""Attacks a server of its own and measures it: `python -m attack.run [--tls] [--seconds S] [--rounds N] [NAME...]`.

Each attack runs in a process of its own, from 127.0.0.2, beside a well-behaved client from 127.0.0.1. A line each:
memory of the server (peak, ten seconds after, bound), descriptors (before, peak, after), cores it used, the client's
p99 and what it lost. Exit code 1 where a bound is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
from assay_rl.v1 import signal_service_pb2, signal_service_pb2_grpc

from attack.attacks import ATTACKS, bearer, channel
from attack.wire import Target

GOOD, OTHER = "the-token-of-the-good-client", "the-token-of-an-attacker-who-was-let-in"
MAX_P99 = 1.0
MAX_AGAIN = 1.0
SETTLE = 10.0
# As the Helm chart sets them.
LIMITS = {"maxBytes": "134217728", "maxStreams": 256, "maxStreamsPerCaller": 128, "maxBytesPerCaller": "117440512"}


@dataclass
class Sample:
    resident: int
    descriptors: int
    cpu: float


class Server:
    """assayd with a token, on free ports."""

    def __init__(self, folder: Path, tls: bool, descriptors: int | None) -> None:
        config: dict[str, object] = {"limits": LIMITS, "tokenFile": str(folder / "tokens")}
        (folder / "tokens").write_text(f"{GOOD}\n{OTHER}\n")
        if tls:
            self._certify(folder)
            config["tls"] = {"certFile": str(folder / "tls.crt"), "keyFile": str(folder / "tls.key")}
        path = folder / "assay.json"
        path.write_text(json.dumps(config))
        program = os.environ["ASSAYD"]
        checked = subprocess.run([program, f"--config={path}", "--check-config"], capture_output=True, text=True)
        self.bound = int(re.findall(r"below (\d+) MiB", checked.stdout)[0]) << 20
        self.log = (folder / "log").open("w+")

        limited = [] if descriptors is None else ["bash", "-c", f'ulimit -n {descriptors}; exec "$@"', "-"]
        ports = ["--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", "--http=127.0.0.1:0"]
        self.process = subprocess.Popen([*limited, program, f"--config={path}", *ports], stderr=self.log)
        found = self._ports()
        self.target = Target(found["port"], found["metrics_port"], found["http_port"], GOOD, tls)

    @staticmethod
    def _certify(folder: Path) -> None:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
                       check=True, capture_output=True)  # fmt: skip

    def _ports(self) -> dict[str, int]:
        for _ in range(200):
            self.log.seek(0)
            for line in self.log:
                if '"event":"serving"' in line and line.endswith("\n"):
                    ports: dict[str, int] = json.loads(line)
                    return ports
            time.sleep(0.1)
        raise SystemExit("the server does not serve")

    def sample(self) -> Sample:
        at = Path("/proc") / str(self.process.pid)
        resident = int((at / "statm").read_text().split()[1]) * resource.getpagesize()
        fields = (at / "stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return Sample(resident, len(os.listdir(at / "fd")), cpu)

    def log_bytes(self) -> int:
        return os.fstat(self.log.fileno()).st_size

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)


def reached(target: Target) -> float:
    """Seconds until a new connection is served."""
    began = time.monotonic()
    while time.monotonic() < began + SETTLE:
        try:
            with channel(target, ("attack", "again")) as through:
                stub = signal_service_pb2_grpc.SignalServiceStub(through)
                stub.GetServerInfo(signal_service_pb2.GetServerInfoRequest(), metadata=bearer(target), timeout=SETTLE)
            break
        except grpc.RpcError:
            time.sleep(0.05)
    return time.monotonic() - began


def watch(server: Server, samples: list[Sample], over: threading.Event) -> None:
    while not over.wait(0.05):
        try:
            samples.append(server.sample())
        except (OSError, IndexError):
            return


def measure(name: str, seconds: float, tls: bool, descriptors: int | None) -> bool:
    """Whether all bounds were kept."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), tls, descriptors)
        try:
            return _measure(server, name, seconds)
        finally:
            server.stop()


def _measure(server: Server, name: str, seconds: float) -> bool:
    target = json.dumps(asdict(server.target))
    good = start("attack.good", target, str(seconds + 2))
    assert good.stdout is not None
    good.stdout.readline()
    before, began = server.sample(), time.monotonic()
    samples, over = [before], threading.Event()
    watcher = threading.Thread(target=watch, args=(server, samples, over))
    watcher.start()
    time.sleep(1)
    if name != "nothing":
        attacker = start("attack.one", name, json.dumps(asdict(server.target) | {"token": OTHER}), str(seconds))
        try:
            attacker.wait(seconds + 30)
        except subprocess.TimeoutExpired:
            attacker.kill()
    again = reached(server.target)
    figures = json.loads(good.communicate(timeout=120)[0].splitlines()[-1])
    took = time.monotonic() - began
    cores = (samples[-1].cpu - before.cpu) / took
    time.sleep(SETTLE)
    over.set()
    watcher.join()
    if server.process.poll() is not None:
        print(f"{name:24} THE SERVER HAS ENDED with {server.process.returncode}", flush=True)
        return False
    after = server.sample()
    peak = max(s.resident for s in samples)
    mib = 1 << 20
    kept = {
        "memory": peak < server.bound,
        "p99": figures["p99"] < MAX_P99,
        "lost": not figures["lost"],
        "again": again < MAX_AGAIN,
        "after": after.resident < before.resident + 100 * mib and after.descriptors <= before.descriptors + 8,
    }
    broken = [what for what, fine in kept.items() if not fine]
    print(
        f"{name:24} {'TLS' if server.target.tls else 'plain':5} "
        f"memory {before.resident // mib} -> {peak // mib} -> {after.resident // mib} of {server.bound // mib} MiB, "
        f"descriptors {before.descriptors} -> {max(s.descriptors for s in samples)} -> {after.descriptors}, "
        f"{cores:.2f} cores, p50 {figures['p50'] * 1000:.0f} p99 {figures['p99'] * 1000:.0f} ms, "
        f"lost {sum(figures['lost'].values())} of {figures['calls']} {figures['lost'] or ''}, "
        f"again {again:.2f} s, log {server.log_bytes() // 1024} KiB  "
        f"{'BROKEN: ' + ' '.join(broken) if broken else 'kept'}",
        flush=True,
    )
    return not broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="attacks; default: all, and `nothing` for comparison")
    parser.add_argument("--tls", action="store_true", help="TLS without client certificates, not plaintext")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(ATTACKS) - {"nothing"}
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    kept = True
    for name in arguments.names or ["nothing", *ATTACKS]:
        for _ in range(arguments.rounds):
            descriptors = 256 if name == "connections" else None
            kept &= measure(name, arguments.seconds, arguments.tls, descriptors)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
