"""One market on the workers of a Dask cluster, over a real broker."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.trace.psp.ledger import Ledger
from scenarios.markets.registry import read_journal
from tests.conftest import Command
from tests.dask import Cluster
from tests.mqtt.conftest import Mosquitto

pytestmark = pytest.mark.mosquitto

NODES = 2_000
QUEUE = "max_queued_messages 20000"
"""As broker init sets it: a host that is started again reads a thousand posts at once."""

SETTINGS = ("buyers.0.count=1000", "sellers.0.count=1000", "buyers.0.sellers_each=2", "auction.quiet_period_s=6")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path, QUEUE)
    yield running
    running.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, threads=2)
    yield cluster
    cluster.end()


def test_users_of_a_worker_that_is_killed_go_on_elsewhere(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, cluster: Cluster
) -> None:
    where = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--place", f"dask://{cluster.address}")
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    run = bidswarm("run", "exchange-1000", *where, *settings, "--format", "json")
    run.wait_first_bid()
    cluster.workers[1].send_signal(signal.SIGKILL)

    code, stdout, stderr = run.finished()
    assert code == 0, stderr
    assert re.search(
        r"(host-\d) is gone; Dask starts \1 on a worker that has a thread free\n(.*\n)*?\1 is back", stderr
    )
    summary = json.loads(stdout)
    assert (summary["nodes"], summary["status"]) == (NODES, "settled")
    (fault,) = summary["faults"]
    assert (fault["kind"], len(fault["hosts"])) == ("crash", 1)
    assert fault["at_s"] < fault["until_s"]
    journals = list((run.run_dir() / "journals").glob("*.sqlite"))
    assert len(journals) == 2
    ledger = Ledger(line for journal in journals for line in read_journal(journal))
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert sum(sale.quantity for sale in ledger.purchases.values()) == pytest.approx(
        sum(one["quantity"] for one in summary["allocations"])
    )


def test_a_part_whose_journal_is_lost_is_given_up(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, cluster: Cluster
) -> None:
    where = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--place", f"dask://{cluster.address}")
    run = bidswarm("run", "neighbourhood", *where, "--set", "auction.quiet_period_s=8")
    run.wait_first_bid()
    for journal in (run.run_dir() / "journals").iterdir():
        journal.unlink()  # as if each worker had a disk of its own
    cluster.workers[1].send_signal(signal.SIGKILL)

    code, _, stderr = run.finished()
    assert code == 0, stderr
    assert re.search(
        r"host-\d does not come back, and its users are out of the market: .*is not there.* begun elsewhere", stderr
    )


def test_what_a_cluster_cannot_carry_is_named(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, cluster: Cluster
) -> None:
    place = f"dask://{cluster.address}"

    def refused(*more: str) -> str:
        broker = f"mqtt://127.0.0.1:{mosquitto.port}"
        code, _, stderr = bidswarm("run", "two-sellers", "--broker", broker, "--place", place, *more).finished()
        assert code == 2
        return stderr

    assert f"--parts 5: the workers at {place} have 4 threads" in refused("--parts", "5")
    for worker in cluster.workers:
        worker.kill()
        worker.wait()
    assert f"--place {place}: it has no workers" in refused()
    cluster.scheduler.kill()
    assert f"--place {place}: no scheduler answers there" in refused()
