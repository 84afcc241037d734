"""Certificates, their authority and tokens are changed under load, without an error; what is wrong is refused.

Mutual TLS and bearer tokens. Newcomers connect twice a second with what is valid at that time, and streams stay open.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import grpc
from assay_rl.client.aio import AsyncClient
from assay_rl.client.outcomes import AssayError, Outcome

from production.fleet import ASSAYD, Assayd, Verdict, ended
from production.load import debate

# The server looks at its certificates every 10 s and at its tokens every second.
CERTIFICATES_SECONDS, TOKENS_SECONDS = 12, 2


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self._run(f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} "
                  "-keyout ca.key -out ca.pem")  # fmt: skip

    def _run(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)

    @property
    def root(self) -> bytes:
        return (self.folder / "ca.pem").read_bytes()

    def issue(self, name: str, san: str, days: int = 1) -> tuple[bytes, bytes]:
        """(key, certificate), as PEM."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={san}\n")
        self._run(f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} "
                  f"-keyout {name}.key -out {name}.csr")  # fmt: skip
        self._run(f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} "
                  f"-extfile {name}.ext -out {name}.pem")  # fmt: skip
        return (self.folder / f"{name}.key").read_bytes(), (self.folder / f"{name}.pem").read_bytes()


def put(path: Path, content: bytes) -> None:
    """As a mounted secret changes: whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(path)


class World:
    """The server's files, and what callers show at the moment."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "tls.crt", folder / "tls.key"
        self.ca, self.tokens = folder / "ca.crt", folder / "tokens"
        self.roots = b""
        self.pair = (b"", b"")
        self.token = ""
        self.target = ""

    def serve_with(self, pair: tuple[bytes, bytes]) -> None:
        put(self.key, pair[0])
        put(self.cert, pair[1])

    def client(self, pair: tuple[bytes, bytes] | None = None, token: str | None = None) -> AsyncClient:
        key, cert = self.pair if pair is None else pair
        return AsyncClient(
            self.target,
            credentials=grpc.ssl_channel_credentials(self.roots, key or None, cert or None),
            token=self.token if token is None else token,
            channel_options=[("grpc.use_local_subchannel_pool", 1)],
        )

    def serial(self, folder: Path) -> str:
        """Of the certificate that the server shows now."""
        for name, content in (("k", self.pair[0]), ("c", self.pair[1]), ("r", self.roots)):
            (folder / name).write_bytes(content)
        context = ssl.create_default_context(cafile=str(folder / "r"))
        context.load_cert_chain(folder / "c", folder / "k")
        context.set_alpn_protocols(["h2"])
        host, port = self.target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw, server_hostname=host) as tls:
            certificate = tls.getpeercert()
            assert certificate is not None
            return str(certificate["serialNumber"])


class Traffic:
    """Newcomers twice a second, and streams that stay open until `renew` replaces them by such with newer papers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.errors: list[str] = []
        self.newcomers = self.answered = 0
        self._numbers = itertools.count()
        self._over = self._renew = False

    async def newcomers_come(self) -> None:
        while not self._over:
            async with self.world.client() as client:
                try:
                    await client.info(timeout=20)
                    batch = await client.compute([debate(next(self._numbers))], timeout=20)
                    self._take(batch.outcomes[0])
                    self.newcomers += 1
                except AssayError as error:
                    self.errors.append(f"newcomer: {error}")
            await asyncio.sleep(0.5)

    def _take(self, outcome: Outcome) -> None:
        self.answered += 1
        if not outcome.ok:
            self.errors.append(f"episode: {outcome}")

    async def streams_stay(self) -> None:
        while not self._over:
            self._renew = False
            async with self.world.client() as client:
                scorer = client.open()
                while not (self._over or self._renew):
                    scorer.add(debate(next(self._numbers)), self._take)
                    await asyncio.sleep(0.05)
                await scorer.finish()

    def renew(self) -> None:
        self._renew = True

    def stop(self) -> None:
        self._over = True


async def rotate(world: World, first: Authority, second: Authority, folder: Path, verdict: Verdict) -> None:
    traffic = Traffic(world)
    running = [asyncio.create_task(traffic.newcomers_come()), asyncio.create_task(traffic.streams_stay())]
    serials = []

    async def change(what: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        serials.append(await asyncio.to_thread(world.serial, folder))
        verdict.figure(f"{what}: errors so far", len(traffic.errors), most=0)

    await change("before", 3)
    world.serve_with(first.issue("server-2", "DNS:localhost"))
    await change("server's certificate", CERTIFICATES_SECONDS)
    put(world.ca, first.root + second.root)
    world.roots = first.root + second.root
    traffic.renew()
    await change("two authorities", CERTIFICATES_SECONDS)
    world.serve_with(second.issue("server", "DNS:localhost"))
    world.pair = second.issue("trainer", "DNS:trainer.house")
    traffic.renew()
    await change("all certificates by the new one", CERTIFICATES_SECONDS)
    put(world.ca, second.root)
    world.roots = second.root
    traffic.renew()
    await change("the old authority gone", CERTIFICATES_SECONDS)
    put(world.tokens, b"old\nnew\n")
    await change("two tokens", TOKENS_SECONDS)
    world.token = "new"
    traffic.renew()
    await change("new token shown", TOKENS_SECONDS)
    put(world.tokens, b"new\n")
    await change("old token gone", TOKENS_SECONDS)
    traffic.stop()
    await asyncio.gather(*running)
    for error in traffic.errors[:10]:
        print("   ", error)
    verdict.figure("errors", len(traffic.errors), most=0)
    verdict.figure("newcomers", traffic.newcomers, least=20)
    verdict.figure("episodes answered", traffic.answered, least=200)
    verdict.figure("server certificates seen", len(set(serials)), least=3, most=3)


async def refusals(world: World, first: Authority, second: Authority, stranger: Authority, verdict: Verdict) -> None:
    good = world.pair
    cases = {
        "valid papers": (good, "new", "OK"),
        "no certificate": ((b"", b""), "new", "UNAVAILABLE"),
        "a stranger's certificate": (stranger.issue("trainer", "DNS:trainer.house"), "new", "UNAVAILABLE"),
        "the old authority's certificate": (first.issue("late", "DNS:trainer.house"), "new", "UNAVAILABLE"),
        "an expired certificate": (second.issue("old", "DNS:trainer.house", days=-1), "new", "UNAVAILABLE"),
        "a name that is not allowed": (second.issue("guest", "DNS:guest.house"), "new", "PERMISSION_DENIED"),
        "no token": (good, "", "UNAUTHENTICATED"),
        "a wrong token": (good, "nwe", "UNAUTHENTICATED"),
        "the old token": (good, "old", "UNAUTHENTICATED"),
    }
    for what, (pair, token, expected) in cases.items():
        async with world.client(pair, token) as client:
            try:
                await client.info(timeout=10)
                got = "OK"
            except AssayError as error:
                got = error.error.code.name
        verdict.figure(f"{what}: {got}", float(got == expected), least=1)
    async with AsyncClient(world.target) as plaintext:
        try:
            await plaintext.info(timeout=10)
            got = "OK"
        except AssayError as error:
            got = error.error.code.name
    verdict.figure(f"plaintext: {got}", float(got == "UNAVAILABLE"), least=1)


def plaintext_must_be_meant(verdict: Verdict) -> None:
    for flags, expected in (([], 2), (["--insecure"], 0)):
        command = [str(ASSAYD), "--listen=0.0.0.0:0", "--metrics=none", "--check-config", *flags]
        code = subprocess.run(command, capture_output=True).returncode
        verdict.figure(f"plaintext beyond loopback {' '.join(flags)}: exit code", code, least=expected, most=expected)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdict = Verdict("rotation")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, second, stranger = (Authority(folder, who) for who in ("first", "second", "stranger"))
        world = World(folder)
        world.serve_with(first.issue("server", "DNS:localhost"))
        world.pair = first.issue("trainer", "DNS:trainer.house")
        world.roots = first.root
        put(world.ca, first.root)
        put(world.tokens, b"old\n")
        world.token = "old"
        tls = {"certFile": world.cert, "keyFile": world.key, "clientCaFile": world.ca}
        config = {
            "tls": {**{key: str(path) for key, path in tls.items()}, "allowedNames": ["trainer.house"]},
            "tokenFile": str(world.tokens),
            # Streams move on the connection that they have.
            "limits": {"maxStreamAge": "5s"},
        }
        server = Assayd(folder, "assayd", config)
        with ended(server):
            server.start()
            world.target = f"localhost:{server.port}"
            start = time.monotonic()
            asyncio.run(rotate(world, first, second, folder, verdict))
            verdict.figure("time", time.monotonic() - start, "s")
            asyncio.run(refusals(world, first, second, stranger, verdict))
            verdict.figure("exit code of the server", server.terminate(), most=0)
    plaintext_must_be_meant(verdict)
    return verdict.close()


if __name__ == "__main__":
    raise SystemExit(main())
