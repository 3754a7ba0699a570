"""Metrics for Prometheus over HTTP (docs/metrics.md)."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.metrics.meter import Meter

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import CollectorRegistry

COUNTED = {
    "sent": ("bidswarm_messages_sent", "Messages said to other nodes."),
    "received": ("bidswarm_messages_received", "Messages and board posts decoded."),
    "posts": ("bidswarm_posts", "Board posts said."),
    "frames": ("bidswarm_frames_sent", "Frames published: MQTT messages to other hosts."),
    "bytes": ("bidswarm_bytes_sent", "Bytes of frames and posts published."),
    "reconnects": ("bidswarm_reconnects", "Connections lost, and attempts that failed."),
}
"""A host's counter to the metric that shows it."""

TOLD = {
    "bid": ("bidswarm_bids", "Bids placed."),
    "withdraw": ("bidswarm_withdrawals", "Bids taken back."),
    "cleared": ("bidswarm_clearings", "Clearings held."),
    "declined": ("bidswarm_awards_declined", "Awards that buyers declined."),
    "voided": (
        "bidswarm_bids_struck_out",
        "Bids struck out: their host was gone, or their bidder kept the auction waiting.",
    ),
}
"""Kind of trace record to the metric that counts it."""

STATES = ("open", "awarding", "closed")


class _Collector:
    """Reads a meter whenever Prometheus asks."""

    def __init__(self, meter: Meter, labels: dict[str, str]) -> None:
        self._meter = meter
        self._labels = labels

    def collect(self) -> Iterator["Metric"]:
        """All metrics."""
        from importlib.metadata import version  # noqa: PLC0415 - costs a node that exports nothing memory

        from prometheus_client.core import InfoMetricFamily  # noqa: PLC0415 - with an extra alone

        info = {"version": version("bidswarm"), **self._labels}
        yield InfoMetricFamily("bidswarm", "What this process is.", value=info)
        yield from self._counted()
        yield from self._traded()
        yield from self._connected()

    def _counted(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415

        counters = self._meter.counters
        for counter, (name, text) in COUNTED.items():
            yield CounterMetricFamily(name, text, value=counters[counter])
        dropped = CounterMetricFamily(
            "bidswarm_messages_dropped", "Messages that changed nothing, by verdict.", labels=["verdict", "reason"]
        )
        for counter, count in sorted(counters.items()):
            verdict, colon, reason = counter.partition(": ")
            if colon:
                dropped.add_metric([verdict, reason], count)
        yield dropped

    def _traded(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        meter = self._meter
        for kind, (name, text) in TOLD.items():
            yield CounterMetricFamily(name, text, value=meter.told[kind])
        auctions = GaugeMetricFamily("bidswarm_auctions", "Auctions by state.", labels=["state"])
        for state in STATES:
            auctions.add_metric([state], meter.auctions[state])
        yield auctions
        yield CounterMetricFamily("bidswarm_sold_megabytes", "MB that sellers gave receipts for.", value=meter.sold_mb)
        yield CounterMetricFamily("bidswarm_revenue_money", "Money for them.", value=meter.revenue_money)
        yield GaugeMetricFamily("bidswarm_in_doubt", "Acceptances without an answer.", value=meter.in_doubt)
        if meter.node is None:
            return
        yield CounterMetricFamily("bidswarm_bought_megabytes", "MB the buyer has receipts for.", value=meter.bought_mb)
        yield CounterMetricFamily("bidswarm_paid_money", "Money for them.", value=meter.paid_money)
        entries = CounterMetricFamily("bidswarm_journal_entries", "Lines written into the journal.", labels=["kind"])
        for kind, count in sorted(dict(meter.entries).items()):
            entries.add_metric([kind], count)
        yield entries

    def _connected(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        node = self._meter.node
        if node is None:
            return
        yield GaugeMetricFamily("bidswarm_connected", "1 while there is a connection.", value=node.is_connected)
        yield GaugeMetricFamily(
            "bidswarm_round_trip_seconds", "How long the broker took to acknowledge.", value=node.round_trip_s
        )
        yield GaugeMetricFamily("bidswarm_timers", "Timers that are set.", value=node.timers)


def registry_of(meter: Meter, **labels: str) -> "CollectorRegistry":
    """A registry of the meter's metrics, with what the process is as labels of ``bidswarm_info``."""
    client = needs("prometheus_client")
    registry: CollectorRegistry = client.CollectorRegistry()
    registry.register(_Collector(meter, labels))
    client.ProcessCollector(registry=registry)
    return registry


@contextlib.contextmanager
def exported(meter: Meter, port: int | None, address: str, **labels: str) -> Iterator[int | None]:
    """Serve the metrics meanwhile, unless ``port`` is ``None``; the port, a free one for 0.

    Raises
    ------
    ScenarioError
        If the extra is missing, or the port cannot be had.
    """
    if port is None:
        yield None
        return
    registry = registry_of(meter, **labels)
    try:
        server, thread = needs("prometheus_client").start_http_server(port, address, registry)
    except OSError as error:
        raise ScenarioError(
            f"cannot serve metrics at {address}:{port} ({error.strerror or error}): choose another --metrics-port"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
