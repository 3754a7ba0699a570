"""The page of a run that is played back, in a real browser."""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from node.protocol.trace import Leaving, Record
from scenarios.launch.run import run
from scenarios.live.feed import Feed
from scenarios.live.guard import guard_of
from scenarios.live.playback import Playback
from scenarios.live.serving import bound, served_beside, url_of
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market, kind_of
from scenarios.results.result import Result
from tests.conftest import wait_until
from tests.scenarios.live.browser import (
    copied,
    figure,
    kept,
    needs_axe,
    needs_chromium,
    violations,
    visited,
    wait_state,
)

pytestmark = needs_chromium

SIZES = {"desktop": (1440, 1000), "phone": (360, 740), "wall": (3840, 2160)}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result[Any]:
    return run("neighbourhood", world="sim", out=tmp_path_factory.mktemp("runs"), pictures=False)


@pytest.fixture(scope="module")
def url(result: Result[Any]) -> Iterator[str]:
    guard, listening = guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
    with served_beside(Playback(Path(result.summary.run_dir), float("inf")), guard, listening):
        yield url_of(listening, guard)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, viewport={"width": 1440, "height": 1000}) as page:
        wait_state(page, "ended")
        yield page


def table_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def names(page: Page) -> list[str]:
    return texts(page, ".panel-table-nodes tbody th")


def font_size(page: Page, selector: str) -> float:
    """Of the first such element, CSS pixels."""
    return float(page.locator(selector).first.evaluate("one => parseFloat(getComputedStyle(one).fontSize)"))


def texts(page: Page, selector: str) -> list[str]:
    return page.locator(selector).all_inner_texts()


def test_its_figures_are_those_of_the_summary(page: Page, result: Result[Any]) -> None:
    summary = result.summary
    for key in ("efficiency", "epsilon_gap", "welfare", "bids", "revenue"):
        assert figure(page, key) == pytest.approx(getattr(summary, key), rel=1e-9)
    assert figure(page, "share_sold") == pytest.approx(summary.sold / summary.supply)


def test_its_graph_is_who_bought_what(page: Page, result: Result[Any]) -> None:
    rows = table_of(copied(page.locator(".panel-graph"), "CSV"))
    found = {(row["from"], row["to"]): float(row["amount"]) for row in rows}
    assert found == pytest.approx(
        {(one.buyer, one.seller): one.quantity for one in result.summary.allocations}, rel=1e-5
    )
    assert max(len(row["amount"]) for row in rows) <= len("0.00123456789")  # what was meant, without noise of floats


def test_its_courses_end_where_the_run_did(page: Page, result: Result[Any]) -> None:
    gap = table_of(copied(page.locator(".panel-course-missing"), "CSV"))
    assert float(gap[-1]["short of the optimum"]) == pytest.approx(1.0 - result.summary.efficiency, rel=1e-3)
    price = table_of(copied(page.locator(".panel-course-price"), "CSV"))
    last = sorted(result.columns("auctions")["price_per_mb"])
    assert float(price[-1]["highest"]) == pytest.approx(last[-1], rel=1e-5)
    assert float(price[-1]["lowest"]) == pytest.approx(last[0], rel=1e-5)
    assert len(price) > 50


@pytest.mark.parametrize(
    ("panel", "texts"),
    [
        ("graph", {"buyers", "sellers", "buyer-2", "Width: MB that the buyer gets, or would as bids stand. "}),
        ("course-price", {"Market price"}),
        ("course-missing", {"Gap to the optimum"}),
        ("detail", {"Book", "per MB"}),
    ],
)
def test_its_pictures_are_copied_as_svg(page: Page, panel: str, texts: set[str]) -> None:
    drawn = ET.fromstring(copied(page.locator(f".panel-{panel}"), "SVG"))
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(drawn.iter())) > 10
    assert texts <= {one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")}


def test_its_table_sorts_and_searches(page: Page, result: Result[Any]) -> None:
    buyers = result.columns("buyers")
    best = max(zip(buyers["utility"], buyers["buyer"], strict=True))[1]
    head = page.get_by_role("columnheader", name="utility")
    head.get_by_role("button").click()
    wait_until(lambda: names(page)[0] == best, f"{best} comes first")
    assert head.get_attribute("aria-sort") == "descending"
    page.get_by_role("searchbox", name="Search nodes").fill("seller-1")
    wait_until(lambda: sorted(names(page)) == ["seller-1", "seller-10"], "there are two rows")
    heads = list(table_of(copied(page.locator(".panel-table-nodes"), "CSV"))[0])
    assert {"node", "gets (MB)", "utility (money)", "moves"} <= set(heads)
    page.get_by_role("searchbox", name="Search nodes").fill("zzz")
    page.get_by_text("Nothing found among 60.").wait_for()


def test_a_node_is_followed_by_keyboard_alone(page: Page) -> None:
    page.get_by_role("button", name="Follow buyer-2", exact=True).first.focus()
    page.keyboard.press("Enter")
    detail = page.locator(".panel-detail")
    detail.get_by_text("buyer-2, buyer").wait_for()
    detail.get_by_role("img", name="Worth and bids").wait_for()
    page.keyboard.press("Enter")
    detail.get_by_text("Choose a node").wait_for()


def test_an_auction_is_shown_in_the_charts_on_demand(page: Page, result: Result[Any]) -> None:
    page.get_by_role("button", name="Follow seller-3", exact=True).first.click()
    page.locator(".panel-detail").get_by_role("img", name="Book").wait_for()
    for place, heads in ((0, ["line", "x (MB)", "Book (per MB)"]), (1, ["line", "time (s)", "Price (per MB)"])):
        picture = page.locator(".panel-detail figure").nth(place)
        assert list(table_of(copied(picture, "CSV"))[0]) == heads
    page.get_by_role("button", name="Show in the charts").click()
    chart = page.locator(".panel-course-price")
    chart.get_by_role("button", name="Remove seller-3 from the charts").wait_for()
    auctions = result.columns("auctions")
    price = auctions["price_per_mb"][list(auctions["seller"]).index("seller-3")]
    assert float(table_of(copied(chart, "CSV"))[-1]["seller-3"]) == pytest.approx(price, rel=1e-5)
    chart.get_by_role("button", name="Remove seller-3 from the charts").click()
    chart.get_by_role("button", name="Remove seller-3 from the charts").wait_for(state="detached")


def test_its_log_shows_the_kinds_that_are_chosen(page: Page) -> None:
    entries = page.locator(".entries li")
    entries.first.wait_for()
    assert "clearing" not in texts(page, ".entries .kind")
    pressed = page.locator('.chip[aria-pressed="true"]')
    while pressed.count():
        pressed.first.click()
    page.get_by_role("button", name="clearing", exact=True).click()
    wait_until(lambda: set(texts(page, ".entries .kind")) == {"clearing"}, "there are clearings alone")
    page.get_by_role("searchbox", name="Search the log").fill("seller-7 ")
    wait_until(lambda: set(texts(page, ".entries .what button")) == {"seller-7"}, "there are those of one seller alone")


class Told:
    """Shows what it was told to."""

    def __init__(self, *names: str) -> None:
        market = draw_market(load("two-sellers"), 0)
        self.feed = Feed(partial(kind_of(market).view, market), "run")
        self.feed.take([Record(1.0, f"h/{name}", Leaving()) for name in names])

    async def run(self) -> None:
        """Nothing more happens."""

    def restart(self) -> None:
        """Nothing begins anew."""


def test_its_log_is_that_of_the_folder_in_the_end(browser: Browser) -> None:
    shown, guard, listening = Told("A", "B"), guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
    with served_beside(shown, guard, listening), visited(browser, url_of(listening, guard)) as page:
        wait_until(lambda: texts(page, ".entries .what button") == ["B", "A"], "two have left")
        shown.feed.show_whole(Told("B", "A", "C").feed.view)
        wait_state(page, "ended")
        wait_until(lambda: texts(page, ".entries .what button") == ["C", "A", "B"], "three have left")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_every_screen(browser: Browser, url: str, size: str, scheme: Any) -> None:
    width, height = SIZES[size]
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, "reduced_motion": "reduce"}
    with visited(browser, url, **options) as page:
        wait_state(page, "ended")
        if size == "phone":  # where nobody is followed before somebody asks for it
            page.get_by_text("Choose a node in the market").wait_for()
            page.get_by_role("button", name="Follow seller-1", exact=True).first.click()
        page.locator(".panel-detail .picture svg").first.wait_for()
        assert (font_size(page, "tbody td") >= 24.0) == (size == "wall")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert len(kept(page, f"{size}-{scheme}")) > 50_000
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) < 300) is (scheme == "dark")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_it_breaks_no_rule_of_accessibility(browser: Browser, url: str, size: str, scheme: Any) -> None:
    width, height = SIZES[size]
    with visited(browser, url, viewport={"width": width, "height": height}, color_scheme=scheme) as page:
        wait_state(page, "ended")
        page.get_by_role("button", name="Follow seller-2", exact=True).first.click()
        page.locator(".panel-detail .picture svg").first.wait_for()
        assert violations(page) == []


def test_colours_are_chosen_and_remembered(page: Page) -> None:
    button = page.locator("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    button.click()
    button.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_viewer_that_comes_back_is_whole_again(browser: Browser, result: Result[Any]) -> None:
    guard, listening = guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
    address, port = url_of(listening, guard), listening.getsockname()[1]
    folder = Path(result.summary.run_dir)
    with served_beside(Playback(folder, float("inf")), guard, listening):
        context = visited(browser, address)
        page = context.__enter__()
        wait_state(page, "ended")
    wait_state(page, "lost")
    with served_beside(Playback(folder, float("inf")), guard, bound("127.0.0.1", port)):
        wait_state(page, "ended")
        assert figure(page, "bids") == result.summary.bids
        context.__exit__(None, None, None)


@pytest.mark.parametrize(("name", "until_s"), [("congested", 4.0), ("chaos", None), ("market-shift", None)])
def test_other_markets_and_faults_are_shown(browser: Browser, name: str, until_s: float | None, tmp_path: Path) -> None:
    summary = run(name, world="sim", out=tmp_path, pictures=False, timeout_s=until_s).summary
    guard, listening = guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
    with (
        served_beside(Playback(Path(summary.run_dir), float("inf")), guard, listening),
        visited(browser, url_of(listening, guard)) as page,
    ):
        wait_state(page, "ended")
        for key in ("served", "blocked", "decommitted", "bids"):
            if hasattr(summary, key):
                assert figure(page, key) == getattr(summary, key)
        page.get_by_role("searchbox", name="Search the log").wait_for()
        kept(page, name)


def test_a_fault_is_named_where_the_cursor_is(browser: Browser, tmp_path: Path) -> None:
    summary = run("chaos", world="sim", out=tmp_path, pictures=False).summary
    guard, listening = guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
    shown = Playback(Path(summary.run_dir), float("inf"))
    with served_beside(shown, guard, listening), visited(browser, url_of(listening, guard)) as page:
        wait_state(page, "ended")
        chart = page.locator(".panel-course-price .u-over")
        chart.scroll_into_view_if_needed()
        fault = next(iter(shown.feed.view.chronicle.marks))
        box = chart.bounding_box()
        assert box
        share = (fault.from_s + 0.01) / shown.feed.view.now_s
        chart.hover(position={"x": share * box["width"], "y": box["height"] / 2})
        page.locator(".panel-course-price .happening").get_by_text(fault.label).wait_for()
