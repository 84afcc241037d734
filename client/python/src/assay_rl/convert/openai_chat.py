"""Chats: OpenAI's chat completions and Responses, Anthropic's messages, and what is made like them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.convert._fields import (
    ConversionError,
    as_dict,
    first,
    from_json,
    is_list,
    label,
    mapping,
    mappings,
    score_of,
)
from assay_rl.convert.chat import turns
from assay_rl.convert.chat_messages import is_langchain, is_message, message_turns
from assay_rl.convert.responses import is_item, item_turns
from assay_rl.convert.roles import Kind, matches
from assay_rl.convert.run import DEFAULT_AGENT, Choices, Run, build, chat_run, envelope
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, USER, Turn, is_handoff, merged

AgentOf = Callable[[Mapping[str, Any]], str]
_SHAREGPT = {"from": "role", "value": "content"}
_ANSWERS = ("completion", "response", "output", "choices")
_ASKED = ("prompt", "input", "request")


def is_chat(record: Any) -> bool:
    """A list of messages, or an object with one."""
    if isinstance(record, Mapping):
        if is_message(record) and not is_langchain(record):
            return False
        return any(
            is_list(record.get(key)) and bool(record[key]) and all(map(_is_chat_message, record[key]))
            for key in ("messages", "conversations", "completion", "output", "input", "prompt")
        ) or (is_list(record.get("choices")) and "message" in mapping(next(iter(record["choices"]), None)))
    return is_list(record) and bool(record) and all(map(_is_chat_message, record))


def _is_chat_message(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return isinstance(value.get("role"), str) or is_item(value) or ("from" in value and "value" in value)


def read(record: Any, choices: Choices) -> Run:
    """One conversation. An assistant belongs to the agent in its `name`; a handoff in Responses items changes it."""
    held = _messages(record)
    found: list[Turn] = []
    agent = choices.agent or DEFAULT_AGENT
    transfers: set[str] = set()
    for i, raw in enumerate(held):
        message = as_dict(raw, f"messages[{i}]")
        if "from" in message and "value" in message:
            message = {_SHAREGPT.get(key, key): value for key, value in message.items()}
        for turn in _turns_of(message, i, choices):
            transfers.update(call.id for call in turn.calls if is_handoff(call.name))
            if turn.role == ASSISTANT and not turn.name:
                turn.name = agent
            elif turn.role == TOOL and (turn.id in transfers or is_handoff(turn.name)):
                agent = _handed_to(turn.text) or agent
            found.append(turn)
    run = chat_run(merged(found) if any(map(is_item, held)) else found, choices)
    run.outcome.truncated |= _cut_off(record)
    if run.prompt is None:
        run.prompt = next((turn.text for turn in found if turn.role == USER), "")
    return envelope(record, run)


def _messages(record: Any) -> Sequence[Any]:
    if not isinstance(record, Mapping):
        held = record
    elif is_list(record.get("messages")) or is_list(record.get("conversations")):
        held = [*_system(record), *first(record, "messages", "conversations")]
        held += _answer(record)
    elif any(record.get(key) is not None for key in _ASKED + _ANSWERS):
        held = [*_system(record), *_asked(record), *_answer(record)]
    else:
        held = [record]
    if not is_list(held):
        raise ConversionError("messages: a list expected")
    return [item for item in held if item is not None]


def _system(record: Mapping[str, Any]) -> list[Any]:
    text = first(record, "system", "instructions", "system_prompt")
    return [{"role": SYSTEM, "content": text}] if text else []


def _asked(record: Mapping[str, Any]) -> list[Any]:
    held = from_json(first(record, *_ASKED))
    if isinstance(held, Mapping):
        held = first(held, "messages", "input")
    return [{"role": USER, "content": held}] if isinstance(held, str) else list(held or ())


def _answer(record: Mapping[str, Any]) -> list[Any]:
    held = from_json(first(record, *_ANSWERS))
    if is_list(held) and "choices" in record and held is record["choices"]:
        held = {"choices": held}
    if isinstance(held, str):
        return [{"role": ASSISTANT, "content": held}]
    if isinstance(held, Mapping):
        if is_list(held.get("choices")):
            return [first(mapping(choice), "message", "delta") for choice in held["choices"]]
        return list(held["output"]) if is_list(held.get("output")) else [{"role": ASSISTANT, **held}]
    return list(held or ())


def _turns_of(message: Mapping[str, Any], i: int, choices: Choices) -> list[Turn]:
    if is_item(message):
        return item_turns(message)
    role = message.get("role")
    if role is None and is_langchain(message):
        return turns(message)
    if not isinstance(role, str):
        raise ConversionError(f"messages[{i}].role: a text expected")
    found = message_turns(message)
    for turn in found:
        if turn.role not in (ASSISTANT, USER, SYSTEM, TOOL):
            if not matches(role, (*choices.agents, *choices.context)):
                raise ConversionError(
                    f"messages[{i}].role: unknown role {role!r}; --agents {role} or --context {role} says what it is"
                )
            turn.name = turn.name or role
    return found


def _handed_to(text: str) -> str:
    """The Agents SDK answers a handoff with {"assistant": NAME}."""
    return label(mapping(from_json(text)).get("assistant"))


def _cut_off(record: Any) -> bool:
    outer = mapping(record)
    reason = label(first(outer, "finish_reason", "stop_reason", "stop_condition") or "")
    last = [label(choice.get("finish_reason")) for choice in mappings(outer.get("choices"))][-1:]
    return bool({reason, *last} & {"length", "max_tokens", "max_turns"}) or outer.get("status") == "incomplete"


def from_openai_chat(
    messages: Sequence[Any],
    *,
    id: str,
    prompt: str | None = None,
    reference_answer: str = "",
    score: float | None = None,
    agent_of: AgentOf | None = None,
) -> Episode:
    """Messages of a chat. Assistant messages belong to the agent in `name` ("assistant" without one), all other roles
    are context; `agent_of(message)` decides otherwise where it is given ("" is context). Calls of tools become text.

    prompt: the task's; default: the first user message.
    """
    choices = Choices()
    if agent_of is None:
        run = read(messages, choices)
    else:
        run = Run(record=messages)
        for turn, author in _authored(messages, agent_of):
            run.say(author, Kind.AGENT if author else Kind.FRAMEWORK, turn.content(), tokens=turn.tokens)
        choices = Choices(agents=tuple({said.author for said in run.said if said.author}))
        run.prompt = next((turn.text for turn, _ in _authored(messages, agent_of) if turn.role == USER), "")
    run.outcome.score = score_of(score, "score")
    run.reference = reference_answer
    run.prompt = run.prompt if prompt is None else prompt
    return build(run, choices, id)


def _authored(messages: Sequence[Any], agent_of: AgentOf) -> Iterator[tuple[Turn, str]]:
    for i, raw in enumerate(messages):
        message = as_dict(raw, f"messages[{i}]")
        for turn in message_turns(message):
            yield turn, agent_of(message)
