"""LangGraph: states, lists of messages, and streams (langgraph_chunks)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.convert._fields import ConversionError, as_dict, is_list, mapping, score_of
from assay_rl.convert.content import content_text, join
from assay_rl.convert.langgraph_chunks import Found, all_messages, found_in, message_id, message_key, turns_of
from assay_rl.convert.roles import Kind, kind_of_name
from assay_rl.convert.run import DEFAULT_AGENT, Choices, Run, build, envelope
from assay_rl.convert.turn import ASSISTANT, TOOL, USER, Turn

_PLAIN_NODES = frozenset({"agent", "model", "call_model", "llm", "chatbot"})  # prebuilt agents name their node so


@dataclass(slots=True)
class _Seen:
    """Messages that have been taken: by id, and all of them in order by what they say."""

    ids: set[str] = field(default_factory=set)
    texts: list[tuple[str, str, str]] = field(default_factory=list)

    def handed_back(self, batch: list[Found]) -> int:
        """How many messages a batch begins with that are the history so far, up to its end."""
        keys = [message_key(item.message) for item in batch]
        for start, key in enumerate(self.texts):
            count = len(self.texts) - start
            if keys and key == keys[0] and count <= len(keys) and self.texts[start:] == keys[:count]:
                return count
        return 0


def read(record: Any, choices: Choices) -> Run:
    """A state ({"messages": [...]}), a list of LangChain messages, or the chunks of a stream.

    An AI message belongs to its `name`, else to the node that wrote it, else to "assistant". A human message with the
    name of a node or of an agent is that agent's. Nodes of one superstep did not read each other and share a round.
    """
    run = Run(record=record)
    log = record.get("messages", record) if isinstance(record, Mapping) else record
    if isinstance(log, Mapping):
        log = [log]
    if not is_list(log):
        raise ConversionError("messages: a state, messages or chunks of a stream expected")
    found = list(found_in(log, choices, run)) if log and not all_messages(log) else [Found(item) for item in log]
    _say(run, found, choices)
    return envelope(record, run)


def _say(run: Run, found: list[Found], choices: Choices) -> None:
    seen = _Seen()
    agents = {item.node for item in found if item.node}
    agents |= {turn.name for item in found for turn in turns_of(item.message) if turn.role == ASSISTANT and turn.name}
    place = 0
    for _, group in groupby(found, key=lambda item: (item.batch, item.node)):
        batch = list(group)
        known = seen.handed_back(batch) if len(batch) > 1 or not message_id(batch[0].message) else 0
        for number, item in enumerate(batch):
            raw = item.message if isinstance(item.message, str) else as_dict(item.message, f"messages[{place}]")
            place += 1
            identity = (
                f"{message_id(raw)} {message_key(raw)}" if message_id(raw) else ""
            )  # a message that was changed keeps its id
            if identity in seen.ids or (not identity and number < known and len(batch) > 1):
                run.dropped["messages that the state repeats"] += 1
                continue
            if identity:
                seen.ids.add(identity)
            seen.texts.append(message_key(raw))
            if mapping(raw).get("type") == "interrupt":
                text = f"[interrupt] {content_text(raw.get('content'))}" if isinstance(raw, Mapping) else raw
                run.say("interrupt", Kind.FRAMEWORK, text, round=item.round)
                continue
            for turn in turns_of(raw):
                _say_one(run, item, turn, agents, place - 1, choices)


def _say_one(run: Run, item: Found, turn: Turn, agents: set[str], place: int, choices: Choices) -> None:
    text = join(turn.text, *(call.line() for call in turn.calls))
    if turn.role == ASSISTANT:
        author = turn.name or _node(item) or choices.agent or DEFAULT_AGENT
        run.say(author, Kind.AGENT, text, turn.extension, round=item.round, tokens=turn.tokens)
    elif turn.role == USER and turn.name and _is_agents(turn.name, item.node, agents, place):
        run.say(turn.name, Kind.AGENT, text, turn.extension, round=item.round, tokens=turn.tokens)
    elif turn.role == USER:
        run.say(turn.name or USER, Kind.HUMAN, text, turn.extension, round=item.round)
    else:
        kind = Kind.ENVIRONMENT if turn.role == TOOL else Kind.SYSTEM
        run.say(turn.role, kind, text, turn.extension, round=item.round)


def _is_agents(name: str, node: str, agents: set[str], place: int) -> bool:
    """Supervisors read their agents' answers as human messages under the agent's name."""
    return name in agents or name == node or (place > 0 and kind_of_name(name) is Kind.AGENT)


def _node(item: Found) -> str:
    """The node; inside a subgraph, whose nodes a library has named, the subgraph's own."""
    if item.node in _PLAIN_NODES and item.space:
        return item.space[-1].split(":")[0]
    return item.node


def from_langgraph(
    log: Any,
    *,
    id: str,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
) -> Episode:
    """A LangGraph state ({"messages": [...]}), a list of LangChain messages, or the chunks of `graph.stream(...)`.

    Messages are objects, their `model_dump()`, `dumpd()` constructors or {role, content}.
    """
    run = read(log, Choices())
    run.prompt = prompt if prompt is not None else run.prompt
    run.reference = reference_answer or run.reference
    run.outcome.score = score_of(score, "score")
    return build(run, Choices(), id)
