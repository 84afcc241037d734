"""Ray Data: label logged episodes on a cluster.

ds = ray.data.read_json("episodes.jsonl")            # or any data set with a column "episode"
labelled = ds.map_batches(
    SignalLabeler, fn_constructor_kwargs={"server": "dns:///assay:50051"}, concurrency=8, batch_size=256)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from assay_rl.client.blocking import Client
from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.evaluators import Evaluator
from assay_rl.client.outcomes import Failed, GroupScored
from assay_rl.grading import Grading, Kind
from assay_rl.v1 import episode_pb2


def parse(value: Any) -> EpisodeLike:
    """An episode from proto JSON (text) or from its serialised bytes."""
    if isinstance(value, bytes):
        return episode_pb2.Episode.FromString(value)
    return json_format.Parse(str(value), episode_pb2.Episode())


class SignalLabeler:
    """A callable class for Dataset.map_batches; one client an actor, made in the actor.

    Adds to a batch: episode_id, score (null where it failed), signals (serialised EpisodeSignals, null where it
    failed), error (null where it did not fail, else CODE: message), advantages (serialised EpisodeAdvantages of
    episodes whose whole group lies in the batch, else null).

    server: target of the service; None: a private one of each actor. evaluator: your own evaluation of changed
    episodes, which Ray pickles with the actor.
    column: holds the episode. build: makes an episode of a row instead. grade: how answers of votes are compared with
    the reference answer: "math" (assay-rl[grading]), "choice", "number" or "exact"; None: as the options say. Groups
    need their members in one batch: group the data set by the group's id, or use ComputeAdvantages on the labelled
    rows.
    """

    def __init__(
        self,
        server: str | None,
        *,
        evaluator: Evaluator | None = None,
        column: str = "episode",
        build: Callable[[Mapping[str, Any]], EpisodeLike] | None = None,
        options: Mapping[str, Any] | None = None,
        grade: Kind | None = None,
        **client: Any,
    ) -> None:
        self._client = Client(server, **client)
        self._column = column
        self._evaluator = evaluator
        self._build = build
        self._grading = Grading(grade)
        self._options = self._grading.options(options)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        columns = {name: list(values) for name, values in batch.items()}
        result = self._client.score_batch(
            list(self._grading.episodes(self._episodes(columns))), options=self._options, evaluator=self._evaluator
        )
        advantages = {
            member.episode_id: member.SerializeToString()
            for group in result.groups.values()
            if isinstance(group, GroupScored)
            for member in group.proto.signals.episodes
        }
        return {
            **columns,
            "episode_id": [o.episode_id for o in result.outcomes],
            "score": result.rewards(),
            "signals": [
                None if isinstance(o, Failed) else o.proto.signals.SerializeToString() for o in result.outcomes
            ],
            "error": [str(o.error) if isinstance(o, Failed) else None for o in result.outcomes],
            "advantages": [advantages.get(o.episode_id) for o in result.outcomes],
        }

    def _episodes(self, columns: Mapping[str, Sequence[Any]]) -> list[EpisodeLike]:
        if self._build is None:
            return [parse(value) for value in columns[self._column]]
        rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        return [self._build(row) for row in rows]
