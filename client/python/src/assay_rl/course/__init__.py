"""A training run as a course of steps: what is kept of each step, and what became different between them.

summary = StepSummary(step=12)
for episode in episodes: summary.expect(episode)
for outcome in client.score(episodes): summary.add(outcome.proto)
summary.write("run/step-00012.json")
"""

from __future__ import annotations

from .summary import StepSummary

__all__ = ["StepSummary"]
