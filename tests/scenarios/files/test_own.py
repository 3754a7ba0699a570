"""Code that a scenario brings: found, loaded, checked, kept for other processes."""

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from typer.testing import CliRunner

from node.mechanism.direct import DIRECT
from node.mechanism.psp import MECHANISMS
from node.mechanism.valuation import Flat
from node.runtime.streams import stream
from node.strategy.psp.offer import Need, Offer
from scenarios.cli.main import app
from scenarios.errors import ScenarioError
from scenarios.files.own import PLACEHOLDER, bring, keep
from scenarios.launch.run import run
from scenarios.markets.dmp.schema import CallScenario
from scenarios.markets.load import load, parse, read, with_populations
from scenarios.markets.psp.market import BuyerSpec, Market, draw, theta
from scenarios.markets.psp.own import OwnStrategy
from scenarios.markets.psp.results import Summary
from scenarios.markets.psp.schema import Scenario
from scenarios.markets.registry import json_schema, read_market
from tests.own_code import MECHANISM, SCENARIO, STRATEGY, install, write_mechanism, write_scenario
from tests.pictures import without_pictures

KNOWN = ", ".join([*MECHANISMS, *DIRECT, "module:Class"])


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write_scenario(tmp_path)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing that a test loads is there for the next one."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("_own_") or name in {"steady_package", "part_package"}:
            del sys.modules[name]


def scenario_of(path: str, *settings: str) -> Scenario:
    scenario = load(path, settings)
    assert isinstance(scenario, Scenario)
    return scenario


def fault(path: str, *settings: str) -> str:
    with pytest.raises(ScenarioError) as error:
        load(path, settings)
    place = re.match(re.escape(path) + r"(:\d+|, by --set)?: ", str(error.value))
    assert place
    return str(error.value)[place.end() :]


def built(table: Any) -> Any:
    return table.build()


def test_its_fields_are_the_keys_of_the_table(path: str) -> None:
    strategy = built(scenario_of(path).buyers[0].strategy)
    decision = strategy.decide(0.0, Need(Flat(50.0, 2.0), 1e9), [Offer(60.0, 0.0, whole=60.0)])
    assert (strategy.share, [target.quantity for target in decision.targets]) == (0.25, [15.0])


def test_its_keys_have_defaults(path: str) -> None:
    assert built(scenario_of(path, 'buyers.0.strategy={kind="steady:Steady"}').buyers[0].strategy).share == 0.1


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("share=2", "buyers.0.strategy.share = 2: must be a number above 0 and at most 1"),
        ("share='much'", "buyers.0.strategy.share = 'much': must be a number above 0 and at most 1"),
        ("shard=0.1", "unknown key buyers.0.strategy.shard (did you mean share?); allowed here: share"),
        (
            "kind=steady:Stead",
            "buyers.0.strategy.kind = 'steady:Stead': {folder}/steady.py has no 'Stead'; it has: Steady",
        ),
        ("kind=steadi:Steady", "there is no module 'steadi': put steadi.py beside the scenario, or install it"),
        ("kind=steadi.x:Steady", "there is no module 'steadi': put steadi.py beside the scenario, or install it"),
        ("kind=msgspec.nothing:Steady", "there is no module 'msgspec.nothing': put"),
        (
            "kind=steady:Meta",
            "Meta in {folder}/steady.py does not derive from bidswarm.psp.StrategyBase: write class Meta(",
        ),
        ("kind=json:loads", "does not derive from bidswarm.psp.StrategyBase"),
        ("kind='steady:'", "this is not module:Class, for example my_module:MyClass"),
        ("kind=':Steady'", "this is not module:Class, for example my_module:MyClass"),
        ("kind='../steady:Steady'", "this is not module:Class, for example my_module:MyClass"),
        (
            "kind=stedy",
            "buyers.0.strategy.kind = 'stedy': allowed are: opt-out, best-reply, adaptive, quantised, module:Class",
        ),
        (f"kind={PLACEHOLDER}", "there is no module 'module'"),
    ],
)
def test_error_names_the_key_the_value_and_the_remedy(path: str, setting: str, said: str) -> None:
    assert said.format(folder=Path(path).parent) in fault(path, f"buyers.0.strategy.{setting}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_the_kind\n", "line 1: ModuleNotFoundError: No module named 'noth"),
        ("x = 1\ny = x / 0\n", "line 2: ZeroDivisionError: division by zero: mend it there"),
        ("x = 1\nclass Steady(\n", "line 2: SyntaxError: '(' was never closed"),
        ("def f():\n    raise ValueError('no')\n\nf()\n", "line 2: ValueError: no"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
    ],
)
def test_module_that_fails_is_named_with_the_line(path: str, text: str, said: str) -> None:
    file = Path(path).parent / "steady.py"
    file.write_text(text, encoding="utf-8")
    assert f"buyers.0.strategy.kind = 'steady:Steady': {file} fails when it is loaded, {said}" in fault(path)


CHECKING = (
    STRATEGY
    + """
    def __post_init__(self):
        if self.share == 0.5:
            raise ValueError("share must not be a half")

    def check(self, key):
        if self.share == 0.75:
            raise ValueError("share must not be three quarters")
"""
)


@pytest.mark.parametrize(
    ("share", "said"), [(0.5, "share must not be a half"), (0.75, "share must not be three quarters")]
)
def test_what_types_cannot_say_the_class_checks(path: str, share: float, said: str) -> None:
    (Path(path).parent / "steady.py").write_text(CHECKING, encoding="utf-8")
    assert fault(path, f"buyers.0.strategy.share={share}") == f"buyers.0.strategy: {said}"


FAILING = {
    "check": "    def check(self, key):\n        return {}['key']\n",
    "build": "    def build(self):\n        return {}['key']\n",
    "__post_init__": "    def __post_init__(self):\n        {}['key']\n",
}


@pytest.mark.parametrize("method", FAILING)
def test_code_that_fails_at_its_keys_is_no_traceback(path: str, method: str) -> None:
    (Path(path).parent / "steady.py").write_text(f"{STRATEGY}\n{FAILING[method]}", encoding="utf-8")
    said = fault(path)
    assert re.fullmatch(r"buyers.0.strategy: (steady:)?Steady fails, line 1\d: KeyError: 'key': mend it there", said)


@pytest.mark.parametrize(("base", "lacks"), [("strategy", "decide"), ("valuation", "value, marginal, demand")])
def test_class_without_its_methods_is_told_which_it_lacks(path: str, base: str, lacks: str) -> None:
    file = Path(path).parent / "empty.py"
    text = f"from bidswarm.psp import {base.title()}Base\nclass Empty({base.title()}Base, frozen=True):\n    pass\n"
    file.write_text(text, encoding="utf-8")
    said = fault(path, f"buyers.0.{base}.kind=empty:Empty")
    assert said == f"buyers.0.{base}.kind = 'empty:Empty': Empty in {file} lacks {lacks}: write it there"


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    shares = []
    for share in ("0.1", "0.2"):
        (tmp_path / share).mkdir()
        path = write_scenario(tmp_path / share)
        (tmp_path / share / "steady.py").write_text(STRATEGY.replace("= 0.1", f"= {share}"), encoding="utf-8")
        shares.append(scenario_of(path, 'buyers.0.strategy={kind="steady:Steady"}'))
    assert [built(one.buyers[0].strategy).share for one in shares] == [0.1, 0.2]


def test_a_strategy_that_remembers_is_built_for_each_buyer(path: str) -> None:
    more = """
class Counting:
    def __init__(self):
        self.asked = 0

    def think_time(self, participants, round_trip_s, random):
        return 0.0

    def decide(self, now, need, offers):
        self.asked += 1
        return Decision(None)


class Steadies(StrategyBase, frozen=True):
    def build(self):
        return Counting()
"""
    (Path(path).parent / "steady.py").write_text(STRATEGY + more, encoding="utf-8")
    table = scenario_of(path, 'buyers.0.strategy={kind="steady:Steadies"}').buyers[0].strategy
    one, other = built(table), built(table)
    one.decide(0.0, None, [])
    assert (one.asked, other.asked) == (1, 0)


# Named before it is loaded


def test_code_is_named_without_being_run(path: str) -> None:
    file = Path(path).parent / "steady.py"
    file.write_text("raise SystemExit(99)\n", encoding="utf-8")
    assert [str(source) for source in read(path).code()] == [f"steady:Steady from {file}"]
    assert read("two-sellers").code() == []


@pytest.mark.parametrize("command", [["check"], ["run", "--world", "sim", "--out"]])
def test_commands_name_the_code_before_they_load_it(path: str, tmp_path: Path, command: list[str]) -> None:
    file = Path(path).parent / "steady.py"
    file.write_text("raise RuntimeError('loaded')\n", encoding="utf-8")
    arguments = [command[0], path, *command[1:], *([str(tmp_path)] if "--out" in command else [])]
    ended = CliRunner().invoke(app, arguments)
    assert f"this scenario brings code: steady:Steady from {file}" in ended.stderr.replace("\n", "")
    assert isinstance(ended.exception, ScenarioError)


def test_source_in_a_package_is_found_without_importing_the_package(
    path: str, tmp_path: Path, monkeypatch: Any
) -> None:
    package = tmp_path / "elsewhere" / "steady_parts"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    (package / "inner.py").write_text(STRATEGY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    (source,) = read(path, ["buyers.0.strategy.kind=steady_parts.inner:Steady"]).code()
    assert (source.file, source.is_beside) == (package / "inner.py", False)


# Runs


def test_a_run_in_sim_keeps_the_source_and_its_hash(path: str, tmp_path: Path) -> None:
    with without_pictures():
        result = run(path, world="sim", out=tmp_path / "runs")
    folder = Path(result.summary.run_dir)
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    assert (result.summary.status, result.summary.sold) == ("settled", 30.0)
    assert manifest["code_sha256"] == {"steady:Steady": hashlib.sha256(STRATEGY.encode()).hexdigest()}
    assert (folder / "code" / "steady.py").read_text() == STRATEGY


def test_world_array_names_the_strategy_that_it_does_not_play(path: str, tmp_path: Path) -> None:
    elastic = 'buyers.0.valuation={kind="parabolic",demand_mb=50,choke_price_per_mb=2}'
    with pytest.raises(ScenarioError, match=r"strategy\.kind = 'steady:Steady': world 'array' knows 'adaptive' only"):
        run(path, world="array", out=tmp_path, settings=[elastic])


def test_a_date_is_no_text(path: str) -> None:
    assert "title = datetime.date(2026, 1, 1): must be a text" in fault(path, "title=2026-01-01")


def test_a_run_without_code_of_ones_own_keeps_none(tmp_path: Path) -> None:
    with without_pictures():
        result = run("two-sellers", world="sim", out=tmp_path)
    folder = Path(result.summary.run_dir)
    assert msgspec.json.decode((folder / "manifest.json").read_bytes())["code_sha256"] == {}
    assert not (folder / "code").exists()


def test_a_scenario_out_of_a_manifest_is_the_same(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(path).parent)
    scenario = scenario_of(path)
    assert parse(msgspec.to_builtins(scenario), "manifest") == scenario


def test_another_process_loads_what_was_kept(path: str, tmp_path: Path) -> None:
    table = scenario_of(path).buyers[0].strategy
    keep(scenario_of(path), tmp_path / "code")
    for name in [name for name in sys.modules if name.startswith("_own_")]:
        del sys.modules[name]
    assert isinstance(table, OwnStrategy)
    with pytest.raises(ScenarioError, match="there is no module 'steady'"):
        table.build()
    bring(tmp_path / "code")
    assert built(table).share == 0.25


def test_a_name_of_an_installed_package_is_a_kind(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    settings = ["buyers.0.strategy.kind=steady"]
    assert [str(source) for source in read(path, settings).code()] == [
        f"steady = steady_package:Steady from {tmp_path / 'site' / 'steady_package.py'}"
    ]
    assert built(scenario_of(path, *settings).buyers[0].strategy).share == 0.25
    assert (
        fault(path, *settings, "buyers.0.strategy.share=2")
        == "buyers.0.strategy.share = 2: must be a number above 0 and at most 1"
    )


# Valuations and pricing

TIERED = """
from bidswarm.psp import ValuationBase


class Half(ValuationBase, frozen=True):
    value_per_mb: float

    def value(self, quantity):
        return self.value_per_mb * min(quantity, self.demand_mb)

    def marginal(self, quantity):
        return self.value_per_mb if quantity <= self.demand_mb else 0.0

    def demand(self, price):
        return self.demand_mb if price < self.value_per_mb else 0.0
"""


@pytest.fixture
def tiered(path: str) -> str:
    (Path(path).parent / "tiered.py").write_text(TIERED, encoding="utf-8")
    text = SCENARIO.replace('kind = "flat"', 'kind = "tiered:Half"').replace(
        "50,", '{ distribution = "uniform", low = 10, high = 50 },'
    )
    Path(path).write_text(text, encoding="utf-8")
    return path


def test_every_buyer_draws_the_numbers_of_its_own_valuation_as_of_ours(tiered: str) -> None:
    buyers = draw(scenario_of(tiered), seed=3).buyers
    ours = draw(scenario_of(tiered, "buyers.0.valuation.kind=flat"), seed=3).buyers
    assert [theta(buyer).demand_mb for buyer in buyers] == [theta(buyer).demand_mb for buyer in ours]
    assert len({theta(buyer).demand_mb for buyer in buyers}) == 2
    assert msgspec.json.decode(msgspec.json.encode(buyers), type=list[BuyerSpec]) == buyers


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("demand_mb={distribution='uniform',low=9,high=3}", "buyers.0.valuation.demand_mb.low = 9.0 must not exceed"),
        ("demand_mb={distribution='uniform',low=9}", "buyers.0.valuation.demand_mb lacks the key high"),
        ("demand_mb={distribution='cauchy'}", "demand_mb.distribution = 'cauchy': allowed are: uniform, normal, log"),
        ("demand_mb=0", "buyers.0.valuation.demand_mb = 0: must be a number above 0"),
        ("value=1", "unknown key buyers.0.valuation.value; allowed here: demand_mb, value_per_mb"),
    ],
)
def test_wrong_numbers_of_a_valuation_are_named(tiered: str, setting: str, said: str) -> None:
    assert said in fault(tiered, f"buyers.0.valuation.{setting}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "if quantity <= self.demand_mb else",
            "* (1.0 + quantity) if quantity <= self.demand_mb else",
            "must be from 0 to",
        ),
        ("return self.value_per_mb * min", "return 2.0 * self.value_per_mb * min", "and marginal says otherwise"),
        ("return self.value_per_mb * min", "return 1.0 + self.value_per_mb * min", "value(0) = 1 must be 0"),
        ("self.value_per_mb if", "-self.value_per_mb if", "must be from 0 to"),
        ("self.value_per_mb if", "self.nothing if", "fails, line 12: AttributeError: 'Half' object has no attribute"),
    ],
)
def test_what_is_no_valuation_is_refused(tiered: str, old: str, new: str, said: str) -> None:
    (Path(tiered).parent / "tiered.py").write_text(TIERED.replace(old, new, 1), encoding="utf-8")
    found = fault(tiered)
    assert found.startswith("buyers.0.valuation: ")
    assert said in found


def test_distributions_are_for_valuations_alone(path: str) -> None:
    said = fault(path, "buyers.0.strategy.share={distribution='uniform',low=0.1,high=0.2}")
    assert "buyers.0.strategy.share = {'distribution'" in said
    assert said.endswith("must be a number above 0 and at most 1")


PRICING = """
from bidswarm.dmp import PricingBase


class Dear(PricingBase, frozen=True):
    margin: float = 1.0

    def price(self, call):
        return call.cost + self.margin


class Drawn(PricingBase, frozen=True):
    def build(self, random):
        return Dear(margin=random.uniform(5.0, 6.0))
"""


def test_a_pricing_strategy_of_ones_own_prices_calls(tmp_path: Path) -> None:
    (tmp_path / "dear.py").write_text(PRICING, encoding="utf-8")
    tables = {
        "name": "m",
        "market": "dmp",
        "services": [{"name": "web", "rate_kbps": 512, "holding_s": 100}],
        "operators": [
            {"name": "a", "capacity_kbps": 2048, "pricing": {"kind": "dear:Dear", "margin": 3.0}},
            {"name": "b", "capacity_kbps": 2048, "pricing": {"kind": "dear:Drawn"}},
        ],
        "terminals": [{"calls": 3, "calls_per_s": 1.0, "price_weight": 1.0}],
        "marketplace": {"speed": 100.0},
    }
    scenario = parse(tables, "m.toml", tmp_path)
    assert isinstance(scenario, CallScenario)
    own, drawn = (group.pricing.build(stream(1, group.name, "learning")) for group in scenario.operators)
    assert (own.margin, 5.0 <= drawn.margin <= 6.0) == (3.0, True)  # type: ignore[attr-defined]
    with without_pictures():
        result = run(scenario, world="sim", out=tmp_path)
    assert result.summary.status == "settled"
    assert {row.operator: row.won for row in result.summary.operators}["a"] == 3  # type: ignore[union-attr]


# Mechanisms


@pytest.mark.parametrize(
    ("mechanism", "share"), [('"part:Part"', 0.5), ('{ kind = "part:Part", share = 0.25 }', 0.25)], ids=str
)
def test_a_mechanism_of_ones_own_by_its_name_or_with_its_keys(tmp_path: Path, mechanism: str, share: float) -> None:
    path = write_mechanism(tmp_path, mechanism)
    assert built(scenario_of(path).auction.mechanism).share == share
    assert f"part:Part from {tmp_path / 'part.py'}" in [str(source) for source in read(path).code()]


def test_names_of_ours_stay_plain_text(path: str) -> None:
    for name in MECHANISMS:
        assert scenario_of(path, f"auction.mechanism={name}").auction.mechanism == name


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("=vickrey", f"auction.mechanism = 'vickrey': allowed are: {KNOWN}"),
        ("=3", "auction.mechanism = 3: allowed are: psp"),
        ("={kind='psp'}", "auction.mechanism.kind = 'psp': allowed are: module:Class"),
        ("={kind='psp',share=1}", "auction.mechanism.kind = 'psp': allowed are: module:Class"),
        ("={share=0.5}", "auction.mechanism lacks the key kind"),
        ("={}", "auction.mechanism lacks the key kind"),
        ("={kind='part:Part',share=2}", "auction.mechanism.share = 2: must be a number above 0 and at most 1"),
        (
            "={kind='part:Part',shard=1}",
            "unknown key auction.mechanism.shard (did you mean share?); allowed here: share",
        ),
        ("=part:Whole", "auction.mechanism.kind = 'part:Whole': {folder}/part.py has no 'Whole'; it has: Part"),
        ("=port:Part", "there is no module 'port': put port.py beside the scenario, or install it"),
        ("=steady:Steady", "Steady in {folder}/steady.py does not derive from bidswarm.psp.MechanismBase"),
        ("=part:", "this is not module:Class"),
    ],
)
def test_what_is_no_mechanism_is_named(tmp_path: Path, setting: str, said: str) -> None:
    path = write_mechanism(tmp_path)
    assert said.format(folder=tmp_path) in fault(path, f"auction.mechanism{setting}")


@pytest.mark.parametrize(
    ("charge", "said"),
    [
        ("2.0 * price * amount", "auction.mechanism: charges 240 for 30 of the 30 MB bid for at 4 per MB"),
        ("-amount", "auction.mechanism: charges -30 for 30 of the 30 MB bid"),
        ("float('nan')", "auction.mechanism: charges nan for 30 of the 30 MB bid"),
        ("self.nothing", "auction.mechanism: part:Part fails, line 15: AttributeError: 'Part' object has no attribute"),
    ],
)
def test_a_mechanism_that_charges_what_nobody_bid_is_refused(tmp_path: Path, charge: str, said: str) -> None:
    path = write_mechanism(tmp_path)
    (tmp_path / "part.py").write_text(MECHANISM.replace("self.share * price * amount", charge), encoding="utf-8")
    assert fault(path).startswith(said)


def test_a_mechanism_without_a_charge_is_told_that_it_lacks_it(tmp_path: Path) -> None:
    path = write_mechanism(tmp_path)
    text = "from bidswarm.psp import MechanismBase\nclass Part(MechanismBase, frozen=True):\n    pass\n"
    (tmp_path / "part.py").write_text(text, encoding="utf-8")
    assert fault(path).endswith(f"Part in {tmp_path / 'part.py'} lacks charge: write it there")


def test_figures_of_a_run_are_those_of_the_mechanism_of_ones_own(tmp_path: Path) -> None:
    path = write_mechanism(tmp_path)
    with without_pictures():
        result = run(path, world="sim", out=tmp_path / "runs")
    folder = Path(result.summary.run_dir)
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    summary = result.summary
    assert isinstance(summary, Summary)
    # Both bid 15 MB at 2 and pay half of that. Each could have its 50 MB, but for the other's 15, for next to nothing.
    assert (summary.status, summary.mechanism, summary.sold) == ("settled", "part:Part", 30.0)
    assert (summary.revenue, summary.epsilon_gap) == (pytest.approx(30.0), pytest.approx(45.0 * 2.0 - 15.0))
    assert summary.truthfulness_gap == pytest.approx(45.0 * 2.0 - 45.0)
    assert manifest["code_sha256"]["part:Part"] == hashlib.sha256(MECHANISM.encode()).hexdigest()
    assert (folder / "code" / "part.py").read_text() == MECHANISM
    market = read_market((folder / "market.json").read_bytes())
    assert isinstance(market, Market)
    assert market.auction == scenario_of(path).auction
    assert parse(manifest["scenario"], "manifest", tmp_path) == scenario_of(path)


def test_world_array_names_the_mechanism_that_it_does_not_play(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"auction.mechanism = 'part:Part': world 'array' knows 'psp' only"):
        run(write_mechanism(tmp_path), world="array", out=tmp_path)


def test_a_mechanism_of_an_installed_package_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_mechanism(tmp_path, '"part"')
    assert fault(path).endswith(f"allowed are: {KNOWN}")
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert built(scenario_of(path).auction.mechanism).share == 0.5
    assert f"part = part_package:Part from {tmp_path / 'site' / 'part_package.py'}" in map(str, read(path).code())


# The JSON Schema


@pytest.mark.parametrize(
    ("mechanism", "valid"),
    [
        ("psp", True),
        ("part:Part", True),
        ({"kind": "part:Part", "share": 0.25}, True),
        ("vickrey", False),
        ({"kind": "psp"}, False),
        ({"share": 0.25}, False),
        (3, False),
    ],
)
def test_json_schema_allows_a_mechanism_by_its_name_or_as_a_table(mechanism: object, valid: bool) -> None:
    tables = msgspec.toml.decode(SCENARIO)
    tables["auction"]["mechanism"] = mechanism
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(tables) is valid


@pytest.mark.parametrize(
    ("strategy", "valid"),
    [
        ({"kind": "steady:Steady", "share": 0.25}, True),
        ({"kind": "opt-out"}, True),
        ({"kind": "opt-out", "share": 0.25}, False),
        ({"kind": "stedy", "share": 0.25}, False),
        ({"kind": "a:b:c"}, False),
        ({"share": 0.25}, False),
    ],
)
def test_json_schema_allows_any_keys_beside_a_kind_with_a_colon_and_else_as_before(
    strategy: dict[str, Any], valid: bool
) -> None:
    tables = msgspec.toml.decode(SCENARIO)
    tables["buyers"][0]["strategy"] = strategy
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(tables) is valid


def test_json_schema_knows_the_names_of_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = msgspec.toml.decode(SCENARIO.replace("steady:Steady", "steady"))
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(tables)
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(tables)


def test_populations_from_files_may_have_code_of_ones_own(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(path).parent
    (folder / "buyers.csv").write_text("demand_mb\n10\n20\n", encoding="utf-8")
    text = SCENARIO.replace("count = 2\n", 'file = "buyers.csv"\n')
    Path(path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    scenario = scenario_of(path)
    assert [built(one.strategy).share for one in scenario.buyers] == [0.25, 0.25]
    assert with_populations(scenario) is scenario
