"""The page: style, script and data in one file that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from assay_rl.v1 import episode_pb2, signal_service_pb2

from .collect import Collector, digest_of

# In this order: a script uses only what stands in the ones before it, or is called when the page starts.
SCRIPTS = (
    "base.js",
    "colors.js",
    "words.js",
    "save.js",
    "charts.js",
    "curves.js",
    "summary.js",
    "overview.js",
    "repeats.js",
    "transcript.js",
    "episode.js",
    "groups.js",
    "course.js",
    "between.js",
    "list.js",
    "episodes.js",
    "app.js",
)


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


Results = Iterable[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult]


def page(collected: Collector, title: str = "Assay report", version: str = "") -> Iterator[bytes]:
    """The page of what was collected, piece by piece. version: it asks the server it came from for newer ones."""
    style = _asset("report.css")
    script = "\n".join(_asset(name) for name in SCRIPTS)
    asks = "; connect-src 'self'" if version else ""
    policy = (
        f"default-src 'none'; script-src '{digest_of(script)}'; style-src '{digest_of(style)}'; "
        f"img-src data:; base-uri 'none'; form-action 'none'{asks}"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"{_asset('body.html')}"
    ).encode("utf-8", "replace")
    yield b'<script type="application/json" id="data">'
    yield from collected.pieces(title, version)
    yield f"</script>\n<script>{script}</script>\n</body>\n</html>\n".encode()


def render(results: Results, episodes: Mapping[str, episode_pb2.Episode], title: str = "Assay report") -> str:
    """The page of a run as one text, all of its episodes in it.

    `episodes` by id gives transcripts; a result without one is shown without texts.
    """
    collected = Collector()
    for result in results:
        collected.add(result, episodes)
    return b"".join(page(collected, title)).decode("utf-8")


@dataclass(frozen=True)
class Notebook:
    """A page inside a notebook: shown in a frame that may run its own script and reach nothing outside."""

    page: str
    height: int = 720

    def _repr_html_(self) -> str:
        source = html.escape(self.page, quote=True)
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" title="Assay report" srcdoc="{source}" '
            f'style="width:100%;height:{self.height}px;border:1px solid #8884;border-radius:8px"></iframe>'
        )


def notebook(
    results: Iterable[signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult],
    episodes: Mapping[str, episode_pb2.Episode],
    title: str = "Assay report",
) -> Notebook:
    """The report of a run as the last expression of a notebook cell."""
    return Notebook(render(results, episodes, title))
