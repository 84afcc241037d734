"""Test-only: audits of episodes, and every single change of one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from verify_episodes import sign, signals_of

from assay_rl.cli.verify import verify_records
from assay_rl.convert.own import Record
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2

Path_ = tuple[Any, ...]


def episode(identity: str, agents: str, messages: list[dict[str, Any]], score: float | None) -> episode_pb2.Episode:
    out = episode_pb2.Episode(id=identity)
    out.task.reference_answer = "42"
    for agent in agents:
        out.agents.add(id=agent)
    for message in messages:
        json_format.ParseDict(message, out.messages.add())
    if score is not None:
        out.outcome.score = score
    return out


def said(agent: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"agentId": agent, "content": text, **fields}


def debate() -> episode_pb2.Episode:
    first = "let us add the two numbers carefully"
    return episode(
        "debate",
        "abc",
        [
            said("", "system: add 40 and 2"),
            said("a", first, round=1, answer="42", tokenSpans=[{"sampleId": "s", "end": 7}]),
            said("b", "I say forty and two make 41", round=1, answer="41"),
            said("c", "no idea", round=1),
            said("a", first + " again", round=2, answer="42"),
            said("b", "you are right", round=2, answer="42"),
        ],
        None,
    )


def failure() -> episode_pb2.Episode:
    return episode(
        "failure",
        "abc",
        [
            said("a", "plan the work", processScore=0.9),
            said("b", "use the wrong file", processScore=-0.9, alternatives=[{"content": "ask", "value": 0.9}]),
            said("", "tool: exit 1"),
            said("c", "it failed, continue", processScore=-0.6),
            said("a", "try to repair it", processScore=0.8, repairs=1),
            said("c", "report anyway", processScore=-0.2),
        ],
        0.1,
    )


def annotated() -> episode_pb2.Episode:
    out = episode("annotated", "ab", [said("a", "x"), said("b", "y"), said("a", "z")], 0)
    out.messages[1].first_error = True
    return out


def rolled_out() -> episode_pb2.Episode:
    out = episode("rolled", "ab", [said("ab"[t % 2], f"step {t}") for t in range(5)], 0)
    for node, successes in ((0, 5), (1, 8), (2, 0), (3, 1), (4, 7)):
        out.messages[node].prefix_rollouts.trials = 8
        out.messages[node].prefix_rollouts.successes = successes
    return out


def given() -> episode_pb2.Episode:
    messages = [said(a, f"{a} works", processScore=q) for a, q in (("a", 0.5), ("a", -0.5), ("b", 0.2), ("c", -1.0))]
    out = episode("given", "abc", messages, 0.6)
    out.values.coalition_values.extend([0, 0, 0, 1, 0, 0, 0, 0.6])
    return out


def valued() -> episode_pb2.Episode:
    messages = [said("ab"[t % 2], f"part {t}", prefixValue=v) for t, v in enumerate((0.5, 0.6, 0.4, 0.8))]
    return episode("valued", "ab", messages, 1)


def bare() -> episode_pb2.Episode:
    return episode("bare", "ab", [said("a", "one"), said("b", "two")], 0.2)


EPISODES = [debate, failure, annotated, rolled_out, given, valued, bare]
FULL = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)

# The clock, and texts that say which software and options made the record, are no signals.
UNCHECKED = ("elapsed", "softwareVersion", "options")


def signed(result: dict[str, Any]) -> dict[str, Any]:
    """The result with a digest that matches its change: the numbers themselves have to give it away."""
    parsed = json_format.ParseDict(result, signal_service_pb2.EpisodeResult())
    sign(parsed.signals)
    return as_dict(parsed)


def reports(lines: list[dict[str, Any]], episodes: list[episode_pb2.Episode]) -> list[str]:
    sources = {e.id: json_format.MessageToJson(e, indent=None) for e in episodes}
    numbered = (Record(None, f"line {k}", json.dumps(line)) for k, line in enumerate(lines, 1))
    return [f"{r.subject}: {f}" for r in verify_records(numbered, sources) for f in r.findings]


def honest(source: episode_pb2.Episode) -> dict[str, Any]:
    return as_dict(signals_of(source, FULL))


def as_dict(message: Any) -> dict[str, Any]:
    out: dict[str, Any] = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return out


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in UNCHECKED:
                yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for k, item in enumerate(value):
            yield from leaves(item, (*path, k))
    else:
        yield path, value


def lists(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in UNCHECKED:
                yield from lists(item, (*path, key))
    elif isinstance(value, list):
        if value:
            yield path
        for k, item in enumerate(value):
            yield from lists(item, (*path, k))


def forged(result: dict[str, Any], path: Path_) -> dict[str, Any]:
    return result if path[-1] == "signalsSha256" else signed(result)


def replaced(value: Any, path: Path_, change: Any) -> Any:
    out = copy.deepcopy(value)
    place = out
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change
    return out


def other(path: Path_, value: Any) -> Any:
    """A different value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1 if isinstance(value, int) else value + 1e-6
    enums = {"label": signals_pb2.Label, "tier": signals_pb2.EvidenceTier, "kind": options_pb2.PreferenceKind}
    enums |= {"evidence": options_pb2.Evidence} if isinstance(value, str) else {}
    enums |= {"ballots": options_pb2.Ballots, "interval": signals_pb2.IntervalKind, "grade": signals_pb2.AnswerGrade}
    enums |= {"priorUsed": signals_pb2.PriorUsed, "searchEnd": signals_pb2.SearchEnd}
    enums |= {"outcomePart": options_pb2.OutcomePart, "creditPart": options_pb2.CreditPart}
    if path[-1] in enums:
        names = enums[path[-1]].keys()
        return names[(names.index(value) + 1) % len(names)]
    if "supports" in path:
        return "QUESTION_KIND_CORRECTION"
    if path[-1] == "method":
        return "METHOD_KERNEL" if value != "METHOD_KERNEL" else "METHOD_EXACT"
    if str(path[-1]).endswith("Sha256"):
        if not value:
            return "AAAA"
        return ("B" if value[0] == "A" else "A") + value[1:]
    return value + "x"
