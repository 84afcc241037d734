"""The attacks by their names, each bounded in connections, time and memory of its own."""

from __future__ import annotations

from attack import inside, outside
from attack.means import ATTACKS, LET_IN

__all__ = ["ATTACKS", "LET_IN", "inside", "outside"]
