"""What a live page shows of a market, as data: the page itself knows no market (docs/live.md)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray, IntArray
from node.protocol.machine import Message
from node.protocol.trace import Record, Trace
from node.trace.history import History
from scenarios.markets.chronicle import Chronicle, Event

Unit = Annotated[str, msgspec.Meta(description="as people read it; empty for what is counted")]

Value = float | str | None
"""What a figure or a cell holds; None where it is not known."""

Kind = Literal["text", "number", "count", "share"]
"""How a value reads: as it is; with four significant digits; as an integer; in per cent."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a page shows under a label, and explains."""

    key: str
    label: str
    unit: Unit = ""
    kind: Kind = "number"
    help: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a course. With ``until`` it is the lower end of a band that reaches up to that line."""

    key: str
    label: str
    until: str | None = None


class Course(msgspec.Struct, frozen=True, kw_only=True, tag="course"):
    """Figures over time.

    Attributes
    ----------
    each
        Of whom a line can be added on demand, by role; empty if of nobody.
    least
        What is less than that is drawn as that, as on a logarithmic scale it must be; 0 if nothing is.
    """

    key: str
    title: str
    lines: Sequence[Line]
    unit: Unit = ""
    kind: Kind = "number"
    scale: Literal["linear", "log"] = "linear"
    each: str = ""
    least: float = 0.0
    help: str = ""


class Graph(msgspec.Struct, frozen=True, kw_only=True, tag="graph"):
    """Who trades with whom: two columns of nodes, and lines between them."""

    key: str
    title: str
    left: str
    right: str
    width: str
    colour: str
    clusters: str = ""
    """Whose nodes are together in a cluster, and what the numbers in its name are, where there are too many nodes."""
    help: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True, tag="table"):
    """The nodes one by one; the first column has their names."""

    key: str
    title: str
    columns: Sequence[Named]
    help: str = ""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page shows of a market, in this order; log and followed node come with every market."""

    title: str
    subtitle: str
    figures: Sequence[Named]
    panels: Sequence[Course | Graph | Table]
    events: Sequence[Event]


class Curves(msgspec.Struct, frozen=True):
    """A course so far: times in seconds, and a number for each of them by line, all as float32."""

    time_s: bytes
    lines: Mapping[str, bytes]


class Side(msgspec.Struct, frozen=True):
    """One column of a graph, by node or by cluster of nodes.

    Attributes
    ----------
    members
        How many nodes each stands for.
    size, share, colour
        How large each is, which share of that is used, and what its colour tells; float32.
    moves
        How often each has moved; uint32.
    """

    names: Sequence[str]
    members: Sequence[int]
    size: bytes
    share: bytes
    colour: bytes
    moves: bytes


class Drawing(msgspec.Struct, frozen=True):
    """A graph now: its lines are from ``source`` on the left to ``target`` on the right, uint16, ``width`` float32."""

    left: Side
    right: Side
    source: bytes
    target: bytes
    width: bytes


class Stroke(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a plot: a line through points, steps, the points alone, or a straight line across."""

    label: str
    shape: Literal["line", "steps", "points", "across", "upright"]
    x: Sequence[float]
    y: Sequence[float]


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture of a followed node."""

    key: str
    title: str
    x: str
    y: str
    kind: Kind = "number"
    strokes: Sequence[Stroke]


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """A followed node: what it is in a word, figures by label, and pictures."""

    node: str
    role: str
    facts: Sequence[tuple[str, Value, Unit]]
    plots: Sequence[Plot]


class View(Protocol):
    """Folds the trace of a market into what a page shows. Nothing in it depends on when it is looked at.

    Attributes
    ----------
    now_s
        The time of the newest record, seconds.
    """

    now_s: float
    chronicle: Chronicle

    @property
    def layout(self) -> Layout:
        """What there is to see."""
        ...

    def prepare(self) -> None:
        """Work out what takes long, such as an optimum; the page is up meanwhile, and shows what it has."""
        ...

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        ...

    def settle(self, record: Record[Trace]) -> None:
        """Take in a record from after the end of the run, in which sales may be confirmed still."""
        ...

    def post(self, poster: str, message: Message) -> None:
        """Take in what the node at this address has posted on the board.

        Raises
        ------
        ScenarioError
            If that contradicts the market that was named, so that this cannot be the one on the broker.
        """
        ...

    def finish(self) -> None:
        """Put right what all that was told shows in the end."""
        ...

    def figures(self) -> Mapping[str, Value]:
        """The figures of the layout, by key."""
        ...

    def courses(self) -> Mapping[str, Curves]:
        """The courses of the layout, by key."""
        ...

    def single(self, course: str, node: str) -> Curves | None:
        """The line of one node in a course, under its name; None if there is none."""
        ...

    def drawings(self) -> Mapping[str, Drawing]:
        """The graphs of the layout, by key."""
        ...

    def rows(self, table: str) -> Mapping[str, Sequence[Value]]:
        """A table of the layout, by column."""
        ...

    def detail(self, node: str) -> Detail | None:
        """A node of that name followed; None if there is none."""
        ...


def packed(numbers: Any) -> bytes:  # noqa: ANN401 - whatever numpy makes an array of
    """Numbers as float32, as pages read them; those too large for it are infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(numbers, float).astype(np.float32).tobytes()


LEAST_RATED_S = 1e-3
"""So much time has passed at least when there is a rate."""


def curves(history: History, columns: Mapping[str, int], least: float = -math.inf) -> Curves:
    """Columns of a history as lines of a course; what is less than ``least`` is drawn as that."""
    rows = history.rows
    return Curves(
        history.time_s.tobytes(), {name: packed(np.maximum(least, rows[:, k])) for name, k in columns.items()}
    )


def curve_of(history: History, nodes: Sequence[str], node: str) -> Curves | None:
    """The line of one node in a history with a column for each; None if it has none, or none yet."""
    known = nodes[: history.rows.shape[1]]
    return curves(history, {node: known.index(node)}) if node in known else None


def over_time(key: str, title: str, unit: str, history: History, place: int, kind: Kind = "number") -> Plot:
    """One column of a history as a picture of a followed node, without what is not known."""
    column = history.rows[:, place] if place < history.rows.shape[1] else np.full(len(history), np.nan)
    known = np.isfinite(column)
    stroke = Stroke(label=title, shape="steps", x=history.time_s[known].tolist(), y=column[known].tolist())
    return Plot(key=key, title=title, x="s", y=unit, kind=kind, strokes=[stroke])


@dataclass(frozen=True, slots=True)
class Nodes:
    """One column of a graph, node by node; nodes of similar ``rank`` are put into one cluster."""

    names: Sequence[str]
    size: Sequence[float]
    share: Sequence[float]
    colour: Sequence[float]
    moves: Sequence[int]
    rank: Sequence[float]


MOST_NODES = 300
"""Of a graph; a larger market is drawn as clusters."""

CLUSTERS = 24
"""In a column of such a graph, at most."""


def drawing(
    left: Nodes, right: Nodes, edges: Sequence[tuple[int, int, float]], noun: tuple[str, str] = ("nodes", "nodes")
) -> Drawing:
    """A graph of these nodes, or of clusters of them if they are too many.

    Parameters
    ----------
    edges
        Index on the left, index on the right, and width of each line.
    noun
        What a cluster on either side consists of.
    """
    table = np.array(edges, float).reshape(-1, 3)
    source, target, width = table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2]
    if len(left.names) + len(right.names) <= MOST_NODES:
        return Drawing(_side(left), _side(right), _indices(source), _indices(target), packed(width))
    of_left, of_right = _clusters(left), _clusters(right)
    flow = np.zeros((max(of_left, default=0) + 1, max(of_right, default=0) + 1))
    np.add.at(flow, (of_left[source], of_right[target]), width)
    pairs = np.argwhere(flow > 0.0)
    return Drawing(
        _joined(left, of_left, noun[0]),
        _joined(right, of_right, noun[1]),
        _indices(pairs[:, 0]),
        _indices(pairs[:, 1]),
        packed(flow[flow > 0.0]),
    )


def _indices(numbers: IntArray) -> bytes:
    return numbers.astype(np.uint16).tobytes()


def _side(nodes: Nodes) -> Side:
    moves = np.asarray(nodes.moves, np.uint32).tobytes()
    ones = [1] * len(nodes.names)
    return Side(nodes.names, ones, packed(nodes.size), packed(nodes.share), packed(nodes.colour), moves)


def _clusters(nodes: Nodes) -> IntArray:
    """The cluster of each node: nodes of similar rank, as many in each."""
    order = np.argsort(np.argsort(np.nan_to_num(np.asarray(nodes.rank, float)), kind="stable"), kind="stable")
    found: IntArray = order * min(CLUSTERS, len(nodes.names)) // max(1, len(nodes.names))
    return found


def _joined(nodes: Nodes, of: IntArray, noun: str) -> Side:
    """The clusters of a column: sizes and moves add up, the rest is the mean, by size."""
    count = int(of.max(initial=-1)) + 1
    size = np.asarray(nodes.size, float)

    def mean(values: Sequence[float]) -> FloatArray:
        numbers = np.asarray(values, float)
        known = np.isfinite(numbers)
        weight = np.where(known, np.maximum(size, 1e-12), 0.0)
        total = np.bincount(of, weight, count)
        found = np.bincount(of, weight * np.where(known, numbers, 0.0), count)
        mean_of: FloatArray = np.divide(found, total, out=np.full(count, np.nan), where=total > 0.0)
        return mean_of

    members = np.bincount(of, minlength=count).tolist()
    first = [nodes.names[int(np.flatnonzero(of == k)[0])] for k in range(count)]
    ranks = [np.asarray(nodes.rank, float)[of == k] for k in range(count)]
    many = [f"{one.size} {noun}, {one.min():.3g} to {one.max():.3g}" for one in ranks]
    names = [one if number > 1 else name for one, number, name in zip(many, members, first, strict=True)]
    moves = np.bincount(of, np.asarray(nodes.moves, float), count).astype(np.uint32)
    return Side(
        names,
        members,
        packed(np.bincount(of, size, count)),
        packed(mean(nodes.share)),
        packed(mean(nodes.colour)),
        moves.tobytes(),
    )
