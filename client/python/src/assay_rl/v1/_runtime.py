"""Which protobuf and grpcio the generated code runs with; pyproject.toml asks for the same."""

from __future__ import annotations

PROTOBUF = ((5, 29), (8,))  # from, below
GRPC = ((1, 64), (2,))


def _check(package: str, version: str, supported: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """Raises ImportError where a version is outside [from, below)."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if not supported[0] <= numbers < supported[1]:
        low, below = (".".join(map(str, bound)) for bound in supported)
        raise ImportError(f"assay_rl runs with {package}>={low},<{below}; {version} is installed")


def check_protobuf() -> None:
    from google.protobuf import __version__ as version

    _check("protobuf", version, PROTOBUF)


def check_grpc() -> None:
    from grpc import __version__ as version

    _check("grpcio", version, GRPC)
