"""The command reaches a server that asks for TLS, our certificate and a token, and only so."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from assay_process import ROOT, Server

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    """An authority, and one certificate for localhost that serves both sides."""
    openssl("req", "-x509", *CURVE, "-subj", "/CN=authority", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.pem", folder=folder)  # fmt: skip
    openssl("req", *CURVE, "-subj", "/CN=localhost",
            "-keyout", "own.key", "-out", "own.csr", folder=folder)  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
            "-CAcreateserial", "-extfile", "names", "-out", "own.pem", folder=folder)  # fmt: skip


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_certificates(folder)
        (folder / "tokens").write_text("# of the test\nsesame\n")
        (folder / "token").write_text("sesame\n")
        (folder / "wrong").write_text("open\n")
        tls = {"certFile": f"{name}/own.pem", "keyFile": f"{name}/own.key"}
        tls["clientCaFile"] = f"{name}/ca.pem"
        config = {"tls": tls, "tokenFile": f"{name}/tokens"}
        (folder / "config.json").write_text(json.dumps(config))
        roots = ["--tls", f"--tls-roots={name}/ca.pem"]
        mutual = [*roots, f"--tls-certificate={name}/own.pem", f"--tls-key={name}/own.key"]
        right = [*mutual, f"--token-file={name}/token"]
        sample = (ROOT / "tests/data/samples/newcomer.jsonl").read_bytes()
        with Server(f"--config={name}/config.json") as server:
            assert len(server.signals(sample, None, *right)) == 1
            assert server.assay("info", *right).returncode == 0
            wrong = ([], roots, mutual, [*mutual, f"--token-file={name}/wrong"])
            for flags in wrong:
                run = server.assay("signals", "--timeout=3s", *flags, stdin=sample)
                results = [json.loads(line) for line in run.stdout.splitlines()]
                assert run.returncode == 1 and all("error" in result for result in results), (flags, run)
    print("TLS, mutual, with a token")
    return 0


if __name__ == "__main__":
    sys.exit(main())
