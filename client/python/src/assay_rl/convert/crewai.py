"""CrewAI: the output of a crew as JSON, and its log file of tasks."""

from __future__ import annotations

from typing import Any

from assay_rl.convert._fields import first, is_list, label, mapping
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, USER


def is_crewai(record: Any) -> bool:
    if is_list(record):
        return bool(record) and all(
            isinstance(t, dict) and "agent" in t and "task" in t and "status" in t for t in record
        )
    return is_list(mapping(record).get("tasks_output"))


def read(record: Any, choices: Choices) -> Run:
    """A CrewOutput: each task's agent, and its messages where the crew kept them, else its raw output. Or the entries
    of `output_log_file`, of which those that are completed hold the output."""
    run = Run(record=record)
    tasks = run.objects(record if is_list(record) else mapping(record).get("tasks_output"), "tasks")
    for task in tasks:
        agent = label(first(task, "agent", "agent_role", "name")).strip()
        asked = content_text(first(task, "description", "task"))
        if task.get("status") == "started":
            run.say("task", Kind.FRAMEWORK, asked)
            continue
        if "status" not in task:
            run.say("task", Kind.FRAMEWORK, asked)
        _say_task(run, agent or choices.agent or "agent", task)
    final = content_text(mapping(record).get("raw"))
    if not run.holds(final):
        last = tasks[-1] if tasks else {}
        run.say(label(last.get("agent")).strip() or choices.agent or "agent", Kind.AGENT, final)
    first_task = tasks[0] if tasks else {}
    run.prompt = content_text(first(first_task, "description", "task"))
    return envelope(record, run)


def _say_task(run: Run, agent: str, task: Any) -> None:
    final = content_text(first(task, "raw", "output"))
    told = turns(task.get("messages"))
    said = [turn for turn in told if turn.role in (ASSISTANT, TOOL)]
    run.dropped["prompts of tasks"] += sum(turn.role in (SYSTEM, USER) for turn in told)
    for turn in told:
        if turn.role == TOOL:
            run.say(TOOL, Kind.ENVIRONMENT, turn.content())
        elif turn.role == ASSISTANT:
            wrote, observed = _observed(turn.content())
            run.say(agent, Kind.AGENT, wrote, turn.extension, tokens=turn.tokens)
            if observed:
                run.say(TOOL, Kind.ENVIRONMENT, observed)
        elif turn.role not in (SYSTEM, USER):
            run.say(turn.role, Kind.FRAMEWORK, turn.content())
    run.dropped = +run.dropped
    if final and not any(final.strip() in turn.text for turn in said):
        run.say(agent, Kind.AGENT, final, mapping(task.get("assay")))


def _observed(text: str) -> tuple[str, str]:
    """Where an agent calls tools in its text, CrewAI writes the tool's answer behind the agent's words."""
    wrote, _, observed = text.partition("\nObservation:")
    return (wrote.rstrip(), observed.strip()) if "Action:" in wrote and observed.strip() else (text, "")
