"""What a command does not need is not loaded: who asks for help, or completes a word, does not wait for gRPC."""

from __future__ import annotations

import subprocess
import sys

import pytest

import assay_rl
import assay_rl.convert
from assay_rl.convert.formats import FORMATS
from assay_rl.convert.names import FORMAT_NAMES


def modules_after(program: str) -> set[str]:
    """The modules that a process of its own has loaded at the end of `program`."""
    told = "\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program + told], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["help", "signals"], ["completion", "candidates", "x "]])
def test_what_needs_no_server_loads_no_grpc(words: list[str]) -> None:
    found = modules_after(f"from assay_rl.__main__ import main; main({words!r})")
    assert "assay_rl.cli.commands" in found
    assert not found & {"grpc", "google.protobuf", "assay_rl.convert.formats", "asyncio"}


def test_a_command_that_reads_no_episodes_loads_no_format() -> None:
    found = modules_after("import assay_rl.cli.info")
    assert "grpc" in found
    assert not found & {"assay_rl.convert.formats", "assay_rl.grading", "assay_rl.report", "assay_rl.training"}


def test_the_package_sets_gRPC_up_before_it_is_loaded() -> None:  # noqa: N802 (the name is gRPC's)
    found = modules_after("import os, assay_rl; assert os.environ['GRPC_ENABLE_FORK_SUPPORT'] == '0'")
    assert "grpc" not in found


@pytest.mark.parametrize("package", [assay_rl, assay_rl.convert], ids=lambda package: package.__name__)
def test_every_public_name_is_there(package: object) -> None:
    public = package.__all__  # type: ignore[attr-defined]
    assert public == sorted(public)
    assert set(public) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in public)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing  # type: ignore[attr-defined]


def test_every_format_has_its_name_where_only_names_are_asked() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES
