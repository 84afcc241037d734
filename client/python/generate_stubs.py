"""Generates assay/v1/*_pb2.py, *_pb2.pyi and *_pb2_grpc.py from the repository's proto folder.

The wheel's build calls generate(); for development run `python generate_stubs.py`, which writes into src/.
Needs grpcio-tools, the version in pyproject.toml.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent


def proto_root() -> Path:
    """The folder that holds assay/v1/*.proto: inside an unpacked sdist, else in the repository."""
    for root in (HERE / "proto", HERE.parent.parent / "proto"):
        if (root / "assay" / "v1").is_dir():
            return root
    raise FileNotFoundError("assay/v1/*.proto found neither in ./proto nor in ../../proto")


def generate(out: Path) -> list[Path]:
    """Writes the stubs under `out` and returns the files, relative to it."""
    import grpc_tools
    from grpc_tools import protoc

    root = proto_root()
    sources = sorted(str(path) for path in (root / "assay" / "v1").glob("*.proto"))
    out.mkdir(parents=True, exist_ok=True)
    arguments = ["protoc", f"-I{root}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}"]
    arguments += [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}", *sources]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc failed: " + " ".join(arguments))
    return sorted(path.relative_to(out) for path in (out / "assay" / "v1").glob("*_pb2*.py*") if path.suffix != ".pyc")


if __name__ == "__main__":
    for file in generate(HERE / "src"):
        print(file)
