"""What the scenario tables and the drawn market of every kind have in common."""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Literal

import msgspec

from node.protocol.topics import Name
from scenarios.chaos.schema import ChaosTable
from scenarios.files.tables import NetworkTable
from scenarios.files.types import PositiveSeconds, Table, meaning


class Scenario(Table, frozen=True, kw_only=True):
    """The keys that a scenario file of any market may have; a market derives from it, and sets ``market`` to its name.

    What ``[network]`` and ``[chaos]`` say is applied by the program, whatever the market.
    """

    format: Annotated[Literal[1], meaning("version of this format")] = 1
    market: Annotated[str, meaning("kind of market")]
    name: Annotated[Name, meaning("name of the scenario; part of the run folder's name")]
    title: Annotated[str, meaning("what the scenario is, in a line for people")] = ""
    description: Annotated[str, meaning("what the scenario is about, for people")] = ""
    timeout_s: Annotated[
        PositiveSeconds,
        meaning("the run gives up so long after the market opened; virtual time in worlds `sim` and `array`"),
    ] = 60.0
    network: Annotated[NetworkTable, meaning("the simulated network")] = NetworkTable()
    chaos: Annotated[ChaosTable | None, meaning("what goes wrong meanwhile")] = None

    @property
    def user_names(self) -> Sequence[str]:
        """All nodes that will be drawn."""
        raise NotImplementedError


def nothing_more(scenario: Scenario) -> None:
    """Check nothing: what all markets have in common has been checked."""
    del scenario


def anything_goes(market: "Market") -> None:
    """Leave any market to nodes."""
    del market


def no_advice(market: "Market", limit_s: float) -> list[str]:
    """Say nothing against a market."""
    del market, limit_s
    return []


def anything(market: "Market") -> Mapping[str, UnionType]:
    """Leave every node to tell any record."""
    del market
    return {}


class Market(msgspec.Struct, frozen=True, kw_only=True, tag_field="market"):
    """Everybody in one run, drawn from a scenario and a seed; a market derives from it, with its name as the tag.

    The file market.json in a run's folder holds one: worker processes read it there. A market overrides the properties
    that are not as below.
    """

    scenario: str
    seed: int
    network: NetworkTable
    chaos: ChaosTable | None = None

    @property
    def user_names(self) -> Sequence[str]:
        """All nodes."""
        raise NotImplementedError

    @property
    def closers(self) -> Sequence[str]:
        """Those whose closing ends the run."""
        raise NotImplementedError

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.user_names)

    @property
    def churning(self) -> Sequence[str]:
        """Those of whom ``churn`` takes a share: all who close nothing."""
        closers = set(self.closers)
        return [name for name in self.user_names if name not in closers]

    @property
    def auctioneers(self) -> Sequence[str]:
        """Those whose auctions are counted by the metrics: nobody."""
        return ()

    @property
    def devices(self) -> Mapping[str, str]:
        """The hosts of those nodes that somebody else starts, by node: none."""
        return {}

    @property
    def companions(self) -> Mapping[str, str]:
        """The nodes that share another one's host, by node: none."""
        return {}

    @property
    def neighbours(self) -> Mapping[str, Sequence[str]]:
        """With whom a node trades, by node, each pair at least once: nobody is known to."""
        return {}

    @property
    def retry_s(self) -> float:
        """After how long what nobody answered is said again, seconds."""
        return 1.0

    @property
    def is_large(self) -> bool:
        """Whether what the run is measured against takes long to work out."""
        return False
