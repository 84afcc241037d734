"""What is wrong gets its code and the path of its field, and costs nobody else anything."""

from __future__ import annotations

import math
from collections.abc import Callable

import grpc
import pytest
from contract import Stream, compute, plain, refused, table

from assay_rl.v1 import episode_pb2 as episodes
from assay_rl.v1 import options_pb2 as options
from assay_rl.v1 import signal_service_pb2 as service
from assay_rl.v1.signal_service_pb2_grpc import SignalServiceStub

INVALID = grpc.StatusCode.INVALID_ARGUMENT
RANGE = grpc.StatusCode.OUT_OF_RANGE
Episode = episodes.Episode
Options = options.AttributionOptions


def first(episode: Episode) -> episodes.Message:
    return episode.messages[0]


def context(episode: Episode, t: int) -> episodes.Message:
    episode.messages[t].agent_id = ""
    return episode.messages[t]


FAULTS: dict[str, Callable[[Episode], object]] = {
    "id": lambda e: e.ClearField("id"),
    "agents": lambda e: e.ClearField("agents"),
    "agents[1].id": lambda e: e.agents[1].CopyFrom(e.agents[0]),
    "messages": lambda e: e.ClearField("messages"),
    "messages[2].agent_id": lambda e: setattr(e.messages[2], "agent_id", "nobody"),
    "messages[0].round": lambda e: setattr(first(e), "round", -1),
    "messages[0].process_score": lambda e: setattr(first(e), "process_score", math.nan),
    "messages[1].process_score": lambda e: setattr(e.messages[1], "process_score", 1.0001),
    "messages[0].prefix_value": lambda e: setattr(first(e), "prefix_value", math.inf),
    "messages[0].redundancy": lambda e: setattr(first(e), "redundancy", -0.1),
    "messages[0].prefix_rollouts.successes": lambda e: setattr(first(e).prefix_rollouts, "successes", 1),
    "messages[1].repairs": lambda e: setattr(e.messages[1], "repairs", 1),
    "messages[1].first_error": lambda e: [setattr(m, "first_error", True) for m in e.messages[:2]],
    "messages[3].repairs": lambda e: setattr(context(e, 3), "repairs", 0),
    "messages[0].token_spans[0].end": lambda e: first(e).token_spans.add(start=5, end=4),
    "messages[0].judge_scores[0].score": lambda e: first(e).judge_scores.add(judge="j", score=2),
    "messages[0].alternatives[0].value": lambda e: first(e).alternatives.add(value=math.nan),
    "outcome.score": lambda e: setattr(e.outcome, "score", 1.1),
    "outcome.components[0].value": lambda e: e.outcome.components.add(name="c", value=-math.inf),
    "values.coalition_values": lambda e: e.values.coalition_values.extend([0, 0, 1]),
    "values.coalition_values[3]": lambda e: e.values.coalition_values.extend([0, 0, 0, 1.5]),
    "group.id": lambda e: setattr(e.group, "size", 2),
    "group.size": lambda e: e.group.MergeFrom(episodes.Group(id="g", size=-1)),
}


def spoilt(field: str) -> Episode:
    episode = plain("bad")
    FAULTS[field](episode)
    return episode


def assert_refused(result: service.EpisodeResult, code: grpc.StatusCode, field: str) -> None:
    assert result.HasField("error"), result
    assert result.error.code == code.value[0], result.error
    assert [violation.field for violation in result.error.violations] == [field], result.error
    assert result.error.message


def test_every_fault_names_its_field_and_the_stream_goes_on(stub: SignalServiceStub) -> None:
    with Stream(stub) as stream:
        stream.open()
        for field in FAULTS:
            stream.send(episode=spoilt(field))
            assert_refused(stream.result(), INVALID, field)
            stream.send(episode=plain("good"))
            assert stream.result().HasField("signals")
        stream.half_close()
        assert stream.end()[0] is grpc.StatusCode.OK


def test_a_call_answers_the_good_beside_the_bad(stub: SignalServiceStub) -> None:
    sent = [episode for field in FAULTS for episode in (spoilt(field),)]
    for k, episode in enumerate(sent):
        episode.id = f"{k}" if episode.id else ""
    response = compute(stub, [plain("before"), *sent, plain("after")])
    assert [r.episode_id for r in response.results] == ["before", *(e.id for e in sent), "after"]
    for field, result in zip(FAULTS, response.results[1:-1], strict=True):
        assert_refused(result, INVALID, field)
    assert response.results[0].HasField("signals")
    assert response.results[-1].HasField("signals")


BAD_OPTIONS = {
    "value_range": Options(value_range=options.ValueRange()),
    "reward_bound": Options(reward_bound=0.5),
    "success_threshold": Options(success_threshold=math.nan),
    "reference_score": Options(reference_score=2),
    "advantages.blend": Options(advantages=options.AdvantageOptions(blend=1.5)),
    "estimator.confidence": Options(estimator=options.EstimatorOptions(confidence=1)),
    "estimator.max_questions": Options(estimator=options.EstimatorOptions(max_questions=1)),
    "first_error.base_rate": Options(first_error=options.FirstErrorOptions(base_rate=0)),
    "first_error.prior": Options(first_error=options.FirstErrorOptions(prior="nobody's")),
    "named.name": Options(named=options.NamedEvaluator(name="http://example.com/")),
    "scorer": Options(scorer="nobody"),
    "vote.tolerance": Options(vote=options.VoteReplay(tolerance=1)),
    "episode_timeout": Options.FromString(b"\x92\x01\x02\x08\x00"),
    "vote.99": Options.FromString(b"\x32\x03\x98\x06\x01"),
}


@pytest.mark.parametrize("field", BAD_OPTIONS)
def test_bad_options_end_the_stream_with_their_field(stub: SignalServiceStub, field: str) -> None:
    with Stream(stub) as stream:
        stream.send(options=BAD_OPTIONS[field])
        code, details = stream.end()
        assert code is INVALID, details
        assert details.startswith(f"{field}: ")
    with refused(INVALID, field):
        compute(stub, [plain("e")], BAD_OPTIONS[field])


def test_an_evaluator_that_cannot_answer_is_named(stub: SignalServiceStub) -> None:
    silent = plain("silent")
    silent.task.reference_answer = "A"
    vote = compute(stub, [silent, plain("ungraded")], Options(vote=options.VoteReplay())).results
    assert_refused(vote[0], grpc.StatusCode.FAILED_PRECONDITION, "messages.answer")
    assert_refused(vote[1], grpc.StatusCode.FAILED_PRECONDITION, "task.reference_answer")
    given = compute(stub, [plain("e")], Options(given=options.GivenValues())).results[0]
    assert_refused(given, grpc.StatusCode.FAILED_PRECONDITION, "values")


def test_there_is_a_caller_on_a_stream_only(stub: SignalServiceStub) -> None:
    with refused(INVALID, "caller"):
        compute(stub, [plain("e")], Options(caller=options.CallerEvaluator()))


def test_a_call_without_episodes_is_refused(stub: SignalServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        compute(stub, [])
    assert failure.value.code() is INVALID


def test_the_same_id_twice_in_a_call(stub: SignalServiceStub) -> None:
    results = compute(stub, [plain("same"), plain("same", 0)]).results
    assert results[0].HasField("signals")
    assert_refused(results[1], grpc.StatusCode.ALREADY_EXISTS, "id")


def test_limits_of_get_server_info(stub: SignalServiceStub, limits: service.Limits) -> None:
    many = plain("agents", agents=limits.max_agents + 1)
    wide = table("table", [0, 1], 1)
    for k in range(limits.max_table_agents):
        wide.agents.add(id=f"more{k}")
    long = plain("messages", messages=limits.max_messages + 1)
    named = plain("x" * (limits.max_id_bytes + 1))
    grouped = plain("group")
    grouped.group.MergeFrom(episodes.Group(id="g", size=limits.max_group_size + 1))
    tried = plain("trials")
    first(tried).prefix_rollouts.trials = limits.max_rollouts + 1
    large = plain("bytes")
    first(large).content = "x" * (limits.max_episode_bytes + 1)
    fields = ("agents", "values.coalition_values", "messages", "id", "group.size", "messages[0].prefix_rollouts.trials", "messages")
    for field, episode in zip(fields, (many, wide, long, named, grouped, tried, large), strict=True):
        assert_refused(compute(stub, [episode]).results[0], RANGE, field)
    widest = plain("agents", agents=limits.max_agents)
    assert compute(stub, [widest], Options(outcome=options.OutcomeOnly())).results[0].HasField("signals")


def test_more_episodes_than_a_call_may_have(stub: SignalServiceStub, limits: service.Limits) -> None:
    with refused(RANGE, "episodes"):
        compute(stub, [plain(f"{k}", messages=1) for k in range(limits.max_episodes_per_call + 1)])


def test_a_response_may_not_be_larger_than_a_message(stub: SignalServiceStub, limits: service.Limits) -> None:
    with refused(RANGE, "max_response_bytes"):
        compute(stub, [plain("e")], Options(max_response_bytes=limits.max_transport_bytes + 1))


def test_a_result_that_is_too_large_names_the_size_it_needs(stub: SignalServiceStub) -> None:
    chosen = Options(max_response_bytes=4096, audit=options.AUDIT_FULL)
    with Stream(stub) as stream:
        stream.open(chosen)
        stream.send(episode=plain("large", messages=200))
        error = stream.result().error
        assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], error
        assert "4096" in error.message
        stream.send(episode=plain("small", messages=1))
        assert stream.result().HasField("signals")
