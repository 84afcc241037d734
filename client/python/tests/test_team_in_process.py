"""The team training example: what it makes in process is what a server makes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from assayd import running

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from team_training.environments import ENVIRONMENTS
from team_training.in_process import InProcess, plan_of
from team_training.methods import ASSAY, Method, ablations, noisy_ablations
from team_training.policies import Policies
from team_training.rollouts import Costs, Player
from team_training.signals_source import SignalsSource
from team_training.told import teller

NAMES = list(ENVIRONMENTS)
SEEDS = [5, 6, 7, 8, 9]


def variants(name: str) -> list[Method]:
    noisy = [m.with_flips(flips) for m in (ASSAY,) for flips in (0.1, 0.25)]
    return [ASSAY, *ablations(ENVIRONMENTS[name]), *noisy, *(m for m in noisy_ablations(0.1) if not m.caution)]


@pytest.mark.parametrize("name", NAMES)
def test_a_server_makes_the_same_advantages_and_asks_as_often(name: str) -> None:
    environment = ENVIRONMENTS[name]
    policies = Policies.initial(environment, SEEDS)
    policies.logits *= 2.0  # surer of what they say, so that some of a group say the same
    policies.refresh()
    player, costs = Player(environment, SEEDS), Costs.none(len(SEEDS))
    earlier, episodes = player.groups(policies, 16), player.groups(policies, 16)
    with running() as server, SignalsSource(server.target) as source:
        for method in variants(name):
            told = None
            if critic := teller(method.told, environment, len(SEEDS)):
                critic.tell(earlier, costs, method.flips)
                told = critic.tell(episodes, costs, method.flips)
            options = method.options or {}
            asked, counted = Costs.none(len(SEEDS)), Costs.none(len(SEEDS))
            served = source.advantages(episodes, policies, asked, options, flips=method.flips, told=told)
            made = InProcess().advantages(episodes, policies, counted, options, flips=method.flips, told=told)
            np.testing.assert_allclose(made, served, rtol=0, atol=1e-9, err_msg=method.title)
            assert np.abs(made).max() > 0, method.title
            if method is ASSAY:
                np.testing.assert_array_equal(counted.regrades, asked.regrades)


@pytest.mark.parametrize("name", NAMES)
def test_credit_adds_up_to_what_the_team_is_worth(name: str) -> None:
    plan = plan_of(ENVIRONMENTS[name])
    everybody = plan.kept.all(axis=1).astype(float) - (~plan.kept.any(axis=1)).astype(float)
    np.testing.assert_allclose(plan.agents.sum(axis=1), everybody, atol=1e-12)
    np.testing.assert_allclose(plan.messages.sum(axis=1), everybody, atol=1e-12)


def test_caution_takes_chance_for_chance() -> None:
    """Half of all groups of nothing but noise are spread out a little more than noise is."""
    environment, seeds = ENVIRONMENTS["pipeline"], list(range(20))
    policies = Policies.initial(environment, seeds)
    episodes = Player(environment, seeds).groups(policies, 16)
    pushed = {}
    for caution in (0.0, 2.0):
        options = ASSAY.options or {}
        made = InProcess(caution).advantages(episodes, policies, Costs.none(len(seeds)), options, flips=0.25)
        failed = episodes.score.reshape(len(seeds), -1).max(axis=1) == 0  # X is 0 there
        pushed[caution] = np.abs(made.reshape(len(seeds), -1)).max(axis=1)[failed] > 0
    assert pushed[0.0].mean() > 0.25
    assert pushed[2.0].mean() < pushed[0.0].mean() / 2
