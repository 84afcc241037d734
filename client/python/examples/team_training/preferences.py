"""Training by preferences (DPO) instead of advantages: whole trajectories against pairs that name a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay_rl.client.outcomes import Batch
from assay_rl.v1 import signals_pb2
from team_training.environments import LENGTH, Floats
from team_training.policies import Policies
from team_training.rollouts import Costs, Episodes, replay_from
from team_training.signals_source import Rollouts, SignalsSource, assay_options

_BETA = 0.5  # DPO's temperature; the reference is the policy at the start of the iteration
_EPOCHS = 4
_SEARCH = 8  # rollouts a failed episode, at most, to find the first error
_ALTERNATIVES = 2  # tried at each place that was found, one rollout each

_PLACES = (signals_pb2.LABEL_FIRST_ERROR, signals_pb2.LABEL_ERROR, signals_pb2.LABEL_REPAIR)

Place = tuple[int, int, int]  # episode, turn, message


@dataclass(frozen=True)
class Pair:
    """Two continuations of one context (STEP, REPAIR, SIBLING, PEER) or two whole episodes of one task (TRAJECTORY).

    weight: probability that the chosen side is the better one; its complement is DPO's label smoothing.
    """

    chosen: Sequence[Place]
    rejected: Sequence[Place]
    weight: float


PreferenceRule = Callable[[Episodes, Policies, Costs, "SignalsSource | None", Floats], None]


def descend(pairs: Sequence[Pair], episodes: Episodes, policies: Policies, step: Floats) -> None:
    """A few epochs of DPO on the pairs, averaged within each run; step [R]."""
    if not pairs:
        return
    owner = np.array([number for number, pair in enumerate(pairs) for _ in (*pair.chosen, *pair.rejected)])
    sign = np.array([s for pair in pairs for s in (*[1.0] * len(pair.chosen), *[-1.0] * len(pair.rejected))])
    places = np.array([place for pair in pairs for place in (*pair.chosen, *pair.rejected)])
    episode, turn, messages = places.T
    run, agents = episodes.run[episode], episodes.environment.authors()[turn]
    observations = episodes.observations[episode, turn]
    pair_run = episodes.run[[pair.chosen[0][0] for pair in pairs]]
    share = _BETA / np.bincount(pair_run)[pair_run]
    weight = np.array([pair.weight for pair in pairs])
    reference = policies.log_probabilities(run, agents, observations, messages)
    for _ in range(_EPOCHS):
        now = policies.log_probabilities(run, agents, observations, messages)
        margin = _BETA * np.bincount(owner, sign * (now - reference), minlength=len(pairs))
        slope = share * (weight - 1.0 / (1.0 + np.exp(-margin)))
        policies.ascend(policies.score_gradient(run, agents, observations, messages, sign * slope[owner]), step)


def trajectory_pairs(episodes: Episodes) -> Iterator[Pair]:
    """Every episode of a group that did worse than the group's best, against one of the best in turn."""
    for group in range(int(np.max(episodes.group)) + 1):
        members = np.flatnonzero(episodes.group == group)
        scores = episodes.score[members]
        best, worse = members[scores == np.max(scores)], members[scores < np.max(scores)]
        for number, loser in enumerate(worse):
            yield Pair(_whole(episodes, int(best[number % len(best)])), _whole(episodes, int(loser)), 1.0)


def _whole(episodes: Episodes, index: int) -> list[Place]:
    return [(index, int(turn), int(episodes.messages[index, turn])) for turn in np.flatnonzero(episodes.present[index])]


def trajectory_dpo(
    episodes: Episodes, policies: Policies, costs: Costs, source: SignalsSource | None, step: Floats
) -> None:
    descend(list(trajectory_pairs(episodes)), episodes, policies, step)


def step_repair(
    episodes: Episodes, policies: Policies, costs: Costs, source: SignalsSource | None, step: Floats
) -> None:
    """Assay finds errors and repairs; alternatives are tried there; Assay pairs them."""
    if source is None:
        raise ValueError("preferences at places need a server")
    drawn: Rollouts = {}
    options = assay_options(outcome="OUTCOME", rollouts=_SEARCH, pairs=("STEP", "REPAIR"))
    found = source.ask(episodes, policies, costs, options, drawn=drawn)
    alternatives = {
        (index, turn): _try_alternatives(episodes, policies, costs, index, turn)
        for index, turn in _places(episodes, found)
    }
    if alternatives:
        answered = source.ask(episodes, policies, costs, options, drawn=drawn, alternatives=alternatives)
        descend(list(_pairs(episodes, answered, alternatives)), episodes, policies, step)


def peer(episodes: Episodes, policies: Policies, costs: Costs, source: SignalsSource | None, step: Floats) -> None:
    """Assay pairs messages of one author that followed the same text, by what they are worth. No rollouts."""
    if source is None:
        raise ValueError("preferences at places need a server")
    answered = source.ask(episodes, policies, costs, assay_options(pairs=("PEER",)))
    descend(list(_pairs(episodes, answered, {})), episodes, policies, step)


def sibling(episodes: Episodes, policies: Policies, costs: Costs, source: SignalsSource | None, step: Floats) -> None:
    """Assay pairs the branches of sibling episodes after their longest common prefix. No rollouts."""
    if source is None:
        raise ValueError("preferences at places need a server")
    answered = source.ask(episodes, policies, costs, assay_options(outcome="OUTCOME", pairs=("SIBLING",)))
    descend(list(_pairs(episodes, answered, {})), episodes, policies, step)


def _places(episodes: Episodes, found: Batch) -> Iterator[tuple[int, int]]:
    """Errors that were located and repairs, as (episode, turn)."""
    for outcome in found.outcomes:
        signals = outcome.signals.proto
        turns = np.flatnonzero(episodes.present[int(signals.episode_id)])
        for message in signals.messages:
            if message.label in _PLACES:
                yield int(signals.episode_id), int(turns[message.index])


def _try_alternatives(
    episodes: Episodes, policies: Policies, costs: Costs, index: int, turn: int
) -> list[tuple[int, float]]:
    rng = np.random.default_rng([int(episodes.seed[index]), 2, turn])
    run = np.repeat(episodes.run[index], _ALTERNATIVES)
    agent = int(episodes.environment.authors()[turn])
    drawn = policies.sample(
        run, agent, np.repeat(episodes.observations[index, turn], _ALTERNATIVES), rng.random(_ALTERNATIVES)
    )
    costs.tokens[run[0]] += LENGTH * _ALTERNATIVES
    tried = []
    for message in dict.fromkeys(int(m) for m in drawn if m != episodes.messages[index, turn]):
        value = replay_from(episodes, policies, index, turn, range(1), costs, change=message)
        tried.append((message, float(value.mean())))
    return tried


def _pairs(
    episodes: Episodes, answered: Batch, alternatives: dict[tuple[int, int], list[tuple[int, float]]]
) -> Iterator[Pair]:
    def places(side: signals_pb2.PreferenceSide) -> list[Place]:
        index = int(side.episode_id)
        turns = np.flatnonzero(episodes.present[index])[side.begin : side.end]
        if side.HasField("alternative"):
            turn = int(turns[0])
            return [(index, turn, alternatives[index, turn][side.alternative][0])]
        return [(index, int(turn), int(episodes.messages[index, turn])) for turn in turns]

    single = (pair for outcome in answered.outcomes for pair in outcome.signals.proto.pairs)
    grouped = (pair for group in answered.groups.values() if group.ok for pair in group.proto.signals.pairs)
    for pair in (*single, *grouped):
        yield Pair(places(pair.chosen), places(pair.rejected), pair.weight)


PREFERENCE_RULES: dict[str, PreferenceRule] = {
    "trajectory": trajectory_dpo,
    "peer": peer,
    "step_repair": step_repair,
    "sibling": sibling,
}
