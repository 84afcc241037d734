"""Build hook: puts the generated stubs into every wheel, the protos into the sdist, and given programs into a wheel.

ASSAY_PROGRAMS=DIR makes a wheel for this platform that holds `assayd` and `assay` of DIR, with the folder DIR/licenses
beside them (see build_wheels.sh). Without it the wheel is pure Python and runs everywhere.
"""

from __future__ import annotations

import os
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
        if self.target_name == "sdist":
            build_data["force_include"][str(generate_stubs.proto_root() / "assay")] = "proto/assay"
        elif version == "editable":
            generate_stubs.generate(Path(self.root) / "src")
        else:
            self._scratch = Path(tempfile.mkdtemp(prefix="assay-stubs-"))
            for file in generate_stubs.generate(self._scratch):
                build_data["force_include"][str(self._scratch / file)] = str(file)
            if programs := os.environ.get("ASSAY_PROGRAMS"):
                self._include_programs(Path(programs), build_data)

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
