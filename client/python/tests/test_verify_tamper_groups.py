"""Honest audits of groups pass; any single change is found."""

from __future__ import annotations

from typing import Any

import pytest
from tampering import (
    FULL,
    as_dict,
    bare,
    debate,
    failure,
    leaves,
    other,
    replaced,
    reports,
    rolled_out,
    signed,
    valued,
)
from verify_episodes import group_of, signals_of

from assay_rl.v1 import episode_pb2


def of_one_task(episodes: list[episode_pb2.Episode]) -> list[episode_pb2.Episode]:
    for k, e in enumerate(episodes):
        e.id = f"{e.id} {k}"
        e.group.id, e.group.size = "task", len(episodes)
    return episodes


def siblings() -> list[episode_pb2.Episode]:
    """Scores are all that they have in common: OUTCOME and SCORES."""
    episodes = of_one_task([valued(), bare(), failure(), valued()])
    episodes[3].outcome.score = 0
    episodes[3].messages[2].content = "another way"
    return episodes


def debates() -> list[episode_pb2.Episode]:
    """Counterfactuals throughout: CONTROL and CREDIT."""
    episodes = of_one_task([debate(), debate(), debate()])
    for e, answers in zip(episodes, (("42", "41", "42", "42"), ("42", "41", "42", "41"), ("40", "41", "41", "41"))):  # noqa: B905
        for t, answer in zip((1, 2, 4, 5), answers, strict=True):
            e.messages[t].answer = answer
    return episodes


def all_valued() -> list[episode_pb2.Episode]:
    """Values of every node, some by rollouts: OUTCOME and VALUES."""
    episodes = of_one_task([valued(), rolled_out(), valued()])
    episodes[2].messages[2].prefix_value = 0.1
    episodes[2].outcome.score = 0
    return episodes


GROUPS = [siblings, debates, all_valued]


def answered(episodes: list[episode_pb2.Episode]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    results = [signals_of(e, FULL) for e in episodes]
    return [as_dict(r) for r in results], as_dict(group_of(episodes, results, FULL))


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (siblings, ("OUTCOME_PART_OUTCOME", "CREDIT_PART_SCORES", 0.5, False)),
        (debates, ("OUTCOME_PART_CONTROL", "CREDIT_PART_CREDIT", 0.5, False)),
        (all_valued, ("OUTCOME_PART_OUTCOME", "CREDIT_PART_VALUES", None, False)),
    ],
)
def test_groups_pass_and_say_what_they_rest_on(make: Any, parts: tuple[str, str, float | None, bool]) -> None:
    episodes = make()
    results, group = answered(episodes)
    assert reports([*results, group], episodes) == []
    signals = group["signals"]
    found = (signals["outcomePart"], signals["creditPart"], signals["weight"], signals["parallel"])
    assert (*found[:2], found[2] if parts[2] is not None else None, found[3]) == parts
    assert 0 < signals["reliability"] <= 1


@pytest.mark.parametrize("make", GROUPS)
def test_every_change_of_a_group_is_found(make: Any) -> None:
    episodes = make()
    results, group = answered(episodes)
    for path, value in leaves(group):
        assert reports([*results, replaced(group, path, other(path, value))], episodes), path


def test_pairs_of_a_group_are_checked() -> None:
    episodes = siblings()
    results, group = answered(episodes)
    kinds = [pair["kind"].removeprefix("PREFERENCE_KIND_") for pair in group["signals"]["pairs"]]
    assert set(kinds) == {"SIBLING", "SUFFIX", "TRAJECTORY"}
    for changed in (group["signals"]["pairs"][1:], group["signals"]["pairs"] + group["signals"]["pairs"][:1]):
        assert reports([*results, replaced(group, ("signals", "pairs"), changed)], episodes)


def test_an_unsupported_part_that_was_answered_is_found() -> None:
    """The record of one episode says what was asked for: a part that the group cannot have is an error there."""
    episodes = siblings()
    results, group = answered(episodes)
    for result in results:
        result["signals"]["audit"]["options"]["advantages"] = {"outcome": "OUTCOME_PART_CONTROL"}
    (finding,) = [f for f in reports([*map(signed, results), group], episodes) if f.startswith("group")]
    assert "FAILED_PRECONDITION" in finding
    assert "CONTROL" in finding
