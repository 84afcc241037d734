"""Test-only: rollouts as verifiers has them, a trace an agent, and the tokens of each message."""

from __future__ import annotations

import time
from typing import Any

from assay_rl import Episode


def tokens_of(index: int) -> list[int]:
    """The tokens of a message: as many as its place says, never none."""
    return list(range(100 * index, 100 * index + 2 + index % 3))


def by_agent(episode: Episode) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, message in enumerate(episode.messages):
        if message.agent:
            found.setdefault(message.agent, []).append(index)
    return found


def played(episode: Episode) -> Any:
    """The rollout as verifiers has it: a trace an agent, nodes in time, tools between them."""
    from verifiers.v1.configs.agent import AgentConfig
    from verifiers.v1.episode import Episode as Played
    from verifiers.v1.graph import MessageNode
    from verifiers.v1.task import TaskData
    from verifiers.v1.trace import AgentInfo, Trace, TraceTask
    from verifiers.v1.types import AssistantMessage, SystemMessage, UserMessage

    task = TraceTask(type="Task", data=TaskData(idx=0, prompt="Build it."))
    traces = {
        name: Trace(task=task, agent=AgentInfo(config=AgentConfig(), name=name), is_completed=True, ok=True)
        for name in by_agent(episode)
    }
    start = time.time()
    for trace in traces.values():
        prompt = SystemMessage(content="You are an agent.")
        trace.nodes.append(MessageNode(message=prompt, token_ids=[1, 2], mask=[False, False], timestamp=start))
    for index, message in enumerate(episode.messages):
        holder = traces[message.agent or "builder"]
        scaffold = [7] if message.agent else []
        kind = AssistantMessage if message.agent else UserMessage
        ids = scaffold + tokens_of(index)
        mask = [False] * len(scaffold) + [bool(message.agent)] * len(tokens_of(index))
        holder.nodes.append(
            MessageNode(
                message=kind(content=message.content),
                sampled=bool(message.agent),
                parent=len(holder.nodes) - 1,
                token_ids=ids,
                mask=mask,
                timestamp=start + 1 + index,
            )
        )
    return Played(id=episode.id, task=task, traces=list(traces.values()), ok=True)
