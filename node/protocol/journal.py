"""The lines of a journal: the base of every market's entries, and the entries that belong to no market."""

import msgspec


class Entry(msgspec.Struct, frozen=True, gc=False, tag_field="kind"):
    """Something a node must know again in its next life. A subclass for each kind names it by its tag.

    Each market has its entries in its own ``journal.py``; docs/ledger.md has them all.
    """

    @property
    def kind(self) -> str:
        """The tag of its class."""
        return str(self.__struct_config__.tag)


class LifeBegun(Entry, frozen=True, tag="started"):
    """A life of the node begins."""


class MarketOpened(Entry, frozen=True, tag="opened"):
    """The market has opened: what is planned is counted from the time of this line, whatever happens to the process."""


NodeEntry = LifeBegun | MarketOpened
"""What a node of any market may write down."""


class JournalEntry(msgspec.Struct, frozen=True, gc=False):
    """A line of a node's journal, with its time, seconds, and the address of the node.

    Attributes
    ----------
    binds
        Whether it must survive a loss of power before anything is sent that was said in the same step.
    """

    time_s: float
    node: str
    entry: Entry
    binds: bool = True

    @property
    def kind(self) -> str:
        """The kind of its entry."""
        return self.entry.kind
