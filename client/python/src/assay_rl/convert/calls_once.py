"""Calls of models that a trace tells twice, or only by what the next call was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from assay_rl.convert.content import call_line, join
from assay_rl.convert.span import HEARD, MODEL, STEP, Span
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, USER, Call, Turn


def told_once(spans: Iterable[Span]) -> tuple[list[Span], int]:
    """The spans, numbered in their order, without those that came twice, in a batch that was sent again; and how many
    those were. Of a span that was told when it began and when it ended the fuller one stays. Two that hold different
    texts are two, whatever their ids."""
    kept: list[Span] = []
    places: dict[str, list[int]] = {}
    again = 0
    for number, span in enumerate(spans):
        span.order = number
        known = places.setdefault(span.id, []) if span.id else []
        same = next((at for at in known if _tells(kept[at]) >= _tells(span)), None)
        part = next((at for at in known if _tells(kept[at]) <= _tells(span)), None)
        if same is None and part is not None:
            span.order, span.start = kept[part].order, kept[part].start or span.start
            kept[part] = span
        elif same is None:
            known.append(len(kept))
            kept.append(span)
        again += same is not None or part is not None
    return kept, again


def _tells(span: Span) -> set[str]:
    texts = [turn.content() for turn in (*span.wrote, *span.asked)]
    return {text for text in (*texts, span.result, span.tool.line() if span.tool is not None else "") if text}


def merge_nested(spans: Sequence[Span], by_id: Mapping[str, Span]) -> int:
    """Two instrumentations, of a framework and of the client below it, record one call of a model one inside the
    other. It is one: the inner span's, with what only the outer one tells. Returns how many there were."""
    merged = 0
    for inner in spans:
        outer = _call_around(inner, by_id) if inner.kind == MODEL else None
        if outer is None:
            continue
        said, heard = _lines(inner), _lines(outer)
        if said <= heard or heard <= said:
            inner.wrote = inner.wrote if heard <= said else outer.wrote
            _take_over(inner, outer)
            merged += 1
    return merged


def _call_around(span: Span, by_id: Mapping[str, Span]) -> Span | None:
    """The call of a model right around a span: nothing but steps between."""
    seen = {span.id}
    while span.parent in by_id and span.parent not in seen:
        span = by_id[span.parent]
        seen.add(span.id)
        if span.kind != STEP:
            return span if span.kind == MODEL else None
    return None


def _take_over(inner: Span, outer: Span) -> None:
    inner.agent = inner.agent or outer.agent
    inner.tokens = inner.tokens or outer.tokens
    inner.silent = inner.silent or outer.silent
    inner.asked = inner.asked or outer.asked
    inner.extension = {**outer.extension, **inner.extension}
    outer.kind, outer.wrote, outer.asked, outer.extension = STEP, [], [], {}


def _lines(span: Span) -> set[str]:
    return set(join(*(turn.content() for turn in answers(span))).splitlines())


def answers(span: Span) -> list[Turn]:
    """What a model wrote: other turns in its output are repetitions of what it was sent."""
    return [turn for turn in span.wrote if turn.role not in (USER, SYSTEM, TOOL)]


def fill_from_histories(spans: Sequence[Span]) -> None:
    """Some tracers keep what a model was sent and not what it wrote: the history of the next call tells that."""
    silent = [span for span in spans if span.kind == MODEL and span.asked and not answers(span)]
    if not silent:
        return
    told: dict[int, Turn] = {}  # by what stands before it
    for span in spans:
        before = 0
        for turn in span.asked if span.kind == MODEL else ():
            if turn.role == ASSISTANT:
                told.setdefault(before, turn)
            before = _after(before, turn)
    for span in silent:
        before = 0
        for turn in span.asked:
            before = _after(before, turn)
        if before in told:
            found = told[before]
            span.wrote = [Turn(ASSISTANT, found.text, list(found.calls), tokens=found.tokens)]


def _after(before: int, turn: Turn) -> int:
    """A digest of a history with one more turn; each agent has a system prompt of its own."""
    return before if turn.role == SYSTEM else hash((before, turn.role, turn.content()))


def only_in_histories(spans: Iterable[Span], said: Iterable[str]) -> int:
    """How many answers the histories that models were sent hold which nobody in the trace said: of calls before the
    trace, or whose spans are not in it."""
    lines = {_plain(line) for text in said for line in text.splitlines()}
    known, missing = set[str](), 0
    for span in spans:
        for turn in span.asked if span.kind in (MODEL, HEARD) else ():
            if turn.role != ASSISTANT or turn.text in known or turn.extension:
                continue
            known.add(turn.text)
            missing += any(_plain(line) not in lines for line in turn.text.splitlines())
    return missing


def _plain(line: str) -> str:
    return " ".join(line.removeprefix("[reasoning] ").split())


def take(open: list[Call], calls: Iterable[Call], call: Call) -> bool:
    """Whether a message that holds `calls` holds the call that a tool's span tells; if it is one of those without an
    answer yet (`open`), it is taken out of them."""
    found = next((c for c in open if call.id and c.id == call.id), None)
    found = found or next((c for c in open if c.name == call.name), None)
    found = found or next((c for c in open if _is_same_tool(c, call)), None)
    if found is not None:
        open.remove(found)
        return True
    return any(call.id and c.id == call.id for c in calls)


def _is_same_tool(one: Call, other: Call) -> bool:
    """Whether two calls differ only in what stands before the tool's name, as that of its server."""
    short, long = sorted((one.name, other.name), key=len)
    return bool(short) and long.endswith(short) and call_line("", one.arguments) == call_line("", other.arguments)
