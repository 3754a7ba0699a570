"""The networks registry of a market agent: who takes part, and what reputation each has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from node.protocol.dmp.journal import NetworkIn, NetworkOut
from node.protocol.dmp.messages import Register
from node.protocol.errors import IgnoredError
from node.protocol.topics import host_of, node_of

MOST_MISSED = 3
"""Auctions in a row that a network may leave unanswered before the market agent puts it out."""


class Reputation(Protocol):
    """A reputation and the rule that moves it (node/mechanism/dmp/reputation.py); lower is better."""

    @property
    def value(self) -> float:
        """From 0 to 1."""
        ...

    def after(self, served: bool) -> Self:  # noqa: FBT001 - the one thing there is to say of a call
        """What it is after one more call."""
        ...


@dataclass(slots=True)
class Network:
    """One network. ``missed`` counts the auctions in a row in which it was not heard of."""

    reputation: Reputation
    seq: int = -1
    epoch: int = 0
    is_in: bool = False
    is_silent: bool = False
    missed: int = 0


class Networks:
    """Networks by address. A network that is away keeps its reputation.

    Attributes
    ----------
    changed
        Set where the registry changes; whoever has shown it sets it back.
    """

    def __init__(self, reputation: Reputation, known: Mapping[str, Reputation]) -> None:
        self._first = reputation
        self._known = known
        self.changed = False
        self._networks: dict[str, Network] = {}

    def knows(self, address: str) -> bool:
        """Whether it has ever taken part."""
        return address in self._networks

    def of(self, address: str) -> Network:
        """The entry of a known network."""
        return self._networks[address]

    @property
    def present(self) -> list[str]:
        """Those that are invited, by name, so that the order is the same on any hosts."""
        return sorted(
            (one for one, entry in self._networks.items() if entry.is_in), key=lambda one: (node_of(one), one)
        )

    @property
    def silent(self) -> list[str]:
        """Those put out for their silence, who may not know it."""
        return [one for one, entry in self._networks.items() if entry.is_silent]

    def admit(self, address: str, message: Register) -> bool:
        """Let a network in; whether it was out. IgnoredError if its word is overtaken.

        Whoever was put out must say so anew: a repetition of what let it in the last time does not let it in again.
        """
        entry = self._networks.setdefault(address, Network(self._known.get(address, self._first)))
        if message.seq == entry.seq and not entry.is_in:
            raise IgnoredError("overtaken registration")
        self._check(entry, message.seq)
        if entry.is_in:
            return False
        entry.is_in, entry.is_silent, entry.missed = True, False, 0
        entry.epoch += 1
        return True

    def dismiss(self, address: str, seq: int) -> bool:
        """Deregister a network; whether it was registered. IgnoredError if a newer message has arrived before."""
        entry = self._networks[address]
        self._check(entry, seq)
        entry.is_silent = False
        return entry.is_in

    def _check(self, entry: Network, seq: int) -> None:
        if seq < entry.seq:
            raise IgnoredError("overtaken registration")
        entry.seq = seq

    def count(self, address: str, *, served: bool) -> bool:
        """Let the outcome of a call move the network's reputation; whether it did."""
        entry = self._networks[address]
        before, entry.reputation = entry.reputation.value, entry.reputation.after(served)
        moved = entry.reputation.value != before
        self.changed |= moved
        return moved

    def remember(self, entry: NetworkIn | NetworkOut) -> None:
        """Restore a registration or deregistration of an earlier life; a node that left may be a new process by now."""
        network = self._networks.setdefault(entry.network, Network(self._known.get(entry.network, self._first)))
        match entry:
            case NetworkIn():
                network.is_in, network.is_silent = True, False
                network.seq, network.epoch = entry.seq, max(network.epoch, entry.epoch)
            case NetworkOut():
                network.is_in, network.is_silent = False, entry.is_silent
                if not entry.is_silent:
                    network.seq = -1

    def put_out(self, address: str, *, is_silent: bool) -> None:
        """Stop inviting the network until it registers again."""
        entry = self._networks[address]
        entry.is_in, entry.is_silent = False, is_silent
        self.changed = True

    def lost(self, host: str) -> list[str]:
        """Those present on a host that is gone; its networks may come back as processes that begin to count anew."""
        for address, entry in self._networks.items():
            if host_of(address) == host:
                entry.seq, entry.is_silent = -1, False
        return [address for address in self.present if host_of(address) == host]

    def has_missed_too_many(self, address: str) -> bool:
        """Count an auction that the network left unanswered; whether it is to be put out."""
        entry = self._networks[address]
        entry.missed += 1
        return entry.missed >= MOST_MISSED
