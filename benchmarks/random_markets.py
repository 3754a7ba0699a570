"""Which of many random markets come to rest within the bounds, by what they are made of.

python benchmarks/random_markets.py [--markets 2000 --first-seed 7] [--json] [--show 7]

A seed is one market: size, graph, valuations, scales, budgets, reserves, mechanism, strategies, think times and network
are drawn independently of each other. A market that misses a bound is listed by its seed, and --markets 1 --first-seed
SEED repeats it; one that bids 130 times per pair of buyer and seller is given up. Exit code 1 if a bound is missed.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Protocol, TypeVar

import numpy as np
from convergence import missed
from families import LONG_PATIENCE_S, Bounds, Tables
from trials import Trial, tried

from node.runtime.streams import stream
from scenarios.markets.load import parse
from scenarios.markets.psp.schema import Scenario

MARKETS, SHORT = 2000, 40
MOST_BUYERS, MOST_SELLERS = 60, 20
CLEARING_S = 0.02
BIDS_PER_PAIR = 130

CHOICES: Mapping[str, Mapping[str, float]] = {
    "mechanism": {"psp": 0.7, "uniform-price": 0.15, "pay-as-bid": 0.15},
    "budgets": {"none": 0.6, "mild": 0.2, "tight": 0.2},
    "reserves": {"low": 0.5, "high": 0.25, "highest-losing": 0.25},
    "strategies": {"adaptive": 0.6, "and best-reply": 0.2, "and opt-out": 0.2},
    "graph": {"complete": 0.2, "random": 0.4, "ring": 0.1, "star": 0.1, "power-law": 0.2},
    "valuations": {
        "parabolic": 0.3,
        "logarithmic": 0.1,
        "isoelastic": 0.1,
        "piecewise": 0.1,
        "mixed": 0.3,
        "some flat": 0.1,
    },
    "scales": {"one": 0.5, "any": 0.5},
    "network": {"quick": 0.5, "slow": 0.25, "lossy": 0.25},
    "think times": {"default": 0.6, "any": 0.4},
}
"""What is chosen, and how often."""

ELASTIC = ("parabolic", "logarithmic", "isoelastic", "piecewise")
BUDGET = {"mild": (0.18, 0.6), "tight": (0.03, 0.18)}
"""As shares of what all that a buyer wants is worth to it."""


@dataclass(frozen=True)
class RandomMarket:
    """The market of a seed: what was chosen for it, and its scenario as its file has it."""

    seed: int
    chosen: Mapping[str, str]
    tables: Tables

    @classmethod
    def of(cls, seed: int, choices: Mapping[str, Mapping[str, float]] = CHOICES) -> "RandomMarket":
        random = stream(seed, "random-market", "choices")
        chosen = {what: _chosen(random, shares) for what, shares in choices.items()}
        return cls(seed, chosen, _tables(seed, chosen, random))

    @property
    def bounds(self) -> Bounds:
        """What its run must keep: efficiency where all are adaptive and elastic, and the rest as far as promised."""
        if self.chosen["strategies"] == "and best-reply":  # which need not settle, and keep the others moving
            return Bounds(None, None, None, None, None, settled=False)
        constrained = self.chosen["budgets"] != "none" or self.chosen["reserves"] == "highest-losing"
        most = 120 if constrained else 60
        if self.chosen["mechanism"] != "psp":
            return Bounds(gap=None, worst=None, median=None, moves_median=None, moves_most=None)
        is_alone = self.chosen["strategies"] == "adaptive" and self.chosen["valuations"] != "some flat"
        has_budgets = self.chosen["budgets"] != "none"
        return Bounds(
            gap=None if has_budgets else 3.0,
            worst=0.995 if is_alone and not has_budgets else None,
            median=None,
            moves_median=None,
            moves_most=most,
        )

    def tried(self) -> Trial:
        scenario = parse(self.tables, self.tables["name"])
        assert isinstance(scenario, Scenario)
        return tried(scenario, self.seed, bids_per_pair=BIDS_PER_PAIR)


def _chosen(random: np.random.Generator, shares: Mapping[str, float]) -> str:
    return list(shares)[int(random.choice(len(shares), p=list(shares.values())))]


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _tables(seed: int, chosen: Mapping[str, str], random: np.random.Generator) -> Tables:
    count, sellers = (round(_log_uniform(random, 0.6, most + 0.4)) for most in (MOST_BUYERS, MOST_SELLERS))
    count, sellers = max(1, count), max(1, sellers)
    is_scaled = chosen["scales"] == "any"
    price, amount = ((_log_uniform(random, 1e-4, 1e4) if is_scaled else 1.0) for _ in range(2))
    crowd = 0.1 if chosen["think times"] == "default" else _log_uniform(random, 0.02, 1.0)
    others = 0 if chosen["strategies"] == "adaptive" else int(random.integers(1, max(1, count // 2), endpoint=True))
    pools = [_pool(chosen["graph"], k, sellers, random) for k in range(count)]
    valuations = [_valuation(chosen["valuations"], price, amount, random) for _ in range(count)]
    worth = [_worth(one) for one in valuations]
    demand = sum(_demand(one) for one in valuations)
    mean = _log_uniform(random, 0.1, 2.0) * demand / sellers
    high = chosen["reserves"] == "high"
    buyers = [
        {
            "name": f"buyer-{k + 1}",
            "sellers": [f"seller-{j + 1}" for j in pools[k]],
            "valuation": valuations[k],
            "strategy": _strategy(chosen["strategies"], crowd, worth[k]) if k < others else _adaptive(crowd),
        }
        | _budget(chosen["budgets"], worth[k], random)
        for k in range(count)
    ]
    return {
        "name": f"random-{seed}",
        "timeout_s": LONG_PATIENCE_S,
        "network": (network := _network(chosen["network"], random)),
        "auction": _auction(chosen, price, network["delay_max_s"], max(0.5, crowd * count)),
        "sellers": [
            {
                "name": f"seller-{j + 1}",
                "supply_mb": float(random.uniform(0.5, 1.5)) * mean,
                "reserve_price_per_mb": price * (float(random.uniform(1.0, 12.0)) if high else 0.01),
            }
            for j in range(sellers)
        ],
        "buyers": buyers,
    }


def _pool(graph: str, k: int, sellers: int, random: np.random.Generator) -> list[int]:
    """The sellers that the k-th buyer reaches."""
    if graph == "complete":
        return list(range(sellers))
    if graph == "ring":
        return sorted({k % sellers, (k + 1) % sellers})
    if graph == "star":
        return sorted({0, 1 + k % max(1, sellers - 1)} & set(range(sellers)))
    if graph == "random":
        return sorted(random.choice(sellers, int(random.integers(1, sellers, endpoint=True)), replace=False).tolist())
    weights = 1.0 / np.arange(1, sellers + 1)
    size = min(sellers, int(random.zipf(2.0)))
    return sorted(random.choice(sellers, size, replace=False, p=weights / weights.sum()).tolist())


def _valuation(kinds: str, price: float, amount: float, random: np.random.Generator) -> Tables:
    """A valuation of one of these kinds."""
    kind = kinds
    if kinds in {"mixed", "some flat"}:
        kind = ELASTIC[int(random.integers(len(ELASTIC)))]
    if kinds == "some flat" and random.random() < 0.3:
        kind = "flat"
    demand, choke = amount * float(random.uniform(20, 100)), price * float(random.uniform(5, 20))
    if kind == "flat":
        return {"kind": "flat", "demand_mb": demand, "value_per_mb": choke}
    if kind == "piecewise":
        knots = int(random.integers(1, 4, endpoint=True))
        at, falling = np.sort(random.uniform(0.05, 0.95, knots)), np.sort(random.uniform(0.05, 0.95, knots))[::-1]
        inner = [[demand * x, choke * y] for x, y in zip(at.tolist(), falling.tolist(), strict=True)]
        return {"kind": "piecewise-linear", "knots": [[0.0, choke], *inner, [demand, 0.0]]}
    numbers = {"kind": kind, "demand_mb": demand, "choke_price_per_mb": choke}
    if kind == "parabolic":
        return numbers
    numbers["price_at_demand_per_mb"] = choke * float(random.uniform(0.05, 0.5))
    return numbers | ({"elasticity": float(random.uniform(0.5, 4.0))} if kind == "isoelastic" else {})


def _demand(valuation: Tables) -> float:
    return float(valuation["knots"][-1][0] if "knots" in valuation else valuation["demand_mb"])


def _worth(valuation: Tables) -> float:
    """About what the demand is worth: exactly, if it is parabolic."""
    choke = valuation["knots"][0][1] if "knots" in valuation else valuation.get("choke_price_per_mb", 0.0)
    return 0.5 * _demand(valuation) * (choke or 2.0 * valuation["value_per_mb"])


def _budget(budgets: str, worth: float, random: np.random.Generator) -> Tables:
    return {} if budgets == "none" else {"budget_money": worth * float(random.uniform(*BUDGET[budgets]))}


def _adaptive(crowd: float) -> Tables:
    return {"kind": "adaptive", "crowd": crowd}


def _strategy(strategies: str, crowd: float, worth: float) -> Tables:
    """That of the buyers who are not adaptive."""
    if strategies == "and opt-out":
        return {"kind": "opt-out", "think_s": crowd}
    least = 0.002 * worth
    return {
        "kind": "best-reply",
        "epsilon_step_money": least,
        "epsilon_fee_money": least,
        "think_min_s": 0.05,
        "think_max_s": 0.2,
    }


def _network(network: str, random: np.random.Generator) -> Tables:
    if network == "slow":
        delay = _log_uniform(random, 1.0, 15.0) * CLEARING_S
        return {"delay_min_s": delay / 3.0, "delay_max_s": delay}
    quick = {"delay_min_s": 0.0005, "delay_max_s": 0.003}
    return quick | ({"loss": float(random.uniform(0.01, 0.1))} if network == "lossy" else {})


def _auction(chosen: Mapping[str, str], price: float, delay_s: float, thinks: float) -> Tables:
    """How auctions are held; a quiet period is ten mean think times, of so many round trips each, and 1 s at least."""
    quiet_s = max(1.0, 10.0 * thinks * (CLEARING_S + 2.0 * delay_s), 25.0 * delay_s)
    auction = {"clearing_interval_s": CLEARING_S, "quiet_period_s": quiet_s, "mechanism": chosen["mechanism"]}
    if chosen["reserves"] == "highest-losing":
        auction |= {"reserve_rule": "highest-losing", "reserve_step_per_mb": 0.01 * price}
    return auction


@dataclass(frozen=True)
class Finding:
    """A random market, what came of it, and the bounds that it misses."""

    chosen: Mapping[str, str]
    trial: Trial
    misses: Sequence[str]


def found(seed: int) -> Finding:
    market = RandomMarket.of(seed)
    trial = market.tried()
    return Finding(market.chosen, trial, missed(market.bounds, [trial]))


BOUNDS = ("settled", "rational", "worst", "gap", "most moves")


def rows(findings: Sequence[Finding]) -> Iterator[str]:
    """The share that keeps each bound, by what was chosen."""
    yield f"{'':<28} {'markets':>7} " + " ".join(f"{bound:>10}" for bound in (*BOUNDS, "all"))
    yield _row("all", findings)
    for what, choices in CHOICES.items():
        yield what
        for choice in choices:
            yield _row(f"  {choice}", [one for one in findings if one.chosen[what] == choice])


def _row(name: str, findings: Sequence[Finding]) -> str:
    if not findings:
        return f"{name:<28} {0:>7}"
    kept = [sum(bound not in one.misses for one in findings) for bound in BOUNDS]
    kept.append(sum(not one.misses for one in findings))
    return f"{name:<28} {len(findings):>7} " + " ".join(f"{share / len(findings):>10.2%}" for share in kept)


def exceptions(findings: Iterable[Finding]) -> Iterator[str]:
    for one in findings:
        if one.misses:
            yield f"{', '.join(one.misses)}: {', '.join(one.chosen.values())}: {one.trial.line}"


NOTES = """
Shares of the markets that keep each bound, or are not bound by it: nobody may pay more than its value or its budget;
all must settle but those with best-reply buyers, who are bound by nothing else; under psp no buyer may move more than
60 times (120 with budgets or highest-losing), and without budgets no adaptive one gain more than 3 of its last ε; worst
is an efficiency of .995, under psp without budgets, where all are adaptive and elastic."""


class _Missing(Protocol):
    """What is found of a market: a dataclass."""

    @property
    def misses(self) -> Sequence[str]: ...


AFinding = TypeVar("AFinding", bound=_Missing)


def arguments(description: str | None, short: int) -> argparse.ArgumentParser:
    """The options of a benchmark over many random markets, of which ``--short`` runs so many."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help=f"{short} of them")
    parser.add_argument("--json", action="store_true", help="print JSON, with every market, instead of a table")
    parser.add_argument("--markets", type=int, metavar="N", help=f"so many ({MARKETS})")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="the seed of the first (0)")
    parser.add_argument("--show", type=int, metavar="SEED", help="print the market of this seed; run nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="markets at once (as many as cores)")
    return parser


def tell(
    options: argparse.Namespace,
    found: Callable[[int], AFinding],
    seeds: Iterable[int],
    rows: Callable[[Sequence[AFinding]], Iterable[str]],
    exceptions: Callable[[Iterable[AFinding]], Iterable[str]],
    notes: str,
) -> int:
    """Find out about the markets of these seeds, print exceptions as they come, then the table; the exit code."""
    findings = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for one in pool.map(found, seeds):
            print(*exceptions([one]), sep="\n", end="\n" if one.misses else "", file=sys.stderr, flush=True)
            findings.append(one)
    if options.json:
        print(json.dumps([asdict(one) for one in findings], indent=2))
    else:
        print("\n".join([*rows(findings), notes, "", "Missed:", *exceptions(findings)]))
    return int(any(one.misses for one in findings))


def main() -> int:
    options = arguments(__doc__, SHORT).parse_args()
    if options.show is not None:
        print(json.dumps(RandomMarket.of(options.show).tables, indent=2))
        return 0
    count = options.markets or (SHORT if options.short else MARKETS)
    seeds = range(options.first_seed, options.first_seed + count)
    return tell(options, found, seeds, rows, exceptions, NOTES)


if __name__ == "__main__":
    sys.exit(main())
