"""verl's own code with our reward manager and estimator; needs verl installed (run_tests.sh --trainers)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from assayd import Assayd, needs_assayd, running
from reference_advantages import Rollout, advantages

from assay_rl import Episode, Group, Message, Task
from assay_rl.training.tokens import spans_from_mask
from assay_rl.v1 import options_pb2

pytestmark = pytest.mark.trainers
pytest.importorskip("verl")

import torch  # noqa: E402
from verl.trainer.ppo import core_algos  # noqa: E402
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage  # noqa: E402
from verl_parts import Item, Sessions, board_of, manager  # noqa: E402

from assay_rl.training.token_rewards import encode  # noqa: E402
from assay_rl.training.verl import (  # noqa: E402
    EPISODE,
    SPANS,
    CreditedOutput,
    compute_assay_advantage,
)

MASK = [1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1]
SPANS_OF_MASK = spans_from_mask(MASK, [0, 1, 2])


def group() -> list[Rollout]:
    """Four rollouts of one agent with three messages; credits of a rollout sum to its score."""
    return [
        Rollout(1.0, [("a", 0.9), ("a", -0.2), ("a", 0.3)]),
        Rollout(0.0, [("a", 0.4), ("a", -0.6), ("a", 0.2)]),
        Rollout(1.0, [("a", 0.1), ("a", 0.1), ("a", 0.8)]),
        Rollout(0.25, [("a", 0.0), ("a", 0.0), ("a", 0.25)]),
    ]


def rewards_on_last_tokens() -> torch.Tensor:
    rows = torch.zeros(4, len(MASK))
    for row, rollout in zip(rows, group(), strict=True):
        for span, (_, reward) in zip(SPANS_OF_MASK, rollout.messages, strict=True):
            row[span.end - 1] = reward
    return rows


def theirs(rewards: torch.Tensor) -> torch.Tensor:
    mask = torch.tensor([MASK] * len(rewards))
    found, _ = compute_grpo_outcome_advantage(rewards.clone(), mask, np.array(["u"] * len(rewards)))
    return found


def ours(weight: float) -> torch.Tensor:
    values = advantages(group(), weight, ddof=1)
    rows = [
        encode(rollout.score, dict(enumerate(row)), SPANS_OF_MASK, MASK)
        for rollout, row in zip(group(), values, strict=True)
    ]
    mask = torch.tensor([MASK] * len(rows))
    found, returns = core_algos.get_adv_estimator_fn("assay")(
        token_level_rewards=torch.tensor(rows, dtype=torch.float64), response_mask=mask, config={}, index=None
    )
    assert torch.equal(found, returns)
    return found


def test_conserved_rewards_cancel_to_the_outcome() -> None:
    outcome_only = torch.zeros(4, len(MASK))
    outcome_only[:, -1] = torch.tensor([r.score for r in group()])
    torch.testing.assert_close(theirs(rewards_on_last_tokens()), theirs(outcome_only))
    first = theirs(rewards_on_last_tokens())[0]
    assert len({round(float(x), 6) for x, bit in zip(first, MASK, strict=True) if bit}) == 1


def test_weight_0_is_their_grpo() -> None:
    torch.testing.assert_close(ours(0.0), theirs(rewards_on_last_tokens()).double(), atol=1e-6, rtol=0)


def test_weight_above_0_differs_message_by_message() -> None:
    row = ours(0.5)[0]
    per_message = [{round(float(x), 9) for x in row[s.start : s.end]} for s in SPANS_OF_MASK]
    assert [len(values) for values in per_message] == [1, 1, 1]
    assert len(set.union(*per_message)) == 3
    assert all(float(x) == 0 for x, bit in zip(row, MASK, strict=True) if not bit)


def test_their_grpo_still_sees_the_score_in_our_rows() -> None:
    rows = torch.tensor(
        [
            encode(r.score, dict(enumerate(v)), SPANS_OF_MASK, MASK)
            for r, v in zip(group(), advantages(group(), 0.5, ddof=1), strict=True)
        ]
    )
    torch.testing.assert_close(theirs(rows), theirs(rewards_on_last_tokens()).double(), atol=1e-5, rtol=0)


def test_kl_in_reward_is_refused() -> None:
    with pytest.raises(ValueError, match="use_kl_in_reward"):
        compute_assay_advantage(torch.zeros(1, 2), torch.ones(1, 2), config={"use_kl_in_reward": True})


def test_their_dispatch_finds_the_estimator() -> None:
    ray_trainer = pytest.importorskip("verl.trainer.ppo.ray_trainer", exc_type=ImportError)
    from verl import DataProto

    rows = torch.tensor([encode(1.0, {0: 0.5, 1: -0.5, 2: 2.0}, SPANS_OF_MASK, MASK)])
    data = DataProto.from_single_dict({"token_level_rewards": rows, "response_mask": torch.tensor([MASK])})
    data.non_tensor_batch["uid"] = np.array(["u"], dtype=object)
    found = ray_trainer.compute_advantage(data, adv_estimator="assay", config={}).batch["advantages"][0]
    assert [float(found[s.start]) for s in SPANS_OF_MASK] == [0.5, -0.5, 2.0]


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def session(number: int, size: int) -> Episode:
    answers = [["A", "A", "B"], ["B", "B", "A"], ["A", "B", "A"]][number]
    return Episode(
        "same id for all",
        [Message(f"agent{i}", f"{number} {i} {a}", 1, a) for i, a in enumerate(answers)],
        task=Task("t", "Q?", "A"),
        score=float(answers.count("A") >= 2),
        group=Group("prompt", size) if size else None,
    )


@needs_assayd
def test_rollouts_scored_by_different_workers_meet(server: Assayd) -> None:
    async def run() -> list[dict[str, Any]]:
        workers = [manager(server.target) for _ in range(3)]
        board_of(server.target, workers)
        return list(
            await asyncio.gather(
                *(w.run_single(Sessions([Item({EPISODE: session(i, 3).to_json()})])) for i, w in enumerate(workers))
            )
        )

    answers = asyncio.run(run())
    assert [a["reward_score"] for a in answers] == [1.0, 0.0, 1.0]
    rows = []
    for number, answer in enumerate(answers):
        output = CreditedOutput(
            prompt_ids=[1],
            response_ids=list(range(len(MASK))),
            response_mask=MASK,
            metrics={},
            reward_score=answer["reward_score"],
            extra_fields={
                EPISODE: "long",
                SPANS: [[s.message, s.start, s.end] for s in SPANS_OF_MASK],
                "reward_extra_info": answer["reward_extra_info"],
            },
        )
        held = output.as_dict()
        assert held["rm_scores"].sum().item() == pytest.approx([1.0, 0.0, 1.0][number], abs=1e-6)
        assert set(held["extra_fields"]) == {SPANS, "reward_extra_info"}
        assert held["extra_fields"]["reward_extra_info"] == {"acc": answer["reward_score"]}
        rows.append(held["rm_scores"])
    found, _ = compute_assay_advantage(torch.stack(rows), torch.tensor([MASK] * 3), config={})
    # In the first rollout agents 0 and 1 voted right and agent 2 wrong: its message stands below theirs.
    first = [float(found[0][s.start]) for s in SPANS_OF_MASK]
    assert first[2] < first[0]
    assert torch.isfinite(found).all()


@needs_assayd
def test_the_board_leaves_a_summary_of_each_step(server: Assayd, tmp_path: Path) -> None:
    folder = tmp_path / "run"

    async def run() -> None:
        worker = manager(server.target, summaries=str(folder), episodes_per_step=3)
        board_of(server.target, [worker])
        for broken in (None, 1, 0):
            held = [session(i, 3) for i in range(3)]
            if broken is not None:
                held[broken].messages[0].process_score = 7.0
            await asyncio.gather(
                *(worker.run_single(Sessions([Item({EPISODE: e.to_json()})])) for e in held), return_exceptions=True
            )

    asyncio.run(run())
    told = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    assert [(step["step"], step["episodes"], step["failed"], step["groups"]) for step in told] == [
        (0, 3, 0, 1), (1, 3, 1, 1), (2, 3, 1, 1)]  # fmt: skip
    assert told[0]["metrics"]["score"] == pytest.approx(2 / 3)
    assert told[0]["roles"]["agent0"]["advantage"]["n"] == 3
    assert list(told[0]["tasks"]) == ["t"]
    with pytest.raises(ValueError, match="go together"):
        manager(server.target, summaries=str(folder))


def test_advantages_are_left_to_the_service_or_named() -> None:
    left, named = manager("nowhere"), manager("nowhere", blend=0.25, outcome_part="OUTCOME", credit_part="SCORES")
    assert not left._advantages.HasField("blend")
    assert (left._advantages.outcome, left._advantages.credit) == (0, 0)
    assert named._advantages.blend == 0.25
    assert named._advantages.outcome == options_pb2.OUTCOME_PART_OUTCOME
    assert named._advantages.credit == options_pb2.CREDIT_PART_SCORES


@needs_assayd
def test_validation_gets_the_score_alone(server: Assayd) -> None:
    async def run() -> dict[str, Any]:
        found: dict[str, Any] = await manager(server.target).run_single(
            Sessions([Item({EPISODE: session(0, 0).to_json()})])
        )
        return found

    assert asyncio.run(run()) == {"reward_score": 1.0, "reward_extra_info": {"acc": 1.0}}


@needs_assayd
def test_a_failed_episode_raises_instead_of_scoring_0(server: Assayd) -> None:
    from assay_rl import EpisodeError

    broken = session(0, 0)
    broken.messages[0].process_score = 7.0
    with pytest.raises(EpisodeError):
        asyncio.run(manager(server.target).run_single(Sessions([Item({EPISODE: broken.to_json()})])))
