"""The client against assayd, with real episodes."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from assayd import DYLAN_MMLU, HANGS, Assayd, episodes, needs_assayd, records, running
from cutting_proxy import CuttingProxy
from reference_advantages import Rollout, advantages

import assay_rl
from assay_rl import Episode, Group, GroupScored, Message, Outcome, Question, Scored, Task
from assay_rl.training import exports

pytestmark = needs_assayd


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def test_credits_equal_the_oracle(server: Assayd) -> None:
    oracle = {r["id"]: r for r in records("oracle_dylan_mmlu_7agents")}
    options = {"vote": {"ballots": "BALLOTS_FIRST", "emptyBallots": True, "grader": "GRADER_CHOICE"}}
    with assay_rl.Client(server.target) as client:
        for outcome in client.score(episodes("dylan_mmlu_7agents", 120), options=options):
            assert isinstance(outcome, Scored), outcome
            known = [float(Fraction(x)) for x in oracle[outcome.episode_id]["shapley_first"]]
            assert [a.credit for a in outcome.signals.agents] == pytest.approx(known, abs=1e-12)


def test_sync_and_async_agree(server: Assayd) -> None:
    held = episodes("dylan_mmlu_3agents", 200)

    async def score() -> dict[str, bytes]:
        async with assay_rl.AsyncClient(server.target) as client:
            return results([o async for o in client.score(held, options=DYLAN_MMLU)])

    with assay_rl.Client(server.target) as client:
        assert results(list(client.score(held, options=DYLAN_MMLU))) == asyncio.run(score())


def results(outcomes: Sequence[Outcome]) -> dict[str, bytes]:
    """Signals by episode id; fails where one was answered twice or not with signals."""
    found: dict[str, bytes] = {}
    for outcome in outcomes:
        assert isinstance(outcome, Scored), outcome
        assert outcome.episode_id not in found
        found[outcome.episode_id] = outcome.proto.signals.SerializeToString(deterministic=True)
    return found


def test_a_caller_evaluator_finds_shapley_values(server: Assayd) -> None:
    # E2 of proto/signals.md: agents 0 and 1 are both needed, agent 2 harms.
    def value(episode: assay_rl.client.episodes.EpisodeLike, question: Question) -> float:
        present = set(question.agents)
        return (0.6 if 2 in present else 1.0) if {0, 1} <= present else 0.0

    team = Episode("e2", [Message(a, "said") for a in "abc"], score=0.6)
    with assay_rl.Client(server.target) as client:
        (outcome,) = client.score([team], evaluator=assay_rl.each(value), options={"caller": {"free": True}})
    assert isinstance(outcome, Scored), outcome
    assert [a.credit for a in outcome.signals.agents] == pytest.approx([11 / 30, 11 / 30, -2 / 15], abs=1e-9)


def test_a_failing_evaluator_is_the_episodes_error(server: Assayd) -> None:
    def broken(episode: assay_rl.client.episodes.EpisodeLike, questions: Sequence[Question]) -> list[float]:
        raise RuntimeError("no GPU")

    with assay_rl.Client(server.target) as client:
        (outcome,) = client.score([Episode("e", [Message("a", "x")], score=1.0)], evaluator=broken)
    assert isinstance(outcome, assay_rl.Failed)


def rollouts(count: int = 6) -> list[Episode]:
    source = random.Random(5)
    made = []
    for number in range(count):
        answers = [source.choice("AB") for _ in range(6)]
        messages = [
            Message("xyz"[k % 3], f"{number} {k} says {answer} for reason {source.random()}", 1 + k // 3, answer)
            for k, answer in enumerate(answers)
        ]
        votes = answers[3:]
        score = 1.0 if votes.count("A") > votes.count("B") else 0.0
        made.append(Episode(f"r{number}", messages, task=Task("t", "Q?", "A"), score=score, group=Group("g", count)))
    return made


@pytest.mark.parametrize("blend", [0.0, 0.5, 1.0])
def test_group_advantages_follow_the_reference(server: Assayd, blend: float) -> None:
    options = {"advantages": {"blend": blend, "scale": "OUTCOME_SCALE_SAMPLE", "epsilon": 1e-6}}
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(rollouts(), options=options)
        group = batch.groups["g"]
        assert isinstance(group, GroupScored)
        scored = [o for o in batch.outcomes if isinstance(o, Scored)]
        again = client.advantages([o.proto.signals for o in scored], options=options["advantages"])["g"]
    assert (group.outcome_part, group.credit_part, group.reliability) == ("CONTROL", "CREDIT", 1.0)
    expected = advantages([rollout(o.signals) for o in scored], blend, ddof=1)
    for outcome, values in zip(scored, expected, strict=True):
        found = group.advantages[outcome.episode_id]
        np.testing.assert_allclose(list(found.messages.values()), values, atol=1e-9)
        assert again.advantages[outcome.episode_id] == found
        by_agent = found.of_agents(outcome.signals)
        assert [by_agent[m.agent_id] for m in outcome.signals.messages] == list(found.outcomes.values())


def rollout(signals: assay_rl.Signals) -> Rollout:
    messages = [(m.agent_id, m.credit) for m in signals.messages if m.credit is not None]
    without = {a.agent_id: a.value_without for a in signals.agents if a.value_without is not None}
    assert len(messages) == len(signals.messages)
    assert len(without) == len(signals.agents)
    return Rollout(signals.score, messages, without)


def test_siblings_of_a_group_become_dpo_rows(server: Assayd) -> None:
    held = rollouts()
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(held, options={"vote": {}})
    material = exports.Material.of(held, [*batch.outcomes, *batch.groups.values()])
    rows = [row for row in exports.dpo(material) if row["kind"] != "peer"]
    assert rows
    texts = {m.content: e.score for e in held for m in e.messages}
    for row in rows:
        assert row["prompt"] == "Q?\n\nx:\n"  # they part at the first message
        better, worse = row["chosen"].split("\n\n")[0], row["rejected"].split("\n\n")[0]
        assert texts[better] == 1.0
        assert texts[worse] == 0.0
    assert len({(row["chosen"], row["rejected"]) for row in rows}) == len(rows)
    peers = [row for row in exports.dpo(material) if row["kind"] == "peer"]
    # In one round nobody had read anybody: who speaks is all that the prompts differ in.
    assert {row["prompt"] for row in peers} <= {f"Q?\n\n{name}:\n" for name in ("x", "y", "z")}


def many(count: int) -> list[Episode]:
    """Real texts; more episodes than the file has, under new ids."""
    base = episodes("dylan_mmlu_3agents")
    made = []
    for number in range(count):
        source = base[number % len(base)]
        made.append(
            Episode(f"{number}/{source.id}", source.messages, source.agents, task=source.task, score=source.score)
        )
    return made


def test_restarts_and_cut_connections_lose_nothing_in_5000_episodes() -> None:
    held = many(5000)
    with running() as server, assay_rl.Client(server.target) as client:
        undisturbed = results(list(client.score(held, options=DYLAN_MMLU)))
    with (
        running() as server,
        CuttingProxy(server.port) as proxy,
        assay_rl.Client(proxy.target, window=64, reconnect_timeout=HANGS) as client,
    ):
        outcomes: list[Outcome] = []
        stop = threading.Event()

        def disturb() -> None:
            for number, mark in enumerate(range(400, 4800, 600)):
                while len(outcomes) < mark and not stop.is_set():
                    time.sleep(0.002)
                if number % 2:
                    proxy.cut()
                else:
                    server.kill() if number % 4 else server.stop()
                    server.start()

        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            for outcome in client.score(held, options=DYLAN_MMLU):
                outcomes.append(outcome)
        finally:
            stop.set()
            disturber.join()
        assert proxy.connections >= 5
    assert results(outcomes) == undisturbed
    assert len(undisturbed) == 5000


def test_groups_survive_cut_connections(server: Assayd) -> None:
    def groups() -> list[Episode]:
        made = []
        for number, episode in enumerate(many(400)):
            episode.group = Group(f"g{number // 4}", 4)
            made.append(episode)
        return made

    def advantages_of(outcomes: Sequence[Outcome]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for outcome in outcomes:
            if isinstance(outcome, GroupScored):
                assert outcome.group_id not in found
                assert outcome.proto.signals.used == 4
                found[outcome.group_id] = outcome.proto.signals.SerializeToString(deterministic=True)
        return found

    with assay_rl.Client(server.target) as client:
        undisturbed = advantages_of(list(client.score(groups(), options=DYLAN_MMLU)))
    with CuttingProxy(server.port) as proxy, assay_rl.Client(proxy.target, window=32) as client:
        outcomes: list[Outcome] = []
        for outcome in client.score(groups(), options=DYLAN_MMLU):
            outcomes.append(outcome)
            if len(outcomes) in (50, 170, 333):
                proxy.cut()
    assert sum(isinstance(o, Scored) for o in outcomes) == 400
    assert advantages_of(outcomes) == undisturbed
    assert len(undisturbed) == 100
