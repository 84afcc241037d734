"""Every number on a page is in the exported data, and the page's summaries are those of the files."""

from __future__ import annotations

import csv
import io
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Reader, pages_close  # noqa: F401
from course_runs import Plan, write
from near import assert_near
from tampering import annotated, bare, debate, failure, given, rolled_out
from test_report import FULL
from test_verify_tamper_groups import debates, siblings
from verify_episodes import group_of, signals_of, write_lines

from assay_rl.cli.report import main
from assay_rl.report import render

DRAWN = 20

# Every number that a view shows with its digits behind it, and whether its card can be saved.
FIGURES = """() => [...document.querySelectorAll("main data")].filter((e) => e.checkVisibility())
  .map((e) => [Number(e.value), e.textContent,
    e.closest(".made") ? "What K is made of" : e.closest("section.card")?.querySelector("h2")?.textContent ?? ""])"""

# Numbers in plain words: outside names, texts of episodes, controls and pictures.
WORDS = """() => {
  const out = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!node.checkVisibility() || node.closest("data, bdi, .text, code, pre, select, svg, h1, button")) continue;
    for (const found of text.data.matchAll(/(?<![\\w.])\\d+\\.\\d{2,}/g)) out.push(found[0]);
  }
  return out;
}"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A page of a training run with another beside it, and the folder of its numbers."""
    folder = tmp_path_factory.mktemp("numbers")
    write(Plan(steps=12, honest=6, echo=9, tasks=2), folder / "run")
    write(Plan(steps=6, honest=2, tasks=2, seed=5), folder / "other")
    page, tables = folder / "page.html", folder / "tables"
    arguments = [str(folder / "run"), "--against", str(folder / "other"), "-o", str(page), "--numbers", str(tables)]
    assert main([*arguments, "--numbers-format", "csv"]) == 0
    return page, tables


def numbers(folder: Path) -> set[float]:
    found: set[float] = set()
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                found |= {value for cell in row if (value := as_number(cell)) is not None}
    return found


def as_number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def views(reader: Reader) -> Iterator[str]:
    for view in ("#/course", "#/", "#/groups", "#/episodes", "#/t/3", "#/n/0", "#/n/17", "#/n/40"):
        reader.go(view)
        yield view


def test_twenty_drawn_numbers_of_the_page_are_in_the_tables(browser: Any, exported: tuple[Path, Path]) -> None:
    page, tables = exported
    known = numbers(tables)
    reader = Reader(browser, page)
    luck = random.Random(27)
    shown = [(view, *entry) for view in views(reader) for entry in reader.page.evaluate(FIGURES)]
    assert len(shown) > 300
    # Sums, differences and means over steps that a card makes itself are in what the card saves.
    own = {"Between two steps", "The two runs", "The ledger"}
    drawn = luck.sample([entry for entry in shown if entry[3] not in own | {"What K is made of"}], DRAWN)
    missing = [entry for entry in drawn if entry[1] not in known]
    assert not missing
    assert not any(value + 1e-9 in known for _, value, *_ in drawn if value % 1), "a number that is off is found out"
    for title in own:
        of_card = [entry for entry in shown if entry[3] == title]
        view, *_ = luck.choice(of_card)
        reader.go(view)
        section = f'section.card:has(> h2:text-is("{title}")) >> nth=0'
        saved = reader.saved(f"{section} >> .saving >> text=CSV").decode()
        of_page = {
            value for row in csv.reader(io.StringIO(saved)) for cell in row if (value := as_number(cell)) is not None
        }
        here = [value for _, value, _, own_title in of_card if own_title == title and _ == view]
        assert [value for value in here if value not in of_page and value not in known] == [], title


def test_numbers_in_sentences_are_in_the_tables(browser: Any, exported: tuple[Path, Path]) -> None:
    page, tables = exported
    known = sorted(numbers(tables))
    reader = Reader(browser, page)
    luck = random.Random(3)
    said = [(view, text) for view in views(reader) for text in reader.page.evaluate(WORDS)]
    for view, text in luck.sample(said, min(DRAWN, len(said))):
        digits = len(text.split(".")[1])
        assert any(f"{abs(value):.{digits}f}" == text for value in known), (view, text)


def same(value: Any) -> float | str:
    """A cell of either form; CSV knows no types."""
    text = "" if value is None else str(value)
    number = as_number(text)
    return text if number is None else number


def test_parquet_holds_what_csv_holds(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write(Plan(steps=3, tasks=1, members=2), tmp_path / "run")
    arguments = [str(tmp_path / "run"), "-o", str(tmp_path / "r.html"), "--numbers"]
    assert main([*arguments, str(tmp_path / "p")]) == 0
    assert main([*arguments, str(tmp_path / "c"), "--numbers-format", "csv"]) == 0
    for path in (tmp_path / "c").iterdir():
        table = parquet.read_table(tmp_path / "p" / f"{path.stem}.parquet")
        with path.open(encoding="utf-8", newline="") as lines:
            head, *rows = list(csv.reader(lines))
        assert table.column_names == head
        for row, told in zip(rows, table.to_pylist(), strict=True):
            assert [same(cell) for cell in row] == [same(value) for value in told.values()], path.stem


def test_tables_name_every_message_and_agent(tmp_path: Path) -> None:
    episodes = [debate(), annotated(), bare()]
    write_lines(tmp_path / "episodes.jsonl", episodes)
    write_lines(tmp_path / "signals.jsonl", [signals_of(e, FULL) for e in episodes])
    assert main([str(tmp_path), "-o", str(tmp_path / "r.html"), "--numbers", str(tmp_path / "t"), "--numbers-format",
                 "csv"]) == 0  # fmt: skip
    with (tmp_path / "t" / "agents.csv").open(newline="") as lines:
        agents = list(csv.DictReader(lines))
    assert len(agents) == 3 + 2 + 2
    for row in agents:
        assert (row["credit"] == "") == (row["share"] != ""), "one of the two, never both"
    with (tmp_path / "t" / "messages.csv").open(newline="") as lines:
        assert len(list(csv.DictReader(lines))) == 5 + 3 + 2


def test_the_page_and_the_files_summarise_alike(browser: Any, tmp_path: Path) -> None:
    """Two implementations: summary.js of what is shown, course/summary.py of everything."""
    members, contested = siblings(), debates()
    episodes = [debate(), annotated(), rolled_out(), given(), failure(), bare(), *members, *contested]
    results = [signals_of(e, FULL) for e in episodes]
    by_id = {r.episode_id: r for r in results}
    groups = [group_of(team, [by_id[e.id] for e in team], FULL) for team in (members, contested)]
    page = render([*results, *groups], {e.id: e for e in episodes})
    (tmp_path / "r.html").write_text(page, encoding="utf-8")
    reader = Reader(browser, tmp_path / "r.html")
    mine = reader.page.evaluate("summarise(data.episodes)")
    theirs = json.loads(reader.page.evaluate("document.querySelector('#data').textContent"))["summary"]
    for key in ("assay_step", "step", "run", "tasks", "groups_failed"):
        theirs.pop(key)
    for told in (mine, theirs):
        told["synergy"].sort()
        told["budget"].sort()
    assert mine.keys() == theirs.keys()
    assert_near(mine, theirs, "")
