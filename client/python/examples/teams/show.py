"""Prints a group's recombined values, agent by agent, the best first."""

from __future__ import annotations

from collections.abc import Sequence

from assay_rl import Batch, Episode, GroupScored


def show(episodes: Sequence[Episode], batch: Batch) -> None:
    for failure in batch.failed():
        print(failure)
    for group in batch.groups.values():
        if not isinstance(group, GroupScored):
            print(group)
            continue
        signals = group.proto.signals
        print(f"group {group.group_id}: {signals.used} episodes, mean score {signals.mean_score:.3f}")
        if signals.recombined.HasField("error"):
            print(f"  without teams: {signals.recombined.error.message}")
        print(f"  {signals.recombined.questions} teams graded")
        said = {(e.id, m.agent): m.content for e in episodes for m in e.messages if m.agent}
        worth = [(agent, value, where) for where, agents in group.recombined.items() for agent, value in agents.items()]
        for agent, value, where in sorted(worth, key=lambda row: (row[0], -row[1], row[2])):
            text = said[where, agent].replace("\n", " ")
            print(f"  {agent:10s} {value:.3f}  {where:12s} {text[:60]}")
