"""The page of markets that go on: of the run itself, and of one that somebody else launched."""

import csv
import io
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from broker.own.setup import Wishes
from scenarios.markets.load import load
from tests.conftest import Command, wait_until
from tests.mqtt.plain import SecuredBroker
from tests.scenarios.live.browser import (
    copied,
    figure,
    needs_axe,
    needs_chromium,
    violations,
    visited,
    wait_state,
)

pytestmark = needs_chromium

SHORT = ("--no-pictures", "--set", "buyers.0.count=12", "--set", "sellers.0.count=4")


def page_of(command: Command) -> str:
    """The address that the command prints."""
    assert command.process.stderr
    for line in command.process.stderr:
        if found := re.search(r"http://\S+", line):
            return found[0]
    pytest.fail("the command ended without a page")


def ended(command: Command) -> int:
    """The exit code after Ctrl-C."""
    command.process.send_signal(signal.SIGINT)
    return command.finished()[0]


def assert_is(page: Page, command: Command) -> None:
    """The figures and the table of the page are, at the end, those of the summary of the run."""
    wait_state(page, "ended")
    summary: dict[str, Any] = json.loads((command.run_dir() / "summary.json").read_text())
    for key in ("bids", "welfare", "revenue", "efficiency"):
        wait_until(
            lambda key=key: figure(page, key) == pytest.approx(summary[key], rel=1e-9), f"{key} is that of the summary"
        )
    assert figure(page, "share_sold") == pytest.approx(summary["sold"] / summary["supply"])
    found = csv.DictReader(io.StringIO(copied(page.locator(".panel-graph"), "CSV")))
    assert {(row["from"], row["to"]): float(row["amount"]) for row in found} == pytest.approx(
        {(row["buyer"], row["seller"]): row["quantity"] for row in summary["allocations"]}, rel=1e-5
    )
    *_, last = csv.DictReader(io.StringIO(copied(page.locator(".panel-course-missing"), "CSV")))
    assert float(last["short of the optimum"]) == pytest.approx(max(1e-6, 1.0 - summary["efficiency"]), rel=1e-3)
    page.get_by_role("columnheader", name="gets").get_by_role("button").click()
    bought: dict[str, float] = {}
    for row in summary["allocations"]:
        bought[row["buyer"]] = bought.get(row["buyer"], 0.0) + row["quantity"]
        bought[row["seller"]] = bought.get(row["seller"], 0.0) + row["quantity"]
    best = max(bought, key=lambda name: bought[name])
    wait_until(lambda: page.locator(".panel-table-nodes tbody th").first.inner_text() == best, f"{best} comes first")


@pytest.mark.parametrize("broker", ["embedded", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def test_a_run_over_a_broker_is_shown_and_shifted_and_ends_as_its_summary_says(
    browser: Browser, bidswarm: Callable[..., Command], broker: str
) -> None:
    held_open = ("--set", "auction.open_at_least_s=3")
    command = bidswarm("run", "neighbourhood", "--broker", broker, "--live", *SHORT, *held_open)
    with visited(browser, page_of(command), viewport={"width": 1440, "height": 1000}) as page:
        page.get_by_label("What", exact=True).select_option("supply")
        page.get_by_label("To whom").fill("seller-2")
        page.get_by_label("How much").fill("3")
        wait_until(lambda: figure(page, "bids") > 0, "there are bids")
        page.get_by_role("button", name="Have it happen now").click()
        page.get_by_text(re.compile(r"^[0-9.]+ s: seller-2: supply changes, 3 times what it had at first$")).wait_for()
        page.locator(".entries").get_by_text(re.compile(r"now has .* MB to sell")).wait_for()
        assert_is(page, command)
        assert page.get_by_role("button", name="Have it happen now").is_disabled()
    assert ended(command) == 0
    shift = load(str(command.run_dir() / "scenario.toml")).shifts[0]
    assert (shift.nodes, shift.factor) == (["seller-2"], 3.0)


def test_a_simulated_run_waits_for_its_page_and_is_paused_and_stepped(
    browser: Browser, bidswarm: Callable[..., Command]
) -> None:
    command = bidswarm("run", "neighbourhood", "--world", "sim", "--live", *SHORT)
    with visited(browser, page_of(command)) as page:
        wait_until(lambda: figure(page, "bids") > 0, "there are bids")
        page.get_by_role("button", name="Pause").click()
        wait_state(page, "paused")
        events = command.run_dir() / "events"
        before = figure(page, "bids_and_profiles"), figure(page, "bids")
        assert any(events.glob("*.jsonl"))
        for _ in range(30):
            page.get_by_role("button", name="Step").click()
        wait_until(lambda: (figure(page, "bids_and_profiles"), figure(page, "bids")) != before, "steps lead on")
        wait_state(page, "paused")
        page.get_by_label("Speed").select_option("0")
        page.get_by_role("button", name="Play").click()
        wait_state(page, "ended")
        assert_is(page, command)
    assert ended(command) == 0


def test_a_simulated_run_leaves_the_same_trace_with_a_page(
    browser: Browser, bidswarm: Callable[..., Command], tmp_path: Path
) -> None:
    shown = bidswarm("run", "two-sellers", "--world", "sim", "--live", "--no-pictures")
    with visited(browser, page_of(shown)) as page:
        wait_state(page, "ended")
        seen = (shown.run_dir() / "events.parquet").read_bytes()
    assert ended(shown) == 0
    alone = Command(
        ["run", "two-sellers", "--world", "sim", "--no-pictures", "--out", str(tmp_path / "alone")], tmp_path / "alone"
    )
    assert alone.finished()[0] == 0
    assert (alone.run_dir() / "events.parquet").read_bytes() == seen


@needs_axe
def test_a_shift_and_a_fault_are_made_from_the_page_and_the_folder_repeats_them(
    browser: Browser, bidswarm: Callable[..., Command], tmp_path: Path
) -> None:
    shown = bidswarm("run", "neighbourhood", "--world", "sim", "--live", *SHORT, "--set", "auction.open_at_least_s=30")
    address = page_of(shown)
    with visited(browser, address) as page, visited(browser, address.partition("?")[0]) as onlooker:
        wait_until(lambda: figure(page, "bids") > 0, "there are bids")
        page.get_by_role("button", name="Pause").click()
        wait_state(page, "paused")
        page.get_by_label("To whom").fill("buyer-77")
        page.get_by_role("button", name="Have it happen now").click()
        page.get_by_text("Refused: To whom = 'buyer-77': there is no such user").wait_for()
        page.get_by_label("What", exact=True).select_option("supply")
        page.get_by_label("To whom").fill("seller-2")
        page.get_by_label("How much").fill("3")
        page.get_by_role("button", name="Have it happen now").click()
        for one in (page, onlooker):
            one.get_by_text(re.compile(r"^[0-9.]+ s: seller-2: supply changes, 3 times ")).wait_for()
        page.locator(".entries").get_by_text(re.compile(r"now has .* MB to sell")).wait_for()
        page.get_by_label("What", exact=True).select_option("kill")
        page.get_by_label("To whom").fill("buyer-3")
        page.get_by_label("How much").fill("")
        page.get_by_role("button", name="Have it happen now").click()
        page.get_by_text(re.compile(r"^[0-9.]+ s: buyer-3: its host is killed for good$")).wait_for()
        assert not onlooker.get_by_role("button", name="Have it happen now").is_visible()
        assert not onlooker.get_by_role("button", name="Play").is_visible()
        assert page.get_by_role("button", name="Play").is_visible()
        onlooker.get_by_text("Open this page by the whole address that bidswarm printed").wait_for()
        assert violations(page) == []
        page.get_by_label("Speed").select_option("0")
        page.get_by_role("button", name="Play").click()
        wait_state(page, "ended")
        assert page.get_by_role("button", name="Have it happen now").is_disabled()
    assert ended(shown) == 0
    again = tmp_path / "again"
    repeated = Command(
        ["run", str(shown.run_dir() / "scenario.toml"), "--world", "sim", "--no-pictures", "--out", str(again)], again
    )
    assert repeated.finished()[0] == 0
    kept = [(one.run_dir() / "events.parquet").read_bytes() for one in (shown, repeated)]
    assert kept[0] == kept[1]


@pytest.mark.mosquitto
def test_a_market_that_somebody_launched_is_watched_from_its_broker(
    browser: Browser, bidswarm: Callable[..., Command], mosquitto: str
) -> None:
    plain = bidswarm("watch", "--broker", mosquitto, "--market", "lab")
    known = bidswarm("watch", "--broker", mosquitto, "--market", "lab", "--scenario", "neighbourhood", *SHORT[1:])
    with visited(browser, page_of(plain)) as outsider, visited(browser, page_of(known)) as insider:
        for page in (outsider, insider):
            page.get_by_text("no host of market lab is there").wait_for()
        run = bidswarm("run", "neighbourhood", "--broker", mosquitto, "--market", "lab", *SHORT)
        assert run.finished()[0] == 0
        summary = json.loads((run.run_dir() / "summary.json").read_text())
        for page in (outsider, insider):
            wait_state(page, "ended")
            assert figure(page, "bids") == summary["bids"]
            assert figure(page, "revenue") == pytest.approx(summary["revenue"])
        assert figure(insider, "efficiency") == pytest.approx(summary["efficiency"])
        assert outsider.locator('[data-figure="efficiency"]').count() == 0
    assert (ended(plain), ended(known)) == (0, 0)


@pytest.mark.mosquitto
def test_an_observer_with_a_profile_may_watch(
    browser: Browser, bidswarm: Callable[..., Command], tmp_path: Path
) -> None:
    broker = SecuredBroker(tmp_path / "lab", Wishes(observers=["eve"]))
    watch = bidswarm("watch", "--profile", str(broker.profile_path("eve")), "--market", "lab")
    with visited(browser, page_of(watch)) as page:
        page.get_by_text("no host of market lab is there").wait_for()
        launcher = ("--profile", str(broker.profile_path("launcher")), "--market", "lab")
        run = bidswarm("run", "neighbourhood", *launcher, *SHORT)
        assert run.finished()[0] == 0
        wait_state(page, "ended")
        assert figure(page, "bids") == json.loads((run.run_dir() / "summary.json").read_text())["bids"]
    assert ended(watch) == 0
    broker.stop()
