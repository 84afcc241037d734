"""A training run as a course of steps: what is kept of each step, and what became different between them.

    with Recorder("run", [TensorBoardLogger("logs")]) as recorder:
        for step in range(1000):
            batch = client.score_batch(episodes)
            results = [o.proto for o in (*batch.outcomes, *batch.groups.values()) if o.ok]
            recorder.record(step, results, [e.to_proto() for e in episodes])

`assay-rl report run` shows the course while it goes on and afterwards.
"""

from __future__ import annotations

from .loggers import Logger, MlflowLogger, TensorBoardLogger, WandbLogger
from .recorder import Recorder
from .summary import StepSummary

__all__ = ["Logger", "MlflowLogger", "Recorder", "StepSummary", "TensorBoardLogger", "WandbLogger"]
