"""assay-rl info: what a server says about itself."""

from __future__ import annotations

from google.protobuf import json_format

from assay_rl.cli.common import client_of, fail
from assay_rl.cli.flags import Arguments
from assay_rl.client.outcomes import AssayError
from assay_rl.convert.source import FileError


def run(arguments: Arguments) -> int:
    """0 printed, 1 the server gave none, 2 a file cannot be read."""
    try:
        with client_of(arguments) as client:
            print(json_format.MessageToJson(client.info(timeout=arguments.seconds("timeout")), indent=1))
    except FileError as failure:
        return fail(failure)
    except AssayError as failure:
        return fail(f"{failure.error.code.name}: {failure.error.message}", 1)
    return 0
