"""Generates assay_rl/v1/*_pb2.py, *_pb2.pyi and *_pb2_grpc.py from the repository's proto folder.

The package on the wire is `assay.v1`; the Python module that holds its classes is `assay_rl.v1`.
The wheel's build calls generate(); for development run `python generate_stubs.py`, which writes into src/.
Needs grpcio-tools, the version in pyproject.toml.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def proto_root() -> Path:
    """The folder that holds assay/v1/*.proto: inside an unpacked sdist, else in the repository."""
    for root in (HERE / "proto", HERE.parent.parent / "proto"):
        if (root / "assay" / "v1").is_dir():
            return root
    raise FileNotFoundError("assay/v1/*.proto found neither in ./proto nor in ../../proto")


def _compile(out: Path) -> None:
    import grpc_tools
    from grpc_tools import protoc

    root = proto_root()
    sources = sorted(str(path) for path in (root / "assay" / "v1").glob("*.proto"))
    arguments = ["protoc", f"-I{root}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}"]
    arguments += [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}", *sources]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc failed: " + " ".join(arguments))


def _in_our_module(stub: str) -> str:
    """The stub with its imports and its classes' module under assay_rl.v1; names on the wire stay assay.v1."""
    stub = re.sub(r"^from assay\.v1 import", "from assay_rl.v1 import", stub, flags=re.MULTILINE)
    return re.sub(r"'assay\.v1\.(\w+_pb2)'", r"'assay_rl.v1.\1'", stub)


_PROTOBUF_CHECK = re.compile(r"^_runtime_version\.ValidateProtobufRuntimeVersion\(\n(?:    .*\n)*\)\n", re.MULTILINE)
_GRPC_CHECK = re.compile(r"^GRPC_GENERATED_VERSION = .*?^    \)\n", re.MULTILINE | re.DOTALL)


def _for_any_runtime(stub: str) -> str:
    """The stub without the generator's demand for a runtime at least as new as itself.

    Under protoc 5.29 and 6.31 the code of these protos differs in that demand alone (tests/test_stubs.py), so one
    generation serves every protobuf from 5.29 on. assay_rl.v1._runtime says what is too old, for all stubs alike.
    """
    stub = _GRPC_CHECK.sub("from assay_rl.v1 import _runtime\n\n_runtime.check_grpc()\n", stub)
    return _PROTOBUF_CHECK.sub("", stub)


def generate(out: Path) -> list[Path]:
    """Writes the stubs under `out` and returns the files, relative to it."""
    target = out / "assay_rl" / "v1"
    target.mkdir(parents=True, exist_ok=True)
    files = []
    with tempfile.TemporaryDirectory(prefix="assay-stubs-") as scratch:
        _compile(Path(scratch))
        for stub in sorted((Path(scratch) / "assay" / "v1").glob("*_pb2*.py*")):
            text = _for_any_runtime(_in_our_module(stub.read_text(encoding="utf-8")))
            (target / stub.name).write_text(text, encoding="utf-8")
            files.append((target / stub.name).relative_to(out))
    return files


if __name__ == "__main__":
    for file in generate(HERE / "src"):
        print(file)
