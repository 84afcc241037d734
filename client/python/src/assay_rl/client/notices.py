"""Notices of a server: hints about what is probably a mistake in the episodes, for people to read.

A stream sends each kind of them once. Over HTTP they stand among the results, as lines {"notice": Notice}.
"""

from __future__ import annotations

import logging
from typing import Any

from google.protobuf import json_format

from assay_rl.v1 import signal_service_pb2

log = logging.getLogger("assay_rl")


def tell(notice: signal_service_pb2.Notice) -> None:
    log.warning("%s (episode %s)", notice.message, notice.episode_id)


def is_told(record: Any) -> bool:
    """Whether a line of results, decoded, is a notice, which is then told. Raises json_format.ParseError where it is
    one that does not fit.
    """
    if not isinstance(record, dict) or set(record) != {"notice"}:
        return False
    tell(json_format.ParseDict(record, signal_service_pb2.StreamSignalsResponse()).notice)
    return True
