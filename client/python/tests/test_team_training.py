"""The team training example: environments, policies, replays, baselines, and a run of it all against a server."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from assayd import HANGS, running

from assay_rl.client.evaluators import Answer, Question

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))

from team_training import preferences, signals_source  # noqa: E402
from team_training.baselines import BASELINES  # noqa: E402
from team_training.environments import ENVIRONMENTS, MESSAGES, NOISE, TASKS, Environment, Ints  # noqa: E402
from team_training.methods import ASSAY, Method  # noqa: E402
from team_training.policies import Policies, initial_logits  # noqa: E402
from team_training.rollouts import Costs, Episodes, Player, regrade, regrade_without, replay_from  # noqa: E402
from team_training.signals_source import SignalsSource  # noqa: E402
from team_training.trainers import Examiner, train  # noqa: E402

NAMES = list(ENVIRONMENTS)


def episodes_of(name: str, size: int = 16, seed: int = 5, runs: int = 2) -> tuple[Episodes, Policies, Costs]:
    environment = ENVIRONMENTS[name]
    seeds = [seed + k for k in range(runs)]
    policies, costs = Policies.initial(environment, seeds), Costs.none(runs)
    return Player(environment, seeds).groups(policies, size, costs=costs), policies, costs


def right_messages(environment: Environment, task: Ints) -> Ints:
    """What everyone should say if nobody misread the task: [B, T]."""
    table = np.broadcast_to(environment._right, (len(environment.agents), TASKS))  # type: ignore[attr-defined]
    return np.stack([table[agent, task] for agent in environment.authors()], axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_optimum_is_one_and_silence_is_worth_nothing(name: str) -> None:
    environment, task = ENVIRONMENTS[name], np.repeat(np.arange(TASKS), 50)
    present = environment.on_duty(np.random.default_rng(1).random((len(task), NOISE)))
    messages = right_messages(environment, task)
    assert environment.grade(task, messages, present).min() == 1.0
    assert environment.grade(task, messages, np.zeros_like(present)).max() == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_grades_lie_in_range_and_do_not_read_absent_messages(name: str) -> None:
    environment, rng = ENVIRONMENTS[name], np.random.default_rng(2)
    task = rng.integers(TASKS, size=2000)
    shape = (len(task), len(environment.turns))
    messages, present = rng.integers(MESSAGES, size=shape), rng.random(shape) < 0.7
    score = environment.grade(task, messages, present)
    assert score.min() >= 0.0
    assert score.max() <= 1.0
    other = np.where(present, messages, rng.integers(MESSAGES, size=shape))
    np.testing.assert_array_equal(environment.grade(task, other, present), score)


def test_a_repair_puts_a_derailed_team_back_on_track() -> None:
    environment = ENVIRONMENTS["repair"]
    task = np.arange(TASKS)
    messages, present = right_messages(environment, task), np.ones((TASKS, 8), dtype=bool)
    messages[:, 0] = environment._plan[:, 2]  # type: ignore[attr-defined]
    assert environment.harmful(task, messages)[:, 0].all()
    assert environment.grade(task, messages, present).max() == 0.0
    messages[:, 3] = environment._repair  # type: ignore[attr-defined]
    assert environment.grade(task, messages, present).min() == 1.0
    without_plan = present.copy()
    without_plan[:, 0] = False
    assert environment.grade(task, messages, without_plan).min() == 1.0


def test_the_debate_shares_a_tie() -> None:
    environment = ENVIRONMENTS["debate"]
    right = environment._right[0]  # type: ignore[attr-defined]
    wrong = (right + 1) % MESSAGES
    messages = np.array([[wrong] * 5 + [right, right, wrong, wrong, right]])
    present = np.ones((1, 10), dtype=bool)
    assert environment.grade(np.array([0]), messages, present)[0] == 1.0
    present[0, [4, 9]] = False  # the last debater is absent: two ballots against two
    assert environment.grade(np.array([0]), messages, present)[0] == 0.5
    present[0, 4] = True  # the first ballot stands in for the last one
    assert environment.grade(np.array([0]), messages, present)[0] == 0.0


def test_the_score_gradient_is_the_derivative_of_log_pi() -> None:
    episodes, policies, _ = episodes_of("debate")
    weight = np.random.default_rng(3).normal(size=episodes.messages.shape)

    def objective(logits: np.ndarray) -> float:
        run = np.broadcast_to(episodes.run[:, None], weight.shape)
        logs = Policies(logits).log_probabilities(run, episodes.authors, episodes.observations, episodes.messages)
        return float((weight * logs).sum())

    gradient = episodes.gradient(policies, weight)
    direction = np.random.default_rng(4).normal(size=gradient.shape)
    up, down = (objective(policies.logits + h * direction) for h in (1e-5, -1e-5))
    assert (up - down) / 2e-5 == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_messages_are_drawn_with_the_policy_s_probabilities() -> None:
    environment = ENVIRONMENTS["saboteur"]
    policies = Policies(initial_logits(environment, 9)[None])
    zeros = np.zeros(40000, dtype=np.int64)
    drawn = policies.sample(zeros, 5, zeros, np.random.default_rng(0).random(len(zeros)))
    everything = np.arange(MESSAGES)
    logs = policies.log_probabilities(*np.broadcast_arrays(0, 5, 0, everything))
    assert np.exp(logs).sum() == pytest.approx(1.0)
    np.testing.assert_allclose(np.bincount(drawn, minlength=MESSAGES) / len(drawn), np.exp(logs), atol=0.01)


def test_methods_meet_the_same_tasks_and_luck() -> None:
    first, policies, _ = episodes_of("specialists")
    again, _, _ = episodes_of("specialists")
    np.testing.assert_array_equal(first.messages, again.messages)
    alone = Player(first.environment, [6]).groups(Policies(policies.logits[1:]), 16)
    np.testing.assert_array_equal(first.messages[16:], alone.messages)  # whoever trains beside it


def test_teams_are_examined_on_all_tasks() -> None:
    environment = ENVIRONMENTS["pipeline"]
    policies = Policies(np.zeros((2, len(environment.agents), environment.observations, 3, 2)))
    for agent in range(4):
        for task in (0, 1):  # perfect in two of four tasks
            message = int(environment._right[agent, task])  # type: ignore[attr-defined]
            policies.logits[:, agent, task, 0, message // 2] = 50.0
            policies.logits[:, agent, task, 1 + message // 2, message % 2] = 50.0
    policies.refresh()
    value, sabotage, redundancy = Examiner(environment, [1, 2]).examine(policies)
    np.testing.assert_allclose(value, 0.5, atol=0.02)
    np.testing.assert_array_equal([*sabotage, *redundancy], 0.0)


def test_regrading_costs_no_rollout() -> None:
    episodes, _, costs = episodes_of("specialists")
    before = costs.rollouts.copy()
    everything = np.ones((1, 6), dtype=bool)
    assert regrade(episodes, 3, everything, costs)[0] == episodes.score[3]
    without = regrade_without(episodes, 2, costs)
    kept = np.ones((1, 6), dtype=bool)
    kept[0, 2] = False
    assert regrade(episodes, 3, kept, costs)[0] == without[3]
    np.testing.assert_array_equal(costs.rollouts, before)
    np.testing.assert_array_equal(costs.regrades, [18, 16])


def test_replays_keep_the_prefix_share_their_luck_and_are_charged() -> None:
    episodes, policies, costs = episodes_of("repair")
    turns = episodes.messages.shape[1]
    before = costs.tokens.copy()
    assert (replay_from(episodes, policies, 0, turns, range(3), costs) == episodes.score[0]).all()
    np.testing.assert_array_equal(costs.replays, [3, 0])
    np.testing.assert_array_equal(costs.tokens, before)
    many = replay_from(episodes, policies, 0, 2, range(6), costs)
    np.testing.assert_array_equal(replay_from(episodes, policies, 0, 2, range(4, 6), costs), many[4:])
    assert costs.replays[0] == 11
    assert costs.tokens[0] - before[0] == 2 * 8 * (turns - 2)
    same = int(episodes.messages[0, 2])
    changed = replay_from(episodes, policies, 0, 2, range(6), costs, change=same)
    np.testing.assert_array_equal(changed, replay_from(episodes, policies, 0, 3, range(6), costs))


def two_episodes(name: str, messages: list[list[int]], present: list[list[bool]] | None = None) -> Episodes:
    size, zeros = len(messages), np.zeros(len(messages), dtype=np.int64)
    there = np.ones((size, len(messages[0])), dtype=bool) if present is None else np.array(present)
    said = np.array(messages)
    return Episodes(
        ENVIRONMENTS[name], zeros, zeros, np.arange(size), zeros, np.zeros((size, NOISE)), said, said * 0, there
    )


def test_baselines_on_one_success_and_one_failure() -> None:
    right = right_messages(ENVIRONMENTS["pipeline"], np.zeros(1, dtype=np.int64))[0]
    wrong = [*right[:3], (right[3] + 1) % MESSAGES]
    episodes, costs = two_episodes("pipeline", [list(right), wrong]), Costs.none(1)
    expected = [[1.0] * 4, [-1.0] * 4]
    for name in ("grpo", "agent_wise", "leave_one_out"):
        np.testing.assert_allclose(BASELINES[name].rule(episodes, costs, 0.0), expected, atol=1e-5)
    discounted = BASELINES["discounted"].rule(episodes, costs, 0.0)
    np.testing.assert_allclose(discounted[0] / discounted[0, 3], [0.9**3, 0.9**2, 0.9, 1.0])
    assert (discounted**2).mean() == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_array_equal(costs.rollouts, [0])


def test_leave_one_out_tells_the_saboteur_from_the_others() -> None:
    environment = ENVIRONMENTS["saboteur"]
    right, harm = environment._right[:, 0], environment._harm[:, 0]  # type: ignore[attr-defined]
    idle = environment._idle[:, 0]  # type: ignore[attr-defined]
    pivotal = [*right[:3], harm[3], idle[4], idle[5]]
    solved = [*right[:3], idle[3], idle[4], idle[5]]
    advantages = BASELINES["leave_one_out"].rule(two_episodes("saboteur", [pivotal, solved]), Costs.none(1), 0.0)
    assert advantages[0, 3] < 0 < advantages[1, 3]
    np.testing.assert_allclose(advantages[:, 4:], 0.0)


def test_agent_wise_normalisation_counts_an_agent_s_own_episodes() -> None:
    right = right_messages(ENVIRONMENTS["specialists"], np.zeros(1, dtype=np.int64))[0]
    wrong = (right + 1) % MESSAGES
    present = [[True] * 6, [True] * 6, [False, *[True] * 5]]
    episodes = two_episodes("specialists", [list(right), list(wrong), list(wrong)], present)
    advantages = BASELINES["agent_wise"].rule(episodes, Costs.none(1), 0.0)
    np.testing.assert_allclose(advantages[:2, 0], [1.0, -1.0], atol=1e-5)
    np.testing.assert_allclose(advantages[:, 1], [2**0.5, -(0.5**0.5), -(0.5**0.5)], atol=1e-5)


def ask(episodes: Episodes, policies: Policies, costs: Costs, index: int, questions: list[Question]) -> list[object]:
    replay = signals_source._Replay(episodes, policies, costs, 0.0, {})
    wire = signals_source.wire_episodes(episodes)
    return list(asyncio.run(replay.answer(wire[index], questions)))


def test_questions_number_the_messages_that_were_sent() -> None:
    episodes, policies, costs = episodes_of("specialists")
    index = int(np.flatnonzero(~episodes.present[:, 0])[0])  # its first turn did not take place
    sent = np.flatnonzero(episodes.present[index])
    wire = signals_source.wire_episodes(episodes)[index]
    assert [message.agent_id for message in wire.messages] == [episodes.environment.agents[t] for t in sent]
    for drop in range(len(sent)):
        kept = np.delete(np.arange(len(sent)), drop)
        agents = tuple(a for a in range(6) if a != sent[drop])
        by_message, by_agent = ask(
            episodes,
            policies,
            costs,
            index,
            [Question("messages", messages=tuple(kept)), Question("coalition", agents=agents)],
        )
        assert by_message == by_agent == regrade_without(episodes, int(sent[drop]), costs)[index]


def test_a_node_asked_again_gets_further_rollouts_and_a_batch_asked_again_the_same() -> None:
    episodes, policies, costs = episodes_of("repair")
    question = [Question("prefix", length=1, samples=3)]
    wire, drawn = signals_source.wire_episodes(episodes)[0], {}
    expected = replay_from(episodes, policies, 0, 1, range(6), Costs.none(2))
    replay = signals_source._Replay(episodes, policies, costs, 0.0, drawn)
    for scores in (expected[:3], expected[3:]):
        (answer,) = asyncio.run(replay.answer(wire, question))
        assert isinstance(answer, Answer)
        assert (answer.mean, answer.samples) == (scores.mean(), 3)
        assert answer.variance == pytest.approx(scores.var(ddof=1))
    assert costs.replays[0] == 6
    again = signals_source._Replay(episodes, policies, costs, 0.0, drawn)
    (answer,) = asyncio.run(again.answer(wire, question))
    assert isinstance(answer, Answer)
    assert answer.mean == expected[:3].mean()
    assert costs.replays[0] == 6


def test_wrong_answers_come_at_the_asked_rate_and_are_the_same_when_asked_again() -> None:
    episodes, policies, costs = episodes_of("debate", size=64)
    questions = [Question("coalition", agents=tuple(a for a in range(5) if m >> a & 1)) for m in range(1, 31)]
    wire, wrong = signals_source.wire_episodes(episodes), 0
    for index in range(len(episodes)):
        clean = ask(episodes, policies, costs, index, questions)
        replies = []
        for _ in range(2):
            noisy = signals_source._Replay(episodes, policies, costs, 0.25, {})
            answers = asyncio.run(noisy.answer(wire[index], questions))
            assert all(isinstance(answer, Answer) and answer.variance == 0.1875 for answer in answers)
            replies.append([answer.mean for answer in answers if isinstance(answer, Answer)])
        assert replies[0] == replies[1]
        wrong += sum(a != b for a, b in zip(clean, replies[0], strict=True) if a != 0.5)
    ties = sum(ask(episodes, policies, costs, i, questions).count(0.5) for i in range(len(episodes)))
    asked = len(questions) * len(episodes) - ties
    assert wrong / asked == pytest.approx(0.25, abs=0.03)


def test_runs_that_are_done_do_not_disturb_the_others() -> None:
    method = Method("grpo", "", baseline="grpo")
    together = train(method, "saboteur", [100, 101, 102], 32.0, 512, 16, None, until_target=True)
    for place, seed in enumerate((100, 101, 102)):
        alone = train(method, "saboteur", [seed], 32.0, 512, 16, None, until_target=True)
        length = len(alone["value"][0])
        assert together["value"][place][:length] == alone["value"][0]
        assert together["rollouts"][place][length:] == alone["rollouts"][0][-1:] * (
            len(together["rollouts"][place]) - length
        )


@pytest.mark.skipif("ASSAYD" not in os.environ, reason="needs the server (ASSAYD)")
@pytest.mark.parametrize("name", ["specialists", "repair"])
def test_signals_that_are_known_give_the_advantages_of_the_stream(name: str) -> None:
    episodes, policies, costs = episodes_of(name)
    with running() as server, SignalsSource(server.target) as source:
        streamed = signals_source._by_turn(episodes, source.ask(episodes, policies, costs, ASSAY.options or {}).groups)
        asked = costs.regrades.copy()
        for _ in range(2):
            known = source.advantages(episodes, policies, costs, ASSAY.options or {})
            np.testing.assert_array_equal(known, streamed)
    assert (costs.regrades == 3 * asked).all()  # charged as if it were asked again


def test_dpo_moves_towards_the_chosen_side() -> None:
    episodes, policies, _ = episodes_of("pipeline", runs=1)
    pair = preferences.Pair([(0, 2, 1)], [(0, 2, 3)], 1.0)
    agent, observation = 2, int(episodes.observations[0, 2])

    def logs() -> np.ndarray:
        return policies.log_probabilities(*np.broadcast_arrays(0, agent, observation, np.arange(MESSAGES)))

    before = logs()
    preferences.descend([pair], episodes, policies, np.array([1.0]))
    moved = logs() - before
    assert moved[1] > 0 > moved[3]


def test_trajectory_pairs_put_a_success_against_every_failure() -> None:
    episodes, _, _ = episodes_of("debate")
    pairs = list(preferences.trajectory_pairs(episodes))
    assert pairs
    for pair in pairs:
        chosen, rejected = pair.chosen[0][0], pair.rejected[0][0]
        assert episodes.score[chosen] > episodes.score[rejected]
        assert episodes.group[chosen] == episodes.group[rejected]


@pytest.mark.study
@pytest.mark.skipif("ASSAYD" not in os.environ, reason="needs the server (ASSAYD)")
def test_the_whole_experiment_runs() -> None:
    script = EXAMPLES / "team_training" / "run.sh"
    run = subprocess.run([script, "--smoke"], capture_output=True, text=True, timeout=HANGS, check=False)
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stdout.splitlines() if line.startswith("rollouts_ratio ")]
    assert run.stdout.splitlines()[-len(lines) :] == lines
    assert [line.split()[1] for line in lines] == NAMES
    for line in lines:
        assert re.fullmatch(r"rollouts_ratio \w+( \d+\.\d{3}){3}", line)
        value, low, high = map(float, line.split()[2:])
        assert 0 < low <= value <= high
