"""From a drawn market to running nodes: who sits on which host, and which machine it is."""

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from node.protocol.host import Host
from node.protocol.machine import Machine
from node.protocol.topics import address
from node.protocol.wire.frames import Codec
from node.protocol.wire.limits import Limits
from node.runtime.faults.clock_skew import Skewed
from node.runtime.faults.plan import Plan
from scenarios.broker_link import SealOf, unsealed
from scenarios.chaos.plan import plan_of
from scenarios.markets.base import Market
from scenarios.markets.registry import kind_of

Placement = Mapping[str, str]
"""Node name to host name."""


def one_host_each(market: Market) -> Placement:
    """Every user on a device of its own, which bears its name unless the scenario says otherwise."""
    return placed(market, {name: name for name in market.user_names})


def spread(market: Market, hosts: int) -> Placement:
    """The users dealt out evenly to hosts called host-1, host-2, …; those of one kind each in turn."""
    dealt = [name for name in market.user_names if name not in market.devices]
    return placed(market, {name: f"host-{k % hosts + 1}" for k, name in enumerate(dealt)})


def placed(market: Market, placement: Placement) -> Placement:
    """The placement with those who share a host with another one, and those whose host somebody else starts."""
    together = {node: placement[other] for node, other in market.companions.items()}
    return {**placement, **together, **market.devices}


def own_host_names(market: Market, placement: Placement) -> list[str]:
    """As ``host_names``, of those that the launcher starts."""
    return [host for host in host_names(placement) if host not in market.devices.values()]


def host_names(placement: Placement) -> list[str]:
    """The hosts of a placement, each once, in order of first use."""
    return list(dict.fromkeys(placement.values()))


def build_hosts(
    market: Market,
    placement: Placement,
    names: set[str],
    seal_of: SealOf = unsealed,
    limits: Limits | None = None,
) -> list[Host]:
    """The hosts of these names, with the machines of their nodes, what they sign with, and limits for strangers.

    A device of the scenario that sells tells each node here of every clearing, so it may say as much to each of them as
    to a host with that one.
    """
    addresses = {node: address(host, node) for node, host in placement.items()}
    mine = {node for node, host in placement.items() if host in names}
    kind, faults = kind_of(market), faults_of(market, placement)
    codec = Codec(kind.messages)
    machines: defaultdict[str, dict[str, Machine]] = defaultdict(dict)
    for node, machine in kind.machines(market, addresses, mine):
        machines[placement[node]][node] = _with_its_clock(machine, placement[node], faults)
    own = own_host_names(market, placement)

    def built(name: str) -> Host:
        nodes = machines[name]
        allowed = limits.for_each_of(len(nodes)) if limits and market.devices else limits
        return Host(name, nodes, codec, seal_of(name), allowed, own)

    return [built(name) for name in host_names(placement) if name in names]


def faults_of(market: Market, placement: Placement) -> Plan | None:
    """What goes wrong with which host, if anything does."""
    return plan_of(market.chaos, market.seed, placement, market.churning) if market.chaos else None


def _with_its_clock(machine: Machine, host: str, faults: Plan | None) -> Machine:
    if faults and any(host in fault.hosts for fault in faults.of("clock-skew")):
        return Skewed(machine, partial(faults.skew, host))
    return machine
