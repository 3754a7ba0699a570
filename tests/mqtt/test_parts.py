"""One market whose parts are started by hand, over a real broker."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from node.trace.psp.ledger import Ledger
from scenarios.markets.registry import read_journal
from tests.conftest import Command, wait_until
from tests.mqtt.conftest import Mosquitto

pytestmark = pytest.mark.mosquitto


def test_a_part_that_is_killed_goes_on_from_its_journal(
    bidswarm: Callable[..., Command], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    where = ("--broker", f"mqtt://127.0.0.1:{mosquitto.port}", "--market", "lab", "--seed", "3")
    settings = ("--set", "auction.quiet_period_s=4")
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
    assert re.search(r"host-2 is gone; start it again with: bidswarm host .* --part 2/2 --seed 3", stderr)
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
