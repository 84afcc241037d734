"""A planner and a solver, played by one policy, trained with TRL on what each of their messages is worth.

    python trl_team.py MODEL          # needs assay-rl[trl]; the server is a private one of this process

Every completion is a whole rollout: both messages, and between them names that the policy did not write.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig

from assay_rl import Episode, Message, Question, Task
from assay_rl.training.trl import AssayReward, CreditGRPOTrainer

TEAM = ("planner", "solver")
QUESTIONS = ("Name a river.", "Name a colour.")


def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
    """TRL's rollout_func: the agents write in turn. env_mask is 1 on what the policy wrote, one run a message."""
    model, tokens = trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class
    rows: dict[str, Any] = {"prompt_ids": [], "completion_ids": [], "env_mask": [], "said": [], "logprobs": None}
    for prompt in prompts:
        asked, written, mask, said = tokens(prompt)["input_ids"], [], [], []
        for name in TEAM:
            header = tokens(f"\n{name}: ")["input_ids"]
            context = torch.tensor([asked + written + header], device=model.device)
            with torch.no_grad():
                whole = model.generate(context, max_new_tokens=16, min_new_tokens=2, do_sample=True)
            own = whole[0, context.shape[1] :].tolist()
            written, mask, said = written + header + own, mask + [0] * len(header) + [1] * len(own), [*said, own]
        for key, value in zip(("prompt_ids", "completion_ids", "env_mask"), (asked, written, mask), strict=True):
            rows[key].append(value)
        rows["said"].append(tokens.batch_decode(said, skip_special_tokens=True))
    return rows


def build(prompt: str, completion: str, row: Mapping[str, Any]) -> Episode:
    """The rollout as an episode. It has no score: the evaluator is asked what the team was worth, and parts of it."""
    return Episode("team", [Message(*said) for said in zip(TEAM, row["said"], strict=True)], task=Task(prompt=prompt))


def evaluate(episode: Any, questions: Sequence[Question]) -> list[float]:
    """What is the answer worth if only these agents had written? In earnest: run the tests on what is left."""
    letters = [sum(map(str.isalpha, m.content)) / max(1, len(m.content)) for m in episode.messages]
    return [sum(letters[k] for k in question.agents) / len(TEAM) for question in questions]


def trainer(model: Any, tokens: Any, server: str | None = None, **arguments: Any) -> CreditGRPOTrainer:
    return CreditGRPOTrainer(
        model=model,
        processing_class=tokens,
        reward_funcs=AssayReward(server, build, evaluator=evaluate),
        rollout_func=rollout,
        train_dataset=Dataset.from_list([{"prompt": question} for question in QUESTIONS]),
        args=GRPOConfig(num_generations=8, per_device_train_batch_size=16, **arguments),
    )


if __name__ == "__main__":
    name = sys.argv[1]
    trainer(AutoModelForCausalLM.from_pretrained(name), AutoTokenizer.from_pretrained(name), max_steps=100).train()
