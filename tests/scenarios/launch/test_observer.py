"""What a launcher says and does while it waits for hosts; the broker is left out."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from node.protocol.wire.presence import ONLINE, READY, encode_presence
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock
from scenarios.errors import RunError
from scenarios.launch.observer import LEAST_START_S, START_DEVICES_S, START_S, Observer
from scenarios.launch.options import Job, Onlookers, RunOptions
from scenarios.launch.placement import spread
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market, kind_of


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(tmp_path: Path, *, devices: int = 0, **options: Any) -> tuple[Observer, Hand, list[str]]:
    """An observer of the paper's example, whose buyers are on this many devices; what it says, and its clock."""
    settings = [f"buyers.{k}.device=phone-{k}" for k in range(devices)]
    market = draw_market(load("two-sellers", settings), 1)
    said: list[str] = []
    onlookers = Onlookers(wait=said.append)
    run = RunOptions(market_name="m", **options)
    (tmp_path / "events").mkdir()
    metrics, placement = kind_of(market).metrics(market), spread(market, 2)
    job = Job(market, metrics, None, tmp_path, 30.0, 2, run, onlookers, "embedded", None, placement)
    observer = Observer(job, "m", Endpoint("127.0.0.1", 1), 0.0)
    observer.clock = clock = Hand()  # type: ignore[assignment]
    return observer, clock, said


def says(observer: Observer, word: str, *hosts: str) -> None:
    for host in hosts:
        observer._note(f"bidswarm/v1/m/presence/{host}", encode_presence(word, bytes(8)))


def test_it_says_how_many_hosts_it_waits_for_and_names_the_devices_first(tmp_path: Path) -> None:
    observer, _, said = watched(tmp_path, devices=4)
    observer._show()
    says(observer, ONLINE, "phone-0", "phone-1", "phone-3", "host-1")
    observer._show()
    says(observer, ONLINE, "phone-2", "host-2")
    says(observer, READY, "phone-2", "host-2")
    observer._show()
    assert said == [
        "waiting for 6 of 6 hosts: device phone-0, device phone-1, device phone-2, 3 more",
        "waiting for 2 of 6 hosts: device phone-2, host-2",
        "waiting for 4 of 6 hosts: device phone-0, device phone-1, device phone-3, 1 more",
    ]
    observer.close()


@pytest.mark.parametrize(
    ("devices", "timeout_s", "longest_s", "status"),
    [
        (0, None, START_S + 0.05 * 7, "failed"),
        (1, None, START_DEVICES_S + 0.05 * 7, "failed"),
        (1, 20.0, 20.0, "timeout"),
        (1, 1.0, LEAST_START_S, "failed"),
        (1, 10_000.0, START_DEVICES_S + 0.05 * 7, "failed"),
    ],
)
def test_it_gives_up_waiting_in_time_and_says_for_whom(
    tmp_path: Path, devices: int, timeout_s: float | None, longest_s: float, status: str
) -> None:
    observer, clock, _ = watched(tmp_path, devices=devices, timeout_s=timeout_s)
    says(observer, READY, "host-1")
    clock.now = longest_s
    assert not observer._is_over(lambda: True)
    clock.now += 0.001
    with pytest.raises(RunError) as caught:
        observer._is_over(lambda: True)
    missing = "2 of 3 hosts: device phone-0, host-2" if devices else "1 of 2 hosts: host-2"
    assert str(caught.value).startswith(f"not ready after {longest_s:g} s are {missing}; ")
    assert ("bidswarm node" in str(caught.value)) == bool(devices)
    assert observer.status == status
    observer.close()


def test_no_time_is_negative_if_the_market_never_opened(tmp_path: Path) -> None:
    observer, clock, _ = watched(tmp_path)
    clock.now = observer.ended_at = 5.0
    clock.now = 7.0
    outcome = observer.outcome(Counter())
    assert (outcome.opened_at, outcome.duration_s) == (5.0, 0.0)
    observer.close()


def test_processes_of_one_machine_agree_on_the_time_although_the_wall_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launcher = Clock(1_000.0)
    before = launcher()
    monkeypatch.setattr("node.runtime.mqtt.host.time.time", lambda: 0.0)
    assert before <= Clock.since(launcher.zero)() <= launcher()
