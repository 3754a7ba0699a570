"""From a drawn market to running nodes: who sits on which host, and which machine it is."""

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from node.protocol.host import Host
from node.protocol.machine import Machine
from node.protocol.topics import address
from node.runtime.faults.clock_skew import Skewed
from node.runtime.faults.plan import Plan
from scenarios.broker_link import SealOf, unsealed
from scenarios.chaos.plan import plan_of
from scenarios.markets.dmp.market import CallMarket
from scenarios.markets.dmp.nodes import call_machines
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.nodes import exchange_machines

AnyMarket = Market | CallMarket

Placement = Mapping[str, str]
"""Node name to host name."""


def one_host_each(market: AnyMarket) -> Placement:
    """Every user on a device of its own, which bears its name unless the scenario says otherwise."""
    return _placed(market, {name: name for name in market.user_names})


def spread(market: AnyMarket, hosts: int) -> Placement:
    """The users dealt out evenly to hosts called host-1, host-2, …; those of one kind each in turn."""
    dealt = [name for name in market.user_names if name not in devices_of(market)]
    return _placed(market, {name: f"host-{k % hosts + 1}" for k, name in enumerate(dealt)})


def devices_of(market: AnyMarket) -> Mapping[str, str]:
    """The hosts of those users that are started by somebody else."""
    return market.devices if isinstance(market, Market) else {}


def _placed(market: AnyMarket, placement: Placement) -> Placement:
    """Both nodes of a user who sells at one time and buys at another are on its one device."""
    shifts = market.shifts if isinstance(market, Market) else []
    together = {one.node: placement[one.instead_of] for one in shifts if one.instead_of}
    return {**placement, **together, **devices_of(market)}


def own_host_names(market: AnyMarket, placement: Placement) -> list[str]:
    """As ``host_names``, of those that the launcher starts."""
    return [host for host in host_names(placement) if host not in devices_of(market).values()]


def host_names(placement: Placement) -> list[str]:
    """The hosts of a placement, each once, in order of first use."""
    return list(dict.fromkeys(placement.values()))


def build_hosts(market: AnyMarket, placement: Placement, names: set[str], seal_of: SealOf = unsealed) -> list[Host]:
    """The hosts of these names, with the machines of their nodes and what they sign with."""
    addresses = {node: address(host, node) for node, host in placement.items()}
    mine = {node for node, host in placement.items() if host in names}
    built = (
        exchange_machines(market, addresses, mine)
        if isinstance(market, Market)
        else call_machines(market, addresses, mine)
    )
    machines: defaultdict[str, dict[str, Machine]] = defaultdict(dict)
    faults = faults_of(market, placement)
    for node, machine in built:
        machines[placement[node]][node] = _with_its_clock(machine, placement[node], faults)
    return [Host(name, machines[name], seal_of(name)) for name in host_names(placement) if name in names]


def faults_of(market: AnyMarket, placement: Placement) -> Plan | None:
    """What goes wrong with which host, if anything does."""
    return plan_of(market.chaos, market.seed, placement, market.churning) if market.chaos else None


def _with_its_clock(machine: Machine, host: str, faults: Plan | None) -> Machine:
    if faults and any(host in fault.hosts for fault in faults.of("clock-skew")):
        return Skewed(machine, partial(faults.skew, host))
    return machine
