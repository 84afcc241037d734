"""Reading episodes and signals: one proto3-JSON object a line, gzip allowed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from assay_rl.convert._fields import kind_of
from assay_rl.convert.misfit import Descriptor, MisfitError, check, parse
from assay_rl.v1 import episode_pb2, signal_service_pb2, signals_pb2

from .questions import Asked, decode

_EpisodeResult = signal_service_pb2.EpisodeResult


class RecordError(ValueError):
    """A line that is no EpisodeResult, GroupResult or Episode."""


@dataclass(frozen=True)
class ResultLine:
    """One EpisodeResult with its questions decoded apart: there may be thousands of them."""

    result: signal_service_pb2.EpisodeResult
    asked: tuple[Asked, ...]
    broken: tuple[str, ...]  # questions that could not be read


def read_object(line: str) -> dict[str, Any]:
    """The JSON object of a line. Raises RecordError."""
    try:
        value = parse(line)
    except MisfitError as misfit:
        raise RecordError(str(misfit)) from misfit
    if not isinstance(value, dict):
        raise RecordError(f"an object expected, got {kind_of(value)}")
    return value


def parse_result(line: str) -> ResultLine | signal_service_pb2.GroupResult:
    """Reads one line of `assay signals`. Raises RecordError."""
    return parse_record(read_object(line))


def parse_record(value: dict[str, Any]) -> ResultLine | signal_service_pb2.GroupResult:
    """The result in a decoded line, which is used up. Raises RecordError."""
    try:
        if "groupId" in value or "group_id" in value:
            return json_format.ParseDict(value, signal_service_pb2.GroupResult())
        asked: list[Asked] = []
        broken: list[str] = []
        questions = _take_questions(value)
        result = json_format.ParseDict(value, signal_service_pb2.EpisodeResult())
        for k, question in enumerate(questions):
            try:
                asked.append(decode(question, result.signals.audit.questions.add()))
            except (ValueError, TypeError, AttributeError, json_format.ParseError) as error:
                broken.append(f"questions[{k}]: {error}")
    except (json_format.ParseError, ValueError, TypeError) as error:
        kind = signal_service_pb2.GroupResult if "groupId" in value or "group_id" in value else _EpisodeResult
        raise RecordError(_misfit(value, kind.DESCRIPTOR) or str(error)) from error
    return ResultLine(result, tuple(asked), tuple(broken))


def _misfit(value: dict[str, Any], message: Descriptor) -> str:
    """Where a value does not fit a message; empty where nothing is found."""
    try:
        check(value, message)
    except MisfitError as misfit:
        return str(misfit)
    return ""


def _take_questions(value: dict[str, Any]) -> list[Any]:
    signals = value.get("signals")
    audit = signals.get("audit") if isinstance(signals, dict) else None
    questions = audit.pop("questions", []) if isinstance(audit, dict) else []
    return questions if isinstance(questions, list) else [questions]


def parse_episode(line: str) -> episode_pb2.Episode:
    """Reads one Episode. Raises RecordError."""
    value = read_object(line)
    try:
        episode = json_format.ParseDict(value, episode_pb2.Episode())
    except (json_format.ParseError, ValueError, TypeError) as error:
        raise RecordError(str(error)) from error
    if not episode.agents:  # they are the authors, as when it was sent
        for name in dict.fromkeys(m.agent_id for m in episode.messages if m.agent_id):
            episode.agents.add(id=name)
    return episode


def canonical(episode: episode_pb2.Episode) -> bytes:
    """The bytes that an audit's SHA-256 is taken over: the deterministic binary serialisation."""
    return episode.SerializeToString(deterministic=True)


def digest(episode: episode_pb2.Episode) -> bytes:
    return hashlib.sha256(canonical(episode)).digest()


def digests(episode: episode_pb2.Episode) -> tuple[bytes, ...]:
    """The digest; and where the task says nothing, also the one with an empty task present or absent.

    Converters differ in whether they write down a task without prompt and answer.
    """
    if episode.task.ByteSize():
        return (digest(episode),)
    other = episode_pb2.Episode()
    other.CopyFrom(episode)
    if episode.HasField("task"):
        other.ClearField("task")
    else:
        other.task.SetInParent()
    return digest(episode), digest(other)


def signals_digest(signals: signals_pb2.EpisodeSignals | signals_pb2.GroupSignals) -> bytes:
    """SHA-256 of the signals with the field that holds it empty."""
    kept = signals.audit.signals_sha256
    signals.audit.ClearField("signals_sha256")
    value = hashlib.sha256(signals.SerializeToString(deterministic=True)).digest()
    signals.audit.signals_sha256 = kept
    return value


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def episode_id(line: str) -> str:
    """The id of an Episode line. Raises RecordError."""
    return _string(read_object(line).get("id"))


def peek(line: str) -> tuple[str, str, bool]:
    """Episode id, group id and whether the line is a GroupResult; empty where the line says nothing readable."""
    try:
        value = read_object(line)
    except RecordError:
        return "", "", False
    if "groupId" in value or "group_id" in value:
        return "", _string(value.get("groupId", value.get("group_id"))), True
    signals = value.get("signals")
    group = signals.get("group") if isinstance(signals, dict) else None
    identity = _string(value.get("episodeId", value.get("episode_id")))
    return identity, _string(group.get("id")) if isinstance(group, dict) else "", False
