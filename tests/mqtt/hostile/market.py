"""One market over a secured broker, with honest users for each attacker, run once for all tests of a module."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from broker.own.setup import Wishes
from tests.conftest import Command, wait_until
from tests.mqtt.hostile.attackers import MARKET, PATIENCE_S, QUIET_S, Attacker
from tests.mqtt.plain import SecuredBroker

CALM = ("calm-1", "calm-2")
"""Groups that nobody attacks: what they take is what the machine can do at that time."""

HEAD = f"""
name = "attacked"
timeout_s = 90

[auction]
clearing_interval_s = 0.02
quiet_period_s = {QUIET_S}
retry_s = 0.1
patience_s = {PATIENCE_S}

[[sellers]]
name = "late"
supply_mb = 1
joins_at_s = """

OPEN_S = 3.0
"""When a seller joins that nobody knows. So no auction is awarded before a quiet period after that, and the first bids
are there by then, on however busy a machine."""

LEAVE_S = 10.0
"""So long an attacker has to read that it is over."""

ALONE, BESIDE = 40 * 0.5, 10 * 2.0 + 30 * 0.5
"""What the honest buyer pays for its 40 MB: at the reserve, or where it also takes 10 MB from 30 MB that bid 2 each."""


class Told(msgspec.Struct):
    """What a run, the ledger over its journals, a reader of all topics and the attackers tell."""

    code: int
    stdout: str
    stderr: str
    run_dir: str
    ledger_code: int
    ledger: dict[str, Any]
    notes: dict[str, dict[str, Any]]
    arrived: dict[str, int]
    open_s: float


class Evidence:
    """What is told, and what the run has left in its folder.

    Attributes
    ----------
    arrived
        By attack: how many of its messages reached anybody that it published where it may not.
    """

    def __init__(self, told: Told) -> None:
        self.code, self.stdout, self.stderr = told.code, told.stdout, told.stderr
        self.ledger_code, self.ledger = told.ledger_code, told.ledger
        self.notes, self.arrived, self.open_s = told.notes, told.arrived, told.open_s
        folder = Path(told.run_dir)
        self.summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
        self.counters: dict[str, int] = json.loads((folder / "counters.json").read_text())
        self._events = pq.read_table(folder / "events.parquet").to_pylist()

    def events(self, node: str, kind: str) -> list[dict[str, Any]]:
        """What the node of this name told of that kind."""
        return [event for event in self._events if event["node"].endswith(f"/{node}") and event["kind"] == kind]

    def bought(self, buyer: str, seller: str) -> tuple[float, float]:
        """MB and money."""
        rows = [row for row in self.summary["allocations"] if (row["buyer"], row["seller"]) == (buyer, seller)]
        return sum(row["quantity"] for row in rows), sum(row["charge"] for row in rows)

    def closed_s(self, seller: str) -> float:
        """When its auction closed, seconds of the market."""
        (closed,) = self.events(seller, "closed")
        return float(closed["time_s"])

    def latest_s(self) -> float:
        """By when an auction must have closed that is attacked: the patience, and three quiet periods.

        A quiet period is what auctions take that nobody attacks, once they may be awarded: besides the quiet they take
        what the machine needs for some messages. So does each of those that an attacker has the patience for.
        """
        quiet_s = max(self.closed_s(f"s-{name}") for name in CALM) - self.open_s
        return self.open_s + (PATIENCE_S / QUIET_S + 3) * quiet_s

    @property
    def breaches(self) -> list[dict[str, str]]:
        return list(self.ledger["breaches"])


def group(name: str, hostile: str = "", reserve: float = 0.5) -> str:
    """An honest seller and an honest buyer of it, and another on the device of a hostile buyer."""
    seller, honest, strategy = f"s-{name}", f"b-{name}", 'strategy = { kind = "opt-out" }'
    flat = 'valuation = {{ kind = "flat", demand_mb = {}, value_per_mb = {} }}'
    lines = [f'[[sellers]]\nname = "{seller}"\nsupply_mb = 60\nreserve_price_per_mb = {reserve}']
    lines += [f'[[buyers]]\nname = "{honest}"\nsellers = ["{seller}"]\n{flat.format(40, 5)}\n{strategy}']
    if hostile:
        lines += [f'[[buyers]]\nname = "{hostile}"\ndevice = "{hostile}"\nsellers = ["{seller}"]\n{flat.format(30, 2)}']
    return "\n\n".join([*lines, ""])


def once(factory: pytest.TempPathFactory, name: str, work: Callable[[Path], Told]) -> Evidence:
    """The evidence of this name, which whichever test process comes first brings in for all."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"attacked-{name}"
    found, failed = folder / "told.json", folder / "failed"
    try:
        folder.mkdir()
    except FileExistsError:
        wait_until(lambda: found.exists() or failed.exists(), "another process has run the market")
        return Evidence(msgspec.json.decode(found.read_bytes(), type=Told))
    try:
        told = work(folder)
    except BaseException:
        failed.touch()
        raise
    draft = folder / "draft.json"
    draft.write_bytes(msgspec.json.encode(told))
    draft.rename(found)
    return Evidence(told)


def attacked(
    folder: Path,
    attacks: Sequence[type[Attacker]],
    groups: Sequence[str],
    open_s: float = OPEN_S,
    connections: str = "per-host",
) -> Told:
    """Run the market of these groups with all attackers in it."""
    (folder / "attacked.toml").write_text("\n\n".join([f"{HEAD}{open_s}", *groups]))
    broker = SecuredBroker(folder / "broker", Wishes(hosts=[attack.name for attack in attacks]))
    reader = broker.client("launcher").subscribe(f"bidswarm/v1/{MARKET}/#")
    attackers = [attack(broker) for attack in attacks]
    out = folder / "runs"
    profile = broker.profile_path("launcher")
    run = Command(
        [
            *("run", str(folder / "attacked.toml"), "--profile", str(profile), "--market", MARKET, "--no-pictures"),
            *("--hosts", "1", "--connections", connections, "--out", str(out)),
        ],
        out,
    )
    reader.until(lambda: run.process.poll() is not None)
    code, stdout, stderr = run.finished()
    for attacker in attackers:
        attacker.thread.join(LEAVE_S)
        attacker.is_stopped = True  # the run has broken down, and told nobody
        attacker.thread.join()
    broker.stop()
    assert any(out.glob("*/summary.json")), stderr
    ledger_code, ledger, _ = Command(["ledger", str(run.run_dir()), "--format", "json"], out).finished()
    seen = set(reader.payloads)
    return Told(
        code,
        stdout,
        stderr,
        str(run.run_dir()),
        ledger_code,
        json.loads(ledger),
        {attacker.name: attacker.notes for attacker in attackers},
        {attacker.name: sum(one in seen for one in attacker.forbidden) for attacker in attackers},
        open_s,
    )
