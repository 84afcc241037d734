"""TRL for real, on CPU, with assayd: GRPO with our reward and trainer; DPO, KTO and PRM on our exports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from assayd import DYLAN_MMLU, Assayd, episodes, needs_assayd, records, running

import assay_rl
from assay_rl import Alternative, Episode, Message, Task
from assay_rl.convert import from_record
from assay_rl.course import Recorder
from assay_rl.training import exports
from assay_rl.training.group_board import in_group
from assay_rl.training.tokens import Span

pytestmark = [pytest.mark.trainers, needs_assayd]
pytest.importorskip("trl")

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from tiny_models import COMMON, causal, losses, tokenizer  # noqa: E402
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer  # noqa: E402

from assay_rl.training.trl import AssayReward, CreditGRPOTrainer  # noqa: E402

QUESTIONS = ["Which letter comes first? ", "Name a vowel. ", "Say something short. ", "Count to three. "]


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


# GRPO.


def halves(prompt: str, completion: str, row: Mapping[str, Any]) -> tuple[Episode, Sequence[Span]]:
    """A completion as two messages of two roles; the share of letters in each half judges it."""
    length = len(row["completion_ids"])
    middle = max(1, length // 2)
    cut = len(completion) // 2
    parts = [completion[:cut], completion[cut:]]
    shares = [sum(c.isalpha() for c in part) / max(1, len(part)) for part in parts]
    messages = [
        Message(role, part, process_score=2 * share - 1)
        for role, part, share in zip(("planner", "solver"), parts, shares, strict=True)
    ]
    score = float(sum(shares) / 2)
    if row.get("spoil") and sum(completion.encode()) % 3 == 0:
        messages[0].process_score = 9.0  # out of range: the server refuses this episode
    spans = [Span(0, 0, middle), *([Span(1, middle, length)] if middle < length else [])]
    return Episode("", messages, task=Task(prompt=prompt), score=score), spans


def grpo(
    tmp_path: Path,
    server: Assayd,
    trainer_class: type[Any],
    spoil: bool = False,
    recorder: Recorder | None = None,
    **more: Any,
) -> Any:
    tokens = tokenizer(QUESTIONS * 20)
    reward = AssayReward(server.target, halves, options={"outcome": {}}, recorder=recorder)
    arguments = GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=12,
        max_steps=3,
        beta=0.0,
        **COMMON,
    )
    data = Dataset.from_list([{"prompt": q, "spoil": spoil} for q in QUESTIONS])
    return trainer_class(
        model=causal(tokens), reward_funcs=reward, args=arguments, train_dataset=data, processing_class=tokens, **more
    )


def one_batch(trainer: Any, seed: int = 3) -> dict[str, Any]:
    trainer.model.train()
    batch = [{"prompt": q, "spoil": trainer.train_dataset[0]["spoil"]} for q in QUESTIONS[:2] for _ in range(4)]
    torch.manual_seed(seed)
    output: dict[str, Any] = trainer._generate_and_score_completions(batch)
    return output


def test_grpo_trains_with_credit(tmp_path: Path, server: Assayd) -> None:
    trainer = grpo(tmp_path, server, CreditGRPOTrainer)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == 3
    assert all(abs(entry["loss"]) < 100 for entry in logged)
    assert all(entry["grad_norm"] > 0 for entry in logged)


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, CreditGRPOTrainer])
def test_training_leaves_a_summary_of_every_step(tmp_path: Path, server: Assayd, trainer_class: type[Any]) -> None:
    with Recorder(tmp_path / "steps") as recorder:
        trainer = grpo(tmp_path, server, trainer_class, spoil=True, recorder=recorder)
        trainer.train()
    told = [json.loads(path.read_text()) for path in sorted((tmp_path / "steps").iterdir())]
    assert [step["step"] for step in told] == [0, 1, 2]
    for step in told:
        assert step["episodes"] == 8
        assert sorted(step["roles"]) == ["planner", "solver"]
        assert step["metrics"]["score"] is not None
    credited = trainer_class is CreditGRPOTrainer
    assert [step["groups"] for step in told] == ([2, 2, 2] if credited else [0, 0, 0])
    assert all((step["roles"]["solver"]["advantage"] is not None) == credited for step in told)
    logged = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    assert [step["metrics"]["score"] for step in told] == pytest.approx(logged, abs=1e-4)


def test_blend_0_is_trls_own_grpo(tmp_path: Path, server: Assayd) -> None:
    own = one_batch(grpo(tmp_path, server, GRPOTrainer))
    ours = one_batch(grpo(tmp_path, server, CreditGRPOTrainer, blend=0.0))
    assert torch.equal(own["completion_ids"], ours["completion_ids"])
    expected = own["advantages"].unsqueeze(1) * ours["completion_mask"]
    assert own["advantages"].abs().max() > 0.1
    torch.testing.assert_close(ours["advantages"], expected, atol=1e-6, rtol=0)


def test_the_services_outcome_advantage_is_trls_own(tmp_path: Path, server: Assayd) -> None:
    trainer = grpo(tmp_path, server, GRPOTrainer)
    own = one_batch(trainer)["advantages"]
    reward = trainer.reward_funcs[0]
    signals = [s.signals for s in reward.samples]
    for number, held in enumerate(signals):
        held.group.id, held.group.size = str(number // 4), 4
    groups = reward.client.advantages(signals, options={"blend": 0.0, "scale": "OUTCOME_SCALE_SAMPLE", "epsilon": 1e-4})
    found = [groups[str(n // 4)].advantages[s.episode_id].outcome for n, s in enumerate(signals)]
    torch.testing.assert_close(torch.tensor(found), own, atol=1e-6, rtol=0)


def votes(prompt: str, completion: str, row: Mapping[str, Any]) -> tuple[Episode, Sequence[Span]]:
    """A completion as the votes of two roles, one a half, beside a third that always votes right."""
    episode, spans = halves(prompt, completion, {**row, "spoil": False})
    for message in episode.messages:
        message.process_score = None
        message.answer = "even" if sum(message.content.encode()) % 2 == 0 else "odd"
        message.round = 1
    episode.messages.append(Message("judge", "", round=1, answer="even"))
    episode.task.reference_answer = "even"
    episode.score = float(sum(m.answer == "even" for m in episode.messages) >= 2)
    return episode, spans


def test_what_the_team_is_worth_without_an_author_leaves_its_advantage(tmp_path: Path, server: Assayd) -> None:
    """CONTROL with blend 0: the service's own numbers, message by message, on TRL's scale."""
    trainer = grpo(tmp_path, server, CreditGRPOTrainer, blend=0.0)
    trainer._assay._build = votes
    trainer._assay.options.Clear()
    for seed in range(20):
        output = one_batch(trainer, seed)
        samples = trainer._assay.samples
        if len({s.signals.score for s in samples[:4]}) > 1:
            break
    signals = [in_group(s.signals, str(n // 4), 4) for n, s in enumerate(samples)]
    options = {"blend": 0.0, "scale": "OUTCOME_SCALE_SAMPLE", "epsilon": 1e-4}
    groups = trainer._assay.client.advantages(signals, options=options)
    assert {g.outcome_part for g in groups.values()} == {"CONTROL"}
    for number, (sample, row) in enumerate(zip(samples, output["advantages"], strict=True)):
        own = groups[str(number // 4)].advantages[sample.episode.id]
        for span in sample.spans:
            assert float(row[span.start]) == pytest.approx(own.messages[span.message], abs=1e-5)


def test_a_part_must_have_a_name_of_the_service(tmp_path: Path, server: Assayd) -> None:
    with pytest.raises(ValueError, match="BEST"):
        grpo(tmp_path, server, CreditGRPOTrainer, credit_part="BEST")
    with pytest.raises(ValueError, match="blend"):
        grpo(tmp_path, server, CreditGRPOTrainer, blend=2.0)


def test_a_part_that_no_group_supports_leaves_trls_own(
    tmp_path: Path, server: Assayd, caplog: pytest.LogCaptureFixture
) -> None:
    own = one_batch(grpo(tmp_path, server, GRPOTrainer))
    ours = one_batch(grpo(tmp_path, server, CreditGRPOTrainer, outcome_part="CONTROL"))
    expected = own["advantages"].unsqueeze(1) * ours["completion_mask"]
    torch.testing.assert_close(ours["advantages"], expected, atol=1e-6, rtol=0)
    assert "options.advantages.outcome" in caplog.text


def test_conserved_rewards_cancel_in_trl_and_blend_does_not(tmp_path: Path, server: Assayd) -> None:
    ours = one_batch(grpo(tmp_path, server, CreditGRPOTrainer, blend=0.5))
    differing = 0
    for row, mask in zip(ours["advantages"], ours["completion_mask"], strict=True):
        values = {round(float(x), 5) for x, bit in zip(row, mask, strict=True) if bit}
        assert 1 <= len(values) <= 2  # one value a message
        differing += len(values) == 2
    assert differing >= 4
    assert torch.all(ours["advantages"][ours["completion_mask"] == 0] == 0)


def test_a_failed_episode_is_none_and_moves_nothing(tmp_path: Path, server: Assayd) -> None:
    trainer = grpo(tmp_path, server, CreditGRPOTrainer, spoil=True, blend=0.5)
    for seed in range(20):
        output = one_batch(trainer, seed)
        failed = [s.signals is None for s in trainer._assay.samples]
        if any(failed) and not all(failed):
            break
    assert any(failed)
    assert not all(failed)
    for row, bad in zip(output["advantages"], failed, strict=True):
        if bad:
            assert torch.all(row == 0)
    assert torch.isfinite(output["advantages"]).all()


def test_an_absent_server_gives_none_for_every_completion(server: Assayd) -> None:
    import asyncio

    reward = AssayReward("127.0.0.1:1", halves, reconnect_timeout=0.3)
    found = asyncio.run(reward(["p"], ["completion"], completion_ids=[[1, 2, 3]], spoil=[False]))
    assert found == [None]


# Exports of real episodes.


def scored(server: Assayd, held: Sequence[Episode], options: Mapping[str, Any] | None = None) -> exports.Material:
    with assay_rl.Client(server.target) as client:
        outcomes = list(client.score(held, options=options))
    assert all(o.ok for o in outcomes)
    return exports.Material.of(held, outcomes)


def clip(rows: Sequence[dict[str, Any]], length: int = 300) -> list[dict[str, Any]]:
    """The ends of prompts and the beginnings of completions: a tiny model has a short memory."""
    return [
        {k: v[-length:] if k == "prompt" else v[:length] if isinstance(v, str) else v for k, v in row.items()}
        for row in rows
    ]


def with_alternatives() -> list[Episode]:
    """Failed debates in which somebody was right: what he said in the first round, next to what the others said there.

    Messages of one round were written after the same context, so they are alternatives to each other.
    """
    made = []
    for record in records("dylan_mmlu_3agents"):
        episode = from_record(record)
        first_round = [m for m in episode.messages if m.round == 1]
        right = [m for m in first_round if m.answer == episode.task.reference_answer]
        if episode.score or not right or len(right) == len(first_round):
            continue
        for message in episode.messages:
            good = message.answer == episode.task.reference_answer
            message.process_score = 0.9 if good else -0.9
            if message.round == 1 and not good:
                message.alternatives = [Alternative(right[0].content, 1.0)]
        made.append(episode)
    return made[:200]


def siblings() -> list[Episode]:
    """Debates of three and of seven agents on the same question, as the rollouts of one group."""
    by_task: dict[str, list[Episode]] = {}
    for episode in [*episodes("dylan_mmlu_3agents"), *episodes("dylan_mmlu_7agents")]:
        by_task.setdefault(episode.task.prompt, []).append(episode)
    groups = [g for g in by_task.values() if len({e.score for e in g}) > 1]
    return [e for number, group in enumerate(groups) for e in assay_rl.client.episodes.regroup(group, f"g{number}")]


@pytest.mark.parametrize("source", [with_alternatives, siblings])
def test_dpo_trains_on_the_export(tmp_path: Path, server: Assayd, source: Callable[[], list[Episode]]) -> None:
    rows = clip(list(exports.dpo(scored(server, source(), DYLAN_MMLU))))
    assert len(rows) >= 20
    data = Dataset.from_list(rows)
    tokens = tokenizer(row[side] for row in rows for side in ("chosen", "rejected"))
    arguments = DPOConfig(
        output_dir=str(tmp_path), max_steps=20, per_device_train_batch_size=8, max_length=160, **COMMON
    )
    trainer = DPOTrainer(
        model=causal(tokens), ref_model=causal(tokens), args=arguments, train_dataset=data, processing_class=tokens
    )
    trainer.train()
    first, last = losses(trainer)
    assert last < first


@pytest.mark.parametrize("name", ["whowhen_ag", "dylan"])
def test_kto_trains_on_the_export(tmp_path: Path, server: Assayd, name: str) -> None:
    # Who&When has undesirable messages only; KTO needs both kinds, so DyLAN's good ones stand beside them.
    rows = list(exports.kto(scored(server, episodes("dylan_mmlu_3agents", 40), DYLAN_MMLU)))
    if name == "whowhen_ag":
        rows = rows[:120] + list(exports.kto(scored(server, episodes("whowhen_ag"))))
    else:
        rows = rows[:120] + list(exports.kto(scored(server, with_alternatives()[:60], DYLAN_MMLU)))
    rows = clip(rows)
    assert {row["label"] for row in rows} == {True, False}
    data = Dataset.from_list(rows).shuffle(seed=1)
    tokens = tokenizer(row["completion"] for row in rows)
    arguments = KTOConfig(
        output_dir=str(tmp_path), max_steps=20, per_device_train_batch_size=8, max_length=160, **COMMON
    )
    trainer = KTOTrainer(
        model=causal(tokens), ref_model=causal(tokens), args=arguments, train_dataset=data, processing_class=tokens
    )
    trainer.train()
    first, last = losses(trainer)
    assert last < first


def prm_path() -> str | None:
    """Where TRL's PRMTrainer is: in the installed TRL, or in the folder that ASSAY_TRL_PRM names."""
    try:
        import trl.experimental.prm  # noqa: F401
    except ImportError:
        return os.environ.get("ASSAY_TRL_PRM")
    return ""


@pytest.mark.parametrize("name", ["whowhen_ag", "dylan"])
def test_prm_trains_on_the_export(tmp_path: Path, server: Assayd, name: str) -> None:
    path = prm_path()
    if path is None:
        pytest.skip("the installed TRL has no PRMTrainer; ASSAY_TRL_PRM names a folder with TRL 1.13")
    if name == "whowhen_ag":
        material = scored(server, episodes("whowhen_ag"))
    else:
        won = [e for e in episodes("dylan_mmlu_3agents", 80) if e.score]
        material = scored(server, [*won, *with_alternatives()[:60]], DYLAN_MMLU)
    rows = [
        {
            "prompt": row["prompt"][-200:],
            "completions": [step[:120] for step in row["completions"]],
            "labels": row["labels"],
        }
        for row in exports.prm(material)
    ]
    assert {label for row in rows for label in row["labels"]} == {True, False}
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, str(here / "train_prm.py"), str(file), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(here)]))},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert after < before
