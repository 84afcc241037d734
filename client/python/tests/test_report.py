"""The report without a browser: what the file contains, and what it must not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tampering import bare, given
from verify_episodes import signals_of, write_lines

from assay_rl.cli.report import main
from assay_rl.client.outcomes import Scored
from assay_rl.report import html_for, notebook, render
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2

FULL = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)
ATTACKS = (
    "</script><script>window.pwned = 1</script>",
    "<!--<script>",
    "<img src=x onerror='window.pwned = 1'>",
    '"><svg onload=alert(1)>',
    "&lt;b&gt; \x1b[31mred\x1b[0m \x07 \x00",
    "\u202egnissap\u202c \u200b\u2066 \ufeff \u2028",
    "javascript:alert(1)",
    "a" * (1 << 20),
)


def hostile() -> episode_pb2.Episode:
    """Every text an episode can carry is an attack."""
    out = episode_pb2.Episode(id=ATTACKS[0] + " hostile")
    out.task.prompt = "\n".join(ATTACKS[:7])
    out.task.reference_answer = ATTACKS[2]
    out.outcome.score = 0
    for k in range(3):
        out.agents.add(id=ATTACKS[k], role=ATTACKS[k + 1])
    for t, attack in enumerate(ATTACKS):
        message = out.messages.add(agent_id=ATTACKS[t % 3], content=attack, answer=attack[:200])
        message.alternatives.add(content=attack[:2000], value=1)
    out.messages[1].first_error = True
    out.outcome.components.add(name=ATTACKS[3], value=0.5)
    return out


def parts(page: str) -> tuple[str, str, str, Any]:
    """Policy, style, script and data of a page, read as a browser would."""

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: str | None = None
            self.found: dict[str, str] = {}
            self.policy = ""
            self.handlers: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            self.handlers += [name for name in named if name.startswith("on") or name == "style"]
            if tag == "meta" and named.get("http-equiv") == "Content-Security-Policy":
                self.policy = named["content"] or ""
            if tag in ("script", "style"):
                assert "src" not in named
                self.open = "data" if named.get("id") == "data" else tag
                assert self.open not in self.found, "a second element of the kind: something broke out"

        def handle_data(self, data: str) -> None:
            if self.open:
                self.found[self.open] = self.found.get(self.open, "") + data

        def handle_endtag(self, tag: str) -> None:
            if tag in ("script", "style"):
                self.open = None

    reader = Reader()
    reader.feed(page)
    assert not reader.handlers
    return reader.policy, reader.found["style"], reader.found["script"], json.loads(reader.found["data"])


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_only_its_own_script_and_style_may_run() -> None:
    source = hostile()
    policy, style, script, data = parts(render([signals_of(source, FULL)], {source.id: source}))
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest(script)}'" in policy
    assert f"style-src 'sha256-{digest(style)}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", script + style)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(", script)
    assert [m["text"] for m in data["episodes"][0]["messages"]] == list(ATTACKS)


def test_the_page_tells_what_the_signals_say() -> None:
    source = hostile()
    result = signals_of(source, FULL)
    _, _, _, data = parts(render([result], {source.id: source}, "a run"))
    (episode,) = data["episodes"]
    assert data["title"] == "a run"
    assert episode["first"]["index"] == 1
    assert [m["reward"] for m in episode["messages"]] == [m.reward for m in result.signals.messages]
    assert [a["credit"] for a in episode["agents"]] == [a.credit for a in result.signals.agents]
    assert episode["ledger"]["target"] == -1
    assert episode["sha256"] == result.signals.audit.episode_sha256.hex()


def test_results_without_episode_audit_or_signals_are_shown_all_the_same() -> None:
    source = hostile()
    bare = signals_of(source, FULL)
    bare.signals.ClearField("audit")
    error = signal_service_pb2.EpisodeResult(episode_id="late")
    error.error.code, error.error.message = 4, "deadline"
    error.error.violations.add(field="messages[3]", description="too long")
    _, _, _, data = parts(render([bare, error], {}))
    assert "text" not in data["episodes"][0]["messages"][0]
    assert data["episodes"][0]["options"] is None
    assert data["episodes"][1]["error"] == {"code": 4, "message": "deadline", "fields": [["messages[3]", "too long"]]}


def test_a_number_that_json_lacks_does_not_break_the_page() -> None:
    result = signals_of(hostile(), FULL)
    result.signals.agents[0].std_error = float("nan")
    result.signals.agents[0].low = float("-inf")
    _, _, _, data = parts(render([result], {}))
    assert data["episodes"][0]["agents"][0]["low"] == "-inf"


def test_a_fragment_for_notebooks_is_static_and_escaped() -> None:
    source = hostile()
    result = signals_of(source, FULL)
    for shown in (html_for(result, source), html_for(result.signals, source), html_for(result)):
        assert not re.search(r"<(script|img|svg|iframe|a|style)\b", shown)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200b]", shown)
        assert "First error: message 1" in shown
        assert len(shown) < 40_000


def test_a_fragment_calls_a_share_of_the_outcome_no_credit() -> None:
    assert "share of the outcome" in html_for(signals_of(bare(), FULL))
    assert "credit" not in html_for(signals_of(bare(), FULL))
    source = given()
    assert "<th" in html_for(signals_of(source, FULL), source)
    assert ">credit</th>" in html_for(signals_of(source, FULL), source)


def test_outcomes_render_themselves_in_a_notebook() -> None:
    result = signals_of(hostile(), FULL)
    scored = Scored(result)
    assert scored._repr_html_() == scored.signals._repr_html_() == html_for(result)


def test_a_page_in_a_notebook_is_framed_apart() -> None:
    source = hostile()
    frame = notebook([signals_of(source, FULL)], {source.id: source})._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-scripts allow-downloads" ')
    assert frame.count("<") == 2
    assert frame.endswith("</iframe>")


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = hostile()
    write_lines(tmp_path / "episodes.jsonl", [source])
    write_lines(tmp_path / "signals.jsonl", [signals_of(source, FULL)])
    out = tmp_path / "report.html"
    arguments = [str(tmp_path / "signals.jsonl"), "--episodes", str(tmp_path / "episodes.jsonl"), "-o", str(out)]
    assert main(arguments) == 0
    assert parts(out.read_text(encoding="utf-8"))[3]["title"] == "signals.jsonl"
    (tmp_path / "signals.jsonl").write_text("nonsense\n")
    assert main(arguments) == 2
    assert "signals.jsonl:1: not JSON" in capsys.readouterr().err
    assert parts(out.read_text(encoding="utf-8"))[3]["title"] == "signals.jsonl", "the old page stays"
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


def test_a_sample_keeps_groups_whole_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = []
    for k in range(12):
        result = signal_service_pb2.EpisodeResult(episode_id=f"e{k}")
        result.signals.score = 1
        if k < 6:
            result.signals.group.id, result.signals.group.size = f"g{k // 3}", 3
        results.append(result)
    write_lines(tmp_path / "signals.jsonl", results)
    arguments = [str(tmp_path / "signals.jsonl"), "-o", str(tmp_path / "r.html"), "--sample"]
    assert main([*arguments, "4"]) == 0
    data = parts((tmp_path / "r.html").read_text(encoding="utf-8"))[3]
    shown = [row["id"] for row in data["episodes"]]
    assert 4 <= len(shown) <= 6
    assert data["title"] == f"signals.jsonl (a sample of {len(shown)} of 12 episodes)"
    for group in ({"e0", "e1", "e2"}, {"e3", "e4", "e5"}):
        assert len(group & set(shown)) in (0, 3)
    assert main([*arguments, "4"]) == 0
    assert parts((tmp_path / "r.html").read_text(encoding="utf-8"))[3]["episodes"] == data["episodes"]
    assert main([*arguments, "12"]) == 0
    assert parts((tmp_path / "r.html").read_text(encoding="utf-8"))[3]["title"] == "signals.jsonl"
    assert main([*arguments, "0"]) == 2
    capsys.readouterr()
