"""Advantages by the formulas of proto/signals.md, over all groups of a batch at once and without a server.

For what is trained very often: some thirty times as fast as asking a server, and the same numbers, which
`largest_difference` shows by asking one about the same episodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any

import numpy as np

from team_training.environments import ENVIRONMENTS, Bools, Environment, Floats, Ints
from team_training.policies import Policies
from team_training.rollouts import Costs, Episodes, Player, regrade_teams, regrade_whole_batch
from team_training.signals_source import SignalsSource, Told, assay_options, recombines

_EPSILON = 1e-6
_RIDGE = 0.05
_LARGEST = 5.0
_SURENESS = (1.0, 4.0)
CHECKED_GROUPS = len(_SURENESS)  # a seed, by largest_difference
_BLENDS = {"CREDIT": 0.5, "SCORES": 0.5, "VALUES": 1.0, "NONE": 0.0}


@dataclass(frozen=True)
class Plan:
    """What is asked about an episode: kept [Q, T] of each question, and what the answers weigh in the credit of agents
    [Q, agents] and of messages (Owen values) [Q, T]."""

    kept: Bools
    agents: Floats
    messages: Floats
    without: Ints  # [agents]: the question that leaves out just the agent


def _weights(players: int) -> list[float]:
    """Of one coalition of each size that a player joins."""
    return [factorial(s) * factorial(players - 1 - s) / factorial(players) for s in range(players)]


@cache
def plan_of(environment: Environment) -> Plan:
    authors, agents = environment.authors(), len(environment.agents)
    bits = [1 << turn for turn in range(len(authors))]
    own = [[bit for bit, author in zip(bits, authors, strict=True) if author == agent] for agent in range(agents)]
    of_agents: dict[int, Floats] = {}
    of_messages: dict[int, Floats] = {}
    outer = _weights(agents)

    def add(table: dict[int, Floats], size: int, without: int, bit: int, player: int, weight: float) -> None:
        table.setdefault(without + bit, np.zeros(size))[player] += weight
        table.setdefault(without, np.zeros(size))[player] -= weight

    for agent in range(agents):
        others = [sum(own[other]) for other in range(agents) if other != agent]
        inner = _weights(len(own[agent]))
        for chosen in range(1 << len(others)):
            joined = sum(union for k, union in enumerate(others) if chosen >> k & 1)
            add(of_agents, agents, joined, sum(own[agent]), agent, outer[chosen.bit_count()])
            for subset in range(1 << len(own[agent])):
                held = sum(bit for k, bit in enumerate(own[agent]) if subset >> k & 1)
                for k, bit in enumerate(own[agent]):
                    if not subset >> k & 1:
                        weight = outer[chosen.bit_count()] * inner[subset.bit_count()]
                        add(of_messages, len(bits), joined + held, bit, int(np.log2(bit)), weight)
    masks = sorted({*of_agents, *of_messages})
    everybody = sum(bits)
    return Plan(
        kept=np.array([[bool(mask & bit) for bit in bits] for mask in masks]),
        agents=np.array([of_agents.get(mask, np.zeros(agents)) for mask in masks]),
        messages=np.array([of_messages.get(mask, np.zeros(len(bits))) for mask in masks]),
        without=np.array([masks.index(everybody - sum(own[agent])) for agent in range(agents)]),
    )


def _standardised(values: Floats, counted: Bools) -> Floats:
    """Over the second axis: (value - mean) / std of what counts; 0 where that is nothing but rounding."""
    mean, variance = _moments(values, counted)
    deviation = np.sqrt(variance)
    return np.where(counted & (deviation > 1e-12), (values - mean) / (deviation + _EPSILON), 0.0)


def _moments(values: Floats, counted: Bools) -> tuple[Floats, Floats]:
    """Mean and variance over the second axis, which stays as one of length 1."""
    number = np.maximum(counted.sum(axis=1, keepdims=True), 1)
    mean = np.where(counted, values, 0.0).sum(axis=1, keepdims=True) / number
    variance = np.where(counted, (values - mean) ** 2, 0.0).sum(axis=1, keepdims=True) / number
    return mean, variance


def _share_of_signal(noise: Floats, spread: Floats) -> Floats:
    """Of differences whose variance is `spread`, and `noise` of it noise."""
    share = np.clip(1.0 - noise / np.where(spread > 0, spread, 1.0), 0.0, 1.0)
    return np.where(noise > 0, np.where(spread > 0, share, 0.0), 1.0)


class InProcess:
    """Takes the place of a SignalsSource where advantages are asked for. caution: see Method."""

    def __init__(self, caution: float = 0.0) -> None:
        self._caution = caution

    def advantages(
        self,
        episodes: Episodes,
        policies: Policies,
        costs: Costs,
        options: Mapping[str, Any],
        *,
        flips: float = 0.0,
        rollouts: int = 0,
        told: Told | None = None,
    ) -> Floats:
        """As SignalsSource.advantages, for groups that lie one behind the other and are of one size."""
        if rollouts or "estimator" in options:
            raise ValueError("rollouts and sampled credit need a server")
        of_messages = "QUESTION_KIND_MESSAGES" in options["caller"]["supports"]
        return _Batch(episodes, costs, flips, of_messages, self._caution).advantages(options, told)


class _Batch:
    """Arrays are [groups, members, ...]."""

    def __init__(self, episodes: Episodes, costs: Costs, flips: float, of_messages: bool, caution: float) -> None:
        self._episodes, self._costs, self._flips, self._of_messages = episodes, costs, flips, of_messages
        self._caution = caution
        self._environment = episodes.environment
        self._authors = episodes.environment.authors()
        self._agents = len(episodes.environment.agents)
        groups = int(np.max(episodes.group)) + 1
        self._shape = (groups, len(episodes) // groups)
        self._present = self._grouped(episodes.present)
        self._scores = self._grouped(episodes.score)
        speaks = [self._present[:, :, self._authors == agent].any(axis=2) for agent in range(self._agents)]
        self._speaks = np.stack(speaks, axis=2)
        self._plan = plan_of(self._environment)
        self._values: Floats | None = None

    def _grouped(self, values: Any) -> Any:
        return values.reshape(*self._shape, *values.shape[1:])

    def _answers(self) -> Floats:
        if self._values is None:
            self._values = self._grouped(regrade_whole_batch(self._episodes, self._plan.kept, self._flips))
            np.add.at(self._costs.regrades, self._episodes.run, self._questions())
        return self._values

    def _questions(self) -> int:
        """How many a server asks about an episode: of coalitions, and where somebody speaks twice of messages, among
        which those of whole agents are once more."""
        coalitions = 1 << self._agents
        if not self._of_messages or len(self._authors) == self._agents:
            return coalitions
        return coalitions + len(self._plan.kept)

    def advantages(self, options: Mapping[str, Any], told: Told | None) -> Floats:
        asked = options["advantages"]
        outcome = asked.get("outcome", "OUTCOME_PART_AUTO").removeprefix("OUTCOME_PART_")
        credit = asked.get("credit", "CREDIT_PART_AUTO").removeprefix("CREDIT_PART_")
        credit = "CREDIT" if credit == "AUTO" else credit
        if outcome == "AUTO":
            outcome = "RECOMBINED" if recombines(self._environment, options) else "CONTROL"
        x = {"OUTCOME": self.outcome, "CONTROL": self.control, "RECOMBINED": self.recombined}[outcome]()
        blend = float(asked.get("blend", _BLENDS[credit]))
        k, reliability = self._credit_part(credit, told)
        weight = (blend * reliability)[:, None, None]
        mixed = (1 - weight) * x[:, :, self._authors] + weight * k
        return np.asarray(np.where(self._present, mixed, 0.0).reshape(self._episodes.messages.shape))

    def _deviations(self) -> tuple[Floats, Floats]:
        """The scores less their mean, and their standard deviation; [groups, members] and [groups, 1]."""
        centred = self._scores - self._scores.mean(axis=1, keepdims=True)
        equal = self._scores.min(axis=1, keepdims=True) == self._scores.max(axis=1, keepdims=True)
        centred = np.where(equal, 0.0, centred)
        return centred, np.sqrt((centred**2).mean(axis=1, keepdims=True))

    def outcome(self) -> Floats:
        """X: the score, standardised in the group; [groups, members, agents] like all X."""
        centred, deviation = self._deviations()
        return np.repeat((centred / (deviation + _EPSILON))[:, :, None], self._agents, axis=2)

    def control(self) -> Floats:
        """X: the score less what the team without the agent explains of it."""
        centred, deviation = self._deviations()
        without = self._answers()[:, :, self._plan.without]
        without = without - without.mean(axis=1, keepdims=True)
        products = (without * centred[:, :, None]).sum(axis=1, keepdims=True)
        beta = np.clip(products / ((without**2).sum(axis=1, keepdims=True) + _RIDGE), 0.0, 1.0)
        left = np.where(deviation > 0, 1.0, 0.0)[:, :, None] * (centred[:, :, None] - beta * without)
        return np.asarray(left / (deviation[:, :, None] + _EPSILON))

    def recombined(self) -> Floats:
        """X: the worth of the agent's messages in the teams of all members, and CONTROL so far as that is noise."""
        worth, noise = self._teams()
        own = _standardised(worth, self._speaks)
        if not self._flips:
            return own
        share = _share_of_signal(_moments(noise, self._speaks)[0], _moments(worth, self._speaks)[1])
        return np.asarray(np.where(self._speaks, share * own + (1 - share) * self.control(), 0.0))

    def _teams(self) -> tuple[Floats, Floats]:
        """Worth of each agent's messages, and the variance of that by noise. A team that says what a member said is not
        asked about, and of those that say the same only one is."""
        groups, members = self._shape
        words = np.where(self._episodes.present, self._episodes.messages + 1, 0) << (3 * np.arange(len(self._authors)))
        said = words.sum(axis=1).reshape(groups, members)
        first = (np.arange(groups) * members)[:, None, None]
        square = (groups, members, members)
        base = np.broadcast_to(first + np.arange(members)[None, None, :], square).reshape(-1)
        taken = np.broadcast_to(first + np.arange(members)[None, :, None], square).reshape(-1)
        worth, noise = np.zeros((2, *self._speaks.shape))
        texts = np.zeros((*square, self._agents), dtype=np.int64)
        for agent in range(self._agents):
            sources = np.repeat(base[:, None], self._agents, axis=1)
            sources[:, agent] = taken
            uncounted = Costs.none(len(self._costs.regrades))
            values = regrade_teams(self._episodes, sources, uncounted, self._flips).reshape(square)
            texts[..., agent] = np.where(self._authors == agent, words[taken], words[base]).sum(axis=1).reshape(square)
            if self._flips:
                values, noise[:, :, agent] = self._known(values, texts[..., agent], said)
            worth[:, :, agent] = values.mean(axis=2)
        silent = np.broadcast_to(~self._speaks[:, :, None], texts.shape)
        for group, run in enumerate(self._episodes.run[::members]):
            asked = np.where(silent[group], said[group, 0], texts[group])
            self._costs.regrades[run] += len(np.setdiff1d(asked, said[group]))
        return worth, noise

    def _known(self, values: Floats, text: Ints, said: Ints) -> tuple[Floats, Floats]:
        """Values in which members that said the same stand with their score, and the variance of their means."""
        groups, members = self._shape
        noise = np.zeros((groups, members))
        for group, own in enumerate(said):
            order = np.argsort(own)
            place = np.minimum(np.searchsorted(own[order], text[group]), members - 1)
            happened = own[order][place] == text[group]
            values[group] = np.where(happened, self._scores[group][order[place]], values[group])
            alike = (text[group][:, :, None] == text[group][:, None, :]) & ~happened[:, :, None]
            noise[group] = alike.sum(axis=(1, 2)) / members**2
        return values, noise * self._flips * (1 - self._flips)

    def _credit_part(self, credit: str, told: Told | None) -> tuple[Floats, Floats]:
        """K [groups, members, turns], and how much of it is no noise [groups]."""
        certain = np.ones(self._shape[0])
        if credit == "NONE":
            return np.zeros(self._present.shape), 0 * certain
        if credit == "CREDIT":
            return self._credit(), self._reliability()
        if told is None:
            raise ValueError(f"{credit} needs to be told")
        if credit == "SCORES":
            return self._over_root_mean_square(self._grouped(told.scores)), certain
        values = self._grouped(told.values)
        changes = np.zeros(values.shape)
        after = self._scores.copy()
        for turn in reversed(range(values.shape[2])):
            here = self._present[:, :, turn]
            changes[:, :, turn] = np.where(here, after - values[:, :, turn], 0.0)
            after = np.where(here, values[:, :, turn], after)
        return self._over_root_mean_square(changes), certain

    def _credit(self) -> Floats:
        """Owen values, or else the credit of the message's agent, standardised over its messages in the group."""
        answers, plan = self._answers(), self._plan
        owen = answers @ plan.messages if self._of_messages else (answers @ plan.agents)[:, :, self._authors]
        k = np.zeros(owen.shape)
        for agent in range(self._agents):
            own = self._authors == agent
            columns = owen[:, :, own]
            flat = columns.reshape(self._shape[0], -1)
            counted = self._present[:, :, own].reshape(flat.shape)
            mean, variance = _moments(flat, counted)
            k[:, :, own] = np.where(counted, (flat - mean) / (np.sqrt(variance) + _EPSILON), 0.0).reshape(columns.shape)
        return np.clip(k, -_LARGEST, _LARGEST)

    def _reliability(self) -> Floats:
        """Of agents' credits, [groups]."""
        if not self._flips:
            return np.ones(self._shape[0])
        credit = self._answers() @ self._plan.agents
        complete = (self._plan.kept | ~self._present[:, :, None]).all(axis=3)
        noise = (~complete * self._flips * (1 - self._flips)) @ self._plan.agents**2
        spread = _moments(credit, np.ones(credit.shape, dtype=bool))[1].mean(axis=(1, 2))
        by_chance = 1 + self._caution * np.sqrt(2 / credit[0].size)  # of noise alone, had it a normal distribution
        return _share_of_signal(noise.mean(axis=(1, 2)) * by_chance, spread)

    def _over_root_mean_square(self, values: Floats) -> Floats:
        values = np.where(self._present, values, 0.0)
        number = np.maximum(self._present.sum(axis=(1, 2)), 1)
        root = np.sqrt((values**2).sum(axis=(1, 2)) / number)
        divisor = np.maximum(root, np.abs(values).max(axis=(1, 2)) / _LARGEST)
        return np.asarray(values / (divisor + _EPSILON)[:, None, None])


def largest_difference(source: SignalsSource, environment: str, seeds: list[int], flips: float) -> float:
    """Between the advantages that a server makes of a group of each team and those made here, for several options, at
    teams as they start and at others that are surer of what they say."""
    found = 0.0
    for sureness in _SURENESS:
        policies = Policies.initial(ENVIRONMENTS[environment], seeds)
        policies.logits *= sureness
        policies.refresh()
        episodes = Player(ENVIRONMENTS[environment], seeds).groups(policies, 16)
        for options in (assay_options(), assay_options(outcome="CONTROL", blend=0.0), assay_options(blend=1.0)):
            served, here = (
                asked.advantages(episodes, policies, Costs.none(len(seeds)), options, flips=flips)
                for asked in (source, InProcess())
            )
            found = max(found, float(np.abs(served - here).max()))
    return found
