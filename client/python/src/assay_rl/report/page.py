"""The page: style, script and data in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from assay_rl.v1 import episode_pb2, signal_service_pb2

from . import model

SCRIPTS = ("base.js", "charts.js", "overview.js", "episode.js", "app.js")


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def embed(value: object) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element or open a comment."""
    text = json.dumps(model.finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


Results = Iterable[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult]


def pieces(results: Results, episodes: Mapping[str, episode_pb2.Episode], title: str = "Assay report") -> Iterator[str]:
    """The page of a run, piece by piece: no more than one episode of it is held at a time.

    `episodes` by id gives transcripts; a result without one is shown without texts.
    """
    style = _asset("report.css")
    script = "\n".join(_asset(name) for name in SCRIPTS)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n"
    )
    yield _asset("body.html")
    yield '<script type="application/json" id="data">'
    yield from _data(results, episodes, title)
    yield f"</script>\n<script>{script}</script>\n</body>\n</html>\n"


def _data(results: Results, episodes: Mapping[str, episode_pb2.Episode], title: str) -> Iterator[str]:
    run = model.Run()
    yield f'{{"title":{embed(title)},"episodes":['
    for number, row in enumerate(run.rows(results, episodes)):
        yield ("," if number else "") + embed(row)
    yield f'],"version":{embed(run.version)},"options":{embed(run.options.all)},"groups":{embed(run.groups)}}}'


def render(results: Results, episodes: Mapping[str, episode_pb2.Episode], title: str = "Assay report") -> str:
    """The page of a run as one text; `pieces` says more."""
    return "".join(pieces(results, episodes, title))


@dataclass(frozen=True)
class Notebook:
    """A page inside a notebook: shown in a frame that may run its own script and reach nothing outside."""

    page: str
    height: int = 720

    def _repr_html_(self) -> str:
        source = html.escape(self.page, quote=True)
        return (
            f'<iframe sandbox="allow-scripts" title="Assay report" srcdoc="{source}" '
            f'style="width:100%;height:{self.height}px;border:1px solid #8884;border-radius:8px"></iframe>'
        )


def notebook(
    results: Iterable[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult],
    episodes: Mapping[str, episode_pb2.Episode],
    title: str = "Assay report",
) -> Notebook:
    """The report of a run as the last expression of a notebook cell."""
    return Notebook(render(results, episodes, title))
