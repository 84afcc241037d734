"""OpenRLHF's reward function protocol; against its own executor where it is installed."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest
from fake_service import Behaviour, fake_server

from assay_rl import AssayError, Episode, Message
from assay_rl.course import Recorder
from assay_rl.training.openrlhf import AssayReward, episode_label, from_label


def label(score: float = 0.5) -> str:
    return episode_label(Episode("e", [Message("a", "before"), Message("b", "")], score=score))


def test_a_label_takes_what_the_policy_wrote() -> None:
    episode = from_label("PROMPT answer", "PROMPT ", label())
    assert [m.content for m in episode.messages] == ["before", "answer"]


def test_rewards() -> None:
    with fake_server() as server:
        reward = AssayReward(server.target)
        answer = reward(["PQ"], ["P"], [label()])
        assert answer == {"rewards": [0.5], "scores": [0.5], "extra_logs": {"first_error": -1.0}}
        assert reward(["PQ", "PR"], ["P", "P"], [label(0.25), label(1.0)])["rewards"] == [0.25, 1.0]
        assert server.record.streams == 1


def test_a_failure_is_never_a_zero() -> None:
    with fake_server(Behaviour(failing_ids=frozenset({"0/e"}))) as server:
        with pytest.raises(AssayError):
            AssayReward(server.target)(["PQ"], ["P"], [label()])
        answer = AssayReward(server.target, on_failure="nan")(["PQ"], ["P"], [label()])
        assert math.isnan(answer["rewards"][0])


def test_a_recorder_gets_every_result(tmp_path: Path) -> None:
    with (
        fake_server(Behaviour(failing_ids=frozenset({"2/e"}))) as server,
        Recorder(tmp_path, episodes_per_step=2) as recorder,
    ):
        reward = AssayReward(server.target, on_failure="nan", recorder=recorder)
        for query in ("PQ", "PR", "PS"):
            reward([query], ["P"], [label()])
    told = [json.loads(path.read_text()) for path in sorted(tmp_path.iterdir())]
    assert [(step["step"], step["episodes"], step["failed"]) for step in told] == [(0, 2, 0), (1, 1, 1)]


@pytest.mark.trainers
def test_their_executor_loads_and_calls_it(tmp_path: Path) -> None:
    agent = pytest.importorskip("openrlhf.utils.agent")
    torch = pytest.importorskip("torch")

    class Tokenizer:
        def __call__(self, text: str, **unused: Any) -> dict[str, Any]:
            return {"input_ids": torch.tensor([[ord(c) for c in text]])}

        def decode(self, tokens: list[int], **unused: Any) -> str:
            return "".join(map(chr, tokens))

    class Engine:
        async def generate(self, *unused: Any, **more: Any) -> Any:
            output = type("Output", (), {"token_ids": [ord("Q")], "finish_reason": "stop", "logprobs": None})
            return type("Request", (), {"outputs": [output]})

    sampling = type("Sampling", (), {"max_tokens": 8, "logprobs": None})()
    with fake_server() as server:
        module = tmp_path / "reward.py"
        module.write_text(
            f"from assay_rl.training.openrlhf import AssayReward\nreward_func = AssayReward({server.target!r})\n"
        )
        executor = agent.SingleTurnAgentExecutor(str(module))
        output = asyncio.run(executor.execute("P", label(0.75), sampling, 64, Tokenizer(), Engine()))
    assert output["reward"] == [0.75]
    assert output["extra_logs"] == {"first_error": -1.0}
    assert torch.tensor([output["scores"]])[0].item() == 0.75
