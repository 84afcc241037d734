"""Decision processes with exact oracles: the oracle itself, and what it says of a running server's advantages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from assayd import needs_assayd, running

import assay_rl

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))

from decision_processes.oracle import Measured, classes, exact_gradient, in_a_large_group, in_groups_of, sine  # noqa: E402
from decision_processes.processes import Delayed, Floats, Horizon, Process, Repair  # noqa: E402
from decision_processes.report import LEARNERS, PROCESSES, learnt, measure, policies  # noqa: E402
from decision_processes.rules import (  # noqa: E402
    BLEND_0,
    CONTROL,
    CREDIT,
    GRPO,
    LEFT_OUT,
    NOTHING_KNOWN,
    SCORES,
    VALUES,
    Asked,
    Computed,
    prepare,
)
from decision_processes.sampled import with_rollouts  # noqa: E402

EXACT = 1e-4  # epsilon in the divisors turns a gradient by less
ANY_POLICY = pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)


def expected_score(process: Process, policy: Floats) -> float:
    return sum(t.probability * t.score for t in process.trajectories(policy))


@ANY_POLICY
def test_the_exact_gradient_is_the_slope_of_the_expected_score(process: Process) -> None:
    for policy in policies(process):
        assert sum(t.probability for t in process.trajectories(policy)) == pytest.approx(1.0)
        logits, step = np.log(policy / (1 - policy)), 1e-5
        for state in range(process.states):
            moved = [logits + sign * step * (np.arange(process.states) == state) for sign in (1, -1)]
            up, down = (expected_score(process, 1 / (1 + np.exp(-each))) for each in moved)
            assert exact_gradient(process, policy)[state] == pytest.approx((up - down) / (2 * step), abs=1e-8)


@ANY_POLICY
def test_values_of_nodes_are_expected_scores(process: Process) -> None:
    policy = policies(process)[3]
    for trajectory in process.trajectories(policy):
        nodes = [turn.before for turn in trajectory.turns]
        assert nodes[0] == pytest.approx(expected_score(process, policy))
        assert trajectory.end == pytest.approx(
            sum(p * process.grade(trajectory.identity[0], luck) for luck, p in enumerate(process.luck))
        )


def test_an_idle_turn_stands_for_both_actions() -> None:
    class Spelled(Delayed):
        def choice(self, taken):  # type: ignore[no-untyped-def]
            found = super().choice(taken)
            return found and type(found)(found.agent, found.state, found.texts)

    policy, found = np.array([0.25, 0.75, 0.5]), []
    for process in (Delayed(3), Spelled(3)):
        trajectories = process.trajectories(policy)
        alike = classes(process, policy, trajectories, [GRPO.key(process, t) for t in trajectories])

        def rule(groups, alike=alike, process=process):  # type: ignore[no-untyped-def]
            return [GRPO.rule(process, [alike[k].example for k in group]) for group in groups]

        measured = in_groups_of(3, alike, rule, exact_gradient(process, policy))
        found.append((len(trajectories), measured.error, measured.noise))
    (fewer, *idle), (more, *spelled) = found
    assert fewer < more
    assert idle == pytest.approx(spelled)


def test_groups_of_classes_are_all_groups_of_trajectories() -> None:
    """Against every ordered group of trajectories, one by one."""
    process, policy = Horizon(), np.array([0.5, 0.75, 0.25, 0.5])
    trajectories = process.trajectories(policy)
    exact = exact_gradient(process, policy)
    found = classes(process, policy, trajectories, [GRPO.key(process, t) for t in trajectories])
    mean, square = np.zeros(process.states), 0.0
    for group in product(trajectories, repeat=3):
        estimate = np.zeros(process.states)
        for trajectory, a in zip(group, GRPO.rule(process, group), strict=True):
            for turn, advantage in zip(trajectory.turns, a, strict=True):
                estimate[turn.choice.state] += advantage * (turn.action - policy[turn.choice.state]) / 3
        weight = float(np.prod([t.probability for t in group]))
        mean += weight * estimate
        square += weight * float(estimate @ estimate)
    measured = in_groups_of(
        3, found, lambda groups: [GRPO.rule(process, [found[k].example for k in g]) for g in groups], exact
    )
    assert measured.noise == pytest.approx(square / float(mean @ mean) - 1, rel=1e-9)
    assert measured.error == pytest.approx(sine(mean, exact), abs=1e-6)


def test_a_rule_that_pushes_the_wrong_way_is_caught() -> None:
    process, policy = Repair(), np.full(4, 0.5)
    trajectories = process.trajectories(policy)
    found = classes(process, policy, trajectories, [t.identity for t in trajectories])
    backwards = in_a_large_group(
        found,
        lambda groups: [[-a for a in GRPO.rule(process, [found[k].example for k in g])] for g in groups],
        exact_gradient(process, policy),
    )
    assert (backwards.error, backwards.wrong) == (1.0, 3)  # of the fourth state nothing depends


@pytest.fixture(scope="module")
def client() -> Iterator[assay_rl.Client]:
    with running() as server, assay_rl.Client(server.target) as connected:
        yield connected


def large_groups(rule: Asked | Computed, process: Process, client: assay_rl.Client) -> list[Measured]:
    found = []
    for policy in policies(process):
        prepared = prepare(rule, process, policy, client)
        found.append(in_a_large_group(prepared.classes, prepared.advantages, exact_gradient(process, policy)))
    return found


@needs_assayd
@ANY_POLICY
@pytest.mark.parametrize("rule", [NOTHING_KNOWN, BLEND_0, VALUES], ids=lambda rule: rule.title)
def test_large_groups_climb_straight_up(process: Process, rule: Asked, client: assay_rl.Client) -> None:
    for measured in large_groups(rule, process, client):
        assert measured.error < EXACT
        assert measured.wrong == 0


@needs_assayd
@pytest.mark.parametrize("rule", [CONTROL, CREDIT, LEFT_OUT], ids=lambda rule: rule.title)
@pytest.mark.parametrize("horizon", [2, 8, 32])
def test_credit_is_exact_where_effects_do_not_overlap(rule: Asked, horizon: int, client: assay_rl.Client) -> None:
    for measured in large_groups(rule, Delayed(horizon), client):
        assert measured.error < EXACT


@needs_assayd
@ANY_POLICY
def test_nothing_known_is_grpo(process: Process, client: assay_rl.Client) -> None:
    ours, theirs = measure(NOTHING_KNOWN, process, client), measure(GRPO, process, client)
    for a, b in zip((*ours.large, *ours.small), (*theirs.large, *theirs.small), strict=True):
        assert a.error == pytest.approx(b.error, abs=EXACT)
        assert a.noise == pytest.approx(b.noise, rel=1e-4)


@needs_assayd
@ANY_POLICY
@pytest.mark.parametrize("rule", [NOTHING_KNOWN, LEFT_OUT, VALUES, SCORES], ids=lambda rule: rule.title)
def test_defaults_push_no_turn_the_wrong_way(process: Process, rule: Asked, client: assay_rl.Client) -> None:
    assert sum(measured.wrong for measured in large_groups(rule, process, client)) == 0


@needs_assayd
@ANY_POLICY
@pytest.mark.parametrize("rule", [NOTHING_KNOWN, BLEND_0, VALUES], ids=lambda rule: rule.title)
def test_groups_of_eight_are_nearly_straight(process: Process, rule: Asked, client: assay_rl.Client) -> None:
    measured = measure(rule, process, client).small[0]
    assert measured.error <= 0.06
    if rule is VALUES:
        assert measured.noise <= 0.10


@needs_assayd
def test_rollouts_are_less_noisy_than_their_differences(client: assay_rl.Client) -> None:
    ours, plain = with_rollouts(client, Delayed(16), np.full(16, 0.5), rollouts=8, size=8, groups=100, seed=1)
    assert ours.error <= 2 * ours.error_of_error
    assert ours.noise <= 0.85 * plain.noise


@needs_assayd
def test_the_variable_horizon_is_learnt(client: assay_rl.Client) -> None:
    for rule in (NOTHING_KNOWN, LEFT_OUT, VALUES):
        assert learnt(rule, client) == len(LEARNERS)
