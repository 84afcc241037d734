"""Steps in TensorBoard, Weights & Biases and MLflow: scalars, a table of roles and histograms, each under "assay/".

Every logger takes the package it is named after, which is imported when it is made. Numbers that are not known are not
logged; none becomes 0.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from typing import Any, Protocol

from .histogram import Histogram, histogram
from .metrics import ROLE_METRICS, role_metrics, scalars
from .summary import Json

PREFIX = "assay/"
_BATCH = 1000  # metrics that MLflow takes at once


class Logger(Protocol):
    """Takes the summary of each step (`StepSummary.to_json()`), in order."""

    def log(self, summary: Json) -> None: ...

    def close(self) -> None: ...


def _step(summary: Json) -> int:
    return int(summary["step"] or 0)


def _roles(summary: Json) -> tuple[list[str], list[list[Any]]]:
    """A row a role: its numbers by the names of ROLE_METRICS."""
    columns = ["role", "episodes", *ROLE_METRICS]
    rows = []
    for role, entry in summary["roles"].items():
        known = role_metrics(entry)
        rows.append([role, entry["episodes"], *(known[name] for name in ROLE_METRICS)])
    return columns, rows


def _histograms(summary: Json) -> Iterator[tuple[str, Histogram, Json]]:
    for role, entry in summary["roles"].items():
        for name in ("credit", "share", "advantage"):
            if entry[name]:
                yield f"distributions/{role}/{name}", histogram(entry[name]), entry[name]


class TensorBoardLogger:
    """Event files in `folder`, for `tensorboard --logdir`. Needs the package tensorboard, not TensorFlow or torch."""

    def __init__(self, folder: str) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary, self._tensor, self._types = event_pb2, summary_pb2, tensor_pb2, types_pb2
        self._writer = EventFileWriter(folder)

    def log(self, summary: Json) -> None:
        values = [
            self._summary.Summary.Value(tag=PREFIX + name, simple_value=value)
            for name, value in scalars(summary).items()
        ]
        for name, drawn, told in _histograms(summary):
            values.append(self._summary.Summary.Value(tag=PREFIX + name, histo=self._histogram(drawn, told)))
        values.append(self._table(summary))
        event = self._event.Event(wall_time=time.time(), step=_step(summary))
        event.summary.value.extend(values)
        self._writer.add_event(event)

    def _histogram(self, drawn: Histogram, told: Json) -> Any:
        squares = told["n"] * (told["spread"] ** 2 + told["mean"] ** 2)
        return self._summary.HistogramProto(
            min=drawn.edges[0],
            max=drawn.edges[-1],
            num=told["n"],
            sum=told["n"] * told["mean"],
            sum_squares=squares,
            # Its bins reach from one limit to the next; the first limit begins them.
            bucket_limit=drawn.edges,
            bucket=[0.0, *drawn.counts],
        )

    def _table(self, summary: Json) -> Any:
        columns, rows = _roles(summary)
        lines = ["|".join(columns), "|".join("---" for _ in columns)]
        lines += ["|".join("" if cell is None else _markdown(cell) for cell in row) for row in rows]
        metadata = self._summary.SummaryMetadata(
            plugin_data=self._summary.SummaryMetadata.PluginData(plugin_name="text")
        )
        tensor = self._tensor.TensorProto(dtype=self._types.DT_STRING, string_val=["\n".join(lines).encode()])
        return self._summary.Summary.Value(tag=PREFIX + "roles", metadata=metadata, tensor=tensor)

    def close(self) -> None:
        self._writer.close()


def _markdown(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else re.sub(r"[|\r\n<>&]", " ", str(cell))


class WandbLogger:
    """A run of Weights & Biases: one that is going on, or a new one made of `init` (arguments of wandb.init)."""

    def __init__(self, run: Any = None, **init: Any) -> None:
        import wandb

        self._wandb = wandb
        self._own = run is None
        self._run = wandb.init(**init) if run is None else run
        self._run.define_metric(PREFIX + "step", hidden=True)
        self._run.define_metric(PREFIX + "*", step_metric=PREFIX + "step")

    def log(self, summary: Json) -> None:
        told: dict[str, Any] = {PREFIX + name: value for name, value in scalars(summary).items()}
        told[PREFIX + "step"] = _step(summary)
        for name, drawn, _ in _histograms(summary):
            told[PREFIX + name] = self._wandb.Histogram(np_histogram=(drawn.counts, drawn.edges))
        columns, rows = _roles(summary)
        told[PREFIX + "roles"] = self._wandb.Table(columns=columns, data=rows)
        self._run.log(told)

    def close(self) -> None:
        if self._own:
            self._run.finish()


class MlflowLogger:
    """A run of MLflow: one that is going on (`run_id`), or a new one of `experiment`.

    MLflow has no histograms: they are a table, as the roles are, among the run's artifacts.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str = "assay",
        run_id: str | None = None,
        run_name: str | None = None,
    ) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Metric

        self._metric = Metric
        self._client = MlflowClient(tracking_uri)
        self._own = run_id is None
        if run_id is None:
            found = self._client.get_experiment_by_name(experiment)
            number = found.experiment_id if found is not None else self._client.create_experiment(experiment)
            run_id = self._client.create_run(number, run_name=run_name).info.run_id
        self.run_id = run_id

    def log(self, summary: Json) -> None:
        now, step = int(time.time() * 1000), _step(summary)
        metrics = [self._metric(_key(PREFIX + n), value, now, step) for n, value in scalars(summary).items()]
        for begin in range(0, len(metrics), _BATCH):
            self._client.log_batch(self.run_id, metrics=metrics[begin : begin + _BATCH])
        columns, rows = _roles(summary)
        self._table("assay/roles.json", step, columns, rows)
        bins = [
            [name, low, high, number]
            for name, drawn, _ in _histograms(summary)
            for low, high, number in zip(drawn.edges, drawn.edges[1:], drawn.counts, strict=False)
        ]
        self._table("assay/histograms.json", step, ["name", "above", "up_to", "values"], bins)

    def _table(self, file: str, step: int, columns: list[str], rows: list[list[Any]]) -> None:
        """Rows after those of earlier steps."""
        if rows:
            data = {name: [row[k] for row in rows] for k, name in enumerate(columns)}
            self._client.log_table(self.run_id, data={"step": [step] * len(rows), **data}, artifact_file=file)

    def close(self) -> None:
        if self._own:
            self._client.set_terminated(self.run_id)


def _key(name: str) -> str:
    """A name that MLflow takes; one that has to be changed ends in a digest, so that no two become one."""
    plain = re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)
    if plain == name and len(name) <= 240:
        return name
    return f"{plain[:220]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
