"""What is in an answer: conservation, bounds, determinism, the worked examples, the audit."""

from __future__ import annotations

import math

import pytest
from contract import Stream, bytes_of, compute, plain, samples, signals_of, table
from google.protobuf import json_format

from assay_rl.v1 import episode_pb2 as episodes
from assay_rl.v1 import options_pb2 as options
from assay_rl.v1 import signals_pb2 as signals
from assay_rl.v1.signal_service_pb2_grpc import SignalServiceStub
from assay_rl.verify import check_episode
from assay_rl.verify.records import ResultLine, parse_result

TINY = 1e-9
FULL = options.AttributionOptions(audit=options.AUDIT_FULL)
SAMPLES = list(samples())


def credit(answer: signals.EpisodeSignals) -> list[float]:
    return [agent.credit for agent in answer.agents]


@pytest.mark.parametrize("episode", SAMPLES, ids=lambda episode: episode.id)
def test_the_ledger_balances_within_bounds(stub: SignalServiceStub, episode: episodes.Episode) -> None:
    answer = signals_of(stub, episode)
    rewards = math.fsum(message.reward for message in answer.messages)
    kept = answer.conservation
    assert rewards + kept.unallocated == pytest.approx(kept.target, abs=TINY)
    assert rewards == pytest.approx(math.fsum(a.reward_total for a in answer.agents), abs=TINY)
    assert all(abs(message.reward) <= 2 for message in answer.messages)
    if answer.effort.interval:
        assert math.fsum(credit(answer)) == pytest.approx(answer.grand_value - answer.baseline, abs=TINY)
    first = answer.first_error
    mass = math.fsum(m.first_error_probability for m in answer.messages)
    mass += first.environment_probability + first.none_probability
    assert mass == pytest.approx(1, abs=TINY)
    assert [m.index for m in answer.messages] == [t for t, m in enumerate(episode.messages) if m.agent_id]


@pytest.mark.parametrize("episode", SAMPLES, ids=lambda episode: episode.id)
def test_the_audit_lets_another_implementation_compute_it_again(
    stub: SignalServiceStub, episode: episodes.Episode
) -> None:
    result = compute(stub, [episode], FULL).results[0]
    line = parse_result(json_format.MessageToJson(result, indent=None))
    assert isinstance(line, ResultLine)
    report = check_episode(line, episode)
    assert not report.findings, report.findings


def test_shapley_of_the_worked_examples(stub: SignalServiceStub) -> None:
    e1 = table("E1", [0, 0.5, 0, 0.7, 0, 0.6, 0, 1], 1)
    e2 = table("E2", [0, 0, 0, 1, 0, 0, 0, 0.6], 0.6)
    first, second = (result.signals for result in compute(stub, [e1, e2]).results)
    assert credit(first) == pytest.approx([43 / 60, 1 / 6, 7 / 60], abs=1e-12)
    assert credit(second) == pytest.approx([11 / 30, 11 / 30, -2 / 15], abs=1e-12)
    assert first.effort.method == options.METHOD_EXACT


def test_votes_are_replayed(stub: SignalServiceStub) -> None:
    episode = plain("E4", 0, 3, 3)
    episode.task.reference_answer = "A"
    for message, ballot in zip(episode.messages, "BAB", strict=True):
        message.round, message.answer = 1, ballot
    answer = signals_of(stub, episode)
    assert credit(answer) == pytest.approx([-1 / 4, 1 / 2, -1 / 4], abs=1e-12)
    assert answer.effort.evaluator == "vote"
    assert answer.effort.ballots == options.BALLOTS_LAST


def test_a_located_error_carries_the_shortfall(stub: SignalServiceStub) -> None:
    episode = plain("E7", 0, 1, 5)
    for message, q in zip(episode.messages, (0.9, 0.8, -0.6, -0.4, 0.6), strict=True):
        message.process_score = q
    answer = signals_of(stub, episode)
    assert answer.first_error.first_index == 2
    expected = (0.0163535, 0.0588884, 0.6695107, 0.1967559, 0.0376366)
    assert [m.first_error_probability for m in answer.messages] == pytest.approx(expected, abs=1e-6)
    assert answer.first_error.none_probability == pytest.approx(0.0208549, abs=1e-6)
    assert math.fsum(m.reward for m in answer.messages) == pytest.approx(-1, abs=TINY)


def test_the_same_bytes_by_call_and_by_stream(stub: SignalServiceStub) -> None:
    by_call = {r.episode_id: bytes_of(r.signals) for r in compute(stub, SAMPLES, FULL).results}
    assert by_call == {r.episode_id: bytes_of(r.signals) for r in compute(stub, SAMPLES[::-1], FULL).results}
    with Stream(stub) as stream:
        stream.open(FULL)
        for episode in SAMPLES:
            stream.send(episode=episode)
        stream.half_close()
        results = [r.result for r in stream.rest() if r.HasField("result")]
    assert {r.episode_id: bytes_of(r.signals) for r in results} == by_call


def test_scores_of_zero_claim_nothing(stub: SignalServiceStub) -> None:
    silent = plain("z", 0)
    zero = plain("z", 0)
    for message in zero.messages:
        message.process_score = 0
    without, given = signals_of(stub, silent), signals_of(stub, zero)
    assert not given.first_error.HasField("first_index")
    for a, b in zip(without.messages, given.messages, strict=True):
        assert a.first_error_probability == pytest.approx(b.first_error_probability, abs=1e-12)


def test_a_score_beyond_the_grand_value_is_unexplained_not_smeared(stub: SignalServiceStub) -> None:
    answer = signals_of(stub, table("u", [0, 0.25, 0.25, 0.5], 1))
    assert answer.unexplained == pytest.approx(0.5)
    assert answer.outcome_mismatch
    assert math.fsum(credit(answer)) == pytest.approx(0.5)
