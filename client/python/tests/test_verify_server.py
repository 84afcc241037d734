"""Two implementations of proto/signals.md, the server's and the verifier's, on real and on random episodes."""

from __future__ import annotations

import os
import random
from typing import Any

import grpc
import pytest
from assayd import HANGS, Assayd, needs_assayd, running
from google.protobuf import json_format
from verify_episodes import SHARED, episode_of, log_records, options_of

import assay_rl
from assay_rl.cli.verify import verify_records
from assay_rl.convert.own import Record
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signal_service_pb2_grpc

pytestmark = needs_assayd

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "then", "it", "ran", "away", "from", "big", "dog"]
SEEDS = (*range(600), 5859)  # the last: rounding that looked like a chance
FEATURES = (
    *("answers", "scores", "judges", "values", "rollouts", "redundancy"),
    *("repairs", "alternatives", "context", "rounds", "annotation"),
)


def numbered(lines: list[str]) -> list[Record]:
    return [Record(None, f"line {k}", line) for k, line in enumerate(lines, 1)]


def rarely(draw: random.Random, share: float) -> bool:
    return draw.random() < share


def say(draw: random.Random, episode: episode_pb2.Episode, features: dict[str, bool], low: float, span: float) -> None:
    """One more message, with some of the features."""
    t, agents = len(episode.messages), len(episode.agents)
    author = "" if features["context"] and t and rarely(draw, 0.3) else f"a{draw.randrange(agents)}"
    message = episode.messages.add(agent_id=author, content=" ".join(draw.choices(WORDS, k=draw.choice([0, 3, 6, 12]))))
    message.round = 1 + t // agents if features["rounds"] else 0
    if features["answers"] and rarely(draw, 0.8):
        message.answer = draw.choice(["A", "A", "B", "C", "$c$", "7", "(a)", "", " "])
    if features["scores"] and rarely(draw, 0.8):
        message.process_score = draw.choice([-1, 1, 0, round(draw.uniform(-1, 1), 2)])
    if features["judges"]:
        for k in range(draw.randint(0, 3)):
            message.judge_scores.add(judge=f"j{k}", score=round(draw.uniform(-1, 1), 2))
    if features["values"] and rarely(draw, 0.9):
        message.prefix_value = low + span * draw.choice([0, 1, round(draw.random(), 2)])
    if features["rollouts"] and rarely(draw, 0.6):
        message.prefix_rollouts.trials = draw.randint(0, 6)
        message.prefix_rollouts.successes = draw.randint(0, message.prefix_rollouts.trials)
    if features["redundancy"] and rarely(draw, 0.6):
        message.redundancy = round(draw.random(), 2)
    message.token_count = draw.randint(0, 50)
    earlier = [k for k in range(t) if episode.messages[k].agent_id]
    if author and earlier and features["repairs"] and rarely(draw, 0.3):
        message.repairs = draw.choice(earlier)
    if author and features["alternatives"]:
        message.alternatives.add(content="another way", value=low + span * round(draw.random(), 2))


def random_model(draw: random.Random, model: options_pb2.ErrorModel) -> None:
    """Some of the numbers, not all."""
    if rarely(draw, 0.5):
        model.start_high = draw.uniform(0.5, 0.99)
    if rarely(draw, 0.5):
        model.error_rate = draw.uniform(0.1, 4)
    if rarely(draw, 0.5):
        model.repair_rate = draw.uniform(0.1, 4)
    if rarely(draw, 0.5):
        model.judge_correlation = draw.random()
    if rarely(draw, 0.3):
        model.context_error_rate = draw.uniform(0.01, 4)
    if rarely(draw, 0.3):
        model.context_repair_rate = draw.uniform(0.01, 4)
    if rarely(draw, 0.3):
        model.shared_level = draw.choice([0.5, 0.9, 1])
    if rarely(draw, 0.5):
        model.high_rates.extend((0.5, 0.6, 0.9))
        model.high_weights.extend((0.25, 0.5, 0.25))
    if rarely(draw, 0.3):
        model.low_weights.extend((0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1))


def random_prior(draw: random.Random) -> options_pb2.FittedPrior:
    prior = options_pb2.FittedPrior()
    if rarely(draw, 0.5):
        prior.features.extend(("length", "position"))
        prior.weights.extend((0.1, draw.uniform(-2, 2)))
        prior.uniform = 0.1
    random_model(draw, prior.model)
    if rarely(draw, 0.5):
        prior.propagated_share = draw.random()
    return prior


def random_case(seed: int) -> tuple[episode_pb2.Episode, options_pb2.AttributionOptions]:
    draw = random.Random(seed)
    features = {name: rarely(draw, 0.3) for name in FEATURES}
    low, span = draw.choice([(0.0, 1.0), (-1.0, 4.0)])
    episode = episode_pb2.Episode(id=f"random-{seed}")
    episode.task.reference_answer = "A"
    for k in range(draw.randint(1, 5)):
        episode.agents.add(id=f"a{k}", policy=draw.choice(["", "p"]))
    for _ in range(draw.randint(1, 9)):
        say(draw, episode, features, low, span)
    players = [t for t, message in enumerate(episode.messages) if message.agent_id]
    if features["annotation"]:
        episode.messages[draw.choice(players)].first_error = True
    episode.outcome.score = low + span * draw.choice([0, 1, round(draw.random(), 2)])
    episode.outcome.truncated = rarely(draw, 0.05)
    options = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)
    options.value_range.low, options.value_range.high = low, low + span
    if rarely(draw, 0.4):
        episode.values.coalition_values.extend(
            low + span * round(draw.random(), 2) for _ in range(1 << len(episode.agents))
        )
    elif not features["answers"]:
        options.outcome.SetInParent()
    elif rarely(draw, 0.5):
        options.vote.ballots = draw.choice(options_pb2.Ballots.values())
        options.vote.empty_ballots = rarely(draw, 0.5)
        options.vote.grader = draw.choice(options_pb2.Grader.values())
    options.first_error.soft_rewards = rarely(draw, 0.2)
    options.first_error.definition = draw.choice(options_pb2.ErrorDefinition.values())
    options.message_rewards.weigh_by_tokens = rarely(draw, 0.2)
    if rarely(draw, 0.3):
        options.message_rewards.evidence = draw.choice(options_pb2.Evidence.values())
    if options.message_rewards.evidence == options_pb2.EVIDENCE_OWEN:  # which leaves nothing to weigh: refused
        options.message_rewards.weigh_by_tokens = False
    if rarely(draw, 0.2):
        options.first_error.base_rate = 0.2
    if rarely(draw, 0.3):
        options.first_error.fitted.CopyFrom(random_prior(draw))
    if rarely(draw, 0.3):
        random_model(draw, options.first_error.model)
    if rarely(draw, 0.2):
        options.reference_score = low + span * round(draw.random(), 2)
    return episode, options


def differences(
    stub: Any, options: options_pb2.AttributionOptions, episodes: list[episode_pb2.Episode]
) -> tuple[int, list[str]]:
    """How many results were compared, and where they differ."""
    request = signal_service_pb2.ComputeSignalsRequest(options=options, episodes=episodes)
    response: signal_service_pb2.ComputeSignalsResponse = stub.ComputeSignals(request, timeout=HANGS)
    kept = [r for r in response.results if r.HasField("signals")]
    lines = [json_format.MessageToJson(item, indent=None) for item in (*kept, *response.groups)]
    answered = {r.episode_id for r in kept}
    sources = {e.id: json_format.MessageToJson(e, indent=None) for e in episodes if e.id in answered}
    found = [f"{r.subject}: {f}" for r in verify_records(numbered(lines), sources) for f in r.findings]
    return len(lines), found


@pytest.fixture(scope="module")
def stub() -> Any:
    with running() as server, grpc.insecure_channel(server.target) as channel:
        assert isinstance(server, Assayd)
        yield signal_service_pb2_grpc.SignalServiceStub(channel)  # type: ignore[no-untyped-call]


def test_random_episodes(stub: Any) -> None:
    compared = 0
    for seed in SEEDS:
        episode, options = random_case(seed)
        count, found = differences(stub, options, [episode])
        compared += count
        assert found == [], json_format.MessageToJson(episode)
    assert compared > 0.85 * len(SEEDS)


def test_random_groups(stub: Any) -> None:
    for seed in range(60):
        draw = random.Random(seed)
        first, options = random_case(seed)
        options.advantages.scale = draw.choice(options_pb2.OutcomeScale.values())
        if rarely(draw, 0.3):
            options.advantages.blend = draw.random()
        options.advantages.credit = draw.choice([0, options_pb2.CREDIT_PART_NONE, options_pb2.CREDIT_PART_AUTO])
        if options.advantages.credit == options_pb2.CREDIT_PART_NONE:
            options.advantages.ClearField("blend")  # there would be nothing to blend in
        options.ClearField("message_rewards")
        members = []
        for k in range(draw.randint(1, 4)):
            member = episode_pb2.Episode()
            member.CopyFrom(first)
            member.id, member.group.id = f"{draw.choice('abé')}{k}", "group"
            member.outcome.score = draw.choice([options.value_range.low, options.value_range.high])
            for message in list(member.messages)[draw.randrange(len(member.messages)) :]:
                message.content = draw.choice(["one way", "another"])
            members.append(member)
        parallel = rarely(draw, 0.2)
        for member in members:
            member.group.size, member.group.parallel = len(members), parallel
        _, found = differences(stub, options, members)
        assert found == [], seed


# ASSAY_VERIFY_ALL=1 compares every episode of the files, which takes minutes.
REAL = None if os.environ.get("ASSAY_VERIFY_ALL") else 64


@pytest.mark.parametrize("name", ["dylan_mmlu_7agents", "dylan_mmlu_3agents", "dylan_math_complex", "whowhen_ag"])
@pytest.mark.parametrize("ballots", [1, 2, 3])
def test_real_episodes_in_groups(stub: Any, name: str, ballots: options_pb2.Ballots) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    if name == "whowhen_ag" and ballots > 1:
        pytest.skip("nobody votes there")
    held = [episode_of(record) for record in log_records(name, REAL)]
    compared = groups = 0
    for start in range(0, len(held), 8):
        members = held[start : start + 8]
        for member in members:
            member.group.id, member.group.size = f"group {start}", len(members)
        count, found = differences(stub, options_of(name, ballots), members)
        assert found == []
        compared, groups = compared + count - 1, groups + 1
    print(f"{name}, ballots {ballots}: {compared} episodes and {groups} groups alike")
    assert compared == len(held)


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("deterministic", [False, True])
def test_noisy_and_exact_answers_of_a_caller(samples: int, deterministic: bool) -> None:
    """Some answers have a variance, some agree: exact tables, whose standard errors both compute."""
    draw = random.Random(samples)

    def value(episode: assay_rl.client.episodes.EpisodeLike, question: assay_rl.Question) -> assay_rl.Answer | float:
        share = len(question.agents) / 4
        if episode.id == "exact":
            return share
        hits = sum(draw.random() < share for _ in range(question.samples))
        mean = hits / question.samples
        return assay_rl.Answer(mean, question.samples, variance=mean * (1 - mean) + (0.2 if draw.random() < 0.5 else 0))

    team = [
        assay_rl.Episode(name, [assay_rl.Message(a, "said") for a in "abcd"], score=1.0) for name in ("exact", "noisy")
    ]
    sent = {e.id: json_format.MessageToJson(e.to_proto(), indent=None) for e in team}
    options = {
        "audit": "AUDIT_FULL",
        "caller": {"deterministic": deterministic},
        "estimator": {"samplesPerQuestion": samples},
    }
    with running() as server, assay_rl.Client(server.target) as client:
        outcomes = list(client.score(team, evaluator=assay_rl.each(value), options=options))
    lines = [json_format.MessageToJson(o.proto, indent=None) for o in outcomes if isinstance(o, assay_rl.Scored)]
    assert len(lines) == 2
    found = [f"{r.subject}: {f}" for r in verify_records(numbered(lines), sent) for f in r.findings]
    assert found == []
