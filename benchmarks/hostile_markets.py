"""What a random tenth of the nodes, playing hostile machines, does to the others in many random markets.

python benchmarks/hostile_markets.py [--markets 2000 --first-seed 7] [--json] [--show 7] [--only 'never confirms']

A seed is one market, drawn as in random_markets.py, and run twice: with the hostile nodes, and without them. It lists
each market that misses a bound and each honest node that was harmed, and --markets 1 --first-seed SEED repeats it. Exit
code 1 if a bound is missed. tests/simulation/hostile.py has the hostile machines.
"""

import itertools
import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import msgspec
from families import Tables
from random_markets import CHOICES as ALL_CHOICES
from random_markets import MARKETS, RandomMarket, arguments, tell

from node.mechanism.rounding import ROUNDING
from node.protocol.host import Host
from node.protocol.journal import JournalEntry
from node.protocol.machine import Dropped, Effect, Event, Machine, Persist, Received
from node.protocol.psp.journal import Accepted, Bought
from node.protocol.psp.messages import Profile
from node.protocol.psp.trace import AcceptanceInDoubt, BidVoided, SellerExposed
from node.protocol.topics import address, host_of, node_of
from node.protocol.trace import Record
from node.protocol.wire.frames import Codec
from node.runtime.sim.simulation import LinkModel, Simulation
from node.runtime.streams import stream
from node.trace.psp.ledger import Ledger
from scenarios.markets.load import parse
from scenarios.markets.psp.kind import EXCHANGE
from scenarios.markets.psp.market import BuyerSpec, Market, draw, theta
from scenarios.markets.psp.schema import Scenario
from tests.simulation.hostile import HOSTILE_BUYERS, HOSTILE_SELLERS, HostileBuyer, Means

SHORT = 20
HOSTILE_SHARE = 0.1
LEAST_EFFICIENCY = 0.95
EVENTS_PER_LOOK, MOST_EVENTS = 20_000, 5_000_000

CHOICES = {
    **ALL_CHOICES,
    "budgets": {"none": 0.7, "mild": 0.3},
    "strategies": {"adaptive": 0.7, "and opt-out": 0.3},
}
"""As in random_markets.py, but for budgets that bind nearly everybody, where welfare says little, and for buyers who
need not come to rest among honest ones either."""


@dataclass(frozen=True)
class HostileMarket:
    """The market of a seed, and what each of its hostile nodes plays."""

    drawn: RandomMarket
    kinds: Mapping[str, str]

    @classmethod
    def of(cls, seed: int, only: str | None = None) -> "HostileMarket":
        """Where a tenth of the nodes is nobody, nobody is hostile. All play the kind ``only``, if one is given."""
        drawn = RandomMarket.of(seed, CHOICES)
        random = stream(seed, "hostile-market", "choices")
        sellers = {seller["name"] for seller in drawn.tables["sellers"]}
        pools = {buyer["name"]: set(buyer["sellers"]) for buyer in drawn.tables["buyers"]}
        names = [*sorted(sellers), *pools]
        kinds: dict[str, str] = {}
        for name in random.permutation(names).tolist():
            if len(kinds) >= round(HOSTILE_SHARE * len(names)):
                break
            of_role = [*(HOSTILE_SELLERS if name in sellers else HOSTILE_BUYERS)]
            kind = of_role[int(random.integers(len(of_role)))]
            if only is not None:
                if only not in of_role:
                    continue
                kind = only
            honest = sellers - kinds.keys() - {name}
            if any(pool & honest for buyer, pool in pools.items() if buyer not in {*kinds, name}):
                kinds[name] = kind
        return cls(drawn, kinds)

    @property
    def tables(self) -> Tables:
        return self.drawn.tables

    @cached_property
    def market(self) -> Market:
        return _market(self.tables, self.drawn.seed)

    @cached_property
    def without(self) -> Market:
        """The market without its hostile nodes, and without those who could then buy from nobody."""
        sellers = [one for one in self.tables["sellers"] if one["name"] not in self.kinds]
        names = {one["name"] for one in sellers}
        buyers = [
            one | {"sellers": pool}
            for one in self.tables["buyers"]
            if one["name"] not in self.kinds and (pool := [name for name in one["sellers"] if name in names])
        ]
        return _market(self.tables | {"sellers": sellers, "buyers": buyers}, self.drawn.seed)


def _market(tables: Tables, seed: int) -> Market:
    scenario = parse(tables, tables["name"])
    assert isinstance(scenario, Scenario)
    return draw(scenario, seed)


# The world


class Witness:
    """An honest buyer: what it accepts is compared with the last profile it was told, its receipts with that.

    Attributes
    ----------
    harms
        Where it pays more.
    """

    def __init__(self, name: str, buyer: Machine) -> None:
        self.name, self.buyer = name, buyer
        self.harms: list[str] = []
        self._told: dict[str, Profile] = {}
        self._accepted: dict[tuple[str, int], Accepted] = {}

    @property
    def watches(self) -> frozenset[str]:
        return self.buyer.watches

    @property
    def finished(self) -> bool:
        return self.buyer.finished

    def step(self, now: float, event: Event) -> list[Effect]:
        effects = self.buyer.step(now, event)
        is_dropped = any(isinstance(effect, Dropped) for effect in effects)
        if isinstance(event, Received) and isinstance(event.message, Profile) and not is_dropped:
            self._told[event.sender] = event.message
        for effect in effects:
            match effect:
                case Persist(Accepted() as entry):
                    self._on_accepted(entry)
                case Persist(Bought() as entry):
                    self._on_bought(entry)
        return effects

    def _on_accepted(self, accepted: Accepted) -> None:
        self._accepted[accepted.seller, accepted.round] = accepted
        told = self._told.get(accepted.seller)
        if told is None or told.your_seq != accepted.seq:
            self.harms.append(f"{self.name} accepts of {accepted.seller} what no profile said")
            return
        dearest = told.quantities[told.your_row] * told.prices[told.your_row]
        if accepted.charge_money > told.charge + 2.0 * ROUNDING * dearest:
            self.harms.append(
                f"{self.name} accepts {accepted.charge_money:.6g} of {accepted.seller}, told {told.charge:.6g}"
            )

    def _on_bought(self, bought: Bought) -> None:
        accepted = self._accepted.get((bought.seller, bought.round))
        most = accepted.charge_money if accepted else 0.0
        if bought.charge_money > most * (1.0 + ROUNDING):
            self.harms.append(f"{self.name} pays {bought.charge_money:.6g} to {bought.seller}, and accepted {most:.6g}")


class World(Simulation):
    """A market, with those of its users who play a hostile ``kind``; what the honest ones write down and tell is kept.

    A market that has hostile sellers is over when the honest nodes have been at rest for the patience: they may wait.
    """

    def __init__(self, market: Market, kinds: Mapping[str, str]) -> None:
        self.market, self.kinds = market, kinds
        self.witnesses: list[Witness] = []
        self.lines: list[JournalEntry] = []
        self.told: list[Record[Any]] = []
        self.last_s = 0.0
        timing, is_waiting = market.timing, any(seller.name in kinds for seller in market.sellers)
        self._waits_s = timing.patience_s + 2.0 * timing.quiet_period_s if is_waiting else 0.0
        links = LinkModel(**msgspec.structs.asdict(market.network))
        super().__init__(self._hosts(), links, market.seed, self._note)

    def _hosts(self) -> Iterator[Host]:
        market, codec = self.market, Codec(EXCHANGE.messages)
        addresses = {name: address(name, name) for name in market.user_names}
        for buyer in market.buyers:
            if buyer.name not in self.kinds:
                ((_, machine),) = EXCHANGE.machines(market, addresses, {buyer.name})
                self.witnesses.append(Witness(buyer.name, machine))
                yield Host(buyer.name, {buyer.name: self.witnesses[-1]}, codec)
            else:
                yield Host(buyer.name, hostile_nodes(HOSTILE_BUYERS[self.kinds[buyer.name]], market, buyer), codec)
        for seller in market.sellers:

            def make(name: str = seller.name) -> Machine:
                ((_, machine),) = EXCHANGE.machines(market, addresses, {name})
                return machine

            kind = self.kinds.get(seller.name)
            yield Host(seller.name, {seller.name: HOSTILE_SELLERS[kind](make) if kind else make()}, codec)

    def _note(self, records: Iterable[Record[Any]]) -> None:
        honest = [record for record in records if host_of(record.node) not in self.kinds]
        if honest:
            self.last_s = honest[-1].time_s
        self.told += [r for r in honest if isinstance(r.what, AcceptanceInDoubt | BidVoided | SellerExposed)]

    def _take_output(self, host: Host) -> None:
        entries = host.entries()
        if host.name not in self.kinds:
            self.lines += entries
        super()._take_output(host)

    @property
    def settled(self) -> bool:
        return self.now >= self.last_s + self._waits_s and super().settled

    def runs(self, limit_s: float) -> bool:
        """Whether it ends within so many seconds of its opening."""
        opened_at = self.open_market()
        for _ in range(MOST_EVENTS // EVENTS_PER_LOOK):
            if not self.run(opened_at + limit_s, EVENTS_PER_LOOK):
                break
        self.last_s = max(0.0, self.last_s - opened_at)
        return super().settled


def hostile_nodes(kind: type[HostileBuyer], market: Market, buyer: BuyerSpec) -> dict[str, Machine]:
    """The nodes on the host of a hostile buyer: one, or as many as it pretends to be."""
    valuation = theta(buyer)
    names = [buyer.name, *(f"{buyer.name}-{k}" for k in range(2, kind.names + 1))]
    pool = [address(seller, seller) for seller in buyer.pool]

    def means(name: str) -> Means:
        random = stream(market.seed, name, "hostile")
        price = float(random.uniform(0.3, 1.0)) * valuation.marginal(0.0)
        return Means(pool, valuation.demand_mb, price, market.timing, random)

    return {name: kind(means(name)) for name in names}


# What came of it


@dataclass(frozen=True)
class Figures:
    """Of the honest nodes of one run.

    Attributes
    ----------
    is_over
        Whether all of them came to rest before the run was given up.
    rest_s
        Virtual seconds from the opening to the last that any of them did.
    welfare, welfare_honest
        Of what buyers who can reach an honest seller have receipts for, and of that from honest sellers alone, money.
    paid, bought_mb
        Of the receipts of buyers from honest sellers, money and MB.
    doubtful_mb
        What buyers are bound by without a receipt.
    harms
        What must not happen to any of them.
    """

    is_over: bool
    rest_s: float
    welfare: float
    welfare_honest: float
    paid: float
    bought_mb: float
    doubtful_mb: float
    exposed: int
    struck_out: int
    harms: Sequence[str]
    wall_s: float


def ran(market: Market, kinds: Mapping[str, str], limit_s: float) -> Figures:
    started = time.monotonic()
    world = World(market, kinds)
    is_over = world.runs(limit_s)
    ledger = Ledger(world.lines)
    names = {address(name, name) for name in kinds}
    held, of_honest = Counter[str](), Counter[str]()
    paid = bought = 0.0
    for sale, amounts in ledger.purchases.items():
        held[sale.buyer] += amounts.quantity
        if sale.seller not in names:
            of_honest[sale.buyer] += amounts.quantity
            paid, bought = paid + amounts.charge, bought + amounts.quantity
    honest = [buyer for buyer in market.buyers if buyer.name not in kinds and not kinds.keys() >= set(buyer.pool)]
    doubts = [one for one in ledger.doubts if one.sale.seller in names and one.sale not in ledger.purchases]
    return Figures(
        is_over,
        world.last_s,
        math.fsum(theta(buyer).value(held[address(buyer.name, buyer.name)]) for buyer in honest),
        math.fsum(theta(buyer).value(of_honest[address(buyer.name, buyer.name)]) for buyer in honest),
        paid,
        bought,
        math.fsum(one.amounts.quantity for one in doubts),
        len({node_of(one.what.seller) for one in world.told if isinstance(one.what, SellerExposed)}),
        len({one.what.buyer for one in world.told if isinstance(one.what, BidVoided)}),
        [harm for witness in world.witnesses for harm in witness.harms] + list(harms(ledger, world.told, kinds.keys())),
        time.monotonic() - started,
    )


def harms(ledger: Ledger, told: Sequence[Record[Any]], hostile: Collection[str]) -> Iterator[str]:
    """What happened to honest nodes and must not, by their ledger and by what they told; ``hostile`` are hosts."""
    for record in told:
        match record.what:
            case SellerExposed(seller, _, lie) if host_of(seller) not in hostile:
                yield f"honest {seller} exposed by {record.node}: {lie}"
            case BidVoided(buyer, _, cause) if host_of(buyer) not in hostile:
                yield f"honest {buyer} struck out by {record.node}: {cause}"
    for breach in ledger.breaches:
        if host_of(breach.node) not in hostile:
            yield f"breach {breach.rule} of {breach.node}: {breach.text}"
    named = {(one.what.seller, one.node, one.what.round) for one in told if isinstance(one.what, AcceptanceInDoubt)}
    for doubt in ledger.doubts:
        sale = doubt.sale
        if host_of(sale.buyer) in hostile or sale in ledger.purchases:
            continue
        if host_of(sale.seller) not in hostile:
            yield f"doubt between honest nodes: {sale}: {doubt.why}"
        elif (sale.seller, sale.buyer, sale.round) not in named:
            yield f"doubt that nobody told: {sale}: {doubt.why}"


@dataclass(frozen=True)
class Finding:
    """What came of a market with its hostile nodes, and without."""

    seed: int
    chosen: Mapping[str, str]
    kinds: Mapping[str, str]
    without: Figures
    among: Figures
    limit_s: float
    misses: Sequence[str] = field(default=())

    @property
    def efficiency(self) -> float:
        """Welfare of honest buyers, of what it is without the hostile nodes."""
        return _share(self.among.welfare, self.without.welfare)

    @property
    def efficiency_honest(self) -> float:
        """The same, of what they have from honest sellers."""
        return _share(self.among.welfare_honest, self.without.welfare)

    @property
    def dearness(self) -> float:
        """What honest buyers pay honest sellers per MB, of what they do without the hostile nodes."""
        return _share(
            _share(self.among.paid, self.among.bought_mb, 0.0), _share(self.without.paid, self.without.bought_mb, 0.0)
        )

    @property
    def line(self) -> str:
        return (
            f"seed {self.seed}: {', '.join(self.misses) or 'kept'}: {dict(self.kinds)}: "
            f"{', '.join(self.chosen.values())}: "
            f"efficiency {self.efficiency:.4f} ({self.efficiency_honest:.4f} from honest sellers), "
            f"pays {self.dearness:.3f} per MB, in doubt {self.among.doubtful_mb:.3g} MB, "
            f"rests after {self.among.rest_s:.1f} s of {self.limit_s:.1f} (without {self.without.rest_s:.1f}); "
            f"{self.without.wall_s:.1f} + {self.among.wall_s:.1f} s"
        )


def _share(part: float, whole: float, none: float = 1.0) -> float:
    return part / whole if whole > 0.0 else none


PROMISED = "efficiency promised"
"""Whether random_markets.py binds the market, all of them honest, to an efficiency; others may end anywhere."""

GIVEN_UP = 3.0
"""A run is given up after so many times its limit, so that one sees what ends late and what does not."""


def limit_s(market: Market, kinds: Collection[str], without_s: float) -> float:
    """Until when a market must be over, seconds.

    Each node of a hostile buyer may cost the patience, each hostile seller twice the patience (docs/protocol.md,
    section 6), and both two quiet periods and the time that honest bidders need to come to rest, which is what they
    take without it. The market is over when its honest nodes have been at rest for the patience: it counts once more.
    """
    timing = market.timing
    each = without_s + 2.0 * timing.quiet_period_s
    patiences = sum(HOSTILE_BUYERS[kind].names if kind in HOSTILE_BUYERS else 2 for kind in kinds) + 1
    return (len(kinds) + 1) * each + patiences * timing.patience_s


def found(seed: int, only: str | None = None) -> Finding:
    hostile = HostileMarket.of(seed, only)
    without = ran(hostile.without, {}, hostile.tables["timeout_s"])
    limit = limit_s(hostile.market, hostile.kinds.values(), without.rest_s)
    among = ran(hostile.market, hostile.kinds, GIVEN_UP * limit)
    promised = "no" if hostile.drawn.bounds.worst is None else "yes"
    finding = Finding(seed, {**hostile.drawn.chosen, PROMISED: promised}, hostile.kinds, without, among, limit)
    return replace(finding, misses=list(_misses(finding)))


def _misses(finding: Finding) -> Iterator[str]:
    if not finding.among.is_over:
        yield "does not end"
    elif finding.among.rest_s > finding.limit_s:
        yield "ends late"
    if set(finding.among.harms) - set(finding.without.harms):
        yield "harm"
    if finding.among.is_over and finding.efficiency < LEAST_EFFICIENCY:
        yield "efficiency"


BOUNDS = ("does not end", "ends late", "harm", "efficiency")


def rows(findings: Sequence[Finding]) -> Iterator[str]:
    """The share that keeps each bound, by what was chosen, and by the kinds of hostile nodes."""
    bounds = " ".join(f"{bound:>12}" for bound in BOUNDS)
    yield f"{'':<28} {'markets':>7} {bounds}  efficiency: worst, 5 %, mean up to 1; per MB"
    yield _row("all", findings)
    for what, choices in {PROMISED: ("yes", "no"), **CHOICES}.items():
        yield what
        for choice in choices:
            yield _row(f"  {choice}", [one for one in findings if one.chosen[what] == choice])
    yield "hostile kind"
    for kind in (*HOSTILE_BUYERS, *HOSTILE_SELLERS):
        yield _row(f"  {kind}", [one for one in findings if kind in one.kinds.values()])
        yield _row("    alone", [one for one in findings if {kind} == {*one.kinds.values()}])


def _row(name: str, findings: Sequence[Finding]) -> str:
    if not findings:
        return f"{name:<28} {0:>7}"
    missed = [sum(bound in one.misses for one in findings) for bound in BOUNDS]
    over = [one for one in findings if one.among.is_over]
    shares = sorted(one.efficiency for one in over) or [math.nan]
    figures = [shares[0], shares[len(shares) // 20], statistics.mean(min(1.0, share) for share in shares)]
    dear = statistics.median([one.dearness for one in over] or [math.nan])
    cells = [
        f"{name:<28} {len(findings):>7}",
        *(f"{one:>12}" for one in missed),
        "",
        *(f"{one:.4f}" for one in figures),
    ]
    return " ".join([*cells, f"{dear:.3f}"])


def exceptions(findings: Iterable[Finding]) -> Iterator[str]:
    for one in findings:
        if one.misses:
            yield one.line
            yield from (f"    {harm}" for harm in one.among.harms)


def seeds(first: int, count: int, only: str | None) -> Iterator[int]:
    """So many seeds from the first on, without those of markets too small to have a hostile node and a sale."""
    fitting = (seed for seed in itertools.count(first) if HostileMarket.of(seed, only).kinds)
    return itertools.islice(fitting, count)


NOTES = """
How many markets miss each bound, and the welfare of honest buyers as a share of that without the hostile nodes."""


def main() -> int:
    parser = arguments(__doc__, SHORT)
    parser.add_argument(
        "--only", choices=[*HOSTILE_BUYERS, *HOSTILE_SELLERS], metavar="KIND", help="all hostile nodes play this kind"
    )
    options = parser.parse_args()
    if options.show is not None:
        shown = HostileMarket.of(options.show, options.only)
        print(json.dumps({"hostile": shown.kinds, **shown.tables}, indent=2))
        return 0
    count = options.markets or (SHORT if options.short else MARKETS)
    chosen = seeds(options.first_seed, count, options.only)
    return tell(options, partial(found, only=options.only), chosen, rows, exceptions, NOTES)


if __name__ == "__main__":
    sys.exit(main())
