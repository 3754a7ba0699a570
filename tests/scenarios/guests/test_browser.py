"""Guests on their phones."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.scenarios.guests.market import Place, place
from tests.scenarios.live.browser import kept, needs_axe, needs_chromium, violations, visited

pytestmark = [needs_chromium, pytest.mark.mosquitto]

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path) as found:
        yield found


def entered(page: Page, role: str, quantity: str, price: str) -> str:
    """The name of the node with which a guest enters."""
    page.get_by_label(role, exact=True).check()
    page.get_by_label("MB that you").fill(quantity)
    page.get_by_role("spinbutton").nth(1).fill(price)
    page.get_by_role("button", name="Enter the market").click()
    page.get_by_role("button", name="Leave the market").wait_for()
    return page.locator("#subtitle").inner_text().split()[2]


def bid(page: Page, seller: str, quantity: str, price: str) -> None:
    page.get_by_label(f"MB to bid for at {seller}").fill(quantity)
    page.get_by_label(f"Price per MB to bid at {seller}").fill(price)


def received(page: Page, receipt: str) -> None:
    page.locator("#receipts").get_by_text(receipt).wait_for()


def test_two_phones_trade_with_each_other_and_with_a_scripted_seller(browser: Browser, here: Place) -> None:
    shop = here.shop()
    url = here.door.visitors.url_of(f"http://127.0.0.1:{here.port}/")
    with ExitStack() as stack:
        sells, buys = (stack.enter_context(visited(browser, url, viewport=PHONE)) for _ in range(2))
        own = entered(sells, "Sell", "20", "1")
        for seller in ("shop/shop", f"{own}/{own}"):
            buys.locator(f'[data-seller="{seller}"]').wait_for()
        entered(buys, "Buy", "50", "3")
        bid(buys, "shop/shop", "30", "2")
        bid(buys, f"{own}/{own}", "15", "2.5")
        buys.get_by_role("button", name="Place these bids").click()
        buys.get_by_text("You would get 30 MB for 15.").wait_for()
        buys.get_by_text("You would get 15 MB for 15.").wait_for()
        assert buys.get_by_text("None yet.").is_visible()
        kept(buys, "guest-bids")
        buys.get_by_role("button", name="Accept: they stand").click()
        received(buys, "Bought 30 MB for 15 from shop/shop")
        received(buys, f"Bought 15 MB for 15 from {own}/{own}")
        received(sells, "Sold 15 MB for 15 to guest-")
        buys.reload()
        received(buys, "Bought 30 MB for 15 from shop/shop")
        expect(buys.locator("#facts")).to_contain_text("45 MB for 30")
        with buys.expect_download() as downloading:
            buys.get_by_role("link", name="Keep them as a file").click()
        assert downloading.value.suggested_filename == "receipts.json"
        kept(buys, "guest-receipts")
    assert shop.ended() == 0


@contextmanager
def phone(browser: Browser, here: Place, scheme: Any) -> Iterator[Page]:
    """A phone that has come in while the scripted seller is there."""
    shop = here.shop()
    url = here.door.visitors.url_of(f"http://127.0.0.1:{here.port}/")
    with visited(browser, url, viewport=PHONE, color_scheme=scheme) as page:
        page.locator('[data-seller="shop/shop"]').wait_for()
        yield page
    shop.process.terminate()
    shop.ended()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_page_fits_a_phone(browser: Browser, here: Place, scheme: Any) -> None:
    with phone(browser, here, scheme) as page:
        entered(page, "Buy", "50", "3")
        page.get_by_label("MB to bid for at shop/shop").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert len(kept(page, f"guest-{scheme}")) > 10_000
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) < 300) is (scheme == "dark")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_page_breaks_no_rule_of_accessibility(browser: Browser, here: Place, scheme: Any) -> None:
    with phone(browser, here, scheme) as page:
        assert violations(page) == []
        page.get_by_label("MB that you").fill("0")
        page.get_by_role("button", name="Enter the market").click()
        page.get_by_text("0 MB is too little: write more than 0.").wait_for()
        assert violations(page) == []
        entered(page, "Buy", "50", "3")
        page.get_by_label("MB to bid for at shop/shop").wait_for()
        assert violations(page) == []
        places_bids(page)


def places_bids(page: Page) -> None:
    """What is said of bids: what is wrong with them, and what comes of them."""
    said, price = page.locator('[data-seller="shop/shop"]'), page.get_by_label("Price per MB to bid at shop/shop")
    place = page.get_by_role("button", name="Place these bids")
    bid(page, "shop/shop", "30", "0.2")
    place.click()
    expect(said.locator(".nothing")).to_have_text("You would get nothing: bid at least 0.5 per MB.")
    assert said.locator(".gets").count() == 0
    assert violations(page) == []
    for quantity, at, wrong in (
        ("30", "-2", "-2 is too little: write 0 or more."),
        ("30", "", "At which price? Write a number, or leave the MB empty too."),
        ("", "2", "How many MB? Write a number, or leave the price empty too."),
    ):
        bid(page, "shop/shop", quantity, at)
        place.click()
        expect(said.locator('[aria-invalid="true"]')).to_have_accessible_description(wrong)
        expect(said.locator('[aria-invalid="true"]')).to_be_focused()
        expect(said).to_contain_text("You bid for 30 MB at 0.2 per MB.")
    assert violations(page) == []
    bid(page, "shop/shop", "900", "2")
    place.click()
    expect(said).to_contain_text("You would get 50 MB for 25.")
    expect(said).to_contain_text("60 of 60 MB on sale, from 0.5 per MB, open. 10 MB would go to nobody now.")
    assert page.get_by_text("You bid for 900 MB in all, and want at most 50 MB more").is_visible()
    expect(price).not_to_have_attribute("aria-invalid", "true")
    kept(page, "guest-verdict")
    bid(page, "shop/shop", "", "")
    place.click()
    expect(said).to_contain_text("You have taken your bid here back.")
    expect(said).not_to_contain_text("You would get")
