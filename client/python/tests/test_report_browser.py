"""The report in Chromium: what a reader does with it. Skipped where Playwright or Chromium is absent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browsing import CONTRAST, UNNAMED, Reader, pages_close  # noqa: F401
from tampering import annotated, debate, given, rolled_out
from test_report import ATTACKS, FULL, hostile
from test_verify_tamper_groups import debates, siblings
from verify_episodes import SHARED, episode_of, group_of, log_records, options_of, signals_of

from assay_rl.report import notebook, render
from assay_rl.v1 import episode_pb2

MINUS = "\u2212"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One episode of each kind, three of them a group."""
    members = siblings()
    episodes = [debate(), annotated(), rolled_out(), given(), *members]
    results = [signals_of(e, FULL) for e in episodes]
    group = group_of(members, results[4:], FULL)
    path = tmp_path_factory.mktemp("report") / "small.html"
    path.write_text(render([*results, group], {e.id: e for e in episodes}, "A small run"), encoding="utf-8")
    return path


def report_of(name: str, path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    episodes = [episode_of(record) for record in log_records(name)]
    results = [signals_of(e, options_of(name)) for e in episodes]
    path.write_text(render(results, {e.id: e for e in episodes}, name), encoding="utf-8")


@pytest.mark.parametrize(("name", "count"), [("dylan_mmlu_7agents", 729), ("whowhen_ag", 126)])
def test_real_runs_open_at_once_and_stay_quiet(browser: Any, tmp_path: Path, name: str, count: int) -> None:
    report_of(name, tmp_path / "report.html")
    reader = Reader(browser, tmp_path / "report.html")
    page = reader.page
    opened = page.evaluate("performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart")
    print(f"{name}: ready after {opened} ms")
    assert f"{count} episodes" in page.inner_text("#count")
    # What makes it open at once: nothing is built before somebody looks at it.
    assert page.evaluate("document.querySelectorAll('*').length") < 4000
    page.click("#list a >> nth=3")
    page.wait_for_selector(".verdict")
    assert page.locator(".answer").count() == 4
    page.select_option("#outcome", "failure")
    page.wait_for_function("() => document.querySelectorAll('#list a').length > 0")
    marks = page.locator("#list .verdict-mark").evaluate_all("marks => marks.map(m => m.getAttribute('aria-label'))")
    assert set(marks) == {"failure"}
    assert page.locator("#list a").count() <= 120
    assert reader.quiet(), reader.complaints


def test_the_four_questions_are_answered_in_words(browser: Any, small: Path) -> None:
    page = Reader(browser, small).page
    page.click("#list a:has-text('annotated')")
    answers = page.locator(".answer").all_inner_texts()
    assert [a.split("\n")[0] for a in answers] == [
        "Who helped",
        "Who hurt",
        "Where it went wrong",
        "Why the numbers add up",
    ]
    assert "At message 1 by b, 100 % sure" in answers[2]
    assert "a person's annotation" in answers[2]
    assert "fell 1.000 short" in answers[3]
    page.click(".answer >> text=message 1")
    assert page.evaluate("document.activeElement.dataset.index") == "1"
    assert "First error" in page.locator("[data-index='1']").inner_text()
    assert MINUS + "1.000" in page.locator("[data-index='1'] .reward").inner_text()


def test_the_waterfall_leads_from_baseline_to_outcome(browser: Any, small: Path) -> None:
    page = Reader(browser, small).page
    page.click("#list a:has-text('given')")
    rows = page.locator(".waterfall tbody tr").all_inner_texts()
    assert [re.split(r"[\t\n]", row.strip())[0] for row in rows] == [
        "Nobody takes part baseline",
        "a",
        "b",
        "c",
        "The whole team value with everybody",
        "Outcome the score of the episode",
    ]
    assert "+0.367" in rows[1]
    assert MINUS + "0.133" in rows[3]
    assert f"c {MINUS}0.133" in page.locator(".answer >> nth=1").inner_text()
    assert "✓" in page.locator("section:has-text('The ledger') tr.sum").first.inner_text()
    assert page.locator(".matrix td.heat").count() == 6


def test_posterior_shows_error_and_repair(browser: Any, small: Path) -> None:
    page = Reader(browser, small).page
    page.click("#list a:has-text('rolled')")
    assert page.locator(".posterior a").count() == 5
    assert page.locator(".posterior .mark").count() >= 2
    page.locator(".posterior a >> nth=1").press("Enter")
    assert page.evaluate("document.activeElement.dataset.index") == "1"


def test_groups_show_their_advantages(browser: Any, small: Path) -> None:
    reader = Reader(browser, small)
    reader.go("#/groups")
    assert "task" in reader.page.locator("section:has(h2:has-text('The groups'))").inner_text()
    reader.page.click("#list a:has-text('valued')")
    assert "Against the mean this one stands at" in reader.page.inner_text("main")
    assert reader.page.get_attribute(".message .reward >> nth=0", "title") == "advantage"
    assert "reward" in reader.page.locator(".facts").first.inner_text()
    assert reader.quiet(), reader.complaints


def test_in_a_group_the_advantage_stands_out_and_says_what_it_is_made_of(browser: Any, tmp_path: Path) -> None:
    members = debates()
    results = [signals_of(e, FULL) for e in members]
    group = group_of(members, results, FULL)
    path = tmp_path / "debates.html"
    path.write_text(render([*results, group], {e.id: e for e in members}), encoding="utf-8")
    reader = Reader(browser, path)
    reader.go("#/groups")
    assert "control" in reader.page.locator("section:has(h2:has-text('The groups'))").inner_text()
    reader.page.click("#list a >> nth=2")
    first = group.signals.episodes[2].messages[0]
    message = reader.page.locator(f"[data-index='{first.index}']")
    assert f"{abs(first.advantage):.3f}" in message.locator(".reward b").inner_text()
    assert "wrong answer" in message.inner_text()
    hint = reader.page.locator("section:has(h2:has-text('The transcript')) .hint").inner_text()
    assert "50 % X and 50 % K" in hint
    assert "less what the rest of the team explains" in hint
    assert "with and without it" in hint
    assert reader.quiet(), reader.complaints


def test_search_filter_and_sort(browser: Any, small: Path) -> None:
    page = Reader(browser, small).page
    page.fill("#search", "WRONG file")
    page.wait_for_selector("#count:has-text('1 of')")
    assert "failure" in page.inner_text("#list")
    assert "1 of 8 episodes" in page.inner_text("#count")
    page.click("#clear")
    assert page.locator("#list a").count() == 8
    page.select_option("#label", "FIRST_ERROR")
    assert page.locator("#list a:has-text('first error: message')").count() == page.locator("#list a").count() == 4
    page.select_option("#label", "")
    page.select_option("#agent", "c")
    assert page.locator("#list a").count() == 3
    page.select_option("#agent", "")
    page.select_option("#sort", "sabotage")
    assert "given" in page.locator("#list a").first.inner_text()
    page.fill("#search", "no such words")
    page.wait_for_selector("text=No episode matches.")


def test_everything_works_from_the_keyboard(browser: Any, small: Path) -> None:
    reader = Reader(browser, small)
    page = reader.page
    page.keyboard.press("j")
    reader.shows("#/e/debate")
    page.keyboard.press("j")
    reader.shows("#/e/annotated")
    assert page.get_attribute("#list a >> nth=1", "aria-current") == "page"
    page.keyboard.press("k")
    reader.shows("#/e/debate")
    page.go_back()
    reader.shows("#/e/annotated")
    assert page.get_attribute("#list a >> nth=1", "aria-current") == "page"
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.input_value("#search") == "jk"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert "Shapley value" in page.inner_text("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("o")
    page.wait_for_selector(".tiles")


def test_keys_faster_than_the_browser_tells_of_addresses_are_not_lost(browser: Any, small: Path) -> None:
    page = Reader(browser, small).page
    address = page.evaluate("""() => {
      for (const key of "jjjk") document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      return location.hash;
    }""")
    assert address == "#/e/annotated"
    assert page.get_attribute("#list a >> nth=1", "aria-current") == "page"


def test_hostile_texts_are_only_texts(browser: Any, tmp_path: Path) -> None:
    source = hostile()
    other = hostile()
    other.id = ATTACKS[2]
    page_text = render([signals_of(e, FULL) for e in (source, other)], {e.id: e for e in (source, other)}, ATTACKS[0])
    (tmp_path / "hostile.html").write_text(page_text, encoding="utf-8")
    reader = Reader(browser, tmp_path / "hostile.html")
    page = reader.page
    page.click("#list a >> nth=0")
    page.wait_for_selector(".messages li")
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main svg[onload], main script").count() == 0
    text = page.inner_text("main")
    assert "</script><script>window.pwned = 1</script>" in text
    assert "␛[31mred" in text
    assert "[U+202E]gnissap" in text
    assert "\x1b" not in page.content()
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    long = page.locator(".messages li").last
    long.locator("button.more").click()
    assert "Show more: 998,576 characters are left" in long.inner_text()
    long.locator("button.more").click()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    reader.go("#/")
    assert reader.quiet(), reader.complaints


def test_a_notebook_frame_shows_the_page(browser: Any, tmp_path: Path) -> None:
    source = annotated()
    frame = notebook([signals_of(source, FULL)], {source.id: source})._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!doctype html><html data-ready><body>{frame}</body></html>")
    reader = Reader(browser, tmp_path / "notebook.html")
    inside = reader.page.frame_locator("iframe")
    inside.locator(".tiles").wait_for()
    inside.locator("#list a").first.click()
    inside.locator(".verdict").wait_for()
    assert not reader.complaints


@pytest.mark.parametrize("width", [1280, 390])
def test_no_view_is_wider_than_the_screen(browser: Any, small: Path, width: int) -> None:
    reader = Reader(browser, small, width)
    for view in ("#/", "#/episodes", *(f"#/n/{k}" for k in range(7))):
        reader.go(view)
        over = reader.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, view
    assert reader.quiet(), reader.complaints


def test_on_a_phone_the_list_is_a_page_of_its_own(browser: Any, small: Path) -> None:
    page = Reader(browser, small, 390).page
    assert not page.is_visible("#list")
    # A click changes the address, and the page follows the address in its own time.
    page.click("text=Episodes")
    page.wait_for_selector("#list", state="visible")
    page.click("#list a:has-text('debate')")
    page.wait_for_selector("#list", state="hidden")
    page.click("text=← Episodes")
    page.wait_for_selector("#list", state="visible")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_names(browser: Any, small: Path, scheme: str) -> None:
    reader = Reader(browser, small, 1280, scheme)
    for view in ("#/", *(f"#/n/{k}" for k in range(7))):
        reader.go(view)
        assert reader.page.evaluate(CONTRAST) == [], view
        assert reader.page.evaluate(UNNAMED) == [], view
    reader.page.keyboard.press("?")
    assert reader.page.evaluate(CONTRAST) == []


def test_an_episode_of_many_messages_opens_in_pieces(browser: Any, tmp_path: Path) -> None:
    source = episode_pb2.Episode(id="long")
    source.agents.add(id="a")
    source.outcome.score = 0
    for t in range(5000):
        source.messages.add(agent_id="a", content=f"step {t} " * 20)
    source.messages[4321].first_error = True
    page_text = render([signals_of(source, FULL)], {source.id: source})
    (tmp_path / "long.html").write_text(page_text, encoding="utf-8")
    page = Reader(browser, tmp_path / "long.html").page
    page.click("#list a")
    page.wait_for_selector(".messages li")
    assert page.locator(".messages li").count() <= 200
    page.click(".answer >> text=message 4321")
    assert page.evaluate("document.activeElement.dataset.index") == "4321"


def test_episodes_whose_score_is_not_the_value_of_the_team_can_be_picked(browser: Any, tmp_path: Path) -> None:
    agreed, off = debate(), debate()
    off.id = "off"
    results = [signals_of(e, FULL) for e in (agreed, off)]
    told = results[1].signals
    told.outcome_mismatch, told.score, told.unexplained = True, told.grand_value - 0.5, -0.5
    path = tmp_path / "report.html"
    path.write_text(render(results, {e.id: e for e in (agreed, off)}, "Two runs"), encoding="utf-8")
    page = Reader(browser, path).page
    assert "1 of 2\nscores that are not the team's value" in page.inner_text(".tiles")
    page.select_option("#outcome", "differs")
    assert page.inner_text("#count") == "1 of 2 episodes"
    assert "off" in page.inner_text("#list")
