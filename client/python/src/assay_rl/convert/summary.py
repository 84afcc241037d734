"""What an import made of its files, for people: who became an agent, who context, what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assay_rl.client.episodes import Episode
from assay_rl.convert.roles import Kind

SHOWN = 12  # names on a line
LONGEST = 80  # characters of a name on a line


@dataclass
class Summary:
    """Counts over all episodes of an import."""

    formats: Counter[str] = field(default_factory=Counter)
    episodes: int = 0
    without_outcome: int = 0
    truncated: int = 0
    authors: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    graded: str = ""  # what became of the answers, where they were graded

    def add(
        self,
        episode: Episode,
        authors: Mapping[tuple[str, Kind], int],
        dropped: Mapping[str, int] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        self.episodes += 1
        self.without_outcome += episode.score is None and not episode.values
        self.truncated += episode.truncated
        self.authors.update(authors)
        self.dropped.update(dropped or {})
        self.notes.update(notes)

    def lines(self) -> list[str]:
        """The summary, a line a subject. Empty where nothing was read."""
        if not self.episodes:
            return []
        formats = ", ".join(name for name, _ in self.formats.most_common())
        out = [f"{_count(self.episodes, 'episode')}" + (f" from {formats}" if formats else "")]
        agents = [(name, n) for (name, kind), n in self.authors.most_common() if kind is Kind.AGENT]
        context = [
            (f"{name} ({kind.value})" if name and name != kind.value else kind.value, n)
            for (name, kind), n in self.authors.most_common()
            if kind is not Kind.AGENT
        ]
        out.append("agents: " + (_names(agents) or "none"))
        if context:
            out.append(f"context, neither rewarded nor blamed: {_names(context)}")
        if self.dropped:
            out.append("left out: " + ", ".join(f"{n} {what}" for what, n in self.dropped.most_common()))
        if self.without_outcome:
            out.append(
                f"no outcome in {self.without_outcome} of {_count(self.episodes, 'episode')}: --outcome FIELD says "
                "where it stands, or an evaluator of the server gives it"
            )
        if self.truncated:
            out.append(f"cut off by a limit: {_count(self.truncated, 'episode')}, in which no first error is claimed")
        if self.graded:
            out.append(self.graded)
        out += [f"note: {note}" + (f" ({n} times)" if n > 1 else "") for note, n in self.notes.most_common(SHOWN)]
        return out


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _names(counted: list[tuple[str, int]]) -> str:
    shown = [f"{_on_a_line(name)}: {_count(n, 'message')}" for name, n in counted[:SHOWN]]
    rest = len(counted) - len(shown)
    return ", ".join(shown) + (f", and {rest} more" if rest else "")


def _on_a_line(name: str) -> str:
    """A name without what moves a terminal's cursor or turns its text around, and not longer than a line."""
    plain = "".join(c if c.isprintable() else " " for c in name)
    return plain if len(plain) <= LONGEST else plain[:LONGEST] + "..."
