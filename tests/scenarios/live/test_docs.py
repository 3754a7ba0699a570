"""docs/live.md says what the page does."""

import inspect
import re
from pathlib import Path

import pytest
from PIL import Image

from node.trace.history import History
from scenarios.launch.stage import LEAD_S, LEAD_S_PER_NODE
from scenarios.launch.steered import OFFERS
from scenarios.live.desk import MOST_WAITING
from scenarios.live.feed import REST, Wish
from scenarios.live.guard import LEAST_TOKEN
from scenarios.live.server import BUSY, FRAME_S, MOST_SAID_BYTES, MOST_VIEWERS, Command
from scenarios.markets.chronicle import MOST_OF_A_KIND
from scenarios.markets.dmp import panels as of_calls
from scenarios.markets.panels import CLUSTERS, MOST_NODES
from scenarios.markets.psp import panels as of_exchange
from scenarios.markets.psp.steering import OFFERS as OF_EXCHANGE
from scenarios.markets.psp.view import MOST_BUYERS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "live.md").read_text(encoding="utf-8")
FLOWING = " ".join(PAGE.split())


@pytest.mark.parametrize(
    "sentence",
    [
        f"at most {inspect.signature(History).parameters['capacity'].default} rows",
        f"remembers {MOST_OF_A_KIND} events of each kind",
        f"more than {MOST_NODES} nodes the graph shows at most {CLUSTERS} clusters",
        f"more than {MOST_BUYERS:,} buyers",
        f"at most {MOST_SAID_BYTES:,} bytes",
        f"{MOST_VIEWERS} pages may look",
        f"At most {MOST_WAITING} orders wait",
        f"({LEAST_TOKEN} characters or more)",
        f"a page gets {Wish().count} rows",
        f"| {len(of_exchange.EVENTS)} kinds of events | {len(of_calls.EVENTS)} kinds of events |",
    ],
)
def test_its_numbers_are_those_of_the_program(sentence: str) -> None:
    assert sentence in FLOWING


def test_its_words_for_how_often_are_right() -> None:
    assert "About five times a second" in FLOWING
    assert FRAME_S == 1.0 / 5.0
    assert "waits four times as long as a frame took" in FLOWING
    assert BUSY == 4.0
    assert "after ten times as long at the earliest" in FLOWING
    assert REST == 10.0


def test_it_names_all_that_a_page_may_say() -> None:
    said = FLOWING.partition("The page says what it wants")[2].partition("Anything else")[0]
    assert set(re.findall(r"`(\w+)`", said)) == set(Command.__struct_fields__)


def test_it_says_how_much_later_it_happens() -> None:
    assert "about 0.1 s later, in a market of 10,000 nodes about 1 s" in FLOWING
    assert pytest.approx(0.1) == LEAD_S
    assert pytest.approx(1.0) == 10_000 * LEAD_S_PER_NODE


def test_it_names_all_that_can_be_ordered() -> None:
    table = PAGE.partition("## Have something happen")[2].partition("```")[0]
    labels = re.findall(r"^\| ([a-z ]+) \| an? ", table.replace("| any ", "| an "), re.MULTILINE)
    assert labels == [offer.label for offer in (*OF_EXCHANGE, *OFFERS)]


def test_its_figures_are_those_of_the_market() -> None:
    row = re.search(r"^\| figures \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert row
    exchange = [one.key for one in (*of_exchange.MEASURED, of_exchange.GAP, *of_exchange.FIGURES)]
    assert (len(row[1].split(", ")), len(row[2].split(", "))) == (len(exchange), len(of_calls.FIGURES))


def test_readme_opens_with_an_animation_of_the_page_that_is_quick_to_load() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert "](docs/images/live.webp)" in readme.partition("```")[0]
    animation = DOCS / "images" / "live.webp"
    assert animation.stat().st_size < 2_000_000
    with Image.open(animation) as image:
        assert getattr(image, "n_frames", 1) > 10
