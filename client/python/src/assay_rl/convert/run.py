"""One run as a format tells it, and the episode that becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay_rl.client.episodes import Agent, Episode, Group, Message, Task
from assay_rl.convert._fields import (
    ConversionError,
    first,
    is_finite,
    is_list,
    label,
    mapping,
    mappings,
    score_of,
    whole,
)
from assay_rl.convert.outcome import Outcome, contradicts, field_of, grade_of, usual_outcome
from assay_rl.convert.roles import Kind, Roles, agent_kind
from assay_rl.convert.summary import Summary
from assay_rl.convert.turn import ASSISTANT, SYSTEM, TOOL, USER, Turn

DEFAULT_AGENT = "assistant"
_KINDS = {ASSISTANT: Kind.AGENT, USER: Kind.HUMAN, SYSTEM: Kind.SYSTEM, TOOL: Kind.ENVIRONMENT}


@dataclass(frozen=True)
class Choices:
    """What the caller says beside the file.

    agents, context: names that are agents or context whatever the format says; NAME* stands for a beginning.
    agent: the name of an agent that the format does not name.
    outcome: where the score stands: a field of the record (a.b.c), or the name of one of its scores.
    reference: likewise, of the reference answer.
    keep_labels: annotations of first errors are taken over.
    sequential: nodes of a LangGraph stream without step numbers ran one after the other.
    kinds: people, tools and frameworks that have a name become agents of that kind, and their messages stay context;
        else they are context without a name.
    """

    agents: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    agent: str = ""
    outcome: str = ""
    reference: str = ""
    keep_labels: bool = True
    sequential: bool = False
    kinds: bool = False


@dataclass(slots=True)
class Said:
    """One message: who wrote it, in the format's own words, and what kind of author the format makes of that."""

    author: str
    kind: Kind
    text: str
    round: int = 0
    tokens: int = 0
    answer: str | None = None
    process_score: float | None = None
    first_error: bool = False


@dataclass(slots=True)
class Run:
    """One run. `record` is the decoded source, in which --outcome and --reference look."""

    id: str = ""
    record: Any = None
    said: list[Said] = field(default_factory=list)
    prompt: str | None = None  # None: what the first human said
    reference: str = ""
    outcome: Outcome = field(default_factory=Outcome)
    group: str = ""
    group_size: int = 0
    task_id: str = ""
    players: list[str] = field(default_factory=list)  # in the format's order; empty: the authors
    simulated_users: bool = False  # people are played by models
    dropped: Counter[str] = field(default_factory=Counter)  # what was left out: reason and count
    notes: list[str] = field(default_factory=list)

    def say(
        self,
        author: str,
        kind: Kind,
        text: str,
        extension: Mapping[str, Any] | None = None,
        *,
        keep: bool = False,
        **more: Any,
    ) -> None:
        """Adds a message. One without any text is counted as dropped, unless it is to `keep` its place."""
        said = Said(author, kind, text, **more)
        if extension:
            _extend(said, extension)
        elif not text and not keep:
            self.dropped["empty messages"] += 1
            return
        self.said.append(said)

    def component(self, name: str, value: Any) -> None:
        """A number beside the outcome; one that no double holds is counted as left out, what is no number is none."""
        if isinstance(value, (int, float)):
            if is_finite(value):
                self.outcome.components[name] = float(value)
            else:
                self.dropped["metrics that are no finite number"] += 1

    def objects(self, value: Any, what: str) -> list[Mapping[str, Any]]:
        """The objects of a list; anything else that stands there is counted as left out."""
        found = mappings(value)
        if is_list(value):
            self.dropped[f"{what} that are no objects"] += sum(item is not None for item in value) - len(found)
        elif value is not None:
            self.dropped[f"{what} that are no list"] += 1
        self.dropped = +self.dropped
        return found

    def holds(self, text: str) -> bool:
        """Whether a message holds the text."""
        return not text.strip() or any(text.strip() in said.text for said in self.said)

    def drop_empty(self) -> None:
        """Takes out messages without a text that were kept for their place."""
        kept = [said for said in self.said if said.text]
        self.dropped["empty messages"] += len(self.said) - len(kept)
        self.said, self.dropped = kept, +self.dropped

    def say_turn(self, turn: Turn, default_agent: str = DEFAULT_AGENT, round: int = 0) -> None:
        """Adds a message of a chat; an assistant without a name is the default agent."""
        kind = _KINDS.get(turn.role, Kind.AGENT)
        author = turn.name or (default_agent if turn.role == ASSISTANT else turn.role)
        if kind in (Kind.ENVIRONMENT, Kind.SYSTEM):
            author = turn.role
        self.say(author, kind, turn.content(), turn.extension, round=round, tokens=turn.tokens)


def _extend(said: Said, extension: Mapping[str, Any]) -> None:
    """Our own fields of a message (FORMATS.md): agent, round, answer, process_score, first_error."""
    if extension.get("agent") is not None:
        said.author = label(extension["agent"])
        said.kind = Kind.AGENT if said.author else Kind.FRAMEWORK
    said.round = whole(extension.get("round")) or said.round
    if extension.get("answer") is not None:
        said.answer = label(extension["answer"])
    said.process_score = score_of(extension.get("process_score"), "assay.process_score")
    said.first_error = extension.get("first_error") is True


def extend_run(run: Run, extension: Mapping[str, Any]) -> None:
    """Our own fields of a run: id, prompt, reference_answer, score, truncated, agents."""
    if extension.get("id") is not None:
        run.id = label(extension["id"])
    if extension.get("prompt") is not None:
        run.prompt = label(extension["prompt"])
    if extension.get("reference_answer") is not None:
        run.reference = label(extension["reference_answer"])
    if extension.get("score") is not None:
        run.outcome.score = score_of(extension["score"], "assay.score")
    run.outcome.truncated |= extension.get("truncated") is True
    if isinstance(extension.get("agents"), list):
        run.players = [label(name) for name in extension["agents"]]


class NothingSaidError(ConversionError):
    """A run holds no text at all, as of one that never began."""


def build(run: Run, choices: Choices, fallback_id: str, summary: Summary | None = None) -> Episode:
    """The episode of a run. Raises ConversionError where no agent said anything."""
    roles = Roles(choices.agents, choices.context)
    messages, counted = [], Counter[tuple[str, Kind]]()
    named: dict[str, str] = {}
    _mend(run)
    for said in run.said:
        kind = roles.kind(said.author, said.kind)
        if kind is Kind.AGENT and not said.author.strip():
            said.author = choices.agent or DEFAULT_AGENT
        counted[said.author, kind] += 1
        message = _message(said, kind, choices.keep_labels)
        known = agent_kind(said.author, kind, run.simulated_users) if choices.kinds else None
        if known is not None and named.setdefault(said.author, known) == known:
            message.agent = said.author
        messages.append(message)
    prompt = run.prompt
    if prompt is None:
        prompt = next((s.text for s in run.said if roles.kind(s.author, s.kind) is Kind.HUMAN), "")
    episode = Episode(
        run.id or fallback_id,
        messages,
        agents=_players(run, roles, named),
        task=Task(run.task_id, prompt, _reference(run, choices)),
        score=_score(run, choices),
        group=Group(run.group, run.group_size) if run.group else None,
        truncated=run.outcome.truncated,
        components=run.outcome.components,
    )
    if not any(message.agent for message in messages):
        failure = ConversionError if messages else NothingSaidError
        raise failure(f"no message of an agent: {_why(counted, run)}")
    if summary is not None:
        summary.add(episode, counted, +run.dropped, run.notes)
    return episode


def _players(run: Run, roles: Roles, named: Mapping[str, str]) -> list[Agent]:
    """Those that the format lists, else the authors; and with kinds whoever else has a name."""
    players = [name for name in run.players if roles.kind(name, Kind.AGENT) is Kind.AGENT]
    if not named:
        return [Agent(name) for name in players]
    players = players or [name for name, kind in named.items() if not kind]
    others = [name for name in named if name not in players]
    return [Agent(name, kind=named.get(name, "")) for name in (*players, *others)]


def _mend(run: Run) -> None:
    """Halves of characters, which a cut in the middle of a text leaves, cannot be sent: they become U+FFFD."""
    for said in run.said:
        said.author, said.text = _whole_characters(said.author), _whole_characters(said.text)
        said.answer = said.answer if said.answer is None else _whole_characters(said.answer)
    run.id, run.reference, run.task_id = map(_whole_characters, (run.id, run.reference, run.task_id))
    run.prompt = run.prompt if run.prompt is None else _whole_characters(run.prompt)
    run.players = [_whole_characters(name) for name in run.players]


def _whole_characters(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _message(said: Said, kind: Kind, keep_labels: bool) -> Message:
    first_error = said.first_error and keep_labels
    if kind is not Kind.AGENT:
        return Message("", said.text, round=said.round, first_error=first_error)
    return Message(
        said.author,
        said.text,
        round=said.round,
        answer=said.answer,
        process_score=said.process_score,
        token_count=said.tokens,
        first_error=first_error,
    )


def _why(counted: Mapping[tuple[str, Kind], int], run: Run) -> str:
    authors = ", ".join(f"{author or 'nobody named'} ({kind.value})" for author, kind in counted)
    dropped = ", ".join(f"{count} {reason}" for reason, count in (+run.dropped).items())
    known = f"its messages are of {authors}; --agents NAME makes an author an agent" if authors else "it holds no text"
    return known + (f" (left out: {dropped})" if dropped else "")


def _reference(run: Run, choices: Choices) -> str:
    if not choices.reference:
        return run.reference
    found = field_of(run.record, choices.reference)
    if found is None:
        raise ConversionError(f"{choices.reference}: the record has no such field (--reference)")
    return label(found)


def _score(run: Run, choices: Choices) -> float | None:
    if choices.outcome:
        named = run.outcome.scores.get(choices.outcome)
        found = named if named is not None else field_of(run.record, choices.outcome)
        if found is None:
            known = ", ".join(sorted(run.outcome.scores))
            raise ConversionError(
                f"{choices.outcome}: the record has no such field or score (--outcome)"
                + (f"; its scores are {known}" if known else "")
            )
        return grade_of(found, choices.outcome)
    if run.outcome.score is not None:
        return run.outcome.score
    scores = run.outcome.scores
    if len(scores) == 1:
        name, value = next(iter(scores.items()))
        return grade_of(value, name)
    if scores:
        run.notes.append(f"several scores ({', '.join(sorted(scores))}): --outcome NAME says which is the outcome")
        return None
    found = usual_outcome(run.record)
    if other := contradicts(run.record, found):
        run.notes.append(f"{other} says something else than the outcome that was taken: --outcome FIELD says which")
    return found


def chat_run(found: list[Turn], choices: Choices, **fields: Any) -> Run:
    """A run of one conversation. The first unnamed assistant is `choices.agent`."""
    run = Run(**fields)
    for turn in found:
        run.say_turn(turn, choices.agent or DEFAULT_AGENT)
    run.outcome.truncated |= bool(found) and found[-1].finish in ("length", "max_tokens", "MAX_TOKENS")
    return run


Reader = Callable[[Any, Choices], Iterator[Run]]


def envelope(record: Any, run: Run) -> Run:
    """The fields that any record may have beside its messages: id, outcome, reference_answer, task, assay."""
    outer = mapping(record)
    run.record = record if run.record is None else run.record
    given = first(outer, "id", "instance_id", "task_id", "trace_id", "trajectory_id", "conversation_id")
    run.id = run.id or label(given)
    run.reference = run.reference or label(first(outer, "reference_answer", "ground_truth", "true_answer"))
    if run.prompt is None and isinstance(first(outer, "task", "question", "problem_statement"), str):
        run.prompt = label(first(outer, "task", "question", "problem_statement"))
    run.outcome.truncated |= outer.get("truncated") is True or outer.get("is_truncated") is True
    extend_run(run, mapping(outer.get("assay")))
    return run
