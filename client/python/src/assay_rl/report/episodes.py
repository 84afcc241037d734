"""The episodes behind signals, held small: by id, as bytes, with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from assay_rl.client.episodes import Episode
from assay_rl.v1 import episode_pb2, signal_service_pb2
from assay_rl.verify import records


class Episodes(Mapping[str, episode_pb2.Episode]):
    """Kept as bytes, and read when they are asked for. Several may have one id, in several steps of a training run."""

    def __init__(self) -> None:
        self._held: dict[str, list[bytes]] = {}
        self._places: dict[str, int] = {}

    def extend(self, episodes: Iterable[Episode]) -> None:
        for episode in episodes:
            proto = episode.to_proto()
            self._held.setdefault(proto.id, []).append(proto.SerializeToString())
            self._places.setdefault(proto.id, len(self._places))

    def of(self, result: signal_service_pb2.EpisodeResult) -> episode_pb2.Episode | None:
        """The episode of a result: of those with its id the one that was scored, else the last."""
        held = self._held.get(result.episode_id, [])
        told = result.signals.audit.episode_sha256
        for data in held[:-1]:
            episode = episode_pb2.Episode.FromString(data)
            if told in records.digests(episode):
                return episode
        return episode_pb2.Episode.FromString(held[-1]) if held else None

    def place(self, result: signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult) -> int | None:
        """Where the episode of a result stands among all; None where it is none of them."""
        if isinstance(result, signal_service_pb2.GroupResult):
            return None
        return self._places.get(result.episode_id)

    def __getitem__(self, id: str) -> episode_pb2.Episode:
        return episode_pb2.Episode.FromString(self._held[id][-1])

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
