"""The generated code runs with every protobuf and grpcio of the supported range, and says what is outside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import assay_rl.v1
from assay_rl.v1 import _runtime

STUBS = Path(assay_rl.v1.__file__).parent
PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def test_no_stub_demands_the_runtime_of_its_generator() -> None:
    stubs = sorted(STUBS.glob("*_pb2*.py"))
    assert len(stubs) >= 12
    for stub in stubs:
        text = stub.read_text(encoding="utf-8")
        assert "ValidateProtobufRuntimeVersion" not in text
        assert "GRPC_GENERATED_VERSION" not in text
        assert ("check_grpc" in text) == stub.name.endswith("_grpc.py")


@pytest.mark.parametrize("version", ["4.25.8", "5.28.3", "8.0.0"])
def test_what_is_outside_the_range_is_named(version: str) -> None:
    with pytest.raises(ImportError, match=rf"assay_rl runs with protobuf>=5.29,<8; {re.escape(version)} is installed"):
        _runtime._check("protobuf", version, _runtime.PROTOBUF)


@pytest.mark.parametrize("version", ["5.29.0", "6.31.1", "6.34.0rc1", "7.35.0"])
def test_what_is_inside_the_range_is_taken(version: str) -> None:
    _runtime._check("protobuf", version, _runtime.PROTOBUF)


def test_the_package_asks_for_the_range_that_the_code_checks() -> None:
    def requirement(package: str, supported: tuple[tuple[int, ...], tuple[int, ...]]) -> str:
        low, below = (".".join(map(str, bound)) for bound in supported)
        return f'"{package}>={low},<{below}"'

    text = PYPROJECT.read_text(encoding="utf-8")
    assert requirement("protobuf", _runtime.PROTOBUF) in text
    assert requirement("grpcio", _runtime.GRPC) in text
