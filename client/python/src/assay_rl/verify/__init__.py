"""A second implementation of proto/signals.md: checks a server's signals without the server.

    assay-rl verify signals.jsonl --episodes episodes.jsonl

Written from proto/signals.md in pure Python. It needs AUDIT_FULL results and the episodes they belong to, computes
every value, credit, weight, label, reward, pair and sum again and compares to 1e-9 of the value range.
"""

from __future__ import annotations

from .check import check_episode
from .check_group import check_group
from .findings import Finding, Report

__all__ = ["Finding", "Report", "check_episode", "check_group"]
