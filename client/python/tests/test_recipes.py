"""The code of every recipe runs, against objects with the fields and signatures that its trainer has."""

from __future__ import annotations

import asyncio
import math
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running

from assay_rl import Episode, Message, Task

RECIPES = Path(__file__).resolve().parents[1] / "recipes"

pytestmark = needs_assayd


def code_of(name: str) -> dict[str, Any]:
    blocks = re.findall(r"```python\n(.*?)```", (RECIPES / f"{name}.md").read_text(), re.S)
    assert blocks
    scope: dict[str, Any] = {"__name__": name}
    exec(compile("\n".join(blocks), f"{name}.md", "exec"), scope)
    return scope


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def team(number: int, broken: bool = False) -> Episode:
    answers = ["A", "AB"[number % 2], "B"]
    messages = [Message("xyz"[i], f"{number} {i} says {a}", 1, a) for i, a in enumerate(answers)]
    if broken:
        messages[0].process_score = 9.0
    return Episode(str(number), messages, task=Task("t", "Q?", "A"), score=float(answers.count("A") > 1))


def test_rllm(server: Assayd) -> None:
    def steps() -> list[tuple[Any, int]]:
        return [(SimpleNamespace(response_ids=[1] * (i + 1), advantage=None, reward=0.0), i) for i in range(3)]

    rollouts = [(team(i, broken=i == 3), steps()) for i in range(4)]
    kept = code_of("rllm")["assign_credit"](rollouts, server.target)
    assert len(kept) == 3
    for _, placed in kept:
        for step, _ in placed:
            assert len(step.advantage) == len(step.response_ids)
            assert len(set(step.advantage)) == 1
    values = [[step.advantage[0] for step, _ in placed] for _, placed in kept]
    assert values[0][0] > values[0][2]  # in the won vote, for A above for B
    assert all(step.advantage is None for step, _ in rollouts[3][1])


def test_areal(server: Assayd) -> None:
    class Interactions:
        def __init__(self) -> None:
            self.rewards: dict[str, float] = {}
            self.discount: float | None = None

        def set_reward(self, id: str, reward: float) -> None:
            self.rewards[id] = reward

        def apply_reward_discount(self, turn_discount: float = 1.0) -> None:
            self.discount = turn_discount

        def export_interactions(self, style: str) -> dict[str, float]:
            assert style == "individual"
            assert self.discount == 0.0
            return self.rewards

    async def play(engine: Any, data: Any) -> tuple[Any, Episode, dict[int, str]]:
        return Interactions(), team(0, broken=data == "broken"), {0: "c0", 2: "c2"}

    async def run() -> list[Any]:
        workflow = code_of("areal")["CreditWorkflow"](play, server.target)
        return [await workflow.arun_episode(None, data) for data in ("fine", "broken")]

    fine, broken = asyncio.run(run())
    assert broken is None
    assert set(fine) == {"c0", "c2"}
    assert fine["c0"] > fine["c2"]


def test_prime_rl(server: Assayd) -> None:
    def node(mask: list[int]) -> Any:
        return SimpleNamespace(mask=mask, token_ids=list(range(len(mask))), advantages=None)

    def episode(number: int) -> Any:
        traces = [SimpleNamespace(id=f"{number}/{i}", nodes=[node([0, 0]), node([0, 1, 1])]) for i in range(3)]
        return SimpleNamespace(number=number, traces=traces)

    def build(held: Any) -> tuple[Episode, dict[str, list[int]]]:
        places = {trace.id: [i] for i, trace in enumerate(held.traces)}
        return team(held.number, broken=held.number == 3), places

    def assign_advantages(trace: Any, values: list[float]) -> None:
        assert len(values) == sum(sum(n.mask) for n in trace.nodes)
        trace.values = values

    episodes = [episode(i) for i in range(4)]
    algorithm = code_of("prime_rl")["AssayCredit"](build, assign_advantages, server.target)
    asyncio.run(algorithm.score_group(episodes))
    assert episodes[0].traces[0].values[0] > episodes[0].traces[2].values[0]
    assert all(t.values == [0.0, 0.0] for t in episodes[3].traces)


def test_slime(server: Assayd, monkeypatch: pytest.MonkeyPatch) -> None:
    actors: dict[str, Any] = {}

    class Handle:
        """A Ray actor's handle, calling at once."""

        def __init__(self, held: Any) -> None:
            self._held = held

        def __getattr__(self, name: str) -> Any:
            return SimpleNamespace(remote=getattr(self._held, name))

    def remote(held: type) -> Any:
        def options(name: str, **unused: Any) -> Any:
            return SimpleNamespace(remote=lambda: Handle(actors.setdefault(name, held())))

        return SimpleNamespace(options=options)

    class Tensor(list[float]):
        device = "cpu"

        def __mul__(self, mask: Any) -> Tensor:
            return Tensor(a * b for a, b in zip(self, mask, strict=True))

        def clone(self) -> Tensor:
            return Tensor(self)

    ray: Any = types.ModuleType("ray")
    ray.remote, ray.get = remote, lambda value: value
    torch: Any = types.ModuleType("torch")
    torch.tensor, torch.float32 = (lambda row, **unused: Tensor(row)), None
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setenv("ASSAY_SERVER", server.target)

    samples = [
        SimpleNamespace(
            index=10 * rollout + agent,
            rollout_id=rollout,
            group_index=0,
            response_length=4,
            remove_sample=False,
            metadata={"assay_episode": team(rollout, rollout == 3).to_json(), "assay_spans": [[agent, 1, 3]]},
        )
        for rollout in range(4)
        for agent in (0, 2)
    ]
    recipe = code_of("slime")
    raw, rewards = recipe["post_process_rewards"](None, samples)
    assert raw[:6] == rewards[:6] == [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    assert all(math.isnan(x) for x in raw[6:])
    assert [s.remove_sample for s in samples] == [False] * 6 + [True] * 2
    indices = [samples[k].index for k in (5, 0, 1)]
    rollout_data: dict[str, Any] = {"sample_indices": indices, "loss_masks": [Tensor([1, 1, 1, 0])] * 3}
    recipe["advantages"](None, rollout_data)
    first, second = rollout_data["advantages"][1:]
    assert first[0] == first[3] == 0
    assert first[1] == first[2] > second[1]
    assert rollout_data["returns"] == rollout_data["advantages"]
