"""What adapters share: groups in, numbers out, the same as the plain client's, and never a number for a failure."""

from __future__ import annotations

import asyncio
import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from assayd import Assayd, needs_assayd, running
from rollouts import BROKEN, OPTIONS, ROLLOUTS, episodes, evaluate, evaluate_later, plain

from assay_rl import Episode, Message
from assay_rl.course import Recorder
from assay_rl.training.team import Credited, TeamCredit, difference_reward, neutral

pytestmark = needs_assayd


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def credited(server: Assayd, groups: list[list[Episode]], **arguments: object) -> list[list[Credited]]:
    team = TeamCredit(server.target, evaluator=evaluate, options=OPTIONS, **arguments)  # type: ignore[arg-type]
    try:
        return team.credit_now(groups)
    finally:
        asyncio.run(team.close())


@pytest.mark.parametrize("scale", [None, "SAMPLE", "NONE"])
def test_a_group_has_the_numbers_of_the_plain_client(server: Assayd, scale: str | None) -> None:
    options = {} if scale is None else {"scale": f"OUTCOME_SCALE_{scale}"}
    expected = plain(server.target, episodes(), **options)
    (found,) = credited(server, [episodes()], scale=scale)
    assert len({len(e.messages) for e in episodes()}) > 3
    for number, (one, own) in enumerate(zip(found, expected, strict=True)):
        if number == BROKEN:
            assert own is None
            assert one.score is None
            assert one.messages == one.agents == {}
            assert one.only() is one.only("builder") is None
            assert "the sandbox is gone" in str(one.error)
            continue
        assert own is not None
        assert one.messages == own.messages
        assert one.signals is not None
        assert one.agents == own.of_agents(one.signals)
        assert one.only("builder") == one.agents["builder"]
        assert one.only() == own.outcome
    assert any(abs(value) > 0.1 for one in found for value in one.messages.values())


def test_groups_do_not_mix_and_episodes_are_not_changed(server: Assayd) -> None:
    ours = episodes()
    found = credited(server, [ours, ours[:3]])
    assert [len(group) for group in found] == [ROLLOUTS, 3]
    assert [one.episode for one in found[0]] == ours
    assert all(episode.group is None for episode in ours)
    expected = plain(server.target, episodes()[:3])
    assert [one.advantages and one.advantages.messages for one in found[1]] == [e and e.messages for e in expected]


def test_coroutines_several_loops_and_pickled_copies_answer_alike(server: Assayd) -> None:
    (expected,) = credited(server, [episodes()])
    team = TeamCredit(server.target, evaluator=evaluate_later, options=OPTIONS)

    async def ask(team: TeamCredit) -> list[Credited]:
        try:
            first, second = await asyncio.gather(team.credit([episodes()]), team.credit([episodes()]))
            assert [one.messages for one in first[0]] == [one.messages for one in second[0]]
            return first[0]
        finally:
            await team.close()

    for one in (team, team, pickle.loads(pickle.dumps(team))):
        assert [held.messages for held in asyncio.run(ask(one))] == [held.messages for held in expected]


def test_a_recorder_gets_groups_with_their_advantages_and_failures(server: Assayd, tmp_path: Path) -> None:
    with Recorder(tmp_path, episodes_per_step=2 * ROLLOUTS) as recorder:
        found = credited(server, [episodes(), episodes()], recorder=recorder)
        credited(server, [[episode] for episode in episodes()[:BROKEN]], recorder=recorder)
    first, second = (json.loads(path.read_text()) for path in sorted(tmp_path.iterdir()))
    assert (first["step"], first["episodes"], first["failed"], first["groups"]) == (0, 2 * ROLLOUTS, 2, 2)
    scores = [one.score for group in found for one in group if one.score is not None]
    assert first["metrics"]["score"] == pytest.approx(math.fsum(scores) / len(scores))
    for role in ("builder", "saboteur"):
        own = [v for group in found for one in group for k, v in one.messages.items()
               if one.episode.messages[k].agent == role]  # fmt: skip
        assert first["roles"][role]["advantage"]["mean"] == pytest.approx(math.fsum(own) / len(own))
    assert first["tasks"] == {"t": [len(scores), pytest.approx(first["metrics"]["score"])]}
    # An episode by itself is compared with nobody.
    assert (second["step"], second["episodes"], second["groups"]) == (1, BROKEN, 0)
    assert second["roles"]["builder"]["advantage"] is None


def test_options_of_the_caller_are_kept(server: Assayd) -> None:
    team = TeamCredit(
        server.target, options={**OPTIONS, "advantages": {"scale": "OUTCOME_SCALE_NONE"}}, scale="SAMPLE", blend=0.5
    )
    assert team.options.advantages.scale == 3
    assert team.options.advantages.blend == 0.5
    assert team.options.value_range.high == 1.0
    with pytest.raises(ValueError, match="blend"):
        TeamCredit(server.target, blend=2)


def test_a_group_in_which_all_fail_has_no_number(server: Assayd) -> None:
    broken = [Episode(f"e{k}", [Message("a", "x"), Message("b", "y")]) for k in range(2)]
    for episode in broken:
        episode.task.prompt = "Break."
    (found,) = credited(server, [broken])
    assert [(one.score, one.only(), one.messages) for one in found] == [(None, None, {})] * 2
    with pytest.raises(RuntimeError, match="no episode of this group has signals"):
        neutral([one.only() for one in found])


def test_the_mean_of_the_others_changes_nobody() -> None:
    filled = neutral([1.0, None, -0.5, 0.25])
    assert filled[1] == pytest.approx(0.25)
    known = [1.0, -0.5, 0.25]
    mean = math.fsum(filled) / 4
    assert mean == pytest.approx(sum(known) / 3)
    assert filled[1] - mean == pytest.approx(0)


def test_the_difference_reward_takes_away_what_the_others_reach_alone(server: Assayd) -> None:
    (found,) = credited(server, [episodes()])
    for one in found:
        if one.signals is None:
            continue
        without = {agent.agent_id: agent.value_without for agent in one.signals.agents}
        assert without["builder"] is not None
        assert difference_reward(one.signals, "builder") == pytest.approx(one.signals.score - without["builder"])
        assert difference_reward(one.signals) == one.signals.score
        with pytest.raises(ValueError, match="no agent 'nobody'"):
            difference_reward(one.signals, "nobody")
