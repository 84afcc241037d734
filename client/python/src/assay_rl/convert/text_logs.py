"""Text logs whose layout tells who speaks: ChatDev, MetaGPT, AutoGen's console, AppWorld, HyperAgent; MAST's records.

Other text is refused: where a log does not say who wrote a line, guessing would blame the wrong agent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay_rl.convert._fields import ConversionError, first, from_json, is_list, label, mapping, mappings
from assay_rl.convert.content import content_text
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope

_STAMP = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d+)? [A-Z]+\] ?", re.MULTILINE)
_TURN = re.compile(
    r"(?P<who>[^:*\n]+): \*\*(?P<from>[^*<>]+)<->(?P<to>[^*<>]+) on : (?P<phase>[^*\n]+), turn (?P<turn>\d+)\*\*\s*"
)
_BRACKET = re.compile(r"\*\*\[(?P<what>[^\]\n]+)\]\*\*")
_METAGPT = re.compile(r"^\[[^\]\n]+\] (?P<kind>FROM: Human TO: [^\n]*|NEW MESSAGES:)[^\n]*\n", re.MULTILINE)
_METAGPT_END = re.compile(r"\n-{10,}\s*(\n=== Communication Log Ended[^\n]*)?\s*$")
_CONSOLE = re.compile(r"^-{8,} (?P<kind>[^\n]*?) ?-{8,}\s*$", re.MULTILINE)
_APPWORLD = re.compile(
    r"^\s*(?P<kind>Response from|Message to|Reply from|Entering|Exiting) (?P<who>[\w ]+?) (?:Agent|API)"
    r"( message loop)?\s*$"
    r"|^\s*(?P<code>Code Execution Output)\s*$",
    re.MULTILINE,
)
_APPWORLD_TASK = re.compile(
    r"\s*\*{8,} Task [^\n]*\n(?P<task>.*?)(?=\n\s*(Response from|Message to|Entering) )", re.DOTALL
)
_HYPERAGENT = re.compile(
    r"^HyperAgent_\S+ - [A-Z]+ - "
    r"(?:(?P<planner>Planner's Response): ?|(?P<intern>Inner-)?(?P<name>[\w-]+)'s Response: ?)",
    re.MULTILINE,
)
_HYPERAGENT_LINE = re.compile(r"^HyperAgent_\S+ - [A-Z]+ - ", re.MULTILINE)


def is_text_log(text: Any) -> bool:
    return isinstance(text, str) and _layout(text) is not None


def is_mast(record: Any) -> bool:
    held = mapping(record)
    return "mas_name" in held and "trace" in held


def read(record: Any, choices: Choices) -> Run:
    """A text, or a record of MAST: {mas_name, trace: {trajectory}, ...}, whose annotations are no outcome."""
    if isinstance(record, str):
        return _read_text(record)
    outer = mapping(record)
    trace = from_json(outer.get("trace"))
    held = from_json(first(mapping(trace), "trajectory", "content")) if isinstance(trace, Mapping) else trace
    if is_list(held) and held and all(isinstance(line, str) for line in held):
        held = "\n".join(held)
    run = _read_text(held) if isinstance(held, str) else _read_chat(held, choices)
    run.id = "-".join(filter(None, (label(first(outer, key)) for key in ("mas_name", "benchmark_name", "trace_id"))))
    run.record = record
    if mapping(outer.get("mast_annotation")):
        run.notes.append("MAST annotates kinds of failures, not an outcome: --outcome FIELD names a field that does")
    envelope({k: v for k, v in outer.items() if k not in ("id", "trace_id")}, run)
    return run


def _read_chat(held: Any, choices: Choices) -> Run:
    """AG2's traces in MAST are lists of {content: [lines], role, name}."""
    run = Run()
    for item in mappings(held):
        content = item.get("content")
        text = "\n".join(map(content_text, content)) if is_list(content) else content_text(content)
        author = label(first(item, "name", "role"))
        run.say(author, Kind.AGENT if author else Kind.FRAMEWORK, text)
    if not run.said:
        raise ConversionError("trace: neither a text log of a known layout nor a list of messages")
    return run


def _layout(text: str) -> Callable[[str, Run], None] | None:
    for pattern, reader in _LAYOUTS:
        if pattern.search(text):
            return reader
    return None


def _read_text(text: str) -> Run:
    reader = _layout(text)
    if reader is None:
        raise ConversionError(
            "a text log that does not say who speaks; read are those of ChatDev, MetaGPT, AutoGen's console, AppWorld "
            "and HyperAgent"
        )
    run = Run()
    reader(text, run)
    return run


def _blocks(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each match with the text up to the next one."""
    found = list(pattern.finditer(text))
    for k, match in enumerate(found):
        end = found[k + 1].start() if k + 1 < len(found) else len(text)
        yield match, text[match.end() : end].strip("\n")


def _chatdev(text: str, run: Run) -> None:
    """Turns `Role: **Role<->Other on : Phase, turn N**`, behind each the other's system prompt in brackets."""
    task = re.search(r"\*\*task_prompt\*\*(?::| \|) *([^\n|]+)", text)
    run.prompt = task.group(1).strip() if task else None
    starts = [match.end() for match in _STAMP.finditer(text)] or [0]
    ends = [*[match.start() for match in _STAMP.finditer(text)][1:], len(text)]
    if starts == [0]:
        ends = [len(text)]
    for start, end in zip(starts, ends, strict=False):
        block = text[start:end].strip()
        turns = list(_TURN.finditer(block))
        if not turns:
            _chatdev_aside(block, run)
        for k, turn in enumerate(turns):
            said = block[turn.end() : turns[k + 1].start() if k + 1 < len(turns) else len(block)].strip()
            said = re.sub(r"\A\[(?:[^\[\]]|\[[^\[\]]*\])*\]\s*", "", said).strip()
            run.say(turn["from"].strip(), Kind.AGENT, said)


def _chatdev_aside(block: str, run: Run) -> None:
    named = _BRACKET.search(block)
    what = named["what"] if named else "lines of the framework"
    if what in ("Start Chat", "Test Reports", "Update Codes", "Software Info"):
        run.say("ChatDev", Kind.FRAMEWORK, block)
    elif block:
        run.dropped[f"ChatDev: {what}" if named else what] += 1


def _metagpt(text: str, run: Run) -> None:
    for head, body in _blocks(_METAGPT, text):
        body = _METAGPT_END.sub("", body)
        if head["kind"].startswith("FROM: Human"):
            said = body.partition("CONTENT:")[2].strip() or body.strip()
            run.say("Human", Kind.HUMAN, said)
            continue
        for part in re.split(r"\n-{10,}\s*\n", body):
            name, colon, said = part.strip().partition(":")
            if colon and re.fullmatch(r"[\w ]{1,40}", name):
                run.say(name.strip(), Kind.AGENT, said.strip())
            else:
                run.say("", Kind.FRAMEWORK, part.strip())


def _console(text: str, run: Run) -> None:
    """`---------- TextMessage (name) ----------` of AutoGen 0.4's console, without the type in its first versions."""
    before = _CONSOLE.search(text)
    if before is not None and text[: before.start()].strip():
        run.say("", Kind.FRAMEWORK, text[: before.start()].strip())
    for head, body in _blocks(_CONSOLE, text):
        named = re.fullmatch(r"(\w+) \((.+)\)", head["kind"])
        kind, who = (named[1], named[2]) if named else ("", head["kind"])
        environment = kind in ("ToolCallExecutionEvent", "CodeExecutionEvent", "MemoryQueryEvent")
        echo = kind in ("ToolCallSummaryMessage", "HandoffMessage", "SelectSpeakerEvent", "StopMessage")
        if kind == "Summary" or who == "Summary":
            run.dropped["summaries of AutoGen's console"] += 1
        elif environment:
            run.say("tool", Kind.ENVIRONMENT, body.strip())
        else:
            run.say(kind if echo else who, Kind.FRAMEWORK if echo else Kind.AGENT, body.strip())


def _appworld(text: str, run: Run) -> None:
    banner = _APPWORLD_TASK.match(text)
    if banner is not None:
        run.prompt = banner["task"].strip()
        run.say("user", Kind.HUMAN, run.prompt)
    for head, body in _blocks(_APPWORLD, text):
        kind, who = head["kind"], (head["who"] or "").strip()
        if head["code"]:
            run.say("environment", Kind.ENVIRONMENT, body.strip())
        elif kind in ("Response from", "Reply from") and not who.endswith("send_message"):
            run.say(who, Kind.AGENT, body.strip())
        elif body.strip():
            run.say("AppWorld", Kind.FRAMEWORK, body.strip())


def _hyperagent(text: str, run: Run) -> None:
    first_line = _HYPERAGENT.search(text)
    if first_line is not None and text[: first_line.start()].strip():
        run.say("HyperAgent", Kind.FRAMEWORK, _HYPERAGENT_LINE.sub("", text[: first_line.start()]).strip())
    for head, body in _blocks(_HYPERAGENT, text):
        who = "Planner" if head["planner"] else (head["name"] or "").removesuffix("-Assistant")
        run.say(who, Kind.AGENT, _HYPERAGENT_LINE.sub("", body).strip())


_LAYOUTS: tuple[tuple[re.Pattern[str], Callable[[str, Run], None]], ...] = (
    (_TURN, _chatdev),
    (_METAGPT, _metagpt),
    (_HYPERAGENT, _hyperagent),
    (_APPWORLD, _appworld),
    (re.compile(r"^-{8,} \w+ \(\w[^\n]*\) -{8,}\s*$|^-{8,} [A-Za-z_]\w* -{8,}\s*$", re.MULTILINE), _console),
)
