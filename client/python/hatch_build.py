"""Build hook: the generated stubs and the commit for every wheel, the protos for the sdist, given programs for a wheel.

ASSAY_PROGRAMS=DIR makes a wheel for this platform that holds `assayd` and `assay` of DIR, with the folder DIR/licenses
beside them (see build_wheels.sh). Without it the wheel is pure Python and runs everywhere.
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))
import generate_stubs

PROGRAMS = ("assayd", "assay")


class ProtoBuildHook(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._scratch: Path | None = None
        if version != "editable":
            self._scratch = Path(tempfile.mkdtemp(prefix="assay-stubs-"))
            self._include_revision(build_data)
        if self.target_name == "sdist":
            build_data["force_include"][str(generate_stubs.proto_root() / "assay")] = "proto/assay"
        elif version == "editable":
            generate_stubs.generate(Path(self.root) / "src")
        else:
            assert self._scratch is not None
            for file in generate_stubs.generate(self._scratch):
                build_data["force_include"][str(self._scratch / file)] = str(file)
            if programs := os.environ.get("ASSAY_PROGRAMS"):
                self._include_programs(Path(programs), build_data)

    def _include_revision(self, build_data: dict[str, Any]) -> None:
        """The commit that `assay-rl --version` tells: of the clone, or what the sdist wrote down."""
        assert self._scratch is not None
        written = Path(self.root) / "src" / "assay_rl" / "_revision.py"
        root = Path(self.root).parents[1]
        if (root / ".git").exists():
            commit, date = runpy.run_path(str(written.with_name("clone.py")))["revision"](root)
            written = self._scratch / "_revision.py"
            written.write_text(f"REVISION = {commit!r}\nDATE = {date!r}\n", encoding="utf-8")
        if written.is_file():
            place = "src/assay_rl" if self.target_name == "sdist" else "assay_rl"
            build_data["force_include"][str(written)] = f"{place}/_revision.py"

    def _include_programs(self, programs: Path, build_data: dict[str, Any]) -> None:
        assert self._scratch is not None
        for program in PROGRAMS:
            build_data["force_include"][str(programs / program)] = f"assay_rl/programs/{program}"
            # pip replaces the first line by the interpreter of the environment.
            starter = self._scratch / f"start_{program}"
            starter.write_text(f"#!python\nfrom assay_rl.programs import run\n\nrun({program!r})\n", encoding="utf-8")
            starter.chmod(0o755)
            build_data["shared_scripts"][str(starter)] = program
        build_data["force_include"][str(programs / "licenses")] = "assay_rl/programs/licenses"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
