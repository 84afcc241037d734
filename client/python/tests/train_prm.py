"""Trains TRL's PRMTrainer on exported rows: train_prm.py ROWS.jsonl OUTPUT_FOLDER. Prints the loss over the same rows
before and after: from one batch to another it differs by more than twenty steps change it.

TRL took PRMTrainer out after 1.13, so it runs in a process of its own with that version on its path.
"""

from __future__ import annotations

import json
import sys

from datasets import load_dataset
from tiny_models import COMMON, classifier, tokenizer
from trl.experimental.prm import PRMConfig, PRMTrainer


def main(rows: str, output: str) -> None:
    data = load_dataset("json", data_files=rows, split="train")
    tokens = tokenizer(step for row in data for step in row["completions"])
    arguments = PRMConfig(output_dir=output, max_steps=20, per_device_train_batch_size=4, max_length=256, **COMMON)
    trainer = PRMTrainer(
        model=classifier(tokens),
        args=arguments,
        train_dataset=data,
        processing_class=tokens,
        eval_dataset=data.select(range(min(len(data), 64))),
    )
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    print(json.dumps([before, trainer.evaluate()["eval_loss"]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
