"""The protocol of StreamSignals: what comes first, credits, questions to the caller, groups, the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import grpc
import pytest
from conftest import connect
from contract import TIMEOUT, Stream, plain, refused, table

from assay_rl.v1 import episode_pb2 as episodes
from assay_rl.v1 import evaluator_service_pb2 as evaluator
from assay_rl.v1 import options_pb2 as options
from assay_rl.v1 import signal_service_pb2 as service
from assay_rl.v1.signal_service_pb2_grpc import SignalServiceStub

INVALID = grpc.StatusCode.INVALID_ARGUMENT
OK = grpc.StatusCode.OK
CALLER = options.AttributionOptions(caller=options.CallerEvaluator())


def test_ready_comes_first_with_options_as_resolved_and_credits(
    stub: SignalServiceStub, limits: service.Limits
) -> None:
    with Stream(stub) as stream:
        ready = stream.open(options.AttributionOptions(seed=7))
        assert ready.options.seed == 7
        assert (ready.options.value_range.low, ready.options.value_range.high) == (0, 1)
        assert ready.options.success_threshold == 0.5
        assert ready.options.reward_bound == 2
        assert ready.options.audit == options.AUDIT_LEDGER
        assert ready.options.WhichOneof("evaluator") is None
        assert ready.limits == limits
        assert ready.max_episodes_in_flight >= 1
        assert ready.max_bytes_in_flight >= limits.max_episode_bytes
        stream.half_close()
        assert stream.end()[0] is OK


@pytest.mark.parametrize(
    "messages",
    [
        [{"episode": plain("e")}],
        [{"options": CALLER}, {"options": CALLER}],
        [{"options": CALLER}, {"evaluation": evaluator.EvaluateResponse(evaluation_id="never asked")}],
        [{"options": options.AttributionOptions()}, {"evaluation": evaluator.EvaluateResponse(evaluation_id="1")}],
        [{}],
        [{"options": CALLER}, {}],
    ],
    ids=["episode first", "options twice", "unknown evaluation", "no caller", "empty", "empty later"],
)
def test_violations_of_the_protocol_end_the_stream(stub: SignalServiceStub, messages: list[dict[str, object]]) -> None:
    with Stream(stub) as stream:
        for message in messages:
            stream.send(**message)
        assert stream.end()[0] is INVALID


@pytest.mark.parametrize("bad", [b"\x12\xff", b"\x12\x03\x0a\x01\xff"], ids=["cut off", "no UTF-8"])
def test_bytes_that_are_no_request_end_the_stream(address: str, bad: bytes) -> None:
    opening = service.StreamSignalsRequest(options=CALLER).SerializeToString()
    with connect(address) as channel:
        send = channel.stream_stream("/assay.v1.SignalService/StreamSignals")
        call = send(iter([opening, bad]), timeout=TIMEOUT)
        with pytest.raises(grpc.RpcError):
            list(call)
        assert call.code() is INVALID


def test_one_result_for_each_episode_and_then_ok(stub: SignalServiceStub) -> None:
    with Stream(stub) as stream:
        count = min(50, stream.open().max_episodes_in_flight)
        sent = [plain(f"e{k}") if k % 5 else episodes.Episode(id=f"e{k}") for k in range(count)]
        for episode in sent:
            stream.send(episode=episode)
        stream.half_close()
        results = [response.result for response in stream.rest()]
    assert sorted(r.episode_id for r in results) == sorted(e.id for e in sent)
    assert {r.episode_id for r in results if r.HasField("error")} == {f"e{k}" for k in range(0, count, 5)}


def test_an_episode_beyond_the_credits_is_sent_back_to_be_tried_again(stub: SignalServiceStub) -> None:
    with Stream(stub) as stream:
        credit = stream.open(CALLER).max_episodes_in_flight
        for k in range(credit):
            stream.send(episode=plain(f"e{k}", agents=1, messages=1))
        asked = [stream.next("evaluate").evaluate for _ in range(credit)]
        stream.send(episode=plain("beyond", agents=1, messages=1))
        error = stream.result().error
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], error
        assert error.retry_after.ToNanoseconds() > 0
        for questions in asked:
            stream.answer(questions)
        stream.half_close()
        results = [r.result for r in stream.rest() if r.HasField("result")]
    assert len(results) == credit
    assert all(r.episode_id != "beyond" for r in results)


def test_the_caller_is_asked_and_its_answers_count(stub: SignalServiceStub) -> None:
    values: dict[tuple[int, ...], float] = {(): 0.0, (0,): 0.5, (1,): 0.0, (0, 1): 1.0}
    with Stream(stub) as stream:
        stream.open(CALLER)
        stream.send(episode=plain("e"))
        seen: set[tuple[int, ...]] = set()
        while len(seen) < len(values):
            asked = stream.next("evaluate").evaluate
            assert asked.episode_id == "e"
            assert asked.timeout.ToNanoseconds() > 0
            response = evaluator.EvaluateResponse(evaluation_id=asked.evaluation_id)
            for question in asked.questions:
                coalition = tuple(question.counterfactual.coalition.agents)
                seen.add(coalition)
                response.answers.answers.add(mean=values[coalition])
            stream.send(evaluation=response)
        answer = stream.result().signals
    assert [agent.credit for agent in answer.agents] == pytest.approx([0.75, 0.25], abs=1e-12)
    assert answer.effort.evaluator == "caller"
    assert answer.effort.questions == len(values)


def test_a_failed_evaluation_is_the_episodes_error_and_a_late_answer_is_ignored(stub: SignalServiceStub) -> None:
    with Stream(stub) as stream:
        stream.open(CALLER)
        stream.send(episode=plain("e"))
        asked = stream.next("evaluate").evaluate
        failure = evaluator.EvaluateResponse(evaluation_id=asked.evaluation_id)
        failure.error.code = grpc.StatusCode.UNAVAILABLE.value[0]
        failure.error.message = "the sandbox is down"
        stream.send(evaluation=failure)
        error = stream.result().error
        assert error.code == grpc.StatusCode.UNAVAILABLE.value[0]
        assert "the sandbox is down" in error.message
        stream.answer(asked)
        stream.half_close()
        assert stream.end()[0] is OK


@pytest.mark.parametrize("mean", [float("nan"), 1.5])
def test_an_answer_that_is_no_value_never_becomes_a_number(stub: SignalServiceStub, mean: float) -> None:
    with Stream(stub) as stream:
        stream.open(CALLER)
        stream.send(episode=plain("e"))
        stream.answer(stream.next("evaluate").evaluate, mean)
        assert stream.result().error.code == INVALID.value[0]


def test_an_unanswered_id_is_taken_and_free_again_once_answered(stub: SignalServiceStub) -> None:
    with Stream(stub) as stream:
        stream.open(CALLER)
        stream.send(episode=plain("same"))
        asked = stream.next("evaluate").evaluate
        stream.send(episode=plain("same"))
        assert stream.result().error.code == grpc.StatusCode.ALREADY_EXISTS.value[0]
        stream.answer(asked)
        assert stream.result().HasField("signals")
        stream.send(episode=episodes.Episode(id="same"))
        assert stream.result().error.code == INVALID.value[0]


def member(id: str, score: float, size: int) -> episodes.Episode:
    episode = table(id, [0, score, 0, score], score)
    episode.group.MergeFrom(episodes.Group(id="g", size=size))
    return episode


def test_a_group_is_answered_when_its_last_member_is(stub: SignalServiceStub) -> None:
    with Stream(stub) as stream:
        stream.open()
        for episode in (member("e1", 1, 2), member("e2", 0, 2)):
            stream.send(episode=episode)
        stream.result(), stream.result()
        group = stream.next("group").group
        assert group.group_id == "g"
        assert group.signals.used == 2
        outcomes = {e.episode_id: e.outcome_advantage for e in group.signals.episodes}
        assert outcomes == pytest.approx({"e1": 1, "e2": -1}, abs=1e-5)
        for advantages in group.signals.episodes:
            assert all(abs(message.local_advantage) <= 5 for message in advantages.messages)
        stream.half_close()
        assert stream.rest() == []


def test_a_group_at_half_close_counts_who_is_missing(stub: SignalServiceStub) -> None:
    bad = member("bad", 1, 4)
    bad.messages[0].agent_id = "nobody"
    with Stream(stub) as stream:
        stream.open()
        for episode in (member("e1", 1, 4), bad, member("e2", 0, 4)):
            stream.send(episode=episode)
        stream.half_close()
        responses = stream.rest()
    (group,) = (r.group for r in responses if r.HasField("group"))
    assert group.signals.used == 2
    assert list(group.signals.missing_episode_ids) == ["bad"]
    assert group.signals.never_sent == 1


def test_compute_advantages_is_the_streams_group(stub: SignalServiceStub) -> None:
    sent = [member("e1", 1, 3), member("e2", 0, 3), member("e3", 0.25, 3)]
    request = service.ComputeSignalsRequest(episodes=sent)
    response = stub.ComputeSignals(request, timeout=60)
    again = service.ComputeAdvantagesRequest(episodes=[r.signals for r in reversed(response.results)])
    advantages = stub.ComputeAdvantages(again, timeout=60)
    assert len(response.groups) == len(advantages.groups) == 1
    by_id = [{e.episode_id: e for e in groups[0].signals.episodes} for groups in (response.groups, advantages.groups)]
    assert by_id[0] == by_id[1]


def test_compute_advantages_names_what_is_wrong(stub: SignalServiceStub) -> None:
    signals = stub.ComputeSignals(service.ComputeSignalsRequest(episodes=[plain("e")]), timeout=60).results[0].signals
    with refused(INVALID, "episodes[0].group.id"):
        stub.ComputeAdvantages(service.ComputeAdvantagesRequest(episodes=[signals]), timeout=60)


def test_the_evaluators_are_listed(stub: SignalServiceStub) -> None:
    info = stub.GetServerInfo(service.GetServerInfoRequest(), timeout=30)
    assert info.version
    assert [e.name for e in info.evaluators][:4] == ["vote", "given", "caller", "outcome"]


@pytest.fixture
def own_stub() -> Iterator[tuple[SignalServiceStub, int]]:
    """A server that a test may end, and its process."""
    if os.environ.get("ASSAY_ADDRESS"):
        pytest.skip("the server at ASSAY_ADDRESS is not ours to end")
    from assay_process import Server

    with Server("--grace=20s") as server, connect(server.address) as channel:
        yield SignalServiceStub(channel), server.process.pid  # type: ignore[no-untyped-call]


def test_a_draining_server_says_so_and_answers_what_it_has_read(own_stub: tuple[SignalServiceStub, int]) -> None:
    stub, process = own_stub
    with Stream(stub) as stream:
        stream.open(CALLER)
        stream.send(episode=plain("read before"))
        asked = stream.next("evaluate").evaluate
        os.kill(process, signal.SIGTERM)
        assert stream.next("go_away").go_away.grace.ToNanoseconds() > 0
        stream.answer(asked)
        assert stream.result().HasField("signals")
        stream.half_close()
        assert stream.end()[0] is OK
