"""tau2-bench: results of a run, or single simulations; tau-bench's records of the same form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import as_dict, first, is_list, label, mapping, mappings
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.outcome import grade_of
from assay_rl.convert.run import DEFAULT_AGENT, Choices, Run, envelope
from assay_rl.convert.turn import ASSISTANT, TOOL

_LIMITS = frozenset({"max_steps", "timeout", "too_many_errors", "context_window_exceeded"})
_BROKEN = frozenset({"infrastructure_error", "unexpected_error", "user_error"})


def is_results(record: Any) -> bool:
    return is_list(mapping(record).get("simulations"))


def is_simulation(record: Any) -> bool:
    held = mapping(record)
    if is_list(held.get("messages")) or is_list(held.get("ticks")):
        return "reward_info" in held or "termination_reason" in held
    return is_list(held.get("traj")) and "reward" in held


def read(record: Any, choices: Choices) -> Iterator[Run]:
    """The simulations. The customer is simulated and so context, as are tools of either side."""
    if is_results(record):
        for simulation in record["simulations"]:
            yield read_simulation(simulation, choices)
    else:
        yield read_simulation(record, choices)


def read_simulation(record: Any, choices: Choices) -> Run:
    simulation = as_dict(record, "simulation")
    run = Run(record=simulation, simulated_users=True)
    for message in _messages(simulation):
        parts = mappings(message.get("tool_messages"))  # several results in one message
        for raw in parts or [message]:
            for turn in message_turns(raw):
                if turn.role == ASSISTANT and not turn.name:
                    turn.name = choices.agent or DEFAULT_AGENT
                elif turn.role == TOOL:
                    turn.name = ""
                run.say_turn(turn)
    reward = first(simulation, "reward_info", "reward")
    run.outcome.score = grade_of(first(mapping(reward), "reward") if isinstance(reward, Mapping) else reward, "reward")
    for name, value in mapping(mapping(reward).get("reward_breakdown")).items():
        run.outcome.components[label(name)] = grade_of(value, f"reward_breakdown.{name}") or 0.0
    stopped = label(simulation.get("termination_reason")).removeprefix("TerminationReason.").lower()
    run.outcome.truncated = stopped in _LIMITS | _BROKEN
    if stopped in _BROKEN:
        run.notes.append("simulations that broke off for an error of the user or the machines count as cut off")
    run.task_id = label(simulation.get("task_id"))
    run.id = label(simulation.get("id"))
    if not run.id and run.task_id and simulation.get("trial") is not None:
        run.id = f"{run.task_id}-{label(simulation['trial'])}"
    return envelope(simulation, run)


def _messages(simulation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    held = first(simulation, "messages", "traj")
    if held is not None:
        yield from mappings(held)
        return
    for tick in mappings(simulation.get("ticks")):
        for side in ("user_chunk", "agent_chunk", "user_tool_results", "agent_tool_results"):
            part = tick.get(side)
            yield from mappings(part) if is_list(part) else mappings([part])
