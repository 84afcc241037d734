"""Every number behind a page as tables: Parquet for notebooks (pip install 'assay-rl[arrow]'), or CSV.

One table an entity, keyed by step, episode, agent and message; what was not known is null. `summary` holds, in long
form, every figure that the page's views of the whole run show.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeAlias

from assay_rl.course.course import course
from assay_rl.course.metrics import role_metrics
from assay_rl.course.summary import Json, only_outcome, task_key
from assay_rl.v1 import episode_pb2, signal_service_pb2, signals_pb2

from . import model
from .collect import Collector

BATCH = 20_000  # rows written at once
Row: TypeAlias = "tuple[Any, ...]"

# Columns of each table with their types: i integer, f double, s text, b truth.
TABLES: dict[str, str] = {
    "episodes": "step:i episode:s group:s task:s error_code:i error:s success:b score:f baseline:f team_value:f "
    "unexplained:f expected:f threshold:f questions:i samples:i evaluator:s method:s first_error:i decisive_error:i "
    "first_error_probability:f none_probability:f environment_probability:f tier:s target:f allocated:f unallocated:f "
    "conservation_error:f estimator_gap:f agents:i messages:i",
    "agents": "step:i episode:s agent:s role:s credit:f share:f std_error:f low:f high:f reward_total:f unallocated:f "
    "value_without:f",
    "messages": "step:i episode:s message:i agent:s label:s reward:f credit:f owen:b first_error_probability:f "
    "error_probability:f repair_probability:f redundancy:f grade:s process_score:f value_change:f "
    "rollout_successes:i rollouts:i",
    "interactions": "step:i episode:s agent_a:s agent_b:s value:f",
    "answers": "step:i episode:s kind:s subject:s value:f samples:i",
    "pairs": "step:i group:s episode:s kind:s context_episode:s context_length:i chosen_episode:s chosen_begin:i "
    "chosen_end:i chosen_alternative:i rejected_episode:s rejected_begin:i rejected_end:i rejected_alternative:i "
    "sure:f",
    "groups": "step:i group:s error_code:i error:s used:i missing:i mean_score:f std_score:f outcome_part:s "
    "credit_part:s share_of_k:f share_of_x:f noise:f reliability:f team_questions:i team_siblings:i",
    "advantages": "step:i group:s episode:s message:i against_mean:f x:f k:f advantage:f",
    "recombined": "step:i group:s episode:s agent:s value:f std_error:f mean:f most:f",
    "summary": "run:s step:i role:s other_role:s name:s key:s value:f",
    "changes": "run:s step:i role:s name:s before:f after:f from_step:i until_step:i",
    "tasks": "task:s run:s other:s score:f other_score:f difference:f",
}


def _columns(table: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, _, kind in (column.partition(":") for column in TABLES[table].split())]


class Tables:
    """A folder of tables; use as a context manager."""

    def __init__(self, folder: str | Path, form: str = "parquet") -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._writers = {name: (_Parquet if form == "parquet" else _Csv)(self._folder, name) for name in TABLES}

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for writer in self._writers.values():
            writer.close()

    def add(
        self,
        result: signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult,
        step: int | None,
        episode: episode_pb2.Episode | None,
    ) -> None:
        if isinstance(result, signal_service_pb2.GroupResult):
            self._add_group(step, model.group_json(result))
            return
        row = model.episode_json(result, episode)
        self._add_episode(step, row, result, "" if episode is None else task_key(episode))
        if "error" in row:
            return
        shared = only_outcome(result.signals)
        for agent, proto in zip(row["agents"], result.signals.agents, strict=True):
            without = proto.value_without if proto.HasField("value_without") else None
            credit, share = (None, agent["total"]) if shared else (agent["credit"], None)
            self._writers["agents"].write(
                (step, row["id"], agent["id"], agent["role"], credit, share, proto.std_error, agent["low"],
                 agent["high"], agent["total"], agent["unallocated"], without)
            )  # fmt: skip
        self._add_messages(step, row, result.signals)
        names = [agent["id"] for agent in row["agents"]]
        for a, b, value in row["interactions"]:
            self._writers["interactions"].write((step, row["id"], names[int(a)], names[int(b)], value))
        for mask, value in row["effort"]["coalitions"]:
            members = ", ".join(name for k, name in enumerate(names) if int(mask) >> k & 1)
            self._writers["answers"].write((step, row["id"], "coalition", members, value, None))
        for kind, subject, value, samples in row["effort"]["others"]:
            self._writers["answers"].write((step, row["id"], kind, ", ".join(map(str, subject)), value, samples))
        for pair in row["pairs"]:
            self._add_pair(step, "", row["id"], pair)

    def _add_episode(self, step: int | None, row: Json, result: signal_service_pb2.EpisodeResult, task: str) -> None:
        if "error" in row:
            error = row["error"]
            blank = (None,) * (len(_columns("episodes")) - 8)
            counts = (len(row["agents"]), len(row["messages"]))
            self._writers["episodes"].write(
                (step, row["id"], None, task, error["code"], error["message"], *blank, *counts)
            )
            return
        options = model.Options()
        number = options.number(result.signals.audit)
        told = options.all[number] if number is not None else {}
        first, ledger, effort = row["first"], row["ledger"], row["effort"]
        self._writers["episodes"].write(
            (step, row["id"], row["group"], task, None, None, row["success"], row["score"], row["baseline"],
             row["grand"], row["unexplained"], told.get("reference"), told.get("theta"), effort["questions"],
             effort["samples"], effort["evaluator"], effort["method"], first["index"], first["decisive"],
             first["probability"], first["none"], first["environment"], first["tier"], ledger["target"],
             ledger["allocated"], ledger["unallocated"], ledger["error"], ledger["gap"], len(row["agents"]),
             len(row["messages"]))
        )  # fmt: skip

    def _add_messages(self, step: int | None, row: Json, signals: signals_pb2.EpisodeSignals) -> None:
        protos = {m.index: m for m in signals.messages}
        for message in row["messages"]:
            proto = protos.get(message["index"])
            if proto is None:
                continue
            change = proto.value_change if proto.HasField("value_change") else None
            score = proto.process_score if proto.HasField("process_score") else None
            self._writers["messages"].write(
                (step, row["id"], message["index"], message["agent"], message["label"], message["reward"],
                 message.get("credit"), row["owen"], *message["p"], message["rho"], message.get("grade"),
                 score if score is not None else message.get("q"), change, *message.get("rollouts", (None, None)))
            )  # fmt: skip

    def _add_group(self, step: int | None, group: Json) -> None:
        if "error" in group:
            blank = (None,) * (len(_columns("groups")) - 4)
            error = group["error"]
            self._writers["groups"].write((step, group["id"], error["code"], error["message"], *blank))
            return
        teams = group["teams"] or {}
        self._writers["groups"].write(
            (step, group["id"], None, None, group["used"], len(group["missing"]), group["mean"], group["std"],
             group["outcomePart"], group["creditPart"], group["weight"], 1 - group["weight"], 1 - group["reliability"],
             group["reliability"], teams.get("questions"), teams.get("siblings"))
        )  # fmt: skip
        across: dict[str, list[float]] = {}
        for *_, values in group["episodes"]:
            for agent, value, _ in values:
                across.setdefault(agent, []).append(value)
        for episode, against, messages, values in group["episodes"]:
            for index, k, advantage, x in messages:
                self._writers["advantages"].write((step, group["id"], episode, index, against, x, k, advantage))
            for agent, value, error in values:
                held = across[agent]
                row = (step, group["id"], episode, agent, value, error, sum(held) / len(held), max(held))
                self._writers["recombined"].write(row)
        for pair in group["pairs"]:
            self._add_pair(step, group["id"], "", pair)

    def _add_pair(self, step: int | None, group: str, episode: str, pair: Json) -> None:
        sides: list[Any] = []
        for side in (pair["chosen"], pair["rejected"]):
            sides += [side[key] for key in ("episode", "begin", "end", "alternative")] if side else [None] * 4
        self._writers["pairs"].write(
            (step, group, episode, pair["kind"], pair["episode"], pair["context"], *sides, pair["weight"])
        )

    def add_summaries(self, collected: Collector) -> None:
        """What the views of the whole run, of its steps and of two runs show."""
        for row in _of_summary(collected.name, None, collected.overview()):
            self._writers["summary"].write(row)
        for summary in collected.summaries():
            for row in _of_summary(collected.name, summary["step"], summary):
                self._writers["summary"].write(row)
        if collected.other is not None:
            for summary in collected.other[1]:
                for row in _of_summary(collected.other[0], summary["step"], summary):
                    self._writers["summary"].write(row)
        told = course(collected.name, collected.summaries(), collected.other)
        for run in told["runs"] if told else ():
            for c in run["changes"]:
                self._writers["changes"].write(
                    (run["name"], c["step"], c["role"], c["name"], c["before"], c["after"], c["begin"], c["end"])
                )
        if told and told["compared"]:
            compared, (mine, other) = told["compared"], [run["name"] for run in told["runs"]]
            for key in ("shared", "onlyMine", "onlyTheirs", "mine", "theirs", "difference", "error", "better", "worse"):
                self._writers["summary"].write((mine, None, None, None, "compared", key, compared[key]))
            for key, value in (compared["late"] or {}).items():
                self._writers["summary"].write((mine, None, None, None, "compared_late", key, value))
            for task, a, b in compared["tasks"]:
                self._writers["tasks"].write((task, mine, other, a, b, b - a))


def _of_summary(run: str, step: int | None, summary: Json) -> Iterator[Row]:
    """A summary in long form: every number with its role, its name and its key."""
    for name in (
        "episodes",
        "failed",
        "successes",
        "claimed",
        "messages",
        "groups",
        "question_total",
        "valued",
        "mismatched",
    ):
        yield run, step, None, None, name, None, summary[name]
    yield run, step, None, None, "failures", None, summary["episodes"] - summary["failed"] - summary["successes"]
    for name, value in summary["metrics"].items():
        yield run, step, None, None, name, None, value
    for role, entry in summary["roles"].items():
        for name, value in role_metrics(entry).items():
            yield run, step, role, None, name, None, value
        for name in ("episodes", "messages", "first_errors", "graded", "right"):
            yield run, step, role, None, name, "count", entry[name]
        for name in ("credit", "share", "advantage"):
            if entry[name]:
                yield run, step, role, None, name, "n", entry[name]["n"]
                for k, value in enumerate(entry[name]["quantiles"]):
                    yield run, step, role, None, name, f"quantile {5 * k} %", value
        for position, number in enumerate(entry["positions"]):
            yield run, step, role, None, "first_errors", f"message {position}", number
    for name in ("labels", "tiers"):
        for key, number in summary[name].items():
            yield run, step, None, None, name, key, number
    for a, b, mean, _ in summary["synergy"]:
        yield run, step, a, b, "synergy", None, mean
    for k, number in enumerate(summary["conservation"]):
        yield run, step, None, None, "conservation", f"class {k}", number
    for evaluator, method, episodes, questions, most in summary["budget"]:
        counts = {"episodes": episodes, "questions": questions, "mean": questions / episodes, "most": most}
        for key, number in counts.items():
            yield run, step, None, None, f"budget of {evaluator} {method}".strip(), key, number


class _Csv:
    def __init__(self, folder: Path, table: str) -> None:
        self._out: IO[str] = (folder / f"{table}.csv").open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._out)
        self._csv.writerow([name for name, _ in _columns(table)])

    def write(self, row: Row) -> None:
        self._csv.writerow([_plain(value) for value in row])

    def close(self) -> None:
        self._out.close()


def _plain(value: Any) -> Any:
    """A spreadsheet takes a text that begins like a formula for one."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value


class _Parquet:
    def __init__(self, folder: Path, table: str) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as missing:
            raise ImportError(
                "Parquet needs pyarrow: pip install 'assay-rl[arrow]', or --numbers-format csv"
            ) from missing
        kinds = {"i": pa.int64(), "f": pa.float64(), "s": pa.string(), "b": pa.bool_()}
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in _columns(table)])
        self._rows: list[Row] = []
        self._pa = pa
        self._writer = parquet.ParquetWriter(folder / f"{table}.parquet", self._schema)

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(self._schema)
        arrays = [self._pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        self._flush()
        self._writer.close()
