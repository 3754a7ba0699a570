import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.errors import ScenarioError
from scenarios.launch.placement import build_hosts, host_names, one_host_each, spread
from scenarios.markets.load import load, shipped
from scenarios.markets.psp.schema import Scenario
from scenarios.markets.registry import draw_market

SMALL = """
name = "small"
[[sellers]]
name = "s"
supply_mb = 10
[[buyers]]
name = "b"
valuation = { kind = "flat", demand_mb = 5, value_per_mb = 1.0 }
"""

Loader = Callable[..., Scenario]


@pytest.fixture
def small(tmp_path: Path) -> Loader:
    """Loads a small scenario from the file small.toml with these settings."""

    def loaded(*settings: str, text: str = SMALL) -> Scenario:
        path = tmp_path / "small.toml"
        path.write_text(text, encoding="utf-8")
        return load(str(path), settings)

    return loaded


def fault(small: Loader, *settings: str, text: str = SMALL) -> str:
    """What is said about it, without the folder of the file."""
    with pytest.raises(ScenarioError) as error:
        small(*settings, text=text)
    return str(error.value).rpartition("/")[2] if not settings else str(error.value)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_loads_draws_and_builds(name: str) -> None:
    scenario = load(name)
    market = draw_market(scenario, seed=1)
    placement, some = one_host_each(market), 200
    assert scenario.name == name
    assert scenario.title
    names = set(host_names(placement)[:some])
    assert len(build_hosts(market, placement, names)) == min(some, len(set(placement.values())))


def test_scenario_file_is_read(small: Loader) -> None:
    scenario = small()
    assert (scenario.name, scenario.sellers[0].supply_mb, scenario.buyers[0].name) == ("small", 10.0, "b")


def test_file_without_suffix_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "market").write_text(SMALL, encoding="utf-8")
    assert load(str(tmp_path / "market")).name == "small"


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("timeout_s=9", "timeout_s", 9.0),
        ("auction.quiet_period_s=2.5", "auction.quiet_period_s", 2.5),
        ("sellers.0.supply_mb=77", "sellers.0.supply_mb", 77.0),
        ("buyers.0.valuation.demand_mb = 3", "buyers.0.valuation.demand_mb", 3.0),
        ("title=a title without quotes", "title", "a title without quotes"),
        ('title="quoted=text"', "title", "quoted=text"),
        ("buyers.0.sellers=['s']", "buyers.0.sellers", ["s"]),
        ("buyers.0.strategy={kind='opt-out',think_s=1}", "buyers.0.strategy.think_s", 1.0),
    ],
)
def test_setting_is_put_over_the_file(small: Loader, setting: str, key: str, value: object) -> None:
    found: object = small(setting)
    for part in key.split("."):
        found = found[int(part)] if part.isdigit() else getattr(found, part)  # type: ignore[index]
    assert found == value


def test_star_sets_a_key_of_every_table(small: Loader) -> None:
    more = SMALL + '[[sellers]]\nname = "t"\nsupply_mb = 3\n'
    assert [table.supply_mb for table in small("sellers.*.supply_mb=77", text=more).sellers] == [77.0, 77.0]


def test_setting_makes_the_table_it_is_in(small: Loader) -> None:
    assert small("network.loss=0.25").network.loss == 0.25


def test_later_setting_stands_over_an_earlier_one(small: Loader) -> None:
    assert small("timeout_s=9", "timeout_s=8").timeout_s == 8.0


# Errors name the file, the key, the value and what is allowed


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "auction.clearing=1",
            "unknown key auction.clearing; allowed here: clearing_interval_s, quiet_period_s, retry_s",
        ),
        ("tittle=x", "unknown key tittle; allowed here: format, market, name, title"),
        ("sellers.0.suply=1", "unknown key sellers.0.suply; allowed here: name, count, file, device, supply_mb"),
        ("buyers.0.valuation.demand=1", "buyers.0.valuation.demand; allowed here: demand_mb, value_per_mb"),
        ("sellers.0={}", "sellers.0 lacks the key supply_mb"),
        ("buyers.0.valuation={}", "buyers.0.valuation lacks the key kind"),
        (
            "sellers.0.supply_mb='much'",
            "sellers.0.supply_mb = 'much': must be a number from 0 to 1,000,000,000,000",
        ),
        (
            "sellers.0.supply_mb=true",
            "sellers.0.supply_mb = True: must be a number from 0 to 1,000,000,000,000",
        ),
        ("auction=1", "auction = 1: must be a table"),
        ("sellers=[]", "sellers = []: must be a list of at least 1, each a table"),
        ("buyers.0.count=2.0", "buyers.0.count = 2.0: must be a whole number from 1 to 10,000,000"),
        (
            "sellers.0.supply_mb=-1",
            "sellers.0.supply_mb = -1: must be a number from 0 to 1,000,000,000,000",
        ),
        (
            "sellers.0.supply_mb=1e13",
            "sellers.0.supply_mb = 10000000000000.0: must be a number from 0 to 1,000,000,000,000",
        ),
        (
            "sellers.0.supply_mb=nan",
            "sellers.0.supply_mb = nan: must be a number from 0 to 1,000,000,000,000",
        ),
        (
            "sellers.0.supply_mb=inf",
            "sellers.0.supply_mb = inf: must be a number from 0 to 1,000,000,000,000",
        ),
        ("network.delay_max_s=-inf", "network.delay_max_s = -inf: must be a number from 0 to 1,000,000"),
        ("network.loss=1.0", "network.loss = 1.0: must be a number of at least 0 and below 1"),
        (
            "auction.clearing_interval_s=0",
            "auction.clearing_interval_s = 0: must be a number above 0 and at most 1,000,000",
        ),
        ("buyers.0.count=0", "buyers.0.count = 0: must be a whole number from 1 to 10,000,000"),
        ("market=pps", "market = 'pps': allowed are: dmp, psp"),
        ("format=2", "format = 2: allowed are: 1"),
        ("auction.mechanism=vickrey", "auction.mechanism = 'vickrey': allowed are: psp, uniform-price, pay-as-bid"),
        ("auction.reserve_rule=none", "auction.reserve_rule = 'none': allowed are: fixed, highest-losing"),
        (
            "buyers.0.valuation.kind=cubic",
            "kind = 'cubic': allowed are: flat, parabolic, logarithmic, isoelastic, piece",
        ),
        ("buyers.0.strategy.kind=opt", "buyers.0.strategy.kind = 'opt': allowed are: opt-out, best-reply, adaptive"),
        ("buyers.0.strategy={kind='opt-out',split='half'}", "split = 'half': allowed are: equal, fill-largest-first"),
        ("sellers.0.supply_mb={distribution='cauchy'}", "'cauchy': allowed are: uniform, normal, log-normal, choice"),
        ("sellers.0.supply_mb={distribution='uniform',hi=3}", "supply_mb.hi; allowed here: low, high"),
    ],
)
def test_error_names_file_key_value_and_what_is_allowed(small: Loader, setting: str, said: str) -> None:
    error = fault(small, setting)
    assert "small.toml, by --set: " in error
    assert said in re.sub(r" \(did you mean .*?\?\)", "", error)


def test_file_that_is_not_toml_is_named_with_the_place(small: Loader) -> None:
    assert fault(small, text="name = = 1").startswith("small.toml:1: not TOML: Invalid value, at column 8")
    assert fault(small, text='name = "x').startswith("small.toml: not TOML: Unterminated string (at end of document)")


def test_empty_file_lacks_what_it_needs(small: Loader) -> None:
    assert fault(small, text="").endswith("small.toml: the scenario lacks the key buyers")


def test_missing_file_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"cannot read scenario nowhere/at-all\.toml"):
        load("nowhere/at-all.toml")


def test_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(ScenarioError, match=r"cannot read scenario .*latin\.toml"):
        load(str(tmp_path / "latin.toml"))


def test_unknown_scenario_gets_a_suggestion_and_the_choice() -> None:
    with pytest.raises(ScenarioError) as error:
        load("two-seller")
    assert "'two-seller'" in str(error.value)
    assert "did you mean two-sellers?" in str(error.value)
    assert all(name in str(error.value) for name in shipped())


def test_unknown_scenario_unlike_any_gets_no_suggestion() -> None:
    with pytest.raises(ScenarioError) as error:
        load("xyzzy")
    assert "did you mean" not in str(error.value)


@pytest.mark.parametrize("setting", ["nonsense", "=1", ""])
def test_setting_that_is_none_is_explained(small: Loader, setting: str) -> None:
    assert "--set takes key=value, for example auction.quiet_period_s=2, got " + repr(setting) in fault(small, setting)


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("sellers.5.supply_mb=1", "sellers.5"),
        ("sellers.x.supply_mb=1", "sellers.x"),
        ("name.x.y=1", "name.x"),
        ("name.x=1", "name.x"),
        ("sellers.7=1", "sellers.7"),
        ("name.*.x=1", "name.*"),
    ],
)
def test_setting_of_a_place_that_is_not_there_is_explained(small: Loader, setting: str, place: str) -> None:
    assert fault(small, setting) == f"--set {setting}: there is no {place} in the scenario"


def test_users_are_dealt_out_over_hosts_in_turn(small: Loader) -> None:
    market = draw_market(small("sellers.0.count=2", "buyers.0.count=4"), seed=1)
    placement = spread(market, 3)
    assert [list(placement.values()).count(host) for host in host_names(placement)] == [2, 2, 2]
    assert {placement["s-1"], placement["s-2"]} == {"host-1", "host-2"}


def test_only_the_named_hosts_are_built(small: Loader) -> None:
    market = draw_market(small(), seed=1)
    (host,) = build_hosts(market, one_host_each(market), {"b"})
    assert (host.name, list(host.watched)) == ("b", ["s/s"])
