"""Test-only: a page in Chromium, and what is asked of every one. Skipped where Playwright or Chromium is absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from assayd import HANGS

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
CHROMIUM = os.environ.get("ASSAY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium: apt-get install chromium", allow_module_level=True)


@contextmanager
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


_open: list[Any] = []


def close_pages() -> None:
    while _open:
        _open.pop().close()


@pytest.fixture(autouse=True)
def pages_close() -> Iterator[None]:
    """No page stays open, and none draws behind the next test's."""
    yield
    close_pages()


class Reader:
    """A page opened from disk or an address, and everything it complained about or tried to fetch."""

    def __init__(self, browser: Any, path: Path | str, width: int = 1280, scheme: str = "light") -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        _open.append(context)
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * HANGS)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri() if isinstance(path, Path) else path)
        self.page.wait_for_selector("html[data-ready]")

    def quiet(self) -> bool:
        """No console output, no error, and no request but the file itself, its empty icon and what it drew itself."""
        own = ("file:", "data:", "blob:")
        return not self.complaints and all(url.startswith(own) for url in self.requests)

    def go(self, view: str) -> None:
        """As from the address bar: the page hears of it later."""
        self.page.evaluate("view => { location.hash = view; }", view)
        self.shows(view)

    def shows(self, view: str) -> None:
        self.page.wait_for_selector(f"body[data-address={json.dumps(view)}]")

    def wider(self) -> int:
        """Pixels by which the page is wider than the screen."""
        over: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return over

    def saved(self, button: str) -> bytes:
        """The file behind a button."""
        self.page.wait_for_timeout(150)  # Chromium drops what a page downloads beyond 10 files a second
        with self.page.expect_download() as download:
            self.page.click(button)
        return Path(download.value.path()).read_bytes()


CONTRAST = """() => {
  const channel = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => {
    for (let e = node; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const unseen = (node) => /^(SCRIPT|STYLE|OPTION|NOSCRIPT)$/.test(node.tagName)
    || node.closest("svg, :disabled, dialog:not([open])") || !node.checkVisibility();
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || unseen(node)) continue;
    const a = light(parse(getComputedStyle(node).color)), b = light(behind(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.add(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.data.slice(0, 30)}`);
  }
  return [...faint];
}"""

UNNAMED = """() => [...document.querySelectorAll("button, a, input, select, [role=img], [role=region], [role=group]")]
  .filter((e) => e.checkVisibility() && !(e.textContent || "").trim() && !e.getAttribute("aria-label"))
  .filter((e) => !e.labels?.length)
  .map((e) => e.outerHTML.slice(0, 120))"""
