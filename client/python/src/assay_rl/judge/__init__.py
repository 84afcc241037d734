"""Models as judges of messages: what is asked, what it costs before it is asked, and an answer is paid for once."""

from __future__ import annotations

from assay_rl.judge.cache import Cache
from assay_rl.judge.endpoint import Endpoint, JudgeError, Limits
from assay_rl.judge.plan import MODES, Estimate, Judge, estimate
from assay_rl.judge.prompts import Prompts
from assay_rl.judge.run import Report, judge_episodes

__all__ = [
    "MODES",
    "Cache",
    "Endpoint",
    "Estimate",
    "Judge",
    "JudgeError",
    "Limits",
    "Prompts",
    "Report",
    "estimate",
    "judge_episodes",
]
