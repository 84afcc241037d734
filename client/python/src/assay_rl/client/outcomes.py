"""What comes back: a typed outcome for every episode and every group. A failure is never a number.

Signals keep the names of proto/assay/v1/signals.proto, where units and ranges are told. Each outcome holds the protobuf
message it came from (`proto`); the friendly view is built when it is first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import grpc

from assay_rl.client.signals import Signals
from assay_rl.v1 import error_pb2, options_pb2, signal_service_pb2, signals_pb2

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class AssayError(Exception):
    """A call or a stream failed as a whole. `error` says why."""

    def __init__(self, error: Error) -> None:
        super().__init__(str(error))
        self.error = error


class EpisodeError(AssayError):
    """Raised where signals are asked of an episode or group that has none."""


@dataclass(frozen=True, slots=True)
class Error:
    """Why there is no result.

    code: gRPC status; message: for people; violations: (field path, description);
    retry_after: seconds after which the same request can succeed, None where it cannot.
    """

    code: grpc.StatusCode
    message: str
    violations: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None

    def __str__(self) -> str:
        where = "".join(f"; {field}: {description}" for field, description in self.violations)
        return f"{self.code.name}: {self.message}{where}"

    @classmethod
    def from_proto(cls, error: error_pb2.Error) -> Error:
        retry = error.retry_after.ToTimedelta().total_seconds() if error.HasField("retry_after") else None
        return cls(
            _CODES.get(error.code, grpc.StatusCode.UNKNOWN),
            error.message,
            tuple((v.field, v.description) for v in error.violations),
            retry,
        )

    def to_proto(self) -> error_pb2.Error:
        error = error_pb2.Error(code=self.code.value[0], message=self.message[:1024])
        for field_path, description in self.violations:
            error.violations.add(field=field_path, description=description)
        if self.retry_after is not None:
            error.retry_after.FromMilliseconds(round(1000 * self.retry_after))
        return error


_OUTCOME_PARTS = {number: name.removeprefix("OUTCOME_PART_") for name, number in options_pb2.OutcomePart.items()}
_CREDIT_PARTS = {number: name.removeprefix("CREDIT_PART_") for name, number in options_pb2.CreditPart.items()}


class Scored:
    """An episode that was answered with signals."""

    ok: Literal[True] = True

    def __init__(self, proto: signal_service_pb2.EpisodeResult) -> None:
        self.proto = proto

    @property
    def episode_id(self) -> str:
        return self.proto.episode_id

    @cached_property
    def signals(self) -> Signals:
        return Signals.from_proto(self.proto.signals)

    @property
    def elapsed(self) -> float:
        """Seconds the server took."""
        return self.proto.elapsed.ToTimedelta().total_seconds()

    def _repr_html_(self) -> str:
        return self.signals._repr_html_()

    def __repr__(self) -> str:
        return f"Scored({self.episode_id!r}, score={self.proto.signals.score})"


class Failed:
    """An episode that has no signals. Asking for them raises EpisodeError."""

    ok: Literal[False] = False

    def __init__(self, episode_id: str, error: Error) -> None:
        self.episode_id = episode_id
        self.error = error

    @property
    def signals(self) -> Signals:
        raise EpisodeError(self.error)

    def __repr__(self) -> str:
        return f"Failed({self.episode_id!r}, {self.error})"


@dataclass(slots=True)
class Advantages:
    """Advantages of one episode within its group, by message index.

    messages: (1 - weight) X + weight K, what a trainer puts on the message's tokens. outcomes: X, the same for all
    messages of an agent. local: K, which tells the messages of an agent apart. outcome: the standardised score of the
    episode, whatever X was made of.
    """

    episode_id: str
    outcome: float
    messages: dict[int, float]
    local: dict[int, float]
    outcomes: dict[int, float] = field(default_factory=dict)

    @classmethod
    def from_proto(cls, proto: signals_pb2.EpisodeAdvantages) -> Advantages:
        return cls(
            proto.episode_id,
            proto.outcome_advantage,
            {m.index: m.advantage for m in proto.messages},
            {m.index: m.local_advantage for m in proto.messages},
            {m.index: m.outcome_advantage for m in proto.messages},
        )

    def of_agents(self, signals: Signals) -> dict[str, float]:
        """X by agent id, for trainers that take one number an agent; agents without a message are left out."""
        return {m.agent_id: self.outcomes[m.index] for m in signals.messages if m.index in self.outcomes}


class GroupScored:
    """A group that was answered; `advantages` maps episode ids to their advantages."""

    ok: Literal[True] = True

    def __init__(self, proto: signal_service_pb2.GroupResult) -> None:
        self.proto = proto

    @property
    def group_id(self) -> str:
        return self.proto.group_id

    @property
    def missing(self) -> list[str]:
        """Episodes of the group that were answered with an error."""
        return list(self.proto.signals.missing_episode_ids)

    @property
    def outcome_part(self) -> str:
        """What X is: OUTCOME, CONTROL or RECOMBINED; proto/signals.md says what each promises."""
        return _OUTCOME_PARTS.get(self.proto.signals.outcome_part, "UNSPECIFIED")

    @property
    def credit_part(self) -> str:
        """What K is: VALUES, CREDIT, SCORES or NONE."""
        return _CREDIT_PARTS.get(self.proto.signals.credit_part, "UNSPECIFIED")

    @property
    def reliability(self) -> float:
        """How much of the differences between the credits, or values, is not noise; in [0, 1]."""
        return self.proto.signals.reliability

    @property
    def weight(self) -> float:
        """The share of K in every advantage, in [0, 1]: blend times reliability."""
        return self.proto.signals.weight

    @property
    def parallel(self) -> bool:
        """In no episode could an agent read another's message: leaving one out changes no other."""
        return self.proto.signals.parallel

    @cached_property
    def advantages(self) -> dict[str, Advantages]:
        return {e.episode_id: Advantages.from_proto(e) for e in self.proto.signals.episodes}

    @cached_property
    def recombined(self) -> dict[str, dict[str, float]]:
        """What each agent's messages of each episode are worth in the teams of the group; empty where no teams were
        asked about, and `proto.signals.recombined.error` may say why.
        """
        return {
            e.episode_id: {r.agent_id: r.value for r in e.recombined}
            for e in self.proto.signals.episodes
            if e.recombined
        }

    def __repr__(self) -> str:
        return f"GroupScored({self.group_id!r}, used={self.proto.signals.used})"


class GroupFailed:
    """A group that has no advantages. Asking for them raises EpisodeError."""

    ok: Literal[False] = False

    def __init__(self, group_id: str, error: Error) -> None:
        self.group_id = group_id
        self.error = error

    @property
    def advantages(self) -> dict[str, Advantages]:
        raise EpisodeError(self.error)

    def __repr__(self) -> str:
        return f"GroupFailed({self.group_id!r}, {self.error})"


EpisodeOutcome: TypeAlias = "Scored | Failed"
GroupOutcome: TypeAlias = "GroupScored | GroupFailed"
Outcome: TypeAlias = "Scored | Failed | GroupScored | GroupFailed"


def episode_outcome(result: signal_service_pb2.EpisodeResult) -> EpisodeOutcome:
    if result.HasField("signals"):
        return Scored(result)
    return Failed(result.episode_id, _error_of(result.error))


def group_outcome(result: signal_service_pb2.GroupResult) -> GroupOutcome:
    if result.HasField("signals"):
        return GroupScored(result)
    return GroupFailed(result.group_id, _error_of(result.error))


def _error_of(error: error_pb2.Error) -> Error:
    # A result that carries neither signals nor a code is a failure as well, not an empty success.
    if error.code == 0:
        return Error(grpc.StatusCode.UNKNOWN, "the server sent a result without signals and without an error code")
    return Error.from_proto(error)


@dataclass(slots=True)
class Batch:
    """Outcomes in the order of the episodes that were handed in, and the groups by id."""

    outcomes: list[EpisodeOutcome]
    groups: dict[str, GroupOutcome]

    def rewards(self) -> list[float | None]:
        """The score of every episode, None where it failed."""
        return [o.proto.signals.score if isinstance(o, Scored) else None for o in self.outcomes]

    def failed(self) -> list[Failed]:
        return [o for o in self.outcomes if isinstance(o, Failed)]
