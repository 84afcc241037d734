"""Logs of Inspect: samples of a .eval archive, and logs as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import as_dict, first, is_list, label, mapping, mappings, whole
from assay_rl.convert.chat import turns
from assay_rl.convert.content import content_text, tokens_of
from assay_rl.convert.outcome import grade_of
from assay_rl.convert.run import DEFAULT_AGENT, Choices, Run, chat_run, envelope
from assay_rl.convert.span import AGENT, CALL, MODEL, STEP, Span
from assay_rl.convert.spans import run_of
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import USER, Call


def is_log(record: Any) -> bool:
    held = mapping(record)
    return isinstance(held.get("eval"), Mapping) and "status" in held


def is_sample(record: Any) -> bool:
    held = mapping(record)
    return "epoch" in held and "input" in held and ("messages" in held or "scores" in held)


def read(record: Any, choices: Choices) -> Iterator[Run]:
    """The samples of a log, or one sample. A log's header alone, as archives hold beside the samples, has none."""
    if is_log(record):
        for sample in mappings(record.get("samples")):
            yield read_sample(sample, choices)
    else:
        yield read_sample(record, choices)


def read_sample(record: Any, choices: Choices) -> Run:
    """A sample by its events where these tell of agents, else by its messages. Each scorer's value is a score."""
    sample = _attached(as_dict(record, "sample"))
    spans = list(_spans(sample))
    if any(span.kind == AGENT for span in spans) and any(span.kind == MODEL and span.wrote for span in spans):
        run = run_of(spans, choices.agent or DEFAULT_AGENT)
        run.id = ""
        asked = turns(sample.get("input"), USER)
        run.prompt = next((turn.text for turn in asked if turn.role == USER), "")
        events = mappings(sample.get("events"))
        run.dropped["events of unknown kinds"] = sum(event.get("event") not in _KNOWN for event in events)
        run.dropped = +run.dropped
    else:
        run = chat_run(turns(sample.get("messages")), choices)
    run.record = sample
    target = sample.get("target")
    run.reference = content_text(target) if not is_list(target) else "\n".join(map(content_text, target))
    _scores(run, sample)
    run.outcome.truncated |= bool(sample.get("limit"))
    run.task_id = label(sample.get("id"))
    epoch = sample.get("epoch")
    run.id = f"{run.task_id}-epoch{label(epoch)}" if epoch not in (None, 1) else run.task_id
    if sample.get("error"):
        run.notes.append("samples that ended with an error")
    return envelope(sample, run)


def _scores(run: Run, sample: Mapping[str, Any]) -> None:
    scores = mapping(sample.get("scores"))
    if not scores and isinstance(sample.get("score"), Mapping):
        scores = {"score": sample["score"]}
    for name, score in scores.items():
        value = first(mapping(score), "value") if isinstance(score, Mapping) else score
        if isinstance(value, Mapping):
            run.outcome.scores.update({f"{name}.{key}": held for key, held in value.items()})
        elif value is not None and not is_list(value):
            run.outcome.scores[label(name)] = value
    if len(run.outcome.scores) > 1:
        for name, value in run.outcome.scores.items():
            if isinstance(value, (int, float)) or value in ("C", "I", "P", "N"):
                run.outcome.components[name] = grade_of(value, name) or 0.0


def _attached(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sample with the long texts that a log keeps once, as attachments, put back in their places."""
    attachments = mapping(sample.get("attachments"))
    if not attachments:
        return sample

    def restore(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("attachment://"):
            return attachments.get(value.removeprefix("attachment://"), value)
        if isinstance(value, str) and value.startswith("tc://"):
            return attachments.get(value.removeprefix("tc://"), value)
        if isinstance(value, Mapping):
            return {key: restore(held) for key, held in value.items()}
        return [restore(held) for held in value] if is_list(value) else value

    return {key: held if key == "attachments" else restore(held) for key, held in sample.items()}


def _asked(event: Mapping[str, Any], pool: list[Any]) -> list[Any]:
    """What a model was sent: messages in the event, and since 0.3.200 ranges of the sample's pool of messages."""
    asked = list(event["input"]) if is_list(event.get("input")) else [event.get("input")]
    for reference in event.get("input_refs") or ():
        begin, end = map(whole, reference) if is_list(reference) and len(reference) == 2 else (0, 0)
        asked += pool[begin:end]
    return asked


# Events as of 0.3.285; only those of models, tools and spans are read, and no other holds what an agent wrote.
_KNOWN = {"span_begin", "span_end", "model", "tool", "anchor", "approval", "branch", "checkpoint", "compaction"}
_KNOWN |= {"error", "info", "input", "interrupt", "logger", "review", "sample_init", "sample_limit", "sandbox"}
_KNOWN |= {"score", "score_edit", "sentinel", "state", "step", "store", "subtask"}


def _spans(sample: Mapping[str, Any]) -> Iterator[Span]:
    pool = mapping(sample.get("events_data")).get("messages")
    pool = list(pool) if is_list(pool) else []
    for number, event in enumerate(mappings(sample.get("events"))):
        kind, parent = label(event.get("event")), label(event.get("span_id"))
        start = time_of(event.get("timestamp"))
        end = time_of(first(event, "completed")) or start
        if kind == "span_begin":
            name = label(event.get("name"))
            agent = event.get("type") == "agent"
            own = label(event.get("id"))
            yield Span(own, label(event.get("parent_id")), name=name, kind=AGENT if agent else STEP,
                       agent=name if agent else "", start=start, end=end)  # fmt: skip
        elif kind == "model":
            output = mapping(event.get("output"))
            wrote, asked = turns(output), turns(_asked(event, pool), USER)
            yield Span(f"event {number}", parent, kind=MODEL, start=start, end=end, asked=asked,
                       wrote=wrote, tokens=tokens_of(output))  # fmt: skip
        elif kind == "tool":
            call = Call(label(event.get("function")), event.get("arguments"), label(event.get("id")))
            error = mapping(event.get("error")).get("message")
            text = content_text(event.get("result")) or content_text(error)
            yield Span(f"event {number}", parent, kind=CALL, start=start, end=end, tool=call, result=text)


def is_sample_file(name: str) -> bool:
    """Whether a file of a .eval archive holds a sample."""
    return bool(re.search(r"(^|/)samples/[^/]+\.json$", name))
