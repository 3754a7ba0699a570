"""The page in the browser of this system, as a person meets it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from scenarios.live.server import STATIC
from tests.conftest import wait_until

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="NOT OPENED IN A BROWSER: chromium is not installed")

AXE = Path(str(STATIC)).parent / "node_modules/axe-core/axe.min.js"
needs_axe = pytest.mark.skipif(
    not AXE.is_file(), reason="NOT CHECKED FOR ACCESSIBILITY: run make browser, which needs npm"
)

ARTEFACTS = Path(__file__).parents[3] / "build" / "live"
"""Where pictures of the page are left, for people to look at."""

PATIENCE_MS = 120_000


@contextmanager
def started() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def visited(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page that has been opened; nothing may fail on it, and nothing may be asked of anybody else."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
    context.set_default_timeout(PATIENCE_MS)
    page, troubles = context.new_page(), list[str]()
    own = urlsplit(url).netloc
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: None if urlsplit(asked.url).netloc == own else troubles.append(asked.url))
    page.goto(url)
    yield page
    context.close()
    expected = [one for one in troubles if "WebSocket connection" in one or "ERR_CONNECTION_REFUSED" in one]
    assert [one for one in troubles if one not in expected] == []


def wait_state(page: Page, state: str) -> None:
    """Wait until the market is said to be in that state."""
    page.locator(f'#state[data-state="{state}"]').wait_for()


def figure(page: Page, key: str) -> float:
    """The exact value of one of the figures at the top."""
    return float(page.locator(f'[data-figure="{key}"] .value').get_attribute("data-value") or "nan")


def copied(panel: Locator, as_: str) -> str:
    """What the button of a panel puts into the clipboard."""
    panel.page.evaluate("navigator.clipboard.writeText('')")
    panel.get_by_role("button", name=re.compile(rf" as {as_}$")).first.click()
    wait_until(lambda: panel.page.evaluate("navigator.clipboard.readText()") != "", f"{as_} is copied")
    return str(panel.page.evaluate("navigator.clipboard.readText()"))


def kept(page: Page, name: str) -> bytes:
    """A picture of the whole page, left among the artefacts."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


def violations(page: Page) -> list[str]:
    """What axe-core finds against the rules of accessibility, and where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document)")
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]
