"""proto/openapi.json, which the server serves, is what the protos say today."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from assayd import REPOSITORY

SCRIPT = REPOSITORY / "tests/proto/openapi.py"


@pytest.mark.skipif(shutil.which("protoc") is None or not SCRIPT.is_file(), reason="needs protoc and the repository")
def test_the_description_of_the_gateway_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the repository")
def test_every_name_in_the_description_stands_in_it() -> None:
    text = (REPOSITORY / "proto/openapi.json").read_text(encoding="utf-8")
    schemas = json.loads(text)["components"]["schemas"]
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(schemas)
    assert {"ComputeSignalsRequest", "ComputeSignalsResponse", "Episode", "GroupResult", "Error"} <= set(schemas)
    assert schemas["Episode"]["properties"]["messages"]["items"] == {"$ref": "#/components/schemas/Message"}
