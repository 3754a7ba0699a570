"""What Prometheus is told, and that documentation and dashboard speak of just that."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from node.protocol.journal import Entry, JournalEntry
from node.protocol.psp.journal import Accepted, Bought
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    Awarding,
    BidPlaced,
    Cleared,
    DoubtClearedUp,
    SaleRecalled,
    SaleSettled,
)
from node.protocol.trace import Record, Resumed, Trace
from scenarios.errors import ScenarioError
from scenarios.metrics.exporter import exported, registry_of
from scenarios.metrics.meter import Meter
from tests.kinds import example

DOCS = Path(__file__).parents[3] / "docs"


class Connection:
    is_connected = True
    round_trip_s = 0.25
    timers = 3


def record(what: Trace) -> Record[Trace]:
    return Record(1.0, "shop/shop", what)


def entry(kind: type[Entry]) -> JournalEntry:
    return JournalEntry(1.0, "a/a", example(kind, quantity_mb=5.0, charge_money=2.5))


@pytest.fixture
def meter() -> Meter:
    """Of a node."""
    meter = Meter()
    meter.expect(["shop/shop"])
    meter.watch(Connection())
    return meter


def samples(meter: Meter) -> dict[str, float]:
    """Name with labels to value, as a Prometheus reads them."""
    text = generate_latest(registry_of(meter, node="shop/shop")).decode()
    return {
        sample.name + "".join(f",{label}={value}" for label, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_sale_is_counted_once_although_a_restarted_seller_says_it_again(meter: Meter) -> None:
    meter.take([record(SaleSettled("a/a", 1, 5.0, 2.5)), record(SaleRecalled("a/a", 1, 5.0, 2.5))])
    meter.take([record(SaleSettled("a/a", 2, 5.0, 2.5))])
    found = samples(meter)
    assert (found["bidswarm_sold_megabytes_total"], found["bidswarm_revenue_money_total"]) == (10.0, 5.0)


def test_auctions_are_counted_by_their_state(meter: Meter) -> None:
    meter.expect(["other/other"])
    meter.take([record(example(Cleared)), record(Awarding(1))])
    found = samples(meter)
    assert [found[f"bidswarm_auctions,state={state}"] for state in ("open", "awarding", "closed")] == [1.0, 1.0, 0.0]


def test_the_records_of_buyers_are_no_auctions(meter: Meter) -> None:
    meter.take([Record(1.0, "a/a", Resumed(2))])
    assert sum(meter.auctions.values()) == 1


def test_what_is_in_doubt_can_be_cleared_up(meter: Meter) -> None:
    meter.take([record(example(AcceptanceInDoubt, seller=seller)) for seller in ("a/a", "b/b")])
    assert samples(meter)["bidswarm_in_doubt"] == 2.0
    meter.take([record(example(DoubtClearedUp))])
    assert samples(meter)["bidswarm_in_doubt"] == 1.0


def test_dropped_messages_are_told_apart_by_verdict_and_reason(meter: Meter) -> None:
    meter.count("shop", {"ignored: repeated bid": 2, "rejected: malformed frame": 1, "sent": 7})
    meter.count("a", {"ignored: repeated bid": 1})
    found = samples(meter)
    assert found["bidswarm_messages_dropped_total,reason=repeated bid,verdict=ignored"] == 3.0
    assert found["bidswarm_messages_dropped_total,reason=malformed frame,verdict=rejected"] == 1.0
    assert found["bidswarm_messages_sent_total"] == 7.0


def test_receipts_of_earlier_lives_count_as_bought_but_not_as_written(meter: Meter) -> None:
    meter.recall([entry(Accepted), entry(Bought)])
    meter.note([entry(Accepted), entry(Bought)])
    found = samples(meter)
    assert (found["bidswarm_bought_megabytes_total"], found["bidswarm_paid_money_total"]) == (10.0, 5.0)
    assert found["bidswarm_journal_entries_total,kind=bought"] == 1.0


def test_a_launcher_claims_no_connection_and_no_journal() -> None:
    names = {name.partition(",")[0] for name in samples(Meter())}
    assert not names & {"bidswarm_connected", "bidswarm_journal_entries_total", "bidswarm_bought_megabytes_total"}


# The documentation


@pytest.fixture
def every(meter: Meter) -> set[str]:
    """Every name a node exports."""
    meter.count("shop", {"ignored: repeated bid": 1})
    meter.note([entry(Bought)])
    return {name for name in (text.partition(",")[0] for text in samples(meter)) if name.startswith("bidswarm_")}


def test_every_metric_is_documented_and_every_documented_one_exists(every: set[str]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) ", (DOCS / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in rows} == every


def test_the_documentation_says_which_metrics_a_launcher_has(every: set[str]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) ", (DOCS / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE)
    launcher = Meter()
    launcher.count("shop", {"ignored: repeated bid": 1})
    has = {name.partition(",")[0] for name in samples(launcher)} & every
    assert {name for name, of in rows if of == "both"} == has


def test_the_dashboard_shows_every_metric_and_no_other(every: set[str]) -> None:
    dashboard: dict[str, Any] = json.loads((DOCS / "grafana" / "bidswarm.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert {name for query in queries for name in re.findall(r"\bbidswarm_\w+", query)} == every


# The port


def test_metrics_are_served_while_asked_for(meter: Meter) -> None:
    meter.take([record(example(BidPlaced))])
    with exported(meter, 0, "127.0.0.1") as port:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    assert "bidswarm_bids_total 1.0" in text


def test_nothing_is_served_unless_asked_for(meter: Meter) -> None:
    with exported(meter, None, "127.0.0.1") as port:
        assert port is None


def test_a_taken_port_is_named(meter: Meter) -> None:
    with (
        exported(meter, 0, "127.0.0.1") as port,
        pytest.raises(ScenarioError, match=f"cannot serve metrics at 127.0.0.1:{port} .* choose another"),
        exported(meter, port, "127.0.0.1"),
    ):
        pass
