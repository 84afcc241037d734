"""verifiers and prime-rl: rollouts of an environment, and episodes with one trace an agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay_rl.convert._fields import ConversionError, first, is_finite, is_list, label, mapping, mappings, whole
from assay_rl.convert.chat import turns
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.outcome import grade_of
from assay_rl.convert.roles import Kind, kind_of_name
from assay_rl.convert.run import DEFAULT_AGENT, Choices, Run, chat_run, envelope, extend_run
from assay_rl.convert.span import AGENT, HEARD, MODEL, Span
from assay_rl.convert.spans import run_of
from assay_rl.convert.times import time_of
from assay_rl.convert.turn import ASSISTANT, SYSTEM, USER, Turn

_LIMITS = frozenset(
    [
        "max_turns",
        "max_turns_reached",
        "max_input_tokens",
        "max_output_tokens",
        "max_total_tokens",
        "context_length",
        "prompt_too_long",
        "overlong_prompt",
        "length",
        "timeout",
        "timeout_reached",
        "truncated",
    ]
)


def is_episode(record: Any) -> bool:
    """An episode of verifiers v1: several agents' traces, each a graph of messages."""
    held = mapping(record)
    listed = mappings(held.get("traces"))
    return (bool(listed) and all("nodes" in trace for trace in listed)) or (
        is_list(held.get("nodes")) and "rewards" in held
    )


def is_rollout(record: Any) -> bool:
    """A rollout as environments before v1 write it: prompt, completion, reward."""
    held = mapping(record)
    return "completion" in held and "reward" in held and ("prompt" in held or "example_id" in held)


def group_of(record: Any) -> str:
    """The group of rollouts that a record belongs to: told by an episode, the example of a rollout."""
    held = mapping(record)
    if is_episode(record):
        return label(mapping(held.get("group")).get("id"))
    return label(first(held, "group_id", "example_id"))


class Groups:
    """Sizes of groups, counted before the records are read: a group of one is none."""

    def __init__(self) -> None:
        self._sizes: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()

    def count(self, record: Any) -> None:
        self._sizes[group_of(record)] += 1

    def place(self, record: Any, run: Run) -> None:
        """The run's group and, where the record has no id, one by its example and its number in the group."""
        group = group_of(record)
        if not group:
            return
        number = self._seen[group]
        self._seen[group] += 1
        run.id = run.id or f"{group}:{number}"
        if self._sizes[group] > 1:
            run.group, run.group_size = group, self._sizes[group]


def read(record: Any, choices: Choices) -> Run:
    return _read_episode(record, choices) if is_episode(record) else _read_rollout(record, choices)


def _read_rollout(record: Mapping[str, Any], choices: Choices) -> Run:
    agent = choices.agent or DEFAULT_AGENT
    found = _of_trajectory(record, agent)
    if not found:
        prompt = turns(record.get("prompt"), "user")
        found = [*prompt, *turns(record.get("completion"))]
    for turn in found:
        turn.name = turn.name or (agent if turn.role == ASSISTANT else "")
    run = chat_run(found, choices, record=record, id=label(first(record, "trajectory_id", "rollout_id")))
    run.prompt = _prompt(found)
    info = mapping(record.get("info"))
    run.reference = label(first(record, "answer", "reference_answer") if "answer" in record else info.get("answer"))
    run.outcome.score = grade_of(record.get("reward"), "reward")
    for name, value in mapping(record.get("metrics")).items():
        run.component(label(name), value)
    run.outcome.truncated |= record.get("is_truncated") is True or label(record.get("stop_condition")) in _LIMITS
    run.task_id = label(first(record, "example_id"))
    if record.get("error"):
        run.notes.append("rollouts that ended with an error keep the reward that the environment gave them")
    extend_run(run, mapping(info.get("assay")))
    return envelope(record, run)


def _of_trajectory(record: Mapping[str, Any], agent: str) -> list[Turn]:
    """The steps of a trajectory whose steps name their agents."""
    found: list[Turn] = []
    for step in mappings(record.get("trajectory")):
        name = label(first(mapping(step.get("extras")), "agent", "agent_id", "actor", "actor_id", "role", "name"))
        if not name:
            return []
        known = {turn.content() for turn in found}
        asked = [t for t in turns(step.get("prompt"), "user") if t.role not in (ASSISTANT, SYSTEM)]
        found += [turn for turn in asked if turn.content() not in known]
        for turn in turns(step.get("completion")):
            turn.name = turn.name or (name if turn.role == ASSISTANT else "")
            found.append(turn)
    return found if agent else []


def _prompt(found: Sequence[Turn]) -> str:
    return next((turn.text for turn in found if turn.role == "user"), "")


def _read_episode(record: Mapping[str, Any], choices: Choices) -> Run:
    listed = mappings(record.get("traces")) if "traces" in record else [record]
    spans: list[Span] = []
    for number, trace in enumerate(listed):
        _add_trace(spans, trace, number, choices)
    if not spans:
        raise ConversionError("traces: no messages")
    task = mapping(record.get("task")) or mapping(listed[0].get("task"))
    data = mapping(task.get("data")) or task
    asked = data.get("prompt")
    told = None if asked is None else "\n".join(t.text for t in turns(asked, USER) if t.role == USER)
    run = run_of(spans, choices.agent, label(record.get("id")), told)
    run.record = record
    run.reference = label(first(data, "answer", "reference_answer", "solution"))
    run.task_id = label(first(task, "key", "hash"))
    _reward(run, listed)
    extend_run(run, mapping(mapping(record.get("info")).get("assay")))
    for trace in listed:
        extend_run(run, mapping(mapping(trace.get("info")).get("assay")))
    return envelope(record, run)


def _add_trace(spans: list[Span], trace: Mapping[str, Any], number: int, choices: Choices) -> None:
    """One agent's trace as spans: what the model sampled is its own, all other messages it was given."""
    agent = label(mapping(trace.get("agent")).get("name")) or choices.agent or DEFAULT_AGENT
    root = Span(f"trace {number}", kind=AGENT, agent=agent, name=agent)
    calls = {call["node"]: call for call in mappings(trace.get("calls")) if isinstance(call.get("node"), int)}
    asked: list[Turn] = []
    own: list[Span] = []
    for index, node in enumerate(mappings(trace.get("nodes"))):
        message = mapping(node.get("message"))
        sampled = node.get("sampled") is True or ("sampled" not in node and message.get("role") == ASSISTANT)
        found = message_turns(message)
        if not sampled:
            asked += [turn for turn in found if turn.role != ASSISTANT]
            continue
        call = mapping(calls.get(index))
        spent = mapping(call.get("usage"))
        times = mapping(call.get("time"))
        end = time_of(times.get("end")) or time_of(node.get("timestamp"))
        own.append(
            Span(
                f"trace {number} node {index}",
                root.id,
                kind=MODEL,
                start=time_of(times.get("start")) or end,
                end=end,
                asked=asked,
                fresh=True,
                wrote=found,
                tokens=whole(spent.get("completion_tokens")) or sum(map(bool, node.get("mask") or ())),
            )
        )
        asked = []
        if found and call.get("finish_reason"):
            found[-1].finish = label(call["finish_reason"])
    if asked:
        end = max((span.end for span in own), default=0)
        own.append(Span(f"trace {number} end", root.id, kind=HEARD, start=end, end=end, asked=asked, fresh=True))
    root.start, root.end = min((s.start for s in own), default=0), max((s.end for s in own), default=0)
    root.truncated = label(trace.get("stop_condition")) in _LIMITS
    spans += [root, *own]


def _reward(run: Run, listed: Sequence[Mapping[str, Any]]) -> None:
    """The run's reward: that of its traces where they agree, else the mean over those that are trained.

    Rewards and metrics become components; with several agents under AGENT.NAME.
    """
    values: dict[int, float] = {}
    for number, trace in enumerate(listed):
        agent = label(mapping(trace.get("agent")).get("name"))
        head = f"{agent}." if len(listed) > 1 and agent else ""
        rewards = mapping(trace.get("rewards"))
        told = {name: _weighted(reward, f"rewards.{name}") for name, reward in rewards.items()}
        known = {name: value for name, value in told.items() if value is not None}
        if known:
            values[number] = sum(known.values())
        elif isinstance(trace.get("reward"), (int, float)):
            values[number] = grade_of(trace["reward"], "reward") or 0.0
        for name, value in {**mapping(trace.get("metrics")), **known}.items():
            run.component(head + label(name), value)
    trained = [n for n in values if mapping(listed[n].get("agent")).get("trainable") is not False]
    trained = [n for n in trained or values if kind_of_name(_agent(listed[n])) is Kind.AGENT] or trained or list(values)
    rewards_of = [values[n] for n in trained]
    if rewards_of:
        run.outcome.score = rewards_of[0] if len(set(rewards_of)) == 1 else sum(rewards_of) / len(rewards_of)
        if len(set(rewards_of)) > 1:
            run.notes.append("agents of one episode with different rewards: their mean is the outcome")


def _agent(trace: Mapping[str, Any]) -> str:
    return label(mapping(trace.get("agent")).get("name")) or DEFAULT_AGENT


def _weighted(reward: Any, path: str) -> float | None:
    if not isinstance(reward, Mapping):
        return grade_of(reward, path)
    score = grade_of(reward.get("score"), path)
    weight = reward.get("weight")
    if score is None or not isinstance(weight, (int, float)) or not is_finite(weight):
        return score
    return score * weight


def grouped(records: Sequence[Any], choices: Choices) -> Iterator[Run]:
    """Runs of records that are all at hand, with their groups."""
    groups = Groups()
    for record in records:
        groups.count(record)
    for record in records:
        run = read(record, choices)
        groups.place(record, run)
        yield run
