"""Teams of several agents in TRL, with the user's evaluator inside the adapter: token by token as the plain client."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from assayd import Assayd, needs_assayd, running
from reruns import RERUN, coding_team
from rollouts import BROKEN, OPTIONS, PLAYS, ROLLOUTS, episodes, evaluate

import assay_rl
from assay_rl import Episode, Group, GroupScored, Message, each
from assay_rl.training.tokens import Span, runs

pytestmark = [pytest.mark.trainers, needs_assayd]
pytest.importorskip("trl")

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from tiny_models import COMMON, causal, tokenizer  # noqa: E402
from trl import GRPOConfig  # noqa: E402

from assay_rl.training.trl import AssayReward, CreditGRPOTrainer  # noqa: E402


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


def team(tmp_path: Path, server: Assayd, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "examples"))
    import trl_team

    tokens = tokenizer([*trl_team.QUESTIONS, "planner: solver: "] * 20)
    made = trl_team.trainer(
        causal(tokens), tokens, server.target, output_dir=str(tmp_path), max_steps=2, beta=0.0, **COMMON
    )
    return trl_team, made


def test_a_team_of_two_agents_trains_in_trl(tmp_path: Path, server: Assayd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both messages of each rollout get the plain client's advantages on their own tokens, and nothing else does."""
    example, trainer = team(tmp_path, server, monkeypatch)
    broken = 3

    def evaluate(episode: Any, questions: Any) -> list[float]:
        if episode.id.startswith(f"{broken}/"):
            raise RuntimeError("the sandbox is gone")
        return example.evaluate(episode, questions)

    reward = trainer.reward_funcs[0]
    reward._evaluator = evaluate
    trainer.model.train()
    torch.manual_seed(3)
    batch = [{"prompt": question} for question in example.QUESTIONS for _ in range(8)]
    output = trainer._generate_and_score_completions(batch)
    sent = []
    for number, sample in enumerate(reward.samples):
        held = sample.episode
        sent.append(Episode(held.id, held.messages, task=held.task, group=Group(f"g{number // 8}", 8)))
    options = {"advantages": {"scale": "OUTCOME_SCALE_SAMPLE", "epsilon": 1e-4}}
    with assay_rl.Client(server.target) as client:
        groups = client.score_batch(sent, options=options, evaluator=evaluate).groups
    for number, episode in enumerate(sent):
        mask = (output["completion_mask"] * output["tool_mask"])[number].tolist()
        row = output["advantages"][number].tolist()
        found = groups[f"g{number // 8}"]
        assert isinstance(found, GroupScored)
        if number == broken:
            assert found.missing == [episode.id]
            assert not any(row)
            continue
        wanted = [0.0] * len(row)
        for message, (start, end) in enumerate(runs(mask)):
            wanted[start:end] = [found.advantages[episode.id].messages[message]] * (end - start)
        assert row == pytest.approx(wanted, abs=1e-5)
        assert any(row)


def test_the_team_example_takes_two_steps(tmp_path: Path, server: Assayd, monkeypatch: pytest.MonkeyPatch) -> None:
    _, trainer = team(tmp_path, server, monkeypatch)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == 2
    assert all(math.isfinite(entry[key]) for entry in logged for key in ("loss", "reward", "grad_norm"))
    assert all(entry["grad_norm"] > 0 for entry in logged)


class Script:
    """Rollouts that are known beforehand, as TRL's rollout_func: a name before each message, which nobody wrote.

    trained: agents of the policy in training; what the other policy and tools wrote has no mask.
    """

    def __init__(self, tokens: Any, played: Sequence[Episode], trained: Sequence[str]) -> None:
        self.tokens, self.played, self.trained = tokens, played, trained

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        rows: dict[str, Any] = {"prompt_ids": [], "completion_ids": [], "env_mask": [], "number": [], "spans": []}
        for k, prompt in enumerate(prompts):
            number = k % len(self.played)
            written: list[int] = []
            mask: list[int] = []
            spans: list[tuple[int, int, int]] = []
            for index, message in enumerate(self.played[number].messages):
                header = self.tokens(f"\n{message.agent}: ")["input_ids"]
                own = self.tokens(message.content)["input_ids"]
                begin = len(written) + len(header)
                written += header + own
                mask += [0] * len(header) + [int(message.agent in self.trained)] * len(own)
                if message.agent and own:
                    spans.append((index, begin, begin + len(own)))
            entries = (self.tokens(prompt)["input_ids"], written, mask, number, spans)
            for key, value in zip(rows, entries, strict=True):
                rows[key].append(value)
        return {**rows, "logprobs": None}

    def build(self, prompt: str, completion: str, row: Mapping[str, Any]) -> tuple[Episode, Sequence[Span]]:
        """The episode as the tokens say it, without a score."""
        played, ids = self.played[row["number"]], row["completion_ids"]
        spans = [Span(*span) for span in row["spans"]]
        said = {span.message: self.tokens.decode(ids[span.start : span.end]) for span in spans}
        messages = [Message(m.agent, said.get(k, m.content)) for k, m in enumerate(played.messages)]
        return Episode("team", messages, agents=played.agents, task=played.task), spans

    def trainer(self, folder: Path, reward: AssayReward, **more: Any) -> CreditGRPOTrainer:
        size = len(self.played)
        arguments = GRPOConfig(
            output_dir=str(folder), num_generations=size, per_device_train_batch_size=size, beta=0.0, **COMMON, **more
        )
        return CreditGRPOTrainer(
            model=causal(self.tokens),
            processing_class=self.tokens,
            reward_funcs=reward,
            rollout_func=self,
            train_dataset=Dataset.from_list([{"prompt": "Build it."}] * size),
            args=arguments,
        )

    def advantages(self, trainer: CreditGRPOTrainer) -> list[list[float]]:
        """Of each token of each completion."""
        trainer.model.train()
        batch = trainer._generate_and_score_completions([{"prompt": "Build it."} for _ in self.played])
        rows: list[list[float]] = batch["advantages"].tolist()
        return rows


def test_groups_of_eight_with_three_to_seven_messages_of_two_policies(tmp_path: Path, server: Assayd) -> None:
    """The other policy's tokens and a tool's have no advantage; the trained one's have the plain client's."""
    tokens = tokenizer([m.content for e in episodes() for m in e.messages])
    script = Script(tokens, episodes(), ["builder"])
    reward = AssayReward(server.target, script.build, evaluator=evaluate, options=OPTIONS)
    rows = script.advantages(script.trainer(tmp_path, reward))
    expected = PLAYS[0].plain(server.target, scale="OUTCOME_SCALE_SAMPLE", epsilon=1e-4)
    assert {sum(bool(m.agent) for m in e.messages) for e in episodes()} == {3, 4, 5, 6, 7}
    assert len(rows) == ROLLOUTS
    for number, (row, sample, own) in enumerate(zip(rows, reward.samples, expected, strict=True)):
        wanted = [0.0] * len(row)
        if own is None:
            assert number == BROKEN
        else:
            for span in sample.spans or ():
                if episodes()[number].messages[span.message].agent == "builder":
                    wanted[span.start : span.end] = [own.messages[span.message]] * (span.end - span.start)
            assert any(row)
        assert row == pytest.approx(wanted, abs=1e-5)


def test_a_coding_team_whose_tests_run_again(tmp_path: Path, server: Assayd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator runs the tests on what is left of the module: inside the adapter as from the plain client."""
    coding = coding_team(monkeypatch)
    with assay_rl.Client(server.target) as client:
        options = {**RERUN, "advantages": {"scale": "OUTCOME_SCALE_SAMPLE", "epsilon": 1e-4}}
        batch = client.score_batch(coding.EPISODES, evaluator=each(coding.value), options=options)
    tokens = tokenizer([m.content for e in coding.EPISODES for m in e.messages])
    script = Script(tokens, coding.EPISODES, coding.AGENTS)
    reward = AssayReward(server.target, script.build, evaluator=each(coding.value), options=RERUN)
    trainer = script.trainer(tmp_path, reward, max_steps=1)
    rows = script.advantages(trainer)
    assert [s.signals.score for s in reward.samples if s.signals] == [1.0, 0.25, 0.5, 0.0] == batch.rewards()
    for row, sample, episode, outcome in zip(rows, reward.samples, coding.EPISODES, batch.outcomes, strict=True):
        assert sample.signals is not None
        assert {a.agent_id: a.credit for a in sample.signals.agents} == outcome.signals.credits
        own = batch.groups["module"].advantages[episode.id]
        wanted = [0.0] * len(row)
        for span in sample.spans or ():
            wanted[span.start : span.end] = [own.messages[span.message]] * (span.end - span.start)
        assert row == pytest.approx(wanted, abs=1e-5)
        assert any(row)
    torch.manual_seed(1)
    trainer.train()
    (logged,) = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert all(math.isfinite(logged[key]) for key in ("loss", "reward", "grad_norm"))
    assert logged["grad_norm"] > 0
