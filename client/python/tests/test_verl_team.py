"""Teams in verl, from the agent loop to the estimator, token by token as the plain client; needs verl installed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running
from rollouts import BROKEN, OPTIONS, PLAYS, ROLLOUTS, episodes

from assay_rl import Client, Episode, EpisodeError, Group, GroupScored

pytestmark = [pytest.mark.trainers, needs_assayd]
pytest.importorskip("verl")

import torch  # noqa: E402
from verl_parts import Item, Sessions, board_of, manager  # noqa: E402

from assay_rl.training.verl import EPISODE, SPANS, CreditedOutput, compute_assay_advantage  # noqa: E402


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def test_the_team_example_runs_from_its_loop_to_the_estimator(server: Assayd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rollouts of two agents through the agent loop, the reward manager and the estimator of verl."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "examples"))
    import verl_team

    class Tokens:
        apply_chat_template = staticmethod(lambda *_, **__: [1, 2])
        encode = staticmethod(lambda text, **__: [ord(c) for c in text])
        decode = staticmethod(lambda ids, **__: "".join(map(chr, ids)))

    answers = iter(["plan 1", "solve", "0000", "right", "plan 2!", "12345", "1", "letters"])

    class Engine:
        async def generate(self, **asked: Any) -> Any:
            assert asked["prompt_ids"][:2] == [1, 2]
            return SimpleNamespace(token_ids=[ord(c) for c in next(answers)] + [33])

    loop = object.__new__(verl_team.TeamLoop)
    loop.tokenizer, loop.server_manager, loop.rollout_config = Tokens, Engine(), SimpleNamespace(n=4)
    row = {"raw_prompt": [{"role": "user", "content": "Name a river."}], "uid": "u"}

    async def run() -> tuple[list[Any], list[dict[str, Any]]]:
        outputs = [await loop.run({}, **row) for _ in range(4)]
        workers = [manager(server.target, options={}, evaluator="verl_team:evaluate") for _ in outputs]
        board_of(server.target, workers)
        told = await asyncio.gather(
            *(w.run_single(Sessions([Item(o.extra_fields)])) for w, o in zip(workers, outputs, strict=True))
        )
        return outputs, list(told)

    assert loop_of_validation(verl_team, Tokens, row) is None
    outputs, told = asyncio.run(run())
    episodes = [Episode.from_json(output.extra_fields[EPISODE]) for output in outputs]
    options = {"advantages": {"scale": "OUTCOME_SCALE_SAMPLE", "epsilon": 1e-6}}
    with Client(server.target) as client:
        batch = client.score_batch(episodes, options=options, evaluator=verl_team.evaluate)
    expected = batch.groups["u"]
    assert isinstance(expected, GroupScored)
    for output, answer, episode in zip(outputs, told, episodes, strict=True):
        output.reward_score = answer["reward_score"]
        output.extra_fields["reward_extra_info"] = answer["reward_extra_info"]
        spans = output.extra_fields[SPANS]
        held = output.as_dict()
        mask = held["response_mask"].unsqueeze(0)
        found, _ = compute_assay_advantage(held["rm_scores"].unsqueeze(0), mask, config={})
        wanted = torch.zeros(len(output.response_ids))
        for message, start, end in spans:
            wanted[start:end] = expected.advantages[episode.id].messages[message]
        torch.testing.assert_close(found[0], wanted, atol=1e-5, rtol=0)
        assert held["rm_scores"].sum().item() == pytest.approx(answer["reward_score"], abs=1e-5)
    assert any(value for own in expected.advantages.values() for value in own.messages.values())


def loop_of_validation(verl_team: Any, tokens: Any, row: dict[str, Any]) -> Group | None:
    """The group of a rollout of a validation row."""

    class Engine:
        async def generate(self, **asked: Any) -> Any:
            return SimpleNamespace(token_ids=[33])

    loop = object.__new__(verl_team.TeamLoop)
    loop.tokenizer, loop.server_manager, loop.rollout_config = tokens, Engine(), SimpleNamespace(n=4)
    output = asyncio.run(loop.run({}, **row, extra_info={"split": "test"}))
    return Episode.from_json(output.extra_fields[EPISODE]).group


def outputs_of(episode: Episode) -> list[CreditedOutput]:
    """A sequence for each policy: what its messages say, and after each what somebody else said."""
    made = []
    for agent in ("builder", "saboteur"):
        spans: list[list[int]] = []
        mask: list[int] = []
        for index, message in enumerate(episode.messages):
            if message.agent == agent:
                spans.append([index, len(mask), len(mask) + 2 + index % 3])
                mask += [1] * (2 + index % 3) + [0]
        fields: dict[str, Any] = {SPANS: spans}
        ids = list(range(len(mask)))
        made.append(
            CreditedOutput(prompt_ids=[1], response_ids=ids, response_mask=mask, metrics={}, extra_fields=fields)
        )
    made[-1].extra_fields[EPISODE] = episode.to_json()
    return made


async def answers_of(server: Assayd, sessions: Sequence[list[CreditedOutput]]) -> list[Any]:
    """What the reward managers of several workers say of each session: a dictionary, or what was raised."""
    workers = [manager(server.target, options=OPTIONS, evaluator="rollouts:evaluate") for _ in sessions]
    board_of(server.target, workers)
    asked = (
        worker.run_single(Sessions([Item(output.extra_fields) for output in outputs]))
        for worker, outputs in zip(workers, sessions, strict=True)
    )
    return list(await asyncio.gather(*asked, return_exceptions=True))


def test_groups_of_eight_with_three_to_seven_messages_of_two_policies(server: Assayd) -> None:
    held = episodes()
    for episode in held:
        episode.group = Group("prompt", ROLLOUTS)
    sessions = [outputs_of(episode) for episode in held]
    answers = asyncio.run(answers_of(server, sessions))
    expected = PLAYS[0].plain(server.target, scale="OUTCOME_SCALE_SAMPLE", epsilon=1e-6)
    for number, (outputs, answer, own) in enumerate(zip(sessions, answers, expected, strict=True)):
        if own is None:
            assert number == BROKEN
            assert isinstance(answer, EpisodeError)
            continue
        for output in outputs:
            output.reward_score = answer["reward_score"]
            output.extra_fields["reward_extra_info"] = answer["reward_extra_info"]
            spans = output.extra_fields[SPANS]
            row = output.as_dict()
            found, _ = compute_assay_advantage(
                row["rm_scores"].unsqueeze(0), row["response_mask"].unsqueeze(0), config={}
            )
            wanted = torch.zeros(len(output.response_ids))
            for message, start, end in spans:
                wanted[start:end] = own.messages[message]
            torch.testing.assert_close(found[0], wanted, atol=1e-5, rtol=0)
            assert row["rm_scores"].sum().item() == pytest.approx(answer["reward_score"], abs=1e-5)
