"""Each experiment tracker's own package takes the steps of a run, offline, and gives them back.

The trackers are installed by `run_tests.sh --loggers`; elsewhere their tests are skipped.
"""

from __future__ import annotations

import json
import math
import pickle
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from course_runs import Plan, play, write

from assay_rl.__main__ import main
from assay_rl.course import MlflowLogger, Recorder, TensorBoardLogger, WandbLogger
from assay_rl.course.histogram import histogram
from assay_rl.course.metrics import scalars
from assay_rl.course.summary import Json, Numbers

STEPS = 3


class Kept:
    """A logger that keeps what it is given."""

    def __init__(self) -> None:
        self.steps: list[Json] = []
        self.closed = False

    def log(self, summary: Json) -> None:
        self.steps.append(summary)

    def close(self) -> None:
        self.closed = True


def record(recorder: Recorder) -> None:
    for number, step in enumerate(play(Plan(steps=STEPS, tasks=2, honest=1))):
        half = len(step.results) // 2
        recorder.record(10 * number, step.results[:half], step.episodes)
        recorder.record(10 * number, step.results[half:])


@pytest.fixture(scope="module")
def steps() -> list[Json]:
    kept = Kept()
    with Recorder(loggers=[kept]) as recorder:
        record(recorder)
    assert kept.closed
    return kept.steps


def test_a_recorder_writes_a_file_a_step_and_tells_each_once(tmp_path: Path, steps: list[Json]) -> None:
    assert [step["step"] for step in steps] == [0, 10, 20]
    assert [step["episodes"] for step in steps] == [8, 8, 8]
    assert [step["groups"] for step in steps] == [2, 2, 2]
    with Recorder(tmp_path / "run") as recorder:
        record(recorder)
    written = sorted((tmp_path / "run").iterdir())
    assert [path.name for path in written] == [f"step-{k:08d}.json" for k in (0, 10, 20)]
    assert [json.loads(path.read_text()) for path in written] == json.loads(json.dumps(steps))


def test_a_recorder_that_is_told_no_step_counts_episodes_or_is_set() -> None:
    step = next(play(Plan(steps=1, tasks=2, honest=1)))
    groups = [step.results[:5], step.results[5:]]  # four runs of a task and their group
    kept = Kept()
    with Recorder(loggers=[kept], episodes_per_step=8) as counted:
        for group in [*groups, *groups]:
            counted.record(None, group, step.episodes)
    assert [(told["step"], told["episodes"], told["groups"]) for told in kept.steps] == [(0, 8, 2), (1, 8, 2)]
    kept = Kept()
    with Recorder(loggers=[kept]) as told_so:
        for number, group in zip((3, 3, 7), [*groups, groups[0]], strict=True):
            told_so.step = number
            told_so.record(None, group, step.episodes)
    assert [(told["step"], told["episodes"]) for told in kept.steps] == [(3, 8), (7, 4)]
    with pytest.raises(TypeError, match="belongs to one process"):
        pickle.dumps(told_so)
    with pytest.raises(ValueError, match="episodes_per_step"):
        Recorder(episodes_per_step=0)


def test_results_of_many_threads_are_all_counted(tmp_path: Path) -> None:
    step = next(play(Plan(steps=1, tasks=2, honest=1)))
    recorder = Recorder(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda result: recorder.record(0, [result], step.episodes), step.results * 4))
    recorder.close()
    (path,) = tmp_path.iterdir()
    told = json.loads(path.read_text())
    assert (told["episodes"], told["groups"]) == (32, 8)


def test_a_histogram_holds_all_values_where_they_are() -> None:
    numbers = Numbers()
    for k in range(1000):
        numbers.add(0.0 if k < 500 else (k - 500) / 500)
    drawn = histogram(numbers.to_json() or {})
    assert sum(drawn.counts) == pytest.approx(1000)
    assert drawn.edges == sorted(set(drawn.edges))
    assert len(drawn.edges) == len(drawn.counts) + 1
    assert drawn.counts[0] == pytest.approx(550, abs=1), "half of them are in the first bin, with its own share"
    single = Numbers()
    single.add(0.25)
    alone = histogram(single.to_json() or {})
    assert alone.counts == [1.0]
    assert alone.edges[0] < alone.edges[1] == 0.25


def known(step: Json) -> dict[str, float]:
    found = scalars(step)
    assert len(found) > 20
    assert all(math.isfinite(value) for value in found.values())
    return found


def test_tensorboard(tmp_path: Path, steps: list[Json]) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(str(tmp_path))
    for step in steps:
        logger.log(step)
    logger.close()
    read = EventAccumulator(str(tmp_path), size_guidance={"histograms": 0, "scalars": 0, "tensors": 0})
    read.Reload()
    for step in steps:
        for name, value in known(step).items():
            (found,) = [e.value for e in read.Scalars(f"assay/{name}") if e.step == step["step"]]
            assert found == pytest.approx(value, rel=1e-6), name
    credit = read.Histograms("assay/distributions/saboteur/credit")[0]
    told = steps[0]["roles"]["saboteur"]["credit"]
    assert credit.histogram_value.num == told["n"]
    assert sum(credit.histogram_value.bucket) == pytest.approx(told["n"])
    assert credit.histogram_value.min == told["quantiles"][0]
    (table,) = [e for e in read.Tensors("assay/roles") if e.step == 10]
    assert table.tensor_proto.string_val[0].decode().startswith("role|episodes|credit")
    assert "saboteur|8|" in table.tensor_proto.string_val[0].decode()


def test_wandb(tmp_path: Path, steps: list[Json], monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(project="assay", mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True))
    for step in steps:
        logger.log(step)
    logger.close()
    wandb.teardown()  # its own process writes the file
    rows = _wandb_rows(next(tmp_path.rglob("*.wandb")))
    assert [row["assay/step"] for row in rows] == [0, 10, 20]
    for row, step in zip(rows, steps, strict=True):
        for name, value in known(step).items():
            assert row[f"assay/{name}"] == pytest.approx(value), name
        assert row["assay/distributions/saboteur/credit"]["_type"] == "histogram"
        told = step["roles"]["saboteur"]["credit"]
        assert sum(row["assay/distributions/saboteur/credit"]["values"]) == pytest.approx(told["n"])
        assert row["assay/roles"]["nrows"] == 4


def _wandb_rows(path: Path) -> list[dict[str, Any]]:
    """The history in the file that an offline run leaves."""
    from wandb.proto import wandb_internal_pb2

    rows = []
    for data in _records(path.read_bytes()[7:]):
        record = wandb_internal_pb2.Record.FromString(data)
        if record.WhichOneof("record_type") != "history":
            continue
        row: dict[str, Any] = {}
        for item in record.history.item:
            keys = list(item.nested_key) or [item.key]
            holder = row
            for key in keys[:-1]:
                holder = holder.setdefault(key, {})
            holder[keys[-1]] = json.loads(item.value_json)
        rows.append(row)
    return rows


def _records(data: bytes) -> Iterator[bytes]:
    """Records of LevelDB's log format: blocks of 32 KiB of (checksum, length, kind, bytes), 7 bytes of header first."""
    at, whole = 0, b""
    while at + 7 <= len(data):
        left = 32768 - (at + 7) % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield whole
            whole = b""


def test_mlflow(tmp_path: Path, steps: list[Json], monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    odd = json.loads(json.dumps(steps))
    for step in odd:
        step["roles"]["rôle: 1 & 2"] = step["roles"].pop("checker")
    address = (tmp_path / "store").as_uri()
    logger = MlflowLogger(address, "assay", run_name="debates")
    for step in odd:
        logger.log(step)
    logger.close()
    client = mlflow.MlflowClient(address)
    for step in odd:
        for name, value in known(step).items():
            if "rôle" in name:
                continue
            (found,) = [
                m.value for m in client.get_metric_history(logger.run_id, f"assay/{name}") if m.step == step["step"]
            ]
            assert found == value, name
    metrics = client.get_run(logger.run_id).data.metrics
    assert sum(name.startswith("assay/roles/r_le_ 1 _ 2/") for name in metrics) == sum(
        name.startswith("assay/roles/solver/") for name in metrics
    )
    assert client.get_run(logger.run_id).info.status == "FINISHED"
    roles = json.loads(Path(client.download_artifacts(logger.run_id, "assay/roles.json", str(tmp_path))).read_text())
    assert len(roles["data"]) == 4 * STEPS
    bins = json.loads(
        Path(client.download_artifacts(logger.run_id, "assay/histograms.json", str(tmp_path))).read_text()
    )
    assert {row[bins["columns"].index("step")] for row in bins["data"]} == {0, 10, 20}


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "mlflow"])
def test_the_command_logs_files(
    tmp_path: Path, tracker: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(tracker)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    write(Plan(steps=2, tasks=1, members=2), tmp_path / "run")
    to = (tmp_path / "out").as_uri() if tracker == "mlflow" else str(tmp_path / "out")
    (tmp_path / "out").mkdir()
    extra = ["--offline"] if tracker == "wandb" else []
    assert main(["log", tracker, str(tmp_path / "run"), "--to", to, *extra]) == 0
    assert "2 steps" in capsys.readouterr().err
    assert any(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_a_package_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(Plan(steps=1, tasks=1, members=2), tmp_path / "run")
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        assert main(["log", "tensorboard", str(tmp_path / "run")]) == 2
        assert "tensorboard" in capsys.readouterr().err
