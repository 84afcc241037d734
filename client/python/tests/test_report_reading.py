"""What a stranger has to be able to read off the page: one colour an agent, one word a thing, charts that are named."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import Reader, pages_close  # noqa: F401
from course_runs import Plan, write
from tampering import given
from test_report import FULL
from verify_episodes import signals_of

from assay_rl.cli.report import main
from assay_rl.report import render

ROLES = ("checker", "critic", "saboteur", "solver")
MINUS = "\N{MINUS SIGN}"

# The colours beside each agent's name, and those of its lines and of its messages.
COLORS = """() => {
  const found = {}, add = (name, color) => (found[name] ??= new Set()).add(color);
  for (const dot of document.querySelectorAll("main .dot")) {
    const name = dot.parentElement.querySelector("bdi")?.textContent;
    if (name && dot.checkVisibility()) add(name, getComputedStyle(dot).backgroundColor);
  }
  for (const panel of document.querySelectorAll("main figure:has(figcaption)")) {
    for (const line of panel.querySelectorAll("path.line")) add(panel.querySelector("bdi").textContent, getComputedStyle(line).stroke);
  }
  for (const message of document.querySelectorAll("main .message")) {
    add(message.querySelector("bdi").textContent, getComputedStyle(message).borderLeftColor);
  }
  return Object.fromEntries(Object.entries(found).map(([name, colors]) => [name, [...colors]]));
}"""  # noqa: E501

# Pairs of texts of one chart, or of one axis above bars, that lie on each other.
OVERDRAWN = """() => {
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 3 || b.bottom <= a.top + 3;
  const out = [];
  for (const chart of document.querySelectorAll("main svg, main .axis-row")) {
    const texts = [...chart.querySelectorAll("text, .tick")].filter((e) => e.checkVisibility()).map((e) => [e.textContent, e.getBoundingClientRect()]);
    texts.forEach(([one, a], k) => texts.slice(k + 1).forEach(([other, b]) => { if (!apart(a, b)) out.push([one, other]); }));
    const box = chart.getBoundingClientRect();
    for (const [text, a] of texts) if (a.left < box.left - 1 || a.right > box.right + 1) out.push([text, "the edge"]);
  }
  return out;
}"""  # noqa: E501


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A page of two training runs and its tables."""
    folder = tmp_path_factory.mktemp("reading")
    write(Plan(steps=40, honest=20, echo=30), folder / "first")
    write(Plan(steps=30, honest=10, seed=9), folder / "second")
    arguments = [str(folder / "first"), "--against", str(folder / "second"), "-o", str(folder / "page.html")]
    assert main([*arguments, "--numbers", str(folder / "tables"), "--numbers-format", "csv"]) == 0
    return folder / "page.html", folder / "tables"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def data_of(reader: Reader) -> Any:
    return json.loads(reader.page.evaluate("document.querySelector('#data').textContent"))


def test_an_agent_has_one_colour_in_every_view_and_every_file(
    browser: Any, training: tuple[Path, Path], tmp_path: Path
) -> None:
    write(Plan(steps=2, tasks=1, members=2, seed=7), tmp_path / "other")
    assert main([str(tmp_path / "other"), "-o", str(tmp_path / "other.html")]) == 0
    met: dict[str, set[str]] = {role: set() for role in ROLES}
    for path in (training[0], tmp_path / "other.html"):
        reader = Reader(browser, path)
        for view in ("#/course", "#/", "#/t/1", "#/episodes", "#/n/1", "#/n/2"):
            reader.go(view)
            found = reader.page.evaluate(COLORS)
            assert found.keys() >= {"saboteur"}, view
            for role in found.keys() & met.keys():
                met[role] |= set(found[role])
    assert {role: len(colors) for role, colors in met.items()} == dict.fromkeys(ROLES, 1)
    assert len(set().union(*met.values())) == len(ROLES), "and no two share it"


@pytest.mark.parametrize("width", [1280, 390])
def test_charts_name_their_axes_and_draw_nothing_over_another(
    browser: Any, training: tuple[Path, Path], width: int
) -> None:
    reader = Reader(browser, training[0], width)
    for view in ("#/course", "#/", "#/n/0", "#/n/1"):
        reader.go(view)
        assert reader.page.evaluate(OVERDRAWN) == [], view
    reader.go("#/course")
    for chart in reader.page.locator("svg.curve").all():
        texts = chart.locator("text").all_text_contents()
        assert "training step" in texts
        assert any(re.match("in |of |mean |an |standard |fraction ", text) for text in texts), texts
        assert chart.locator("path.line:not(.faint)").count() <= 2, "one line a run"


def test_one_word_a_thing(browser: Any, training: tuple[Path, Path]) -> None:
    """A run is a training run, an episode an attempt at a task, a group the episodes that are compared."""
    reader = Reader(browser, training[0])
    for view in ("#/", "#/groups", "#/t/1", "#/episodes", "#/n/1"):
        reader.go(view)
        said = reader.page.inner_text("main")
        assert re.findall(r"\b[Rr]uns?\b|\brollouts? of\b|[Pp]laced?\b|[Ww]eight", said) == [], view
    assert reader.page.locator(".views a:visible").all_inner_texts() == ["Over time", "Overview", "Groups", "Episodes"]
    groups, episodes = rows(training[1] / "groups.csv"), rows(training[1] / "episodes.csv")
    assert {row["group"] for row in episodes} == {row["group"] for row in groups}
    assert {row["task"] for row in episodes} >= {row["task"] for row in rows(training[1] / "tasks.csv")}
    assert all(row["task"].startswith("times-") for row in episodes)


def test_a_group_whose_scores_are_alike_says_what_is_trained_on(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    met = set()
    for number, group in enumerate(data_of(reader)["groups"]):
        messages = [row for _, _, own, _ in group["episodes"] for row in own]
        x, k = (any(abs(row[place]) > 1e-9 for row in messages) for place in (3, 2))
        if (x, k) in met:
            continue
        met.add((x, k))
        reader.go(f"#/t/{number}")
        said = reader.page.inner_text(".lead")
        assert ("what is trained on is K alone, times its share of 50 %" in said) == (not x and k)
        assert ("nothing is trained on in this group" in said) == (not x and not k)
    assert {(True, True), (False, True)} <= met


def test_a_message_says_of_what_its_k_is_made(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    episodes = data_of(reader)["episodes"]
    told: dict[tuple[str, str], list[float]] = {}
    for episode in episodes:
        for message in episode["messages"]:
            told.setdefault((episode["group"], message["agent"]), []).append(message["credit"])
    mirrored = 0
    for number in range(0, len(episodes), 9):
        reader.go(f"#/n/{number}")
        for message in episodes[number]["messages"]:
            item = reader.page.locator(f"[data-index='{message['index']}']")
            if not item.locator(".made").count():
                continue
            numbers = item.locator(".made data").evaluate_all("all => all.map(d => Number(d.value))")
            credit, mean, difference, spread, k = numbers
            own = told[episodes[number]["group"], message["agent"]]
            assert credit == message["credit"]
            assert mean == pytest.approx(sum(own) / len(own))
            assert difference == pytest.approx(credit - mean)
            assert k == pytest.approx(difference / spread, rel=1e-3)
            mirrored += message["grade"] == "RIGHT" and credit > 0 > k
            if not mirrored:
                saved = list(
                    csv.reader(io.StringIO(reader.saved("section:has(> .messages) .saving >> text=CSV").decode()))
                )
                (line,) = [row for row in saved[1:] if row and row[0] == str(message["index"])]
                assert [float(value) for value in line[-4:]] == [credit, mean, difference, spread]
            assert ("It helped, but less than they did." in item.inner_text()) == (credit > 0 > k)
    assert mirrored > 0, "right answers with positive credit and an advantage below 0 are what one asks about"


def test_a_group_can_be_read_on_a_phone(browser: Any, training: tuple[Path, Path]) -> None:
    for width in (1280, 390):
        reader = Reader(browser, training[0], width)
        number = next(k for k, group in enumerate(data_of(reader)["groups"]) if group["pairs"])
        reader.go(f"#/t/{number}")
        texts = reader.page.locator(".pair-side .text")
        assert texts.count() >= 2
        assert all(text.is_visible() and "I multiply" in text.inner_text() for text in texts.all())
        assert reader.page.locator(".sideways").is_visible() == (width == 390)


def test_what_is_alike_in_all_groups_is_said_once(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    reader.go("#/groups")
    card = "section:has(> h2:has-text('The groups'))"
    assert "The same for all: episodes 4, missing 0, share of X 50 %" in reader.page.inner_text(card)
    assert reader.page.locator(f"{card} thead th").all_inner_texts() == ["Group", "Mean score", "Spread"]


def test_the_episode_that_is_read_is_marked_in_the_list(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    reader.go("#/n/600")
    current = reader.page.locator("#list a[aria-current]")
    assert current.evaluate_all("all => all.map(link => link.dataset.number)") == ["600"]
    top, bottom = current.evaluate("link => [link.getBoundingClientRect().top, link.getBoundingClientRect().bottom]")
    assert 0 < top < bottom <= 900


def test_who_is_repeated_and_what_a_success_is_are_said(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    assert "critic repeated others more, most of all solver: 0 %" in reader.page.inner_text("main")
    assert "whose outcome is a success: from a score of 0.50 on." in reader.page.inner_text("main")
    reader.go("#/n/639")
    assert "100 % said before, most of it by solver" in reader.page.inner_text(".message >> nth=3")


def test_a_difference_is_the_second_less_the_first(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    section = "section:has(> h2:text-is('Between two steps'))"
    reader.page.select_option(f"{section} select >> nth=0", "5")
    reader.page.select_option(f"{section} select >> nth=1", "25")
    assert f"Step 25 {MINUS} step 5" in reader.page.inner_text(f"{section} thead")
    shown = [row.split("\t")[0].strip() for row in reader.page.locator(f"{section} tbody tr").all_inner_texts()]
    assert "saboteur · Hurt the team of its episodes" in shown
    assert "saboteur · Hurt, when it mattered of those it mattered in" in shown
    told = reader.page.locator(f"{section} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('data')].map(d => Number(d.value)))"
    )
    assert all(difference == pytest.approx(b - a) for a, b, difference in told)
    section = "section:has(> h2:text-is('The two runs'))"
    assert f"second {MINUS} first: +" in reader.page.inner_text(section)
    reader.page.click(f"{section} summary >> nth=0")
    assert f"second {MINUS} first" in reader.page.inner_text(f"{section} thead >> nth=0")
    for row in rows(training[1] / "tasks.csv"):
        assert float(row["difference"]) == pytest.approx(float(row["other_score"]) - float(row["score"]))


def test_synergy_is_of_one_step_and_says_so(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    reader.go("#/")
    assert "All numbers here mix 40 training steps, 0 to 39" in reader.page.inner_text("main")
    section = "section:has(> h2:has-text('Who adds what others'))"
    assert "mean over the 16 episodes of step 39" in reader.page.inner_text(section)
    reader.page.select_option(f"{section} select", "3")
    assert "mean over the 16 episodes of step 3 " in reader.page.inner_text(section)
    shown = reader.page.locator(f"{section} td.heat data").evaluate_all("all => all.map(d => Number(d.value))")
    known = [
        float(row["value"])
        for row in rows(training[1] / "summary.csv")
        if (row["run"], row["step"], row["name"]) == ("first", "3", "synergy")
    ]
    assert len(shown) == 12
    assert sorted(set(shown)) == pytest.approx(sorted(set(known)))


def test_both_counts_of_hurt_name_what_they_are_shares_of(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    reader.go("#/")
    card = "section:has(> h2:text-is('Who helped and who hurt'))"
    hint = reader.page.inner_text(f"{card} .hint")
    assert "Hurt: of all its episodes, those with credit below zero." in hint
    assert "Hurt, when it mattered: the same, of those in which its credit is not zero." in hint
    table = list(csv.DictReader(io.StringIO(reader.saved(f"{card} >> text=CSV").decode())))
    assert [row["Role"] for row in table] == sorted(ROLES)
    for row in table:
        assert float(row["Hurt, when it mattered"]) == pytest.approx(float(row["Hurt"]) / float(row["Mattered"]))


def test_each_view_has_a_subject_of_its_own(browser: Any, training: tuple[Path, Path]) -> None:
    reader = Reader(browser, training[0])
    page = reader.page
    titles = {}
    for view in ("#/", "#/groups", "#/episodes"):
        reader.go(view)
        titles[view] = set(page.locator("main h2").all_inner_texts())
    assert not titles["#/"] & titles["#/episodes"]
    assert not titles["#/"] & titles["#/groups"]
    page.select_option("#outcome", "failure")
    page.wait_for_selector(".episodes tbody tr")
    marks = page.locator(".episodes .verdict-mark").evaluate_all("all => all.map(m => m.getAttribute('aria-label'))")
    assert set(marks) == {"failure"}
    saved = list(csv.DictReader(io.StringIO(reader.saved("main .saving >> text=CSV").decode())))
    failed = [row for row in rows(training[1] / "episodes.csv") if row["success"] == "False"]
    assert [row["episode"] for row in saved] == [row["episode"] for row in failed], "more than are drawn"
    page.click(".episodes tbody a >> nth=0")
    page.wait_for_selector(".verdict")
    assert reader.quiet(), reader.complaints


def test_agents_of_one_role_have_colours_of_their_own(browser: Any, tmp_path: Path) -> None:
    episodes = [given(), given()]
    for number, source in enumerate(episodes):
        source.id = f"episode {number}"
        for agent in source.agents:
            agent.role = "judge" if agent.id == "c" else "debater"
    page = render([signals_of(e, FULL) for e in episodes], {e.id: e for e in episodes})
    (tmp_path / "r.html").write_text(page, encoding="utf-8")
    reader = Reader(browser, tmp_path / "r.html")
    reader.go("#/")
    roles = reader.page.evaluate(COLORS)
    reader.go("#/n/1")
    agents = reader.page.evaluate(COLORS)
    assert agents["c"] == roles["judge"], "the only one of its role"
    colors = [tuple(found) for found in (agents["a"], agents["b"], agents["c"], roles["debater"])]
    assert len(set(colors)) == len(colors) == sum(map(len, colors))


def test_sixteen_agents_look_different(browser: Any, training: tuple[Path, Path]) -> None:
    page = Reader(browser, training[0]).page
    looks = page.evaluate("""() => {
      paint(Array.from({ length: 16 }, (_, k) => `agent ${k}`));
      return Array.from({ length: 16 }, (_, k) => dot(`agent ${k}`).outerHTML);
    }""")
    assert len(set(looks)) == 16
