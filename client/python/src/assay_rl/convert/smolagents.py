"""smolagents: the steps of an agent's memory, alone or in a run's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_rl.convert._fields import first, label, mapping, mappings
from assay_rl.convert.chat import turns
from assay_rl.convert.chat_messages import call_of
from assay_rl.convert.content import content_text, join, tokens_of
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope

_STEP_KEYS = frozenset({"model_output", "model_output_message", "observations", "action_output", "is_final_answer"})


def is_smolagents(record: Any) -> bool:
    steps = mappings(_steps(record))
    return bool(steps) and any("step_number" in s and _STEP_KEYS & set(s) for s in steps)


def _steps(record: Any) -> Any:
    return first(record, "steps", "intermediate_steps", "memory") if isinstance(record, Mapping) else record


def read(record: Any, choices: Choices) -> Run:
    """An action is the agent's; what its code printed and what its tools answered is context. The memory of a managed
    agent is not in its manager's: its report is the answer of a tool."""
    outer = mapping(record)
    agent = choices.agent or label(outer.get("agent_name")) or "agent"
    run = Run(record=record)
    for step in run.objects(_steps(record), "steps"):
        if "task" in step:
            run.say("user", Kind.HUMAN, content_text(step["task"]))
        elif "system_prompt" in step:
            run.say("system", Kind.SYSTEM, content_text(step["system_prompt"]))
        elif "plan" in step:
            run.say(agent, Kind.AGENT, content_text(step["plan"]), tokens=tokens_of(step))
        else:
            _say_action(run, agent, step)
    state = label(outer.get("state"))
    run.outcome.truncated = state == "max_steps_error" or "max_steps" in state
    return envelope(record, run)


def _say_action(run: Run, agent: str, step: Mapping[str, Any]) -> None:
    text = content_text(step.get("model_output"))
    calls = [call_of(call) for call in mappings(step.get("tool_calls"))]
    for turn in turns(step.get("model_output_message")):
        if turn.role == "assistant":
            text = text or turn.text
            calls = calls or turn.calls
    # The interpreter's "call" repeats the code that stands in the model's output.
    shown = [call.line() for call in calls if label(call.arguments).strip() not in text or not text]
    run.say(agent, Kind.AGENT, join(text, *shown), mapping(step.get("assay")), tokens=tokens_of(step))
    observed = join(content_text(step.get("observations")), content_text(step.get("observations_images")))
    error = step.get("error")
    if error:
        told = mapping(error).get("message")
        observed = join(observed, content_text(told if told is not None else error))
    if not observed and step.get("action_output") is not None and not step.get("is_final_answer"):
        observed = content_text(step["action_output"])
    if observed:
        run.say("tool", Kind.ENVIRONMENT, observed)
    final = step.get("action_output")
    if step.get("is_final_answer") and isinstance(final, str) and final and final not in join(text, observed, *shown):
        run.say(agent, Kind.AGENT, final)
