"""Published logs of multi-agent experiments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay_rl.client.episodes import Agent, Episode, Message, Task
from assay_rl.convert._fields import ConversionError, as_dict, score_of, text_of


def from_record(record: Mapping[str, Any], *, keep_labels: bool = True, context_agents: Iterable[str] = ()) -> Episode:
    """{id, task, reference_answer | ground_truth, outcome, agents[], messages[{agent, content, round?, answer?}],
    label.first_error_index?}; all else is passed over.

    keep_labels: the label becomes the annotation of its message. context_agents: names whose messages are context
    (tools, a simulated user); NAME* stands for every name that begins so.
    """
    patterns = list(context_agents)

    def is_context(name: str) -> bool:
        return not name or any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)

    held = record.get("messages")
    if not isinstance(held, Sequence) or isinstance(held, str):
        raise ConversionError("messages: expected a list")
    messages = []
    for i, raw in enumerate(held):
        message = as_dict(raw, f"messages[{i}]")
        author = str(message.get("agent") or "")
        answer = message.get("answer")
        if answer is not None and not isinstance(answer, str):
            raise ConversionError(f"messages[{i}].answer: expected a string or null, got {answer!r}")
        messages.append(
            Message(
                "" if is_context(author) else author,
                text_of(message.get("content"), f"messages[{i}].content"),
                round=int(message.get("round") or 0),
                answer=answer,
            )
        )
    first_error = (record.get("label") or {}).get("first_error_index") if keep_labels else None
    if first_error is not None:
        if not isinstance(first_error, int) or not 0 <= first_error < len(messages):
            raise ConversionError(f"label.first_error_index: no message {first_error!r}")
        messages[first_error].first_error = True
    return Episode(
        str(record.get("id") or ""),
        messages,
        agents=[Agent(str(name)) for name in record.get("agents") or () if not is_context(str(name))],
        task=Task(
            prompt=str(record.get("task") or ""),
            reference_answer=str(record.get("reference_answer") or record.get("ground_truth") or ""),
        ),
        score=score_of(record.get("outcome"), "outcome"),
    )


def from_whowhen(
    record: Mapping[str, Any],
    *,
    id: str,
    keep_labels: bool = True,
    context_names: Iterable[str] = ("Computer_terminal", "human", "user"),
) -> Episode:
    """A record of the Who&When benchmark as published: question, ground_truth, history[{content, role, name?}],
    mistake_step. Algorithm-generated logs name the author in `name`, hand-crafted ones in `role`, as in
    "Orchestrator (thought)". All runs failed, so the score is 0.
    """
    context = set(context_names)
    history = record.get("history")
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise ConversionError("history: expected a list")
    messages = []
    for i, raw in enumerate(history):
        entry = as_dict(raw, f"history[{i}]")
        author = str(entry.get("name") or entry.get("role") or "")
        author = re.sub(r"\s*\(.*\)\s*$", "", author).strip()
        messages.append(
            Message("" if author in context else author, text_of(entry.get("content"), f"history[{i}].content"))
        )
    if keep_labels and record.get("mistake_step") not in (None, ""):
        try:
            step = int(record["mistake_step"])
        except (TypeError, ValueError):
            raise ConversionError(f"mistake_step: {record['mistake_step']!r} is not a number") from None
        if not 0 <= step < len(messages):
            raise ConversionError(f"mistake_step: there is no message {step}")
        if messages[step].agent:
            messages[step].first_error = True
    return Episode(
        id,
        messages,
        task=Task(
            str(record.get("question_ID") or id),
            str(record.get("question") or ""),
            str(record.get("ground_truth") or ""),
        ),
        score=score_of(record.get("is_correct"), "is_correct") or 0.0,
    )
