"""What people have happen in a simulated run: the scenario in its folder repeats it, byte for byte."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.protocol.trace import Record, Trace
from scenarios import live
from scenarios.launch.options import Onlookers, RunOptions
from scenarios.launch.run import carry_out
from scenarios.launch.steered import moment
from scenarios.markets.base import Market
from scenarios.markets.kind import Metrics
from scenarios.markets.load import load
from scenarios.markets.psp.view import ExchangeView
from scenarios.markets.registry import draw_market
from scenarios.markets.steering import AMOUNT, KIND, NODE, Order
from scenarios.results.result import Result

SMALL = ("buyers.0.count=6", "sellers.0.count=3", "timeout_s=30")

Asked = tuple[float, Order]


class Scripted:
    """A page on which somebody orders each thing when the market has come so far, seconds."""

    def __init__(self, *asked: Asked) -> None:
        self.told = 0
        self.heard: list[Record[Trace]] = []
        self.answers: list[tuple[str, bool]] = []
        self.markets: list[Market] = []
        self._asked = sorted(asked, key=lambda one: one[0])
        self._has_waited = False
        self.is_closed = False

    def hear(self, records: Sequence[Record[Trace]]) -> None:
        self.told += len(records)
        self.heard.extend(records)

    def reach(self) -> float:
        return self._asked[0][0] if self._asked else math.inf

    def take_step(self) -> bool:
        self._has_waited = True
        return False

    def stepped(self, now_s: float) -> None:
        raise AssertionError(now_s)

    def take_order(self) -> Order | None:
        if not self._has_waited:
            return None
        self._has_waited = False
        self._reached = self._asked[0][0]
        return self._asked[0][1]

    def revise(self, market: Market) -> None:
        self.markets.append(market)

    def answer(self, text: str, *, is_refused: bool) -> None:
        self._asked.pop(0)
        self.answers.append((text, is_refused))

    def close(self) -> None:
        self.is_closed = True


def steered(out: Path, page: Scripted, name: str = "neighbourhood", *more: str, seed: int = 0) -> Result[Any]:
    options = RunOptions(world="sim", seed=seed, out=out, pictures=False)
    return carry_out(load(name, (*SMALL, *more)), options, Onlookers(page=page))


def repeated(result: Result[Any], out: Path) -> Result[Any]:
    """The run of the scenario in the folder of another one."""
    folder, summary = Path(result.summary.run_dir), result.summary
    options = RunOptions(world="sim", seed=summary.seed, out=out, pictures=False)
    return carry_out(load(str(folder / "scenario.toml")), options, Onlookers())


def trace_of(result: Result[Any]) -> bytes:
    return (Path(result.summary.run_dir) / "events.parquet").read_bytes()


def figures_of(result: Result[Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(result.summary.run_dir) / "summary.json").read_text())
    return {key: value for key, value in found.items() if key != "run_dir"}


def assert_repeats(result: Result[Any], out: Path) -> None:
    again = repeated(result, out)
    assert trace_of(again) == trace_of(result)
    assert figures_of(again) == figures_of(result)


ORDERS = {
    "leave": Order("leave", "buyer-2"),
    "supply": Order("supply", "seller-1", 2.0),
    "valuation": Order("valuation", "buyer-3", 2.0),
}


HAPPENS = {
    "leave": "buyer-2: leaves",
    "supply": "seller-1: supply changes, 2 times what it had at first",
    "valuation": "buyer-3: valuation changes, 2 times as at first",
}


@pytest.mark.parametrize("kind", ORDERS)
def test_a_shift_from_the_page_happens_and_is_repeated(tmp_path: Path, kind: str) -> None:
    page = Scripted((0.4, ORDERS[kind]))
    result = steered(tmp_path, page)
    assert page.answers == [(f"0.401 s: {HAPPENS[kind]}", False)]
    assert page.is_closed
    (happened,) = [one for one in page.heard if one.what.__struct_config__.tag == {"leave": "left"}.get(kind, kind)]
    assert happened.time_s == pytest.approx(0.401)
    assert result.market.shifts[0].at_s == 0.401
    assert_repeats(result, tmp_path)


def test_what_watches_the_run_goes_by_the_market_as_it_is_then(tmp_path: Path) -> None:
    headlines: list[str] = []

    def watch(metrics: Metrics, elapsed_s: float, messages: int) -> None:
        headlines.append(metrics.headline(elapsed_s, messages))

    page = Scripted((0.4, ORDERS["supply"]))
    options = RunOptions(world="sim", out=tmp_path, pictures=False)
    result = carry_out(load("neighbourhood", SMALL), options, Onlookers(page=page, watch=watch))
    assert page.markets == [result.market]
    assert "below the optimum" in headlines[0]
    assert "below the optimum" not in headlines[-1]  # that of the market as it was at first
    view = ExchangeView(draw_market(load("neighbourhood", SMALL), 0))
    view.prepare()
    view.revise(result.market)
    for record in page.heard:
        view.add(record)
    view.finish()
    assert view.figures()["efficiency"] == pytest.approx(result.summary.efficiency, rel=1e-6)


def test_without_the_shift_the_trace_is_another(tmp_path: Path) -> None:
    shifted, plain = (steered(tmp_path, Scripted(*asked)) for asked in ([(0.4, ORDERS["leave"])], []))
    assert trace_of(shifted) != trace_of(plain)


MOMENTS = st.floats(0.0, 3.0)


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    kind = draw(st.sampled_from(["leave", "supply", "valuation", "cut-off", "kill"]))
    sellers, buyers = [f"seller-{k}" for k in range(1, 4)], [f"buyer-{k}" for k in range(1, 7)]
    can = {"supply": sellers, "valuation": buyers}.get(kind, [*sellers, *buyers])
    name = draw(st.sampled_from(can))
    amount = None if kind == "leave" else draw(st.sampled_from([0.5, 1.0, 2.0]))
    return draw(MOMENTS), Order(kind, name, amount)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(asked(), min_size=1, max_size=4),
    st.integers(0, 3),
    st.sampled_from([(), ("network.delay_min_s=0.003",), ("auction.open_at_least_s=2",), ("network.loss=0.1",)]),
)
def test_whatever_is_ordered_is_repeated(tmp_path: Path, orders: list[Asked], seed: int, more: tuple[str, ...]) -> None:
    assert_repeats(steered(tmp_path, Scripted(*orders), "neighbourhood", *more, seed=seed), tmp_path)


REFUSED = {
    Order("leave", "buyer-77"): "To whom = 'buyer-77': there is no such user",
    Order("supply", "buyer-1", 2.0): "To whom = 'buyer-1': there is no such seller",
    Order("valuation", "seller-1", 2.0): "To whom = 'seller-1': there is no such buyer",
    Order("valuation", "buyer-1"): "How much: give a number",
    Order("valuation", "buyer-1", 0.0): "How much = 0: must be",
    Order("supply", "seller-1", 1e300): "How much = 1e+300: must be",
    Order("supply", "seller-1", -1.5): "How much = -1.5: must be",
    Order("leave", "buyer-1", 2.0): "How much: leave it out",
    Order("leave", "a name that is none"): "To whom = 'a name that is none': must",
    Order("kill", "buyer-1", 0.0): "How much = 0: must be",
    Order("kill", "buyer-1", 31.0): "How much: it would be over after 31.401 s, and the run ends after 30 s",
    Order("kill", "buyer-77"): "To whom = 'buyer-77': there is no such user",
    Order("cut-off", "buyer-1"): "How much: give a number",
    Order("cut-off", "buyer-77", 1.0): "To whom = 'buyer-77': there is no such user",
    Order(
        "revolution", "buyer-1"
    ): "What = 'revolution' (did you mean valuation?): allowed are: leave, supply, valuation, cut-off, kill",
}


def test_what_cannot_happen_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    page = Scripted(*((0.4, order) for order in REFUSED))
    result = steered(tmp_path, page)
    for (text, is_refused), why in zip(page.answers, REFUSED.values(), strict=True):
        assert is_refused
        assert text.startswith(why)
    assert trace_of(result) == trace_of(steered(tmp_path, Scripted()))
    assert result.market.shifts == []


def test_fields_are_called_as_on_the_page() -> None:
    strings = (Path(live.__file__).parent / "static" / "strings.js").read_text()
    for key, name in (("orderKind", KIND), ("orderNode", NODE), ("orderAmount", AMOUNT)):
        assert f'{key}: "{name}"' in strings


def test_who_has_left_does_not_leave_again(tmp_path: Path) -> None:
    page = Scripted((0.4, ORDERS["leave"]), (0.8, ORDERS["leave"]))
    assert_repeats(steered(tmp_path, page), tmp_path)
    assert page.answers[1] == ("'buyer-2': leave at 0.801 s: it has left before, at 0.401 s", True)


def test_who_has_left_has_no_supply(tmp_path: Path) -> None:
    page = Scripted((0.4, Order("leave", "seller-1")), (0.8, Order("supply", "seller-1", 2.0)))
    assert_repeats(steered(tmp_path, page), tmp_path)
    assert page.answers[1][0].endswith("it has left before, at 0.401 s")


def test_an_auction_that_is_over_has_nothing_to_shift(tmp_path: Path) -> None:
    page = Scripted((2.0, ORDERS["supply"]))
    late = ("auction.open_at_least_s=0", "buyers.0.joins_at_s=3")
    assert_repeats(steered(tmp_path, page, "neighbourhood", *late), tmp_path)
    assert page.answers == [
        (f"2.001 s: {HAPPENS['supply']}; nothing came of it, since nothing is left to do there", False)
    ]


def test_a_host_that_crashes_afterwards_remembers(tmp_path: Path) -> None:
    fault = '{kind="crash", at_s=0.8, for_s=0.3, nodes=["buyer-3", "seller-1"]}'
    page = Scripted((0.4, ORDERS["valuation"]), (0.5, ORDERS["supply"]), (0.9, ORDERS["supply"]))
    result = steered(tmp_path, page, "neighbourhood", f"chaos.faults=[{fault}]")
    assert [is_refused for _, is_refused in page.answers] == [False, False, True]
    assert "is down, or has no broker" in page.answers[2][0]
    assert_repeats(result, tmp_path)


def test_nobody_repeats_what_happened_by_a_wrong_clock(tmp_path: Path) -> None:
    fault = '{kind="clock-skew", at_s=0.2, for_s=5, skew_s=3, nodes=["buyer-2"]}'
    page = Scripted((0.4, ORDERS["leave"]))
    steered(tmp_path, page, "neighbourhood", f"chaos.faults=[{fault}]")
    assert page.answers == [
        ("buyer-2 has a clock that chaos sets wrong, so that nobody could repeat this: take another", True)
    ]


@pytest.mark.parametrize(
    ("order", "happens"),
    [
        (Order("cut-off", "seller-1", 1.0), "seller-1: its host is cut off for 1 s"),
        (Order("kill", "buyer-3", 0.5), "buyer-3: its host is killed and starts again after 0.5 s"),
        (Order("kill", "buyer-3"), "buyer-3: its host is killed for good"),
    ],
)
def test_a_fault_from_the_page_happens_and_is_repeated(tmp_path: Path, order: Order, happens: str) -> None:
    page = Scripted((0.4, order))
    result = steered(tmp_path, page)
    assert page.answers == [(f"0.401 s: {happens}", False)]
    (row,) = result.summary.faults
    assert (row.kind, row.hosts) == ({"cut-off": "partition", "kill": "crash"}[order.kind], [order.node])
    assert row.at_s == pytest.approx(0.401)
    assert row.until_s == (None if order.amount is None else pytest.approx(0.401 + order.amount))
    assert_repeats(result, tmp_path)


def test_who_is_killed_after_a_shift_remembers_it(tmp_path: Path) -> None:
    asked = [(0.4, ORDERS["valuation"]), (0.6, Order("kill", "buyer-3", 0.5)), (0.8, Order("kill", "buyer-3", 0.5))]
    page = Scripted(*asked, (0.9, Order("valuation", "buyer-3", 1.0)))
    result = steered(tmp_path, page)
    assert [is_refused for _, is_refused in page.answers] == [False, False, True, True]
    assert page.answers[2][0] == "buyer-3 is down, or has no broker: nothing happens to it before it is back"
    revised = [one for one in page.heard if one.what.__struct_config__.tag == "valuation"]
    assert [one.time_s for one in revised] == pytest.approx([0.401, 1.101], abs=0.01)
    assert_repeats(result, tmp_path)


@pytest.mark.parametrize(
    ("order", "planned", "later_s", "why"),
    [
        (Order("kill", "buyer-3", 0.5), "crash", 0.4, "buyer-3 is killed again before it would be back: give it less"),
        (
            Order("cut-off", "buyer-2", 0.5),
            "partition",
            0.5,
            "another fault begins or ends at the very time at which this one would: give it more or less",
        ),
    ],
)
def test_faults_that_nobody_could_plan_apart_are_refused(
    tmp_path: Path, order: Order, planned: str, later_s: float, why: str
) -> None:
    def answers(at_s: float) -> list[tuple[str, bool]]:
        page = Scripted((0.4, order))
        fault = f'{{kind="{planned}", at_s={at_s!r}, for_s=0.3, nodes=["buyer-3"]}}'
        steered(tmp_path, page, "neighbourhood", "auction.open_at_least_s=0", f"chaos.faults=[{fault}]")
        return page.answers

    ((text, is_refused),) = answers(1.5)
    assert not is_refused
    happened_s = float(text.partition(" s")[0])
    assert answers(happened_s + later_s) == [(why, True)]


def test_who_is_to_crash_later_is_not_killed_for_good(tmp_path: Path) -> None:
    page = Scripted((0.4, Order("kill", "buyer-3")))
    fault = '{kind="crash", at_s=1.5, for_s=0.3, nodes=["buyer-3"]}'
    result = steered(tmp_path, page, "neighbourhood", f"chaos.faults=[{fault}]")
    assert page.answers == [("buyer-3 is killed again before it would be back: give it less", True)]
    assert [row.at_s for row in result.summary.faults] == pytest.approx([1.5], abs=0.01)


def test_faults_happen_in_any_market(tmp_path: Path) -> None:
    page = Scripted((0.4, Order("leave", "terminal-1")), (0.5, Order("kill", "honest-1", 0.5)))
    options = RunOptions(world="sim", out=tmp_path, pictures=False)
    result = carry_out(load("congested", ("timeout_s=4",)), options, Onlookers(page=page))
    assert page.answers == [
        ("What = 'leave': allowed are: cut-off, kill", True),
        ("0.5001 s: honest-1: its host is killed and starts again after 0.5 s", False),
    ]
    assert_repeats(result, tmp_path)


class Between:
    """As much of a simulation as a moment is chosen by."""

    def __init__(self, opened_at: float, now: float, next_at: float) -> None:
        self.opened_at, self.now, self.next_at = opened_at, now, next_at


@given(st.floats(0.0, 10.0), st.floats(0.0, 1e4), st.floats(1e-9, 10.0), st.floats(0.0, 1e4))
def test_a_moment_is_between_two_events(opened_at: float, since: float, gap: float, reach_s: float) -> None:
    now = opened_at + since
    found = moment(Between(opened_at, now, now + gap), reach_s)  # type: ignore[arg-type]
    assert found is not None
    assert now < opened_at + found < now + gap


def test_a_moment_is_short_and_where_the_market_stands() -> None:
    assert moment(Between(0.5, 1.0, 3.0), 1.25) == 1.251  # type: ignore[arg-type]
    assert moment(Between(0.5, 1.0, 3.0), 0.2) == 0.501  # type: ignore[arg-type]
    assert moment(Between(0.0, 1.0, math.inf), math.inf) == 1.001  # type: ignore[arg-type]
    assert moment(Between(0.0, 1.0, math.nextafter(1.0, 2.0)), 0.0) is None  # type: ignore[arg-type]
