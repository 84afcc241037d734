"""Who can be blamed, and which prior was asked: the server's answers, and that the verifier agrees with all of them."""

from __future__ import annotations

import random
from typing import Any

import grpc
import pytest
from assayd import HANGS, Assayd, needs_assayd, running
from google.protobuf import json_format
from test_verify_server import differences, random_case

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signal_service_pb2_grpc, signals_pb2

pytestmark = needs_assayd


@pytest.fixture(scope="module")
def stub() -> Any:
    with running() as server, grpc.insecure_channel(server.target) as channel:
        assert isinstance(server, Assayd)
        yield signal_service_pb2_grpc.SignalServiceStub(channel)  # type: ignore[no-untyped-call]


def failure(*authors: str, **kinds: episode_pb2.AgentKind) -> episode_pb2.Episode:
    """A failed run; an author without a name is context."""
    episode = episode_pb2.Episode(id="e")
    for name in dict.fromkeys(filter(None, authors)):
        episode.agents.add(id=name, kind=kinds.get(name, episode_pb2.AGENT_KIND_UNSPECIFIED))
    for t, name in enumerate(authors):
        episode.messages.add(agent_id=name, content=f"part {t} of what was said")
    episode.outcome.score = 0
    return episode


def outcome_only() -> options_pb2.AttributionOptions:
    options = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)
    options.outcome.SetInParent()
    return options


def signals_of(stub: Any, options: options_pb2.AttributionOptions, episode: episode_pb2.Episode) -> Any:
    request = signal_service_pb2.ComputeSignalsRequest(options=options, episodes=[episode])
    response = stub.ComputeSignals(request, timeout=HANGS)
    assert response.results[0].HasField("signals"), response.results[0].error
    assert differences(stub, options, [episode]) == (1, [])
    return response.results[0].signals


def test_people_and_tools_get_no_reward(stub: Any) -> None:
    episode = failure(
        "solver", "user", "solver", "shell", user=episode_pb2.AGENT_KIND_HUMAN, shell=episode_pb2.AGENT_KIND_TOOL
    )
    signals = signals_of(stub, outcome_only(), episode)
    assert [m.index for m in signals.messages] == [0, 2]
    assert [a.agent_id for a in signals.agents] == ["solver", "user", "shell"]
    assert [a.reward_total for a in signals.agents] == [pytest.approx(-1), 0, 0]
    assert signals.first_error.agent_id == ""
    assert signals.first_error.prior_used == signals_pb2.PRIOR_USED_FLAT


def test_credit_of_a_person_is_nobodys_reward(stub: Any) -> None:
    """Worked example E1, agent 2 being a person: its credit is unallocated, and the ledger adds up."""
    episode = failure("a", "b", "user", user=episode_pb2.AGENT_KIND_HUMAN)
    episode.values.coalition_values.extend([0, 0.5, 0, 0.7, 0, 0.6, 0, 1])
    episode.outcome.score = 1
    options = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)
    signals = signals_of(stub, options, episode)
    assert [a.credit for a in signals.agents] == pytest.approx([43 / 60, 1 / 6, 7 / 60])
    assert [m.reward for m in signals.messages] == pytest.approx([43 / 60, 1 / 6])
    assert signals.agents[2].unallocated == pytest.approx(7 / 60)
    assert signals.conservation.error < 1e-12


@pytest.mark.parametrize("named", [False, True])
def test_a_failure_of_the_user_is_said(stub: Any, named: bool) -> None:
    user = "user" if named else ""
    episode = failure("solver", user, "solver", user=episode_pb2.AGENT_KIND_USER_SIMULATOR)
    unknown = signals_of(stub, outcome_only(), episode)
    assert unknown.first_error.agent_id == ""
    episode.messages[1].first_error = True
    signals = signals_of(stub, outcome_only(), episode)
    assert signals.first_error.context_index == 1
    assert signals.first_error.environment_probability == pytest.approx(1)
    assert not signals.first_error.HasField("first_index")
    assert [m.reward for m in signals.messages] == [0, 0]
    assert signals.conservation.unallocated == pytest.approx(-1)


def test_what_is_shipped_says_so(stub: Any) -> None:
    options = outcome_only()
    options.first_error.prior = "general"
    signals = signals_of(stub, options, failure("a", "", "b", "a", "b"))
    assert signals.first_error.prior_used == signals_pb2.PRIOR_USED_GENERAL
    assert signals.first_error.tier == signals_pb2.EVIDENCE_TIER_TEXT
    assert signals.first_error.prior_weight == 0


def test_a_judge_who_is_worth_nothing_is_left_out(stub: Any) -> None:
    episode = failure("a", "b", "a")
    for t, message in enumerate(episode.messages):
        message.judge_scores.add(judge="flatterer", score=1)
        message.judge_scores.add(judge="expert", score=-0.9 if t == 1 else 0.5)
    options = outcome_only()
    judges = options.first_error.fitted.judges
    judges.add(judge="flatterer", weight=0, base_rate=0.5)
    judges.add(judge="expert", weight=1, base_rate=0.5)
    both = signals_of(stub, options, episode)
    for message in episode.messages:
        del message.judge_scores[0]
    alone = signals_of(stub, outcome_only(), episode)
    assert [m.first_error_probability for m in both.messages] == [m.first_error_probability for m in alone.messages]
    assert [m.process_score for m in both.messages] == [m.process_score for m in alone.messages]
    assert both.first_error.first_index == 1


def test_random_episodes_with_kinds_priors_and_judges(stub: Any) -> None:
    compared = 0
    for seed in range(300):
        draw = random.Random(seed)
        episode, options = random_case(10_000 + seed)
        for agent in episode.agents:
            if draw.random() < 0.3:
                agent.kind = draw.choice(episode_pb2.AgentKind.values())
        context = [t for t, m in enumerate(episode.messages) if not m.agent_id]
        if context and not any(m.first_error for m in episode.messages) and draw.random() < 0.5:
            episode.messages[draw.choice(context)].first_error = True
        fitted = options.first_error.fitted
        for name in ("j0", "j1", ""):
            if draw.random() < 0.3:
                fitted.judges.add(judge=name, weight=draw.choice([0, 0.5, 2]), base_rate=draw.choice([0.2, 0.5]))
        if not fitted.features and draw.random() < 0.3:
            options.first_error.ClearField("fitted")
            options.first_error.prior = "general"
        elif not fitted.features and draw.random() < 0.2:  # an order, and no evidence
            fitted.general.features.extend(["stands_behind", "acts"])
            fitted.general.weights.extend([-1, 0.5])
            fitted.general_share = draw.choice([1e-5, 0.009, 0.01])
        count, found = differences(stub, options, [episode])
        compared += count
        assert found == [], (seed, json_format.MessageToJson(episode), json_format.MessageToJson(options))
    assert compared > 150
