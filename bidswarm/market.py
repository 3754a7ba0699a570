"""For authors of markets: what a ``MarketKind`` and its machines are made of (docs/extending.md).

A machine is pure: ``step(now, event)`` returns effects. Hosts, brokers, the simulation, faults, journals, results and
the command line come with bidswarm.
"""

from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.journal import Entry, JournalEntry, MarketOpened, NodeEntry
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Left,
    Machine,
    Message,
    Opened,
    PeerOffline,
    Persist,
    PostOnBoard,
    Received,
    Reconnected,
    Restored,
    Send,
    SetTimer,
    Started,
    TimerFired,
    effects_of,
)
from node.protocol.retry import PATIENCE, RoundTrip, backoff
from node.protocol.topics import Name, address, host_of, node_of
from node.protocol.trace import NodeAddress, NodeRecord, Record, Trace
from node.runtime.streams import stream
from node.trace.breach import Breach
from scenarios.chaos.expectations import FaultLog
from scenarios.errors import ScenarioError
from scenarios.files.checks import check_names
from scenarios.files.draws import drawn
from scenarios.files.names import names_of
from scenarios.files.tables import NetworkTable, Number
from scenarios.files.types import Count, Names, PositiveSeconds, Seconds, Share, Table
from scenarios.markets import panels
from scenarios.markets.base import Market, Scenario
from scenarios.markets.kind import Audit, MarketKind, Meaning, Metrics, OwnWorld, Watch
from scenarios.markets.panels import View
from scenarios.markets.plain_view import PlainView
from scenarios.results.lines import bar, fault_lines, hostile_lines, print_rows, print_rules, verdict
from scenarios.results.outcome import Run, Summary
from scenarios.results.result import Result

__all__ = [
    "PATIENCE",
    "Audit",
    "Breach",
    "CancelTimer",
    "Count",
    "Dropped",
    "Effect",
    "Entry",
    "Event",
    "FaultLog",
    "IgnoredError",
    "JournalEntry",
    "Left",
    "Machine",
    "Market",
    "MarketKind",
    "MarketOpened",
    "Meaning",
    "Message",
    "Metrics",
    "Name",
    "Names",
    "NetworkTable",
    "NodeAddress",
    "NodeEntry",
    "NodeRecord",
    "Number",
    "Opened",
    "OwnWorld",
    "PeerOffline",
    "Persist",
    "PlainView",
    "PositiveSeconds",
    "PostOnBoard",
    "Received",
    "Reconnected",
    "Record",
    "RejectedError",
    "Restored",
    "Result",
    "RoundTrip",
    "Run",
    "Scenario",
    "ScenarioError",
    "Seconds",
    "Send",
    "SetTimer",
    "Share",
    "Started",
    "Summary",
    "Table",
    "TimerFired",
    "Trace",
    "View",
    "Watch",
    "address",
    "backoff",
    "bar",
    "check_names",
    "drawn",
    "effects_of",
    "fault_lines",
    "host_of",
    "hostile_lines",
    "names_of",
    "node_of",
    "panels",
    "print_rows",
    "print_rules",
    "stream",
    "verdict",
]
