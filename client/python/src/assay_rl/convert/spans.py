"""The one tree of spans: who ran, inside whom, when, what was said, which calls.

Front ends (otel, agents_sdk, langsmith, langfuse, mlflow, ...) turn what they read into Span; `run_of` makes a Run of
a trace. The agent of a message is the innermost agent around the model's call, never a constant of the instrumentation.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay_rl.convert._fields import from_json
from assay_rl.convert.calls_once import answers, fill_from_histories, merge_nested, only_in_histories, take, told_once
from assay_rl.convert.content import join
from assay_rl.convert.outcome import Outcome
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import DEFAULT_AGENT, Run
from assay_rl.convert.span import AGENT, CALL, HANDOFF, HEARD, MODEL, STEP, Span
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, USER, Call, is_handoff

# Names that tracers give to steps of their own: no agent is called so.
_GENERIC = re.compile(
    r"span|turn|task|agent[ _]?workflow|workflow|langgraph|compiledstategraph|runnable\w*|channelwrite\w*|\w*prompt"
    r"|\w*promptvalue|\w*outputparser|call_?model|model|llm|agent|tools?|chain|llmchain|agentexecutor|should_\w+|trace"
    r"|root|invocation|invoke_agent|invoke_workflow|create_agent|agent_run|plan|request|session|response|chat\w*|__\w+__|_\w+|sequence|lambda|graph|run|main"
)

_ABSENT = "[text not in this trace"


def run_of(spans: list[Span], default_agent: str = "", id: str = "", prompt: str | None = None) -> Run:
    """The run of one trace. prompt: the task's, where the format tells it; None: a user's first words."""
    return _Tree(spans, default_agent or DEFAULT_AGENT, prompt).run(id)


@dataclass(slots=True)
class _Entry:
    """A message under way: where it stands in time, what it says, the calls of it that no tool has answered yet."""

    span: Span
    author: str
    kind: Kind
    text: str
    calls: list[Call] = field(default_factory=list)
    open: list[Call] = field(default_factory=list)
    end: int = 0
    tokens: int = 0
    extension: Mapping[str, Any] = field(default_factory=dict)
    round: int = 0
    untold: bool = False  # its span holds nothing that the model wrote

    def content(self) -> str:
        return join(self.text, *(call.line() for call in self.calls))


class _Tree:
    def __init__(self, spans: list[Span], default_agent: str, prompt: str | None = None) -> None:
        self._default = default_agent
        self._told_prompt = prompt
        self._dropped = Counter[str]()
        self._by_id: dict[str, Span] = {}
        self._spans, again = told_once(spans)
        self._dropped["spans that came twice"] += again
        for span in self._spans:
            if span.id:
                self._by_id.setdefault(span.id, span)
        merged = merge_nested(self._spans, self._by_id)
        self._dropped["calls of a model that two tracers recorded"] += merged
        fill_from_histories(self._spans)
        self._scopes: dict[int, Span | None] = {}
        self._names = {span.agent for span in self._spans if span.kind == AGENT and span.agent}
        claimed = {span.agent for span in self._spans if span.kind == MODEL and span.agent}
        # One name on every call of a model is the instrumentation's; several are those of agents.
        self._genuine = claimed if len(claimed) > 1 else claimed & self._names
        self._entries: list[_Entry] = []
        self._inside: dict[int, list[_Entry]] = {}  # by a span's order: what models inside it said
        self._callers: dict[str, list[_Entry]] = {}  # by agent: its messages from calls of models, by their start
        self._notes: list[str] = []

    def run(self, id: str) -> Run:
        texts = self._speak()
        self._answer()
        self._hear(texts)
        self._entries.sort(key=lambda e: (e.end, e.span.start, e.span.order, e.kind is Kind.AGENT))
        self._settle()
        said = (entry.text for entry in self._entries)
        self._dropped["answers that only histories of later calls hold"] += only_in_histories(self._spans, said)
        self._number()
        run = Run(id=id or next((span.trace for span in self._spans if span.trace), ""), prompt=self._prompt())
        for entry in self._entries:
            run.say(entry.author, entry.kind, entry.content(), entry.extension, round=entry.round, tokens=entry.tokens)
        run.outcome = Outcome(truncated=self._truncated())
        for span in self._spans:
            run.outcome.scores.update(span.scores)
        run.dropped.update(+self._dropped)
        run.notes += self._notes
        return run

    # Who.

    def _ancestors(self, span: Span) -> list[Span]:
        found: list[Span] = []
        seen = {span.id}
        while span.parent in self._by_id and span.parent not in seen:
            span = self._by_id[span.parent]
            seen.add(span.id)
            found.append(span)
        return found

    def _scope(self, span: Span) -> Span | None:
        """The innermost agent around a span, itself included: one with a name before one without."""
        if span.order not in self._scopes:
            around = [a for a in (span, *self._ancestors(span)) if a.kind == AGENT]
            self._scopes[span.order] = next((a for a in around if a.agent), around[0] if around else None)
        return self._scopes[span.order]

    def _author(self, span: Span) -> str:
        scope = self._scope(span)
        if scope is not None and scope.agent:
            claims = span.kind == MODEL and span.agent in self._genuine
            return span.agent if claims else scope.agent
        if span.agent:
            return span.agent
        if scope is not None and scope.name and not _GENERIC.fullmatch(scope.name.lower()):
            return scope.name
        for step in self._ancestors(span):
            if step.kind == STEP and step.name and not _GENERIC.fullmatch(step.name.lower()):
                return step.name
        return self._default

    # What was said.

    def _speak(self) -> set[str]:
        """Entries of what models wrote; returns all texts that the trace tells."""
        known: set[str] = set()
        for span in self._spans:
            if span.kind == MODEL:
                self._speak_model(span, known)
        for entry in self._entries:
            for around in self._ancestors(entry.span):
                self._inside.setdefault(around.order, []).append(entry)
        heard: dict[str, int] = {}  # when a model, or the trace at all, first had the text
        for span in self._spans:
            texts = [(turn.text, span.start) for turn in span.asked if turn.role != ASSISTANT]
            for told, at in [*texts, *([(span.result, span.end)] if span.result else [])]:
                heard[_plain(told)] = min(at, heard.get(_plain(told), at))
        # Inner spans first: what they say, the agents around them only hand on.
        for span in sorted(self._spans, key=lambda s: (s.end, -s.start)):
            if span.kind != MODEL and span.wrote:
                self._speak_agent(span, known, heard)
        return known

    def _speak_model(self, span: Span, known: set[str]) -> None:
        said = answers(span)
        entries = []
        for turn in said:
            if turn.content() or turn.extension:
                author = turn.name if turn.name in self._names else self._author(span)
                entry = _Entry(span, author, Kind.AGENT, turn.text, turn.calls, list(turn.calls), span.end)
                entry.extension = turn.extension
                entries.append(entry)
                known.update({_plain(turn.text), _plain(turn.content())} - {""})
        if not entries:
            # Calls and texts found later fill it; what stays empty is named or counted in `_settle`.
            entries.append(_Entry(span, self._author(span), Kind.AGENT, "", end=span.end, untold=True))
        entries[0].tokens = span.tokens or sum(turn.tokens for turn in said)
        entries[0].extension = {**entries[0].extension, **span.extension}
        self._entries += entries

    def _speak_agent(self, span: Span, known: set[str], heard: Mapping[str, int]) -> None:
        """What an agent's or a step's span says that no model's call inside says: its text alone tells it."""
        author = self._author(span)
        outside = self._scope(span) is None and not span.agent
        for turn in span.wrote:
            text = _plain(turn.content())
            if turn.role != ASSISTANT or not text or text in known or self._holds(text, span):
                continue
            if text in heard and (not span.end or heard[text] < span.end):
                continue  # an echo; whoever hears it later hears it from here
            known.update((text, _plain(turn.text)))
            name = turn.name if turn.name and turn.name != span.name else author
            bare = self._bare(span, "" if outside else name)
            if bare is None and outside:
                self._drop("texts of steps around the agents, which no agent inside said")
                continue
            if bare is None:
                bare = _Entry(span, name, Kind.AGENT, "", end=span.end, tokens=span.tokens)
                self._entries.append(bare)
            bare.text = join(bare.text, turn.text)
            bare.calls += turn.calls
            bare.open += turn.calls
            bare.extension = {**span.extension, **turn.extension, **bare.extension}

    def _bare(self, span: Span, author: str) -> _Entry | None:
        """The last call of a model inside `span` whose text is not told; of any author where none is given."""
        inside = [e for e in self._inside.get(span.order, ()) if not e.content() and author in ("", e.author)]
        return max(inside, key=lambda e: (e.end, e.span.order)) if inside else None

    def _holds(self, text: str, span: Span) -> bool:
        """Whether the text is part of, or made of, what a model inside the span said."""
        inside = [_plain(e.content()) for e in self._inside.get(span.order, ()) if e.content()]
        return any(text in said for said in inside) or (bool(inside) and text == " ".join(inside))

    # Tools and handoffs.

    def _answer(self) -> None:
        """Results of tools, and calls that only the tools' own spans tell: they belong to the model's call before."""
        for entry in sorted(self._entries, key=lambda e: (e.span.start, e.end, e.span.order)):
            if entry.span.kind == MODEL:
                self._callers.setdefault(entry.author, []).append(entry)
        tools = sorted((s for s in self._spans if s.kind in (CALL, HANDOFF)), key=lambda s: (s.start, s.end, s.order))
        for span in tools:
            call = span.tool or Call(span.name)
            author = self._author(span)
            caller = self._caller(span, author, call.id)
            if span.kind == HANDOFF or self._hands_over(span, call):
                self._hand_over(span, call, author, caller)
                continue
            if call.name and not (caller is not None and take(caller.open, caller.calls, call)):
                if caller is None:
                    kind = Kind.AGENT if self._scope(span) is not None or span.agent else Kind.FRAMEWORK
                    caller = _Entry(span, author, kind, "", end=span.start)
                    self._entries.append(caller)
                caller.calls.append(call)
            if span.result or span.extension:
                text = f"[tool_result] {call.name}: {span.result}" if call.name else span.result
                end = span.end or span.start
                if span.start and caller is not None and caller.end > end:
                    end = caller.end + 1  # clocks differ: no result comes before its call
                self._entries.append(_Entry(span, "tool", Kind.ENVIRONMENT, text, end=end, extension=span.extension))

    def _caller(self, span: Span, author: str, call_id: str) -> _Entry | None:
        """The message of the tool's agent that holds the call by its id; else the last one that was begun before the
        tool ran."""
        said = self._callers.get(author, [])
        before = self._last_before(span, said)
        if not call_id or (before is not None and any(c.id == call_id for c in before.calls)):
            return before
        return next((e for e in said if any(c.id == call_id for c in e.open)), before)

    def _last_before(self, span: Span, said: list[_Entry]) -> _Entry | None:
        if span.start:
            return said[k - 1] if (k := bisect_right(said, span.start, key=lambda e: e.span.start)) else None
        return next((e for e in reversed(said) if e.span.order < span.order), said[-1] if said else None)

    def _hands_over(self, span: Span, call: Call) -> bool:
        """Some tracers write a handoff as a tool from one agent's name to another's."""
        if is_handoff(call.name):
            return True
        given = from_json(call.arguments)
        return bool(span.result) and span.result in self._names and isinstance(given, str) and given in self._names

    def _hand_over(self, span: Span, call: Call, author: str, caller: _Entry | None) -> None:
        """A handoff is a call of transfer_to_AGENT: the one that the model wrote, else one is written down."""
        self._drop("echoes of handoffs")
        if caller is None:
            caller = _Entry(span, author, Kind.AGENT, "", end=span.start)
            self._entries.append(caller)
        written = next((c for c in caller.open if is_handoff(c.name)), None)
        if written is not None:
            caller.open.remove(written)
        else:
            target = span.result or call.name
            slug = re.sub(r"[^a-z0-9]+", "_", target.lower()).strip("_")
            caller.calls.append(Call(call.name if is_handoff(call.name) and not span.result else f"transfer_to_{slug}"))

    # What was heard.

    def _prompt(self) -> str:
        """The first words of a user; records of inputs, which tracers of functions keep, only where there are none."""
        if self._told_prompt is not None:
            return self._told_prompt
        spans = sorted(self._spans, key=lambda s: (s.start, s.end, s.order))
        said = [turn.text for span in spans for turn in span.asked if turn.role == USER and turn.text]
        return next((text for text in said if from_json(text) is text), said[0] if said else "")

    def _hear(self, known: set[str]) -> None:
        """Context: what people and tools said to a model, where the trace tells it nowhere else.

        A model is sent its whole history again: a text counts once a place in it. The task's prompt is no message.
        """
        prompt = _plain(self._prompt())
        told = {_plain(e.content()) for e in self._entries} | known
        told.update(_plain(span.result) for span in self._spans if span.result)
        heard: set[tuple[int, str]] = set()
        called = {c.id: c.name for e in self._entries for c in e.calls if c.id}
        given = [span for span in self._spans if span.kind in (MODEL, HEARD)]
        for span in sorted(given, key=lambda s: (s.start, s.end, s.order)):
            names = {**{c.id: c.name for turn in span.asked for c in turn.calls if c.id}, **called}
            for place, turn in enumerate(t for t in span.asked if t.role != SYSTEM):
                text = _plain(turn.text)
                if turn.extension and turn.role != ASSISTANT:
                    self._entries.append(_heard(span, turn.role, Kind.FRAMEWORK, turn.text, turn.extension))
                    continue
                if turn.role == ASSISTANT or not text or (not span.fresh and (place, text) in heard):
                    continue
                heard.add((place, text))
                if text in told or text == prompt:
                    continue
                kind, author, shown = Kind.HUMAN, turn.name or turn.role, turn.text
                if turn.role == TOOL:
                    tool = names.get(turn.id, turn.name)
                    if is_handoff(tool):
                        self._drop("echoes of handoffs")
                        continue
                    kind, author = Kind.ENVIRONMENT, "tool"
                    shown = f"[tool_result] {tool}: {turn.text}" if tool else turn.text
                self._entries.append(_heard(span, author, kind, shown))

    # Order.

    def _number(self) -> None:
        """Rounds where agents worked at the same time, none where everything came one after the other."""
        if any(entry.extension.get("round") is not None for entry in self._entries):
            return
        begun = self._begun()
        calls = sorted(
            {id(e.span): e.span for e in self._entries if e.kind is Kind.AGENT}.values(),
            key=lambda s: (begun[id(s)], s.end),
        )
        timed = [s for s in calls if s.start and s.end > s.start]
        author = {id(e.span): e.author for e in self._entries if e.kind is Kind.AGENT}
        latest, parallel = -1, False
        last = ""
        for span in timed:
            parallel |= begun[id(span)] < latest and author[id(span)] != last
            if span.end > latest:
                latest, last = span.end, author[id(span)]
        if not parallel:
            return
        rounds: dict[int, int] = {}
        ended: list[tuple[int, int]] = []
        for span in timed:
            rounds[id(span)] = 1 + max((r for end, r in ended if end <= begun[id(span)]), default=0)
            ended.append((span.end, rounds[id(span)]))
        current: dict[str, int] = {}
        for entry in self._entries:
            if entry.kind is Kind.AGENT:
                entry.round = rounds.get(id(entry.span), current.get(entry.author, 1))
                current[entry.author] = entry.round
            else:
                entry.round = current.get(self._author(entry.span), 0)
        self._entries.sort(key=lambda e: e.round)

    def _begun(self) -> dict[int, int]:
        """When each message was begun, by its span: what an agent says itself follows what was said inside it."""
        inside: dict[int, int] = {}
        said = [entry for entry in self._entries if entry.kind is Kind.AGENT]
        for entry in said:
            for around in self._ancestors(entry.span):
                inside[id(around)] = max(entry.end, inside.get(id(around), 0))
        return {id(e.span): max(e.span.start, min(e.span.end, inside.get(id(e.span), 0))) for e in said}

    def _settle(self) -> None:
        """Answers whose text is not in the trace are named where something proves them, else counted."""
        kept = []
        unnamed = 0
        for entry in self._entries:
            if not entry.content() and not entry.extension:
                if not (entry.span.silent or entry.span.tokens):
                    self._drop("calls of a model without an answer")
                    continue
                entry.text = f"{_ABSENT}{': ' + entry.span.silent if entry.span.silent else ''}]"
            unnamed += entry.untold and (not entry.text or entry.text.startswith(_ABSENT))
            kept.append(entry)
        self._entries = kept
        if unnamed:
            self._notes.append(
                "answers of models whose text the trace does not hold: switch on the recording of content in the tracer"
            )

    def _truncated(self) -> bool:
        calls = [e.span for e in self._entries if e.kind is Kind.AGENT]
        last = max(calls, key=lambda s: (s.end, s.order), default=None)
        finish = last.wrote[-1].finish if last is not None and last.wrote else ""
        return finish in ("length", "max_tokens", "MAX_TOKENS") or any(span.truncated for span in self._spans)

    def _drop(self, reason: str) -> None:
        self._dropped[reason] += 1


def _heard(span: Span, author: str, kind: Kind, text: str, extension: Mapping[str, Any] | None = None) -> _Entry:
    """What a model heard before its call began."""
    return _Entry(span, author, kind, text, end=span.start, extension=extension or {})


def _plain(text: str) -> str:
    """A text without differences of white space: tracers print the same answer differently."""
    return " ".join(text.split())
