"""The views of a training run, of tasks and of what is saved, in Chromium."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from browsing import CONTRAST, UNNAMED, Reader, pages_close  # noqa: F401
from course_runs import Plan, write
from tampering import given
from test_report import ATTACKS, FULL, hostile
from test_verify_tamper_groups import debates
from verify_episodes import group_of, signals_of

from assay_rl.cli.report import main
from assay_rl.report import render


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty steps, and another run of thirty beside them."""
    folder = tmp_path_factory.mktemp("course")
    write(Plan(), folder / "first")
    write(Plan(steps=30, honest=10, seed=9), folder / "second")
    path = folder / "training.html"
    assert main([str(folder / "first"), "--against", str(folder / "second"), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    members = debates()
    results = [signals_of(e, FULL) for e in members]
    path = tmp_path_factory.mktemp("task") / "task.html"
    page = render([*results, group_of(members, results, FULL)], {e.id: e for e in members}, "A task")
    path.write_text(page, encoding="utf-8")
    return path


def test_a_training_run_says_in_short_what_happened(browser: Any, training: Path) -> None:
    reader = Reader(browser, training)
    reader.shows("#/course")
    short = reader.page.inner_text("section:has(> h2:has-text('In short'))")
    assert "saboteur stopped hurting the team: of the episodes in which it mattered it did so in" in short
    assert re.search(r"\d\d % in steps 0 to 30, 0 % in steps 31 to 59", short)
    assert "From step 31 on" in short
    assert re.search(r"critic repeats others more|critic repeated others more", short)
    assert "From step 42 on" in short
    assert "spread" in short.lower()
    compared = reader.page.inner_text("section:has(> h2:has-text('The two runs'))")
    assert "On the 8 tasks of both" in compared
    assert "second" in compared
    assert reader.page.locator("svg.curve").count() >= 8
    assert reader.quiet(), reader.complaints


def test_in_short_goes_step_by_step_and_the_runs_side_by_side(browser: Any, training: Path) -> None:
    page = Reader(browser, training).page
    short = page.inner_text("section:has(> h2:has-text('In short'))")
    steps = [int(step) for step in re.findall(r"(?:From step|at step) (\d+)", short)]
    assert len(steps) >= 3
    assert steps == sorted(steps)
    compared = page.inner_text("section:has(> h2:has-text('The two runs'))")
    assert "saboteur stopped hurting the team: step 31 in first, step 10 in second." in compared
    assert "In the last quarter of the steps of both, 23 to 29, on 8 tasks, first scored" in compared
    told = re.findall(r"better on (\d+), worse on (\d+) and the same on (\d+) of them", compared)
    assert [sum(map(int, counts)) for counts in told] == [8, 8]


def test_a_place_of_several_steps_is_said_to_be_around_one(browser: Any, training: Path) -> None:
    page = Reader(browser, training).page
    page.locator(".changes .link").evaluate_all("buttons => buttons.forEach(more => more.click())")
    places = page.locator(".changes section").evaluate_all(
        "all => all.map(one => [one.querySelector('h3').textContent, one.textContent])"
    )
    for heading, said in places:
        number = int(heading.split()[2])
        begun = {int(step) for step in re.findall(r" in steps? (\d+)(?: to \d+)?\.", said)}
        assert heading == (f"From step {number} on" if begun == {number} else f"Around step {number}"), said
    assert {heading.split()[0] for heading, _ in places} == {"From", "Around"}


def test_beside_a_long_curve_stand_both_its_lines(browser: Any, training: Path) -> None:
    page = Reader(browser, training).page
    data = json.loads(page.evaluate("document.querySelector('#data').textContent"))
    scores = [[step["metrics"]["score"] for step in run["steps"]] for run in data["course"]["runs"]]
    rows = page.locator("section:has(> h2:text-is('Score')) .legend .row-of")
    shown = rows.evaluate_all(
        "rows => rows.map(row => [row.firstChild.textContent, ...[...row.querySelectorAll('data')].map(d => +d.value)])"
    )
    assert shown[0] == ["step 59:", scores[0][-1]], "the other run ends at step 29"
    assert shown[1][0] == "mean around it:"
    assert shown[1][1] == pytest.approx(sum(scores[0][-3:]) / 3)
    assert rows.nth(0).locator(".stroke.faint").count() == 2
    assert rows.nth(1).locator(".stroke.faint").count() == 0


def test_curves_are_told_to_those_who_do_not_see_them(browser: Any, training: Path) -> None:
    page = Reader(browser, training).page
    names = page.locator("svg.curve").evaluate_all("charts => charts.map(chart => chart.getAttribute('aria-label'))")
    (credit,) = [name for name in names if name.startswith("Credit, by role, saboteur:")]
    assert re.search(r"saboteur · first from \N{MINUS SIGN}0\.\d+ at step 0 to 0\.\d+ at step 59", credit)
    values = page.locator("section:has(> h2:has-text('Credit, by role')) details.values")
    values.locator("summary").click()
    rows = values.locator("tbody tr")
    rows.nth(59).wait_for(state="attached")  # the browser tells the page later that it was unfolded
    assert rows.count() == 60


def test_what_became_of_several_roles_alike_is_said_once(browser: Any, training: Path) -> None:
    changed = Reader(browser, training).page.inner_text("section:has(> h2:text-is('What changed'))")
    said = "checker, critic, saboteur and solver mattered more often: the credit of each was not zero in"
    assert changed.count(said) == 1
    assert changed.count("mattered more often") == 1


def test_two_steps_are_compared(browser: Any, training: Path) -> None:
    reader = Reader(browser, training)
    page = reader.page
    section = "section:has(> h2:has-text('Between two steps'))"
    page.select_option(f"{section} select >> nth=0", "5")
    page.select_option(f"{section} select >> nth=1", "40")
    head = page.locator(f"{section} thead").inner_text()
    assert "Step 5" in head
    assert "Step 40" in head
    (row,) = [row for row in page.locator(f"{section} tbody tr").all_inner_texts() if "saboteur · Right answers" in row]
    assert "+100 points" in row
    assert reader.quiet(), reader.complaints


def test_steps_filter_the_episodes(browser: Any, training: Path) -> None:
    page = Reader(browser, training).page
    assert "960 episodes" in page.inner_text("#count")
    page.select_option("#step", "31")
    page.wait_for_selector("#count:has-text('16 of')")
    page.click("#list a >> nth=0")
    page.wait_for_selector(".verdict")
    assert "step 31" in page.inner_text("h1")


def test_the_episodes_of_a_group_stand_side_by_side(browser: Any, task: Path) -> None:
    reader = Reader(browser, task)
    page = reader.page
    page.click(".views >> text=Groups")
    page.click("main tbody a")
    reader.shows("#/g/task")
    rows = page.locator(".members tbody tr").all_inner_texts()
    assert len(rows) == 3
    assert rows[0].startswith("✓")
    head = " ".join(page.locator(".members thead").inner_text().split())
    for column in ("Score", "X of a", "X of b", "X of c", "Highest advantage", "Lowest advantage"):
        assert column in head
    page.click(".members tbody a >> nth=0")
    page.wait_for_selector(".verdict")
    assert reader.quiet(), reader.complaints


def test_the_bar_can_show_the_parts_of_an_advantage(browser: Any, task: Path) -> None:
    reader = Reader(browser, task)
    page = reader.page
    page.click("#list a >> nth=2")
    assert page.locator(".choice label").all_inner_texts() == ["advantage", "X", "K", "reward", "credit"]
    data = json.loads(page.evaluate("document.querySelector('#data').textContent"))
    row = {entry[0]: entry[2] for entry in data["groups"][0]["episodes"]}["debate 2"][0]
    for label, value in (("X", row[3]), ("K", row[1]), ("advantage", row[2])):
        page.click(f".choice label >> text='{label}'")
        shown = float(page.get_attribute(f"[data-index='{row[0]}'] .reward data", "value"))
        assert shown == value, label
    page.click(".choice label >> text='K'")
    page.keyboard.press("Escape")
    page.click("[aria-label='Previous episode (k)']")
    page.wait_for_selector(".choice")
    assert page.is_checked(".choice input[value='local']"), "what was chosen holds for the next episode"


def test_right_and_wrong_answers_are_marked_and_check_marks_mean_nothing_else(browser: Any, task: Path) -> None:
    page = Reader(browser, task).page
    page.click("#list a >> nth=2")
    page.wait_for_selector(".messages li")
    for message in page.locator(".messages li").all():
        text = message.inner_text()
        assert ("✓" in text) == ("right answer" in text)
        assert ("✗" in text) == ("wrong answer" in text)
    assert page.locator(".grade.bad").count() > 0


def test_the_outcome_is_held_against_the_value_of_the_team(browser: Any, tmp_path: Path) -> None:
    source = given()
    source.outcome.score = 0.9
    (tmp_path / "r.html").write_text(render([signals_of(source, FULL)], {source.id: source}), encoding="utf-8")
    page = Reader(browser, tmp_path / "r.html").page
    assert "1 of 1\nscores that are not the team's value" in page.inner_text(".tiles")
    page.click("#list a")
    said = page.inner_text(".verdict")
    assert "The evaluator gives the whole team 0.600; the episode got 0.900" in said
    assert "+0.300 is nobody's credit" in said


def test_what_a_card_shows_can_be_saved(browser: Any, task: Path) -> None:
    reader = Reader(browser, task)
    reader.page.click("#list a >> nth=0")
    section = "section:has(> h2:has-text('From nobody to the outcome'))"
    rows = list(csv.reader(io.StringIO(reader.saved(f"{section} >> text=CSV").decode())))
    saved = {row[0]: float(row[2]) for row in rows[1:] if row and row[0] in ("a", "b", "c")}
    data = json.loads(reader.page.evaluate("document.querySelector('#data').textContent"))
    assert saved == {a["id"]: a["credit"] for a in data["episodes"][0]["agents"]}, "all digits"
    picture = ElementTree.fromstring(reader.saved(f"{section} >> text=SVG"))
    texts = " ".join(picture.itertext())
    assert "The whole team" in texts
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}rect")) > 5
    image = reader.saved(f"{section} >> text=PNG")
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", image[16:24])[0] > 800
    assert reader.quiet(), reader.complaints


def test_every_chart_has_its_numbers_and_its_picture(browser: Any, training: Path) -> None:
    reader = Reader(browser, training)
    for view in ("#/course", "#/", "#/groups", "#/episodes", "#/n/0"):
        reader.go(view)
        for title in reader.page.locator("section.card:has(.saving) > h2").all_inner_texts():
            section = f'section.card:has(> h2:text-is("{title}")) >> nth=0'
            rows = list(csv.reader(io.StringIO(reader.saved(f"{section} >> .saving >> text=CSV").decode())))
            assert len(rows) > 1, title
            ElementTree.fromstring(reader.saved(f"{section} >> .saving >> text=SVG"))
    assert reader.quiet(), reader.complaints


def test_hostile_texts_stay_texts_in_what_is_saved(browser: Any, tmp_path: Path) -> None:
    source = hostile()
    source.agents[0].id = source.messages[0].agent_id = "=cmd()"
    for message in source.messages:
        if message.agent_id == ATTACKS[0]:
            message.agent_id = "=cmd()"
    (tmp_path / "h.html").write_text(render([signals_of(source, FULL)], {source.id: source}, ATTACKS[0]))
    reader = Reader(browser, tmp_path / "h.html")
    reader.page.click("#list a")
    section = "section:has(> h2:has-text('The ledger'))"
    assert "'=cmd()" in reader.saved(f"{section} >> text=CSV").decode()
    ElementTree.fromstring(reader.saved(f"{section} >> text=SVG"))
    assert reader.page.evaluate("window.pwned") is None
    assert reader.quiet(), reader.complaints


def test_an_episode_is_linked_by_its_id(browser: Any, training: Path) -> None:
    reader = Reader(browser, training)
    page = reader.page
    page.fill("#search", "step031/task1/2")
    page.wait_for_selector("#count:has-text('1 of')")
    page.click("#list a")
    reader.shows("#/e/step031%2Ftask1%2F2/31")
    other = Reader(browser, f"{training.as_uri()}#/e/step031%2Ftask1%2F2/31")
    assert "step031/task1/2" in other.page.inner_text("h1")
    lost = Reader(browser, f"{training.as_uri()}#/e/nobody")
    assert "nobody is not among what this page holds" in lost.page.inner_text("main")


def test_help_opens_at_its_top(browser: Any, task: Path) -> None:
    reader = Reader(browser, task, 390)
    reader.page.click("#help-open")
    assert reader.page.evaluate("document.querySelector('#help').scrollTop") == 0
    assert reader.page.locator("#help-title").is_visible()
    assert reader.page.evaluate("document.activeElement.id") == "help-title"


def test_long_ids_can_be_told_apart(browser: Any, tmp_path: Path) -> None:
    results = []
    for k in range(3):
        source = given()
        source.id = f"project/experiment-2026-11-30/validation/gsm8k-train-0000{k}/rollout"
        results.append(signals_of(source, FULL))
    (tmp_path / "r.html").write_text(render(results, {}), encoding="utf-8")
    page = Reader(browser, tmp_path / "r.html").page
    shown = page.locator("#list .title bdi").all_inner_texts()
    assert len(set(shown)) == 3
    clipped = page.locator("#list .title").evaluate_all("titles => titles.map(t => t.scrollWidth > t.clientWidth)")
    assert clipped == [False] * 3


def test_fifteen_roles_stay_readable(browser: Any, tmp_path: Path) -> None:
    source = given()
    del source.agents[:], source.messages[:]
    source.ClearField("values")
    for k in range(15):
        source.agents.add(id=f"specialist for subject {k}")
        source.messages.add(agent_id=f"specialist for subject {k}", content="x")
    result = signals_of(source, FULL)
    for i in range(15):
        for j in range(i):
            a, b = source.agents[i].id, source.agents[j].id
            result.signals.interactions.add(agent_a=a, agent_b=b, index=0.01 * (i - j))
    (tmp_path / "r.html").write_text(render([result], {source.id: source}), encoding="utf-8")
    page = Reader(browser, tmp_path / "r.html").page
    section = page.locator("section:has(> h2:has-text('Who adds what others'))")
    assert section.locator("tbody tr").count() == 15
    inside = section.locator(".scroll").evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    assert inside, "no sideways scrolling on a desktop"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_new_views_fit_contrast_and_have_names(
    browser: Any, training: Path, task: Path, width: int, scheme: str
) -> None:
    for path, views in (
        (training, ("#/course", "#/", "#/groups", "#/episodes", "#/t/0", "#/n/3")),
        (task, ("#/groups", "#/t/0")),
    ):
        reader = Reader(browser, path, width, scheme)
        for view in views:
            reader.go(view)
            assert reader.wider() <= 0, view
            assert reader.page.evaluate(CONTRAST) == [], view
            assert reader.page.evaluate(UNNAMED) == [], view
        assert reader.quiet(), reader.complaints


def test_print_shows_the_page_and_not_its_controls(browser: Any, training: Path) -> None:
    page = Reader(browser, training).page
    page.emulate_media(media="print")
    assert not page.is_visible(".bar")
    assert not page.is_visible(".side")
    assert not page.is_visible(".saving")
    assert page.locator("svg.curve").first.is_visible()
    page.set_viewport_size({"width": 794, "height": 1100})  # A4
    widths = page.locator("svg.curve").evaluate_all("all => all.map(chart => chart.getBoundingClientRect().width)")
    assert max(widths) < 500, "letters of charts are no larger than those of the page"


def test_views_are_a_key_away(browser: Any, training: Path) -> None:
    reader = Reader(browser, training)
    for key, view in (("g", "#/groups"), ("o", "#/"), ("c", "#/course")):
        reader.page.keyboard.press(key)
        reader.shows(view)
