"""What the tests share: a stream that is driven message by message, and episodes."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format

from assay_rl.v1 import episode_pb2 as episodes
from assay_rl.v1 import evaluator_service_pb2 as evaluator
from assay_rl.v1 import options_pb2 as options
from assay_rl.v1 import signal_service_pb2 as service
from assay_rl.v1 import signal_service_pb2_grpc as service_grpc
from assay_rl.v1 import signals_pb2 as signals

SAMPLES = Path(__file__).resolve().parents[1] / "data/samples"
# Seconds after which something will never end: far beyond what it takes on the busiest machine.
TIMEOUT = 3000.0


class Stream:
    """One StreamSignals call. Nothing is sent by itself."""

    def __init__(self, stub: service_grpc.SignalServiceStub) -> None:
        self._requests: queue.SimpleQueue[service.StreamSignalsRequest | None] = queue.SimpleQueue()
        self._call = stub.StreamSignals(iter(self._requests.get, None), timeout=TIMEOUT)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.put(None)
        self._call.cancel()

    def send(self, **message: object) -> None:
        self._requests.put(service.StreamSignalsRequest(**message))  # type: ignore[arg-type]

    def open(self, sent: options.AttributionOptions | None = None) -> service.StreamReady:
        self.send(options=sent or options.AttributionOptions())
        return self.next("ready").ready

    def half_close(self) -> None:
        self._requests.put(None)

    def next(self, kind: str) -> service.StreamSignalsResponse:
        response: service.StreamSignalsResponse = next(self._call)
        assert response.WhichOneof("message") == kind, response
        return response

    def result(self) -> service.EpisodeResult:
        return self.next("result").result

    def answer(self, asked: evaluator.EvaluateRequest, mean: float = 0.5) -> None:
        """Answers all of its questions by one number."""
        answers = [evaluator.Answer(mean=mean) for _ in asked.questions]
        self.send(
            evaluation=evaluator.EvaluateResponse(
                evaluation_id=asked.evaluation_id, answers=evaluator.Answers(answers=answers)
            )
        )

    def rest(self) -> list[service.StreamSignalsResponse]:
        """What comes until the stream ends; raises grpc.RpcError where it does not end OK."""
        return list(self._call)

    def end(self) -> tuple[grpc.StatusCode, str]:
        """The status, after whatever comes before it."""
        with contextlib.suppress(grpc.RpcError):
            self.rest()
        return self._call.code(), self._call.details() or ""


@contextlib.contextmanager
def refused(code: grpc.StatusCode, field: str) -> Iterator[None]:
    """The call inside fails as a whole and says which field is to blame."""
    with pytest.raises(grpc.RpcError) as failure:
        yield
    assert failure.value.code() is code
    assert (failure.value.details() or "").startswith(f"{field}: "), failure.value.details()


def plain(id: str, score: float = 1.0, agents: int = 2, messages: int = 4) -> episodes.Episode:
    """Outcome and messages, nothing else."""
    episode = episodes.Episode(id=id, outcome=episodes.Outcome(score=score))
    for k in range(agents):
        episode.agents.add(id=f"a{k}")
    for t in range(messages):
        episode.messages.add(agent_id=f"a{t % agents}", content=f"message {t} of {id}")
    return episode


def table(id: str, values: list[float], score: float) -> episodes.Episode:
    """The values of all coalitions are given; one message an agent."""
    agents = len(values).bit_length() - 1
    episode = plain(id, score, agents, agents)
    episode.values.coalition_values.extend(values)
    return episode


def samples() -> Iterator[episodes.Episode]:
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield json_format.Parse(line, episodes.Episode())


def compute(
    stub: service_grpc.SignalServiceStub,
    sent: list[episodes.Episode],
    chosen: options.AttributionOptions | None = None,
) -> service.ComputeSignalsResponse:
    request = service.ComputeSignalsRequest(options=chosen, episodes=sent)
    response: service.ComputeSignalsResponse = stub.ComputeSignals(request, timeout=TIMEOUT)
    return response


def signals_of(stub: service_grpc.SignalServiceStub, episode: episodes.Episode) -> signals.EpisodeSignals:
    result = compute(stub, [episode]).results[0]
    assert result.HasField("signals"), result.error
    return result.signals


def bytes_of(message: signals.EpisodeSignals) -> bytes:
    return message.SerializeToString(deterministic=True)
