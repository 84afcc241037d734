"""OpenHands: records of evaluations, and events of a conversation, of both generations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import as_dict, first, is_list, label, mapping, mappings
from assay_rl.convert.chat_messages import message_turns, thought_of
from assay_rl.convert.content import content_text, join
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, Said, envelope
from assay_rl.convert.turn import Call

# Actions of an agent that say something in their text rather than call a tool.
_SPEECH = frozenset({"message", "think", "finish", "reject"})
_FRAMEWORK = frozenset(
    {"system", "recall", "change_agent_state", "null", "condensation", "condensation_request", "pause"}
)
_STATES = frozenset({"agent_state_changed", "null", "recall"})


def is_openhands(record: Any) -> bool:
    events = mappings(_history(record))
    if events:
        return any(_is_event(event) for event in events[:8])
    held = _history(record)  # pairs of action and observation
    return is_list(held) and bool(held) and all(is_list(p) and len(p) == 2 for p in held) and _is_event(held[0][0])


def _is_event(event: Any) -> bool:
    held = mapping(event)
    if label(held.get("kind")).endswith(("Event", "Action", "Observation")) and "source" in held:
        return True
    return ("action" in held or "observation" in held) and any(k in held for k in ("source", "args", "extras"))


def _history(record: Any) -> Any:
    return first(record, "history", "trajectory", "events", "items") if isinstance(record, Mapping) else record


def is_event(record: Any) -> bool:
    """Whether a value is one event alone, as the SDK keeps each in a file of its own."""
    return isinstance(record, Mapping) and _history(record) is None and _is_event(record) and "id" in record


def is_state(record: Any) -> bool:
    """Whether a value is the state that the SDK keeps beside its events."""
    return isinstance(record, Mapping) and "execution_status" in record and "agent" in record


def read(record: Any, choices: Choices) -> Run:
    """Events in their order. A delegate's events belong to the delegate until it hands its work in."""
    outer = mapping(record)
    name = choices.agent or label(mapping(outer.get("metadata")).get("agent_class")) or "agent"
    run, stack = Run(record=record), [name]
    answers = _Answers(run)
    for i, raw in enumerate(_events(_history(record) or ())):
        event = as_dict(raw, f"history[{i}]")
        if "kind" in event and "source" in event:
            answers.say(event, stack[-1])
        elif "observation" in event:
            _say_observation(run, event, stack)
        elif "action" in event:
            _say_action(run, event, stack)
        else:
            run.dropped["events that are neither an action nor an observation"] += 1
    instruction = first(outer, "instruction", "problem_statement")
    run.prompt = content_text(instruction) if instruction is not None else None
    report = mapping(first(mapping(outer.get("test_result")), "report"))
    resolved = first(report, "resolved") if report else None
    if resolved is not None:
        run.outcome.score = float(bool(resolved))
    error = label(outer.get("error"))
    run.outcome.truncated |= any(word in error.lower() for word in ("maximum", "max_iterations", "budget", "limit"))
    run.drop_empty()
    return envelope(record, run)


def _events(history: Any) -> Iterator[Any]:
    for event in history:
        if is_list(event):
            yield from event
        else:
            yield event


def _say_action(run: Run, event: Mapping[str, Any], stack: list[str]) -> None:
    action, source, given = label(event.get("action")), label(event.get("source")), mapping(event.get("args"))
    thought = content_text(given.get("thought"))
    if action in _FRAMEWORK:
        if source != "agent" and given.get("content"):
            run.say("system", Kind.SYSTEM, content_text(given.get("content")))
        else:
            run.dropped[f"{action} actions"] += 1
    elif source == "agent":
        if action in _SPEECH:
            said = first(given, "content", "final_thought", "reason", "outputs")
            text = join(thought, content_text(said) if content_text(said) != thought else "")
            run.say(stack[-1], Kind.AGENT, text or content_text(event.get("message")))
        else:
            told = {k: v for k, v in given.items() if k != "thought" and v not in (None, "", False, [], {})}
            run.say(stack[-1], Kind.AGENT, join(thought, Call(action, told).line()))
        if action == "delegate":
            stack.append(label(given.get("agent")) or "delegate")
        elif action in ("finish", "reject") and len(stack) > 1:
            stack.pop()
    else:
        run.say(source or "user", Kind.HUMAN, content_text(first(given, "content") or event.get("message")))


def _say_observation(run: Run, event: Mapping[str, Any], stack: list[str]) -> None:
    kind = label(event.get("observation"))
    if kind in _STATES and not event.get("content"):
        run.dropped[f"{kind} observations"] += 1
        return
    if kind == "delegate" and len(stack) > 1:
        stack.pop()
    run.say("environment", Kind.ENVIRONMENT, content_text(first(event, "content", "message")))


class _Answers:
    """Events of the second generation. Calls of one response of the model are one message, as the SDK sends them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._said: dict[str, Said] = {}  # by response
        self._called: dict[str, int] = {}  # of ACP: places of calls by their ids

    def say(self, event: Mapping[str, Any], agent: str) -> None:
        kind, run = label(event.get("kind")), self._run
        author = label(first(event, "sender", "agent")) or agent
        if kind == "MessageEvent":
            for turn in message_turns(mapping(event.get("llm_message"))):
                who = (author, Kind.AGENT) if event.get("source") == "agent" else (label(event["source"]), Kind.HUMAN)
                run.say(*who, turn.content())
        elif kind == "ActionEvent":
            self._act(event, author)
        elif kind == "ACPToolCallEvent":
            self._call(event, author)
        elif kind == "SystemPromptEvent":
            run.say("system", Kind.SYSTEM, content_text(event.get("system_prompt")))
        elif kind == "ConversationErrorEvent":
            run.outcome.truncated |= "Max" in label(event.get("code")) or "Budget" in label(event.get("code"))
            run.say("error", Kind.FRAMEWORK, f"{label(event.get('code'))}: {content_text(event.get('detail'))}")
        elif kind.endswith(("ObservationEvent", "ErrorEvent", "RejectObservation", "Observation")):
            held = first(event, "observation", "error", "rejection_reason")
            inner = first(mapping(held), "content", "output", "error", "message") if isinstance(held, Mapping) else held
            text = content_text(inner) if inner is not None else content_text(held)
            run.say("environment", Kind.ENVIRONMENT, text)
        else:
            run.dropped[f"{kind}s"] += 1

    def _act(self, event: Mapping[str, Any], author: str) -> None:
        call = mapping(first(event, "tool_call"))
        given = first(call, "arguments") or mapping(call.get("function")).get("arguments") or event.get("action")
        line = Call(label(event.get("tool_name") or call.get("name")), given).line()
        text = join(thought_of({**event, "thought": None}), content_text(event.get("thought")), line)
        response = label(event.get("llm_response_id"))
        if response and response in self._said:
            self._said[response].text = join(self._said[response].text, text)
            return
        self._run.say(author, Kind.AGENT, text)
        if response:
            self._said[response] = self._run.said[-1]

    def _call(self, event: Mapping[str, Any], author: str) -> None:
        """A call that an agent behind ACP made itself; it is told again as it goes on, and the last word counts."""
        identity, run = label(event.get("tool_call_id")), self._run
        line = Call(label(first(event, "title", "tool_kind")), event.get("raw_input")).line()
        result = content_text(event.get("raw_output")) or content_text(event.get("content"))
        if identity not in self._called:
            run.say(author, Kind.AGENT, line)
            run.say("environment", Kind.ENVIRONMENT, result, keep=True)
            self._called[identity] = len(run.said) - 2
            return
        place = self._called[identity]
        run.said[place].text = line if event.get("raw_input") is not None else run.said[place].text
        run.said[place + 1].text = result or run.said[place + 1].text
