"""Episodes of decoded JSON, of any format."""

from __future__ import annotations

from typing import Any

from assay_rl.client.episodes import Episode
from assay_rl.convert._fields import ConversionError, score_of
from assay_rl.convert.formats import FORMATS, Stream, detect
from assay_rl.convert.names import canonical
from assay_rl.convert.run import Choices, build
from assay_rl.convert.source import Source, Value


def from_trace(
    record: Any,
    format: str | None = None,
    *,
    id: str = "trace",
    choices: Choices | None = None,
    score: float | None = None,
) -> list[Episode]:
    """The episodes of one decoded value: one of most formats, as many as it holds runs of others.

    format: a name of FORMATS.md; None: the one that the value shows. id: of runs without one. score: of those without.
    """
    choices = choices or Choices()
    name = canonical(format) if format else detect(record)
    if name not in FORMATS or name in ("episode", "log"):
        raise ConversionError(f"format: none that is known to read this ({format or 'not recognised'})")
    episodes = []
    for run, _ in FORMATS[name].runs([_Held(record, id)], choices):
        if run.outcome.score is None and not choices.outcome:
            run.outcome.score = score_of(score, "score")
        episodes.append(build(run, choices, id))
    return episodes


class _Held(Stream):
    """A value that is at hand, as a stream of one."""

    def __init__(self, record: Any, name: str) -> None:
        super().__init__(Source(name, _nothing))
        self._value = Value(record, name, 0)

    def values(self) -> Any:
        return iter([self._value])


def _nothing() -> Any:
    raise ConversionError("there is no file behind this value")
