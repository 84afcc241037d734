"""Models and tokenizers small enough to train in seconds: built from a configuration, on the spot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForTokenClassification,
    PreTrainedTokenizerFast,
    set_seed,
)


def tokenizer(texts: Iterable[str]) -> Any:
    made = Tokenizer(models.BPE(unk_token=None))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<pad>", "<eos>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", padding_side="left")


def _config(tokens: Any, **more: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        pad_token_id=tokens.pad_token_id,
        eos_token_id=tokens.eos_token_id,
        bos_token_id=tokens.eos_token_id,
        **more,
    )


def causal(tokens: Any) -> Any:
    set_seed(1)
    return LlamaForCausalLM(_config(tokens))


def classifier(tokens: Any) -> Any:
    set_seed(1)
    return LlamaForTokenClassification(_config(tokens, num_labels=2))


def losses(trainer: Any) -> tuple[float, float]:
    """Mean loss of the first and of the last fifth of the logged steps."""
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    fifth = max(1, len(logged) // 5)
    return sum(logged[:fifth]) / fifth, sum(logged[-fifth:]) / fifth


# Threads that wait for each other at every step gain nothing on models this small and lose much on a busy machine.
torch.set_num_threads(1)

COMMON: dict[str, Any] = {
    "report_to": "none",
    "use_cpu": True,
    "logging_steps": 1,
    "save_strategy": "no",
    "disable_tqdm": True,
    "learning_rate": 2e-3,
    "lr_scheduler_type": "constant",
}
