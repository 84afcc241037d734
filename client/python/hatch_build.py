"""Build hook: puts the generated stubs into the wheel and the protos into the sdist."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))
import generate_stubs


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

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
