"""The families of markets whose convergence is measured: of each, what a seed makes is one market.

A family says how its markets are drawn, in the tables of a scenario file, so that each seed draws another market of the
same kind; what no file can say (budgets as shares of what a buyer wants, uneven graphs, other units) is drawn by user.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from node.runtime.streams import stream
from scenarios.launch.run import World
from scenarios.markets.load import parse, put
from scenarios.markets.psp.market import Market, draw
from scenarios.markets.psp.schema import Scenario

Tables = dict[str, Any]
"""A scenario, as its file has it."""

ADAPTIVE: Tables = {"kind": "adaptive"}
OPT_OUT: Tables = {"kind": "opt-out"}

SLOWER = 20.0
"""How many times as long the slow half of the buyers thinks."""

CROWD = 0.1
"""Of all others, as by default."""

PATIENCE_S, LONG_PATIENCE_S = 300.0, 7200.0
"""Virtual seconds that a simulated market may take, and one whose messages or buyers are slow."""


@dataclass(frozen=True)
class Bounds:
    """What the runs of a family must keep; a bound that is None is none.

    Attributes
    ----------
    gap
        What any adaptive buyer could still gain, in its own last ε, in every run.
    worst, median
        Efficiency of the worst run, and in the median.
    moves_median, moves_most
        Of a buyer until it rests: the median over runs of their medians, and the most of any.
    bids_after
        Bids of all buyers after the last shift, in every run.
    settled
        Whether every run must.
    measures
        Keys of ``efficiencies`` in the summary, of which the best counts; none: what ``efficiency`` names.
    """

    gap: float | None = 3.0
    worst: float | None = 0.995
    median: float | None = 0.999
    moves_median: float | None = 12.0
    moves_most: int | None = 60
    bids_after: int | None = None
    settled: bool = True
    measures: tuple[str, ...] = ()


PROMISED = Bounds()
CONSTRAINED = Bounds(moves_most=120)
"""With reserves that follow the losers."""
BUDGETED = Bounds(gap=60.0, moves_most=120, moves_median=15.0, measures=("gains_from_trade",))
"""With budgets that hardly bind: what is worth more than a budget counts as well."""
TIGHT_BUDGETS = Bounds(gap=200.0, moves_most=120, moves_median=80.0, measures=("liquid_welfare",))
"""With budgets that bind nearly everybody."""
UNPROMISED = Bounds(gap=None, worst=None, median=None, moves_median=None, moves_most=None)
"""Buyers that are not adaptive: they settle, and pay no more than it is worth."""
BESIDE_OTHERS = Bounds(worst=None, median=None)
"""Adaptive buyers beside such."""


@dataclass(frozen=True)
class Family:
    """Markets of one kind.

    Attributes
    ----------
    tables
        The market of a seed.
    """

    tables: Callable[[int], Tables]
    bounds: Bounds = PROMISED
    world: World = "sim"
    broker: str = "embedded"

    def scenario(self, seed: int, overrides: Sequence[str] = ()) -> Scenario:
        """The market of the seed, with ``key=value`` overrides."""
        tables = self.tables(seed)
        for override in overrides:
            put(tables, override)
        scenario = parse(tables, tables["name"])
        assert isinstance(scenario, Scenario)
        return scenario


def uniform(low: float, high: float) -> Tables:
    return {"distribution": "uniform", "low": low, "high": high}


DEMAND = uniform(20, 100)
CHOKE_PRICE = uniform(5, 20)
PARABOLIC: Tables = {"kind": "parabolic", "demand_mb": DEMAND, "choke_price_per_mb": CHOKE_PRICE}


def elastic(
    buyers: int = 50,
    sellers: int = 10,
    each: int | None = 3,
    *,
    supply: float = 0.5,
    reserve: float | Tables = 0.01,
    valuation: Tables = PARABOLIC,
    strategy: Tables = ADAPTIVE,
    **auction: str | float,
) -> Tables:
    """So many buyers, each of whom reaches ``each`` sellers, drawn at random.

    All sellers together have the share ``supply`` of what all buyers would take for nothing, on average; one has 0.5 to
    1.5 times the mean.
    """
    mean = supply * 60.0 * buyers / sellers
    slow = buyers > 100
    return {
        "name": "market",
        "timeout_s": PATIENCE_S,
        "auction": {"clearing_interval_s": 0.05 if slow else 0.02, "quiet_period_s": 10.0 if slow else 1.0} | auction,
        "network": {"delay_min_s": 0.0005, "delay_max_s": 0.003},
        "sellers": [
            {
                "name": "seller",
                "count": sellers,
                "supply_mb": uniform(0.5 * mean, 1.5 * mean),
                "reserve_price_per_mb": reserve,
            }
        ],
        "buyers": [
            {"name": "buyer", "count": buyers, "valuation": valuation, "strategy": strategy}
            | ({} if each is None else {"sellers_each": each})
        ],
    }


def always(tables: Tables, **changes: Tables) -> Callable[[int], Tables]:
    """The same for every seed, which draws its numbers; ``changes`` are tables that stand over those of ``tables``."""
    return lambda _seed: tables | {key: tables.get(key, {}) | change for key, change in changes.items()}


def delayed(tables: Tables) -> Callable[[int], Tables]:
    """Messages take ten clearing intervals on average; the quiet period is left to follow from them."""
    clearing_s = tables["auction"]["clearing_interval_s"]
    network = {"delay_min_s": 5.0 * clearing_s, "delay_max_s": 15.0 * clearing_s}
    auction = {"clearing_interval_s": clearing_s}
    return lambda _seed: tables | {"network": network, "auction": auction, "timeout_s": LONG_PATIENCE_S}


def half_slow(tables: Tables) -> Callable[[int], Tables]:
    """Half of the buyers think so much longer, and quiet periods grow too: an auction waits ten for the undecided."""
    (buyers,) = tables["buyers"]
    slow = buyers["count"] // 2
    groups = [
        buyers | {"count": buyers["count"] - slow},
        buyers | {"name": "slow", "count": slow, "strategy": buyers["strategy"] | {"crowd": CROWD * SLOWER}},
    ]
    quiet_s = SLOWER * tables["auction"]["quiet_period_s"]
    return always(tables | {"buyers": groups, "timeout_s": LONG_PATIENCE_S}, auction={"quiet_period_s": quiet_s})


def side_by_side(tables: Tables, *kinds: Tables) -> Callable[[int], Tables]:
    """As many buyers of each of these kinds: a kind is keys of ``[[buyers]]``."""
    (buyers,) = tables["buyers"]
    count = buyers["count"] // len(kinds)
    groups = [buyers | {"name": f"buyer{k}", "count": count} | kind for k, kind in enumerate(kinds)]
    return always(tables | {"buyers": groups})


def drawn(tables: Tables, seed: int) -> Tables:
    """The market that the seed draws, with a table for each user."""
    scenario = parse(tables, tables["name"])
    assert isinstance(scenario, Scenario)
    market: Market = draw(scenario, seed)
    sellers = [
        {"name": one.name, "supply_mb": one.supply_mb, "reserve_price_per_mb": one.reserve_price_per_mb}
        for one in market.sellers
    ]
    buyers = [
        {
            "name": one.name,
            "sellers": one.pool,
            "valuation": msgspec.to_builtins(one.valuation),
            "strategy": msgspec.to_builtins(one.strategy),
        }
        | ({} if one.budget_money is None else {"budget_money": one.budget_money})
        for one in market.buyers
    ]
    return tables | {"sellers": sellers, "buyers": buyers}


Change = Callable[[Tables, int, np.random.Generator], Tables]
"""Keys of a buyer that are drawn user by user, from its table, its number, and a stream of its own."""


def changed(tables: Tables, change: Change) -> Callable[[int], Tables]:
    """The market with the keys that ``change`` draws for each buyer."""

    def of(seed: int) -> Tables:
        users = drawn(tables, seed)
        buyers = [
            buyer | change(buyer, k, stream(seed, buyer["name"], "family")) for k, buyer in enumerate(users["buyers"])
        ]
        return users | {"buyers": buyers}

    return of


def budget(low: float, high: float) -> Change:
    """From ``low`` to ``high`` of what its whole demand is worth to a buyer with a parabolic valuation."""

    def change(buyer: Tables, _k: int, random: np.random.Generator) -> Tables:
        worth = 0.5 * buyer["valuation"]["demand_mb"] * buyer["valuation"]["choke_price_per_mb"]
        return {"budget_money": float(random.uniform(low, high)) * worth}

    return change


def ring(sellers: int) -> Change:
    """Each buyer reaches two neighbours among sellers on a ring."""
    return lambda _buyer, k, _random: {"sellers": _named(k % sellers, (k + 1) % sellers)}


def star(sellers: int) -> Change:
    """All buyers reach the first seller, and one of the others each."""
    return lambda _buyer, k, _random: {"sellers": _named(0, 1 + k % (sellers - 1))}


def power_law(sellers: int) -> Change:
    """Pools of 1, 2, 3, ... sellers; the j-th most popular of them is chosen in proportion to 1/j."""
    weights = 1.0 / np.arange(1, sellers + 1)

    def change(_buyer: Tables, _k: int, random: np.random.Generator) -> Tables:
        size = min(sellers, int(random.zipf(2.0)))
        chosen = random.choice(sellers, size, replace=False, p=weights / weights.sum())
        return {"sellers": _named(*sorted(chosen.tolist()))}

    return change


def _named(*sellers: int) -> list[str]:
    return [f"seller-{j + 1}" for j in sellers]


def falling(kind: str, **more: float) -> Change:
    """A valuation whose last MB is worth 0.05 to 0.3 of its first."""

    def change(buyer: Tables, _k: int, random: np.random.Generator) -> Tables:
        last = float(random.uniform(0.05, 0.3)) * buyer["valuation"]["choke_price_per_mb"]
        return {"valuation": buyer["valuation"] | {"kind": kind, "price_at_demand_per_mb": last} | more}

    return change


def knotted(buyer: Tables, _k: int, random: np.random.Generator) -> Tables:
    """A piecewise-linear valuation with four knots, of which the inner two are drawn."""
    demand, choke = (buyer["valuation"][key] for key in ("demand_mb", "choke_price_per_mb"))
    at, price = np.sort(random.uniform(0.1, 0.9, 2)), np.sort(random.uniform(0.1, 0.9, 2))[::-1]
    inner = [[demand * x, choke * y] for x, y in zip(at.tolist(), price.tolist(), strict=True)]
    return {"valuation": {"kind": "piecewise-linear", "knots": [[0.0, choke], *inner, [demand, 0.0]]}}


def any_kind(buyer: Tables, k: int, random: np.random.Generator) -> Tables:
    """The kinds in turn."""
    kinds = [_as_it_is, falling("logarithmic"), falling("isoelastic", elasticity=1.5), knotted]
    return kinds[k % len(kinds)](buyer, k, random)


def _as_it_is(_buyer: Tables, _k: int, _random: np.random.Generator) -> Tables:
    return {}


def rescaled(tables: Callable[[int], Tables], *, money: float = 1.0, megabytes: float = 1.0) -> Callable[[int], Tables]:
    """The same market in other units, in which its amounts of money and of data are so many times as much."""
    per_mb = money / megabytes

    def scaled(table: Tables) -> Tables:
        return {key: _in_units(key, value, money, megabytes, per_mb) for key, value in table.items()}

    def of(seed: int) -> Tables:
        users = drawn(tables(seed), seed)
        return users | {
            "auction": scaled(users["auction"]),
            "sellers": [scaled(seller) for seller in users["sellers"]],
            "buyers": [scaled(buyer) | {"valuation": scaled(buyer["valuation"])} for buyer in users["buyers"]],
        }

    return of


def _in_units(key: str, value: Any, money: float, megabytes: float, per_mb: float) -> Any:  # noqa: ANN401
    if key == "knots":
        return [[megabytes * at, per_mb * price] for at, price in value]
    if key.endswith("_per_mb"):
        return per_mb * value
    if key.endswith("_mb"):
        return megabytes * value
    return money * value if key.endswith("_money") else value


def leaving(tables: Tables, at_s: float) -> Callable[[int], Tables]:
    """One buyer leaves, so late that the market is at rest."""
    return lambda _seed: tables | {"shifts": [{"kind": "leave", "at_s": at_s, "nodes": ["buyer-1"]}]}


def many_small_sellers(sellers: int) -> Tables:
    """Five rich and five poor buyers who reach all of so many sellers."""
    tables = elastic(10, sellers, None)
    valuation = {"kind": "parabolic", "demand_mb": 100.0}
    kinds = {"rich": 20.0, "poor": 5.0}
    return tables | {
        "sellers": [{"name": "seller", "count": sellers, "supply_mb": 3.0, "reserve_price_per_mb": 0.01}],
        "buyers": [
            {"name": name, "count": 5, "valuation": valuation | {"choke_price_per_mb": choke}, "strategy": ADAPTIVE}
            for name, choke in kinds.items()
        ],
    }


def flat(demand_mb: float, value_per_mb: float) -> Tables:
    return {
        "valuation": {"kind": "flat", "demand_mb": demand_mb, "value_per_mb": value_per_mb},
        "strategy": OPT_OUT,
    }


BEST_REPLY: Tables = {
    "kind": "best-reply",
    "epsilon_step_money": 0.6,
    "epsilon_fee_money": 0.6,
    "think_min_s": 0.1,
    "think_max_s": 0.2,
}


SIZES = {"10x1": elastic(10, 1, None), "50x10": elastic(), "900x100": elastic(900, 100, 4)}
FOLLOWING = {"reserve_rule": "highest-losing", "reserve_step_per_mb": 0.01}
MILD, TIGHT, EITHER = (0.18, 0.6), (0.03, 0.18), (0.03, 0.24)
"""Budgets, as shares."""

SMALL_EPSILON = ADAPTIVE | {"epsilon_end_share": 5e-5}


def _circumstances() -> dict[str, Family]:
    """Markets of three sizes, where messages are late or lost, buyers slow, and brokers real."""
    found = {}
    for size, tables in SIZES.items():
        found |= {
            size: Family(always(tables)),
            f"{size}-delayed": Family(delayed(tables)),
            f"{size}-lossy": Family(always(tables, network={"loss": 0.05})),
            f"{size}-half-slow": Family(half_slow(tables)),
            f"{size}-embedded": Family(always(tables), world="mqtt"),
            f"{size}-mosquitto": Family(always(tables), world="mqtt", broker="mosquitto"),
        }
    return found


def _units() -> dict[str, Family]:
    """The market of 50 x 10 in other units."""
    plain, factors = always(elastic()), {"2^20": 2.0**20, "2^-20": 2.0**-20, "10^6": 1e6, "10^-6": 1e-6}
    money = {f"money-{name}": Family(rescaled(plain, money=factor)) for name, factor in factors.items()}
    return money | {f"mb-{name}": Family(rescaled(plain, megabytes=factor)) for name, factor in factors.items()}


FAMILIES: dict[str, Family] = {
    **_circumstances(),
    "10x1-lazar-semret": Family(always(elastic(10, 1, None, strategy=BEST_REPLY)), UNPROMISED),
    "leave": Family(leaving(SIZES["900x100"], at_s=120.0), Bounds(moves_median=None, moves_most=None, bids_after=3000)),
    # graphs
    "ring": Family(changed(elastic(), ring(10))),
    "star": Family(changed(elastic(), star(10))),
    "power-law": Family(changed(elastic(), power_law(10))),
    "1x200": Family(always(elastic(1, 200, None))),
    "200x1": Family(always(elastic(200, 1, None))),
    "200s20b": Family(always(elastic(20, 200, 10))),
    **{f"presence-{n}": Family(always(many_small_sellers(n)), world="array") for n in (100, 150, 200, 300)},
    "presence-150-sim": Family(always(many_small_sellers(150))),
    # valuations and supply
    "logarithmic": Family(changed(elastic(), falling("logarithmic"))),
    "isoelastic-1.5": Family(changed(elastic(), falling("isoelastic", elasticity=1.5))),
    "isoelastic-4": Family(changed(elastic(), falling("isoelastic", elasticity=4.0))),
    "piecewise": Family(changed(elastic(), knotted)),
    "mixed-valuations": Family(changed(elastic(), any_kind)),
    "scarce": Family(always(elastic(supply=0.05))),
    "abundant": Family(always(elastic(supply=1.2))),
    "high-reserve": Family(always(elastic(reserve=uniform(2.0, 12.0)))),
    # rules and budgets
    "highest-losing": Family(always(elastic(**FOLLOWING)), CONSTRAINED),
    "budget-mild": Family(changed(elastic(), budget(*MILD)), BUDGETED),
    "budget-tight": Family(changed(elastic(), budget(*TIGHT)), TIGHT_BUDGETS),
    "budget-highest-losing": Family(changed(elastic(**FOLLOWING), budget(*EITHER)), TIGHT_BUDGETS),
    # scales
    "smalleps": Family(always(elastic(strategy=SMALL_EPSILON))),
    "money1000": Family(rescaled(always(elastic()), money=1e3)),
    "money.001": Family(rescaled(always(elastic()), money=1e-3)),
    **_units(),
    # other strategies
    "mixed-strategies": Family(side_by_side(elastic(), {"strategy": ADAPTIVE}, {"strategy": OPT_OUT}), BESIDE_OTHERS),
    "optout-elastic": Family(always(elastic(strategy=OPT_OUT)), UNPROMISED),
    "hl-optout": Family(
        always(
            elastic(**FOLLOWING)
            | {
                "sellers": [{"name": "s", "supply_mb": 10.0}],
                "buyers": [{"name": "A"} | flat(10.0, 5.0), {"name": "B"} | flat(5.0, 1.0)],
            }
        ),
        UNPROMISED,
    ),
    "unsold": Family(
        always(
            elastic()
            | {
                "sellers": [{"name": "big", "supply_mb": 10.0}, {"name": "small", "supply_mb": 4.0}],
                "buyers": [{"name": "A"} | flat(14.0, 1.0)],
            }
        ),
        UNPROMISED,
    ),
}
