"""Our own log records, and records of the Who&When benchmark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from assay_rl.client.episodes import Agent, Episode, Message, Task
from assay_rl.convert._fields import (
    ConversionError,
    as_dict,
    as_list,
    first,
    is_list,
    kind_of,
    label,
    mapping,
    score_of,
    text_value,
)
from assay_rl.convert.content import content_text
from assay_rl.convert.outcome import Outcome
from assay_rl.convert.roles import Kind, Roles, agent_kind, kind_of_name, matches
from assay_rl.convert.run import Choices, Run, build


def is_log(record: Any) -> bool:
    """Whether a value looks like a log record: messages of {agent, content}."""
    held = mapping(record).get("messages")
    return (
        is_list(held) and all(isinstance(m, Mapping) and "agent" in m and "content" in m for m in held) and bool(held)
    )


def from_record(
    record: Mapping[str, Any], *, keep_labels: bool = True, context_agents: Iterable[str] = (), kinds: bool = False
) -> Episode:
    """{id, task, reference_answer | ground_truth, outcome, agents[], messages[{agent, content, round?, answer?}],
    label.first_error_index?}; all else is passed over. Texts may be written as numbers. The C++ client's
    `--input-format=log` reads the same; tests/data/log_records.jsonl holds both to it.

    keep_labels: the label becomes the annotation of its message. context_agents: names whose messages are context
    (tools, a simulated user); NAME* stands for every name that begins so. kinds: whoever is context keeps its name, as
    an agent of the kind that its name says; of one in context_agents whose name says nothing that is a framework.
    """
    patterns = tuple(context_agents)

    def is_context(name: str) -> bool:
        return not name or matches(name, patterns)

    reference = "reference_answer" if record.get("reference_answer") is not None else "ground_truth"
    episode = Episode(
        text_value(record.get("id"), "id"),
        [],
        task=Task(
            prompt=text_value(record.get("task"), "task"),
            reference_answer=text_value(record.get(reference), reference),
        ),
        score=score_of(record.get("outcome"), "outcome"),
    )
    held = record.get("messages")
    if not is_list(held):
        raise ConversionError(f"messages: a list expected, got {kind_of(held)}")
    messages = [_log_message(raw, f"messages[{i}]") for i, raw in enumerate(held)]
    episode.messages = messages
    names = [text_value(name, f"agents[{i}]") for i, name in enumerate(as_list(record.get("agents"), "agents"))]
    if kinds:
        spoken = [message.agent for message in messages if message.agent]
        held_names = [n for n in names if n] or dict.fromkeys(spoken)
        episode.agents = [Agent(name, kind=_said_kind(name, patterns)) for name in held_names]
    else:
        for message in messages:
            message.agent = "" if is_context(message.agent) else message.agent
        episode.agents = [Agent(name) for name in names if not is_context(name)]
    _annotate(record, messages, keep_labels)
    return episode


def _said_kind(name: str, context: tuple[str, ...]) -> str:
    """Agent.kind by a name; of one in `context` whose name says nothing that is a framework."""
    kind = kind_of_name(name)
    framework = kind is Kind.AGENT and matches(name, context)
    return agent_kind(name, Kind.FRAMEWORK if framework else kind, simulated=False) or ""


def apply_choices(episode: Episode, choices: Choices) -> None:
    """What the caller says of an episode that says itself who its agents are. A kind that it states stays."""
    if not choices.keep_labels:
        for message in episode.messages:
            message.first_error = False
    if choices.kinds:
        for agent in (players := episode.players()):
            agent.kind = agent.kind or _said_kind(agent.id, tuple(choices.context))
        episode.agents = players
    elif choices.context:
        for message in episode.messages:
            if matches(message.agent, choices.context):
                message.agent = ""
        episode.agents = [agent for agent in episode.agents if not matches(agent.id, choices.context)]


def _log_message(raw: Any, path: str) -> Message:
    message = as_dict(raw, path)
    answer = message.get("answer")
    return Message(
        text_value(message.get("agent"), f"{path}.agent"),
        text_value(message.get("content"), f"{path}.content"),
        round=max(_index(message.get("round"), f"{path}.round"), 0),
        answer=None if answer is None else text_value(answer, f"{path}.answer"),
    )


def _index(value: Any, path: str) -> int:
    """A whole number in [0, 2^31), or -1 where there is none."""
    if value is None:
        return -1
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**31 or value != int(value):
        raise ConversionError(f"{path}: a whole number expected")
    return int(value)


def _annotate(record: Mapping[str, Any], messages: list[Message], keep_labels: bool) -> None:
    if not keep_labels or record.get("label") is None:
        return
    first_error = _index(as_dict(record["label"], "label").get("first_error_index"), "label.first_error_index")
    if first_error >= len(messages):
        raise ConversionError(f"label.first_error_index: no message {first_error}")
    if first_error >= 0:
        messages[first_error].first_error = True


def is_whowhen(record: Any) -> bool:
    return is_list(mapping(record).get("history")) and any(
        key in record for key in ("mistake_step", "mistake_agent", "question_ID", "is_correct")
    )


def read_whowhen(record: Any, choices: Choices) -> Run:
    """A record of the Who&When benchmark as published: question, ground_truth, history[{content, role, name?}],
    mistake_step. Algorithm-generated logs name the author in `name`, hand-crafted ones in `role`, as in
    "Orchestrator (thought)". All runs failed, so the score is 0 where the record does not say another.
    """
    record = as_dict(record, "record")
    history = record.get("history")
    if not is_list(history):
        raise ConversionError(f"history: a list expected, got {kind_of(history)}")
    run = Run(record=record)
    for i, raw in enumerate(history or ()):
        entry = as_dict(raw, f"history[{i}]")
        author = re.sub(r"\s*\(.*\)\s*$", "", label(first(entry, "name", "role"))).strip()
        run.say(author, Kind.AGENT if author else Kind.FRAMEWORK, content_text(entry.get("content")), keep=True)
    _mark_mistake(record, run, Roles(choices.agents, choices.context))
    run.drop_empty()
    run.task_id = label(record.get("question_ID"))
    run.id = label(record.get("id"))
    run.prompt = text_value(record.get("question"), "question")
    run.reference = label(record.get("ground_truth"))
    correct = first(record, "is_correct", "outcome")
    run.outcome = Outcome(score=0.0 if correct is None else score_of(correct, "is_correct"))
    return run


def _mark_mistake(record: Mapping[str, Any], run: Run, roles: Roles) -> None:
    given = record.get("mistake_step")
    if given in (None, ""):
        return
    try:
        step = int(given)
    except (TypeError, ValueError):
        raise ConversionError(f"mistake_step: {given!r} is not a number") from None
    if not 0 <= step < len(run.said):
        raise ConversionError(f"mistake_step: there is no message {step}")
    mistaken = run.said[step]
    mistaken.first_error = roles.kind(mistaken.author, mistaken.kind) is Kind.AGENT


def from_whowhen(
    record: Mapping[str, Any],
    *,
    id: str,
    keep_labels: bool = True,
    context_names: Iterable[str] = ("Computer_terminal", "human", "user"),
) -> Episode:
    """A record of the Who&When benchmark; `context_names` are context beside people and terminals by any usual name."""
    choices = Choices(context=tuple(context_names), keep_labels=keep_labels)
    run = read_whowhen(record, choices)
    run.task_id = run.task_id or id
    return build(run, choices, id)
