"""SWE-agent's .traj files, and mini-swe-agent's."""

from __future__ import annotations

from typing import Any

from assay_rl.convert._fields import as_dict, first, is_list, label, mapping, mappings
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.content import content_text, join
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, USER

_LIMITS = (
    "exit_cost",
    "exit_context",
    "exit_total_execution_time",
    "exit_command_timeout",
    "limitsexceeded",
    "timeout",
)


def is_swe_agent(record: Any) -> bool:
    held = mapping(record)
    if "exit_status" in mapping(held.get("info")):
        return True
    steps = mappings(held.get("trajectory"))
    return bool(steps) and all("action" in step and "observation" in step for step in steps) and "info" in held


def read(record: Any, choices: Choices) -> Run:
    """The history where there is one, whose entries name their agent, else the steps. Demonstrations are left out."""
    outer = as_dict(record, "record")
    run = Run(record=outer, id=label(first(outer, "instance_id", "id") or mapping(outer.get("environment")).get("id")))
    default = choices.agent or "agent"
    history = run.objects(first(outer, "history", "messages"), "messages")
    for entry in history:
        if entry.get("is_demo"):
            run.dropped["messages of demonstrations"] += 1
            continue
        # The first word of a user is the task, whatever its entry says.
        observed = entry.get("message_type") == "observation" and any(said.kind is Kind.AGENT for said in run.said)
        for turn in message_turns(entry):
            if turn.role == ASSISTANT:
                done = content_text(entry.get("action"))  # which the content repeats, where there is one
                said = turn.content() if entry.get("content") else join(turn.content(), done)
                run.say(label(entry.get("agent")) or default, Kind.AGENT, said, turn.extension)
            elif turn.role == USER and not observed:
                run.say(USER, Kind.HUMAN, turn.content(), turn.extension)
            else:
                kind = Kind.SYSTEM if turn.role == SYSTEM else Kind.ENVIRONMENT
                run.say(SYSTEM if turn.role == SYSTEM else TOOL, kind, turn.content(), turn.extension)
    if not history and is_list(outer.get("trajectory")):
        for step in mappings(outer["trajectory"]):
            thought, action, answer = (content_text(step.get(key)) for key in ("thought", "action", "response"))
            said = answer if answer and (action.strip() in answer or not action) else join(answer or thought, action)
            run.say(label(step.get("agent")) or default, Kind.AGENT, said)
            run.say(TOOL, Kind.ENVIRONMENT, content_text(step.get("observation")))
    for step in mappings(outer.get("trajectory")) if history else ():
        told = content_text(step.get("thought")) or content_text(step.get("response"))
        run.dropped["steps that the history does not tell"] += not run.holds(told)
    run.dropped = +run.dropped
    status = label(mapping(outer.get("info")).get("exit_status")).lower()
    run.outcome.truncated = any(limit in status for limit in _LIMITS)
    statement = first(outer, "problem_statement", "task")
    run.prompt = content_text(statement) if isinstance(statement, str) else None
    return envelope(outer, run)
