"""One market whose parts are started by hand, over a real broker."""

import json
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker import BrokerAddress
from node.trace.psp.ledger import Ledger
from scenarios.errors import RunError
from scenarios.launch.part import Part, carry
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market, read_journal
from tests.conftest import DEADLINE_S, Command, wait_until
from tests.mqtt.conftest import Mosquitto

pytestmark = pytest.mark.mosquitto


def test_a_part_that_is_killed_goes_on_from_its_journal(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    where = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--market", "lab", "--seed", "3")
    settings = ("--set", "auction.quiet_period_s=4", "--set", f"timeout_s={DEADLINE_S}")
    journals = tmp_path / "journals"

    def host(number: int) -> Command:
        part = ("--part", f"{number}/2", "--journals", str(journals))
        return bidswarm("host", "neighbourhood", *where, *settings, *part)

    run = bidswarm("run", "neighbourhood", *where, *settings, "--parts", "2", "--format", "json")
    stays, dies = host(1), host(2)
    run.wait_first_bid()
    dies.process.send_signal(signal.SIGKILL)
    dies.finished()
    launcher = run.run_dir() / "events" / "launcher.jsonl"
    wait_until(lambda: '"fault"' in launcher.read_text(), "the launcher has noticed")
    again = host(2)

    code, stdout, stderr = run.finished()
    assert (code, stays.finished()[0], again.finished()[0]) == (0, 0, 0)
    assert re.search(r"host-2 is gone; start host-2 with: bidswarm host .* --part 2/2 --seed 3", stderr)
    assert "host-2 is back" in stderr
    summary = json.loads(stdout)
    (fault,) = summary["faults"]
    assert (fault["kind"], fault["hosts"]) == ("crash", ["host-2"])
    assert fault["at_s"] < fault["until_s"]
    ledger = Ledger(line for journal in journals.glob("*.sqlite") for line in read_journal(journal))
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert sum(sale.quantity for sale in ledger.purchases.values()) == pytest.approx(
        sum(one["quantity"] for one in summary["allocations"])
    )


def test_the_launcher_says_which_command_starts_what_is_missing(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto
) -> None:
    where = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--market", "lab")
    code, _, stderr = bidswarm("run", "two-sellers", *where, "--parts", "2", "--timeout", "1").finished()
    assert code == 1
    assert "not ready after 10 s are 2 of 2 hosts: host-1, host-2; start host-1 with: bidswarm host SCENARIO" in stderr
    assert "--part 1/2" in stderr


def test_a_part_begins_when_nobody_else_carries_it(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    where = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--market", "lab", "--set", "auction.quiet_period_s=6")

    def host(number: int) -> Command:
        return bidswarm(
            "host", "two-sellers", *where, "--part", f"{number}/2", "--journals", str(tmp_path / "journals")
        )

    run = bidswarm("run", "two-sellers", *where, "--parts", "2", "--format", "json")
    first, second = host(1), host(2)
    run.wait_first_bid()
    spare = host(2)
    assert spare.process.stderr is not None
    words = "another process carries host-2: this one begins when that has gone"
    assert any(words in line for line in iter(spare.process.stderr.readline, ""))
    second.process.send_signal(signal.SIGKILL)
    second.finished()

    code, stdout, stderr = run.finished()
    assert (code, first.finished()[0], spare.finished()[0]) == (0, 0, 0), stderr
    assert "host-2 is back" in stderr
    assert json.loads(stdout)["status"] == "settled"


def test_a_part_leaves_when_its_launcher_is_lost(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenarios.launch.part.LOST_S", 0.5)
    run = bidswarm(
        *("run", "two-sellers", "--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--market", "lab"),
        *("--parts", "1", "--set", "auction.quiet_period_s=60"),
    )
    broker = BrokerAddress("127.0.0.1", mosquitto.port)
    market = draw_market(load("two-sellers", ["auction.quiet_period_s=60"]), 0)
    part = Part(market, 1, 1, "lab", broker, None, tmp_path / "journals")
    with ThreadPoolExecutor() as pool:
        carried = pool.submit(carry, part, print)
        run.wait_first_bid()
        run.process.send_signal(signal.SIGKILL)
        with pytest.raises(RunError, match=r"host-1 has left: the launcher has been gone for 0\.5 s"):
            carried.result()


def test_a_part_for_which_no_launcher_comes_says_so(mosquitto: Mosquitto, tmp_path: Path) -> None:
    market = draw_market(load("two-sellers"), 0)
    part = Part(market, 1, 1, "lab", BrokerAddress("127.0.0.1", mosquitto.port), None, tmp_path, patience_s=0.2)
    with pytest.raises(RunError, match=r"host-1: no launcher of market lab for 0.2 s"):
        carry(part, print)
