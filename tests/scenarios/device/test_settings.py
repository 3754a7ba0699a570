"""Settings of a node from a file and from options."""

from pathlib import Path
from typing import Any

import pytest

from broker import BrokerError
from node.mechanism.psp import PayAsBid, UniformPrice
from node.mechanism.valuation import Flat, Parabolic
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from scenarios.device.device import build, intervals
from scenarios.device.schema import AuctionTable
from scenarios.device.settings import read_settings
from scenarios.errors import ScenarioError
from scenarios.markets.psp.schema import AdaptiveStrategy, FlatValuation, ParabolicValuation
from tests.own_code import MECHANISM

BROKER = {"broker": "mqtt://localhost", "host": "here"}
SELLER: dict[str, Any] = {**BROKER, "market": "lab", "role": "seller", "seller": {"supply_mb": 60.0}}
BUYER: dict[str, Any] = {
    **BROKER,
    "market": "lab",
    "role": "buyer",
    "buyer": {"sellers": ["shop"], "valuation": {"kind": "flat", "demand_mb": 50.0, "value_per_mb": 2.0}},
}

FILE = """
market = "lab"
role = "buyer"
profile = "alice.toml"

[buyer]
sellers = ["shop", "pi/seller"]
budget_money = 10.0

[buyer.valuation]
kind = "flat"
demand_mb = 50.0
value_per_mb = 2.0

[buyer.strategy]
kind = "adaptive"
crowd = 0.2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "node.toml").write_text(FILE)
    return tmp_path / "node.toml"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIDSWARM_BROKER", raising=False)


def test_a_file_says_the_same_as_options(file: Path) -> None:
    settings = read_settings(file, {})
    assert settings.buyer is not None
    assert settings.buyer.valuation == FlatValuation(demand_mb=50.0, value_per_mb=2.0)
    assert settings.buyer.strategy == AdaptiveStrategy(crowd=0.2)


def test_paths_in_a_file_are_relative_to_it(file: Path) -> None:
    assert read_settings(file, {}).profile == str(file.parent / "alice.toml")


def test_an_option_overrides_its_key_alone(file: Path) -> None:
    settings = read_settings(file, {"buyer": {"valuation": {"demand_mb": 7.0}}})
    assert settings.buyer is not None
    assert settings.buyer.valuation == FlatValuation(demand_mb=7.0, value_per_mb=2.0)
    assert settings.buyer.budget_money == 10.0


def test_of_another_kind_of_valuation_the_demand_goes_on(file: Path) -> None:
    settings = read_settings(file, {"buyer": {"valuation": {"kind": "parabolic", "choke_price_per_mb": 3.0}}})
    assert settings.buyer is not None
    assert settings.buyer.valuation == ParabolicValuation(demand_mb=50.0, choke_price_per_mb=3.0)


def test_the_environment_names_the_broker_if_nothing_else_does(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("BIDSWARM_BROKER", "mqtt://elsewhere")
    unnamed = {key: value for key, value in SELLER.items() if key != "broker"}
    assert read_settings(None, unnamed).broker == "mqtt://elsewhere"
    assert read_settings(file, {}).broker is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({key: value for key, value in SELLER.items() if key != "market"}, r"the key market \(--market\) is missing"),
        (SELLER | {"role": "broker"}, "role = 'broker': allowed are: buyer, seller"),
        (SELLER | {"colour": "red"}, "unknown key colour; allowed here: profile, broker, host"),
        (SELLER | {"seller": {"supply_mb": -1.0}}, "seller.supply_mb = -1.0: must be a number from 0"),
        (SELLER | {"profile": "x.toml"}, "give one of them"),
        (SELLER | {"broker": None, "profile": "x.toml"}, "host .* goes with broker"),
        (SELLER | {"role": "buyer"}, r"a buyer needs the table \[buyer\], or --seller"),
        (SELLER | {"buyer": BUYER["buyer"]}, r"the table \[buyer\] and its options are out of place"),
        (SELLER | {"auction": {"retry_s": 0.0}}, "auction.retry_s = 0.0: must be a number above 0"),
        (BUYER | {"buyer": {"sellers": ["shop"]}}, "give --value-per-mb"),
        (BUYER | {"buyer": {**BUYER["buyer"], "sellers": ["a/b/c"]}}, "buyer.sellers.0 = 'a/b/c'"),
        (
            SELLER | {"seller": {"supply_mb": {"distribution": "uniform", "low": 1.0, "high": 2.0}}},
            "supply_mb is a distribution",
        ),
    ],
)
def test_wrong_settings_are_refused_with_the_key_and_the_remedy(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ScenarioError, match=text):
        read_settings(None, options)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"cannot read .*none\.toml"):
        read_settings(tmp_path / "none.toml", {})


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("= 3")
    with pytest.raises(ScenarioError, match=r"bad\.toml:1: not TOML: Invalid "):
        read_settings(tmp_path / "bad.toml", {})


# Building


def test_a_seller_has_its_host_and_name() -> None:
    device = build(read_settings(None, SELLER))
    assert isinstance(device.machine, Seller)
    assert (device.address, device.journal) == ("here/here", Path("lab-here.sqlite"))


def test_a_buyer_watches_its_sellers_where_a_host_alone_bears_the_name_of_its_node() -> None:
    table = {**BUYER["buyer"], "sellers": ["shop", "pi/seller"]}
    device = build(read_settings(None, BUYER | {"buyer": table, "node": "b"}))
    assert isinstance(device.machine, Buyer)
    assert device.machine.watches == {"shop/shop", "pi/seller"}
    assert device.address == "here/b"


@pytest.mark.parametrize(
    ("valuation", "built"),
    [
        ({"kind": "flat", "demand_mb": 5.0, "value_per_mb": 2.0}, Flat(5.0, 2.0)),
        ({"kind": "parabolic", "demand_mb": 5.0, "choke_price_per_mb": 2.0}, Parabolic(5.0, 2.0)),
    ],
)
def test_a_buyer_values_data_as_in_a_scenario(valuation: dict[str, Any], built: Flat | Parabolic) -> None:
    device = build(read_settings(None, BUYER | {"buyer": {"sellers": ["shop"], "valuation": valuation}}))
    assert isinstance(device.machine, Buyer)
    assert device.machine._valuation == built


def test_the_intervals_suit_people_who_start_programs_by_hand() -> None:
    assert intervals(read_settings(None, SELLER)) == Timing(0.25, 10.0, 1.0, 0.0)


def test_the_auction_stays_open_for_as_long_as_it_is_told() -> None:
    settings = read_settings(None, SELLER | {"auction": {"open_at_least_s": 30.0}})
    assert settings.auction == AuctionTable(open_at_least_s=30.0)
    assert intervals(settings).open_at_least_s == 30.0


def test_without_a_name_for_the_host_the_user_of_the_url_is_taken() -> None:
    nameless = {key: value for key, value in SELLER.items() if key != "host"}
    assert build(read_settings(None, nameless | {"broker": "mqtt://ann:pw@localhost"})).address == "ann/ann"
    with pytest.raises(ScenarioError, match=r"host \(--host NAME\) is lacking"):
        build(read_settings(None, nameless))


def test_numbers_that_no_message_carries_are_refused() -> None:
    table = {"sellers": ["shop"], "valuation": {"kind": "flat", "demand_mb": 5.0, "value_per_mb": 1e10}}
    with pytest.raises(ScenarioError, match="the price of its first MB"):
        build(read_settings(None, BUYER | {"buyer": table}))


def test_an_observer_may_not_trade(tmp_path: Path) -> None:
    profile = tmp_path / "eve.toml"
    profile.touch(0o600)
    profile.write_text('format = 1\nname = "eve"\nrole = "observer"\n[broker]\nurl = "mqtts://x"\npassword = "p"\n')
    options = {key: value for key, value in SELLER.items() if key not in BROKER}
    with pytest.raises(BrokerError, match="is for an observer"):
        build(read_settings(None, options | {"profile": str(profile)}))


def test_a_device_knows_the_mechanism_of_its_market() -> None:
    seller = build(read_settings(None, {**SELLER, "auction": {"mechanism": "pay-as-bid"}})).machine
    buyer = build(read_settings(None, {**BUYER, "auction": {"mechanism": "uniform-price"}})).machine
    assert isinstance(seller, Seller)
    assert isinstance(buyer, Buyer)
    assert seller._mechanism == PayAsBid()
    assert [auction.offer().mechanism for auction in buyer._auctions.values()] == [UniformPrice()]


def test_a_mechanism_that_overcharges_is_refused_before_the_node_starts(tmp_path: Path) -> None:
    dear = MECHANISM.replace("self.share * price", "2.0 * price")
    (tmp_path / "part.py").write_text(dear, encoding="utf-8")
    (tmp_path / "node.toml").write_text('auction.mechanism = "part:Part"\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"node\.toml:1: auction\.mechanism: charges 240 for 30 of the 30 MB"):
        read_settings(tmp_path / "node.toml", SELLER)
