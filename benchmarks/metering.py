"""What a worker of the throughput benchmark counts, and where its processor time goes."""

import asyncio
import json
import resource
import signal
import sys
from collections import Counter
from types import FrameType

SAMPLE_S = 0.005

SHARES = (
    ("/node/mechanism/", "auction and strategies"),
    ("/node/strategy/", "auction and strategies"),
    ("/node/protocol/", "machines and frames"),
    ("/node/runtime/", "node.runtime"),
    ("/scenarios/", "node.runtime"),
    ("/benchmarks/", "benchmark"),
    ("/aiomqtt/", "client"),
    ("/paho/", "client"),
    ("/mango/", "mango"),
    ("/asyncio/base_events.py", "event loop"),
)
"""Whose time it is: the innermost Python frame whose file contains one of these."""


class Meter:
    """Counts bids, and asks twice what it has come to: when the warm-up is over and at the end."""

    def __init__(self, warmup_s: float, seconds: float) -> None:
        self.bids = 0
        self._warmup_s = warmup_s
        self._seconds = seconds
        self._samples: Counter[str] = Counter()

    async def opening(self) -> None:
        """Tell the benchmark that this worker is ready, and wait until all are."""
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    async def measured(self) -> None:
        """Wait for the first bid, then measure, and print the result as a line of JSON."""
        while not self.bids:  # noqa: ASYNC110 - nobody could tell it
            await asyncio.sleep(0.01)
        await asyncio.sleep(self._warmup_s)
        self._sample()
        loop = asyncio.get_running_loop()
        bids, spent, begin = self.bids, _processor_s(), loop.time()
        await asyncio.sleep(self._seconds)
        elapsed = loop.time() - begin
        rate, busy = (self.bids - bids) / elapsed, (_processor_s() - spent) / elapsed
        print(json.dumps({"bids_per_s": rate, "busy": busy, "samples": self._samples}), flush=True)

    def _sample(self) -> None:
        """Note every few milliseconds of processor time whose it is."""

        def note(_: int, frame: FrameType | None) -> None:
            self._samples[_share(frame)] += 1

        signal.signal(signal.SIGPROF, note)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)


def _processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _share(frame: FrameType | None) -> str:
    while frame:
        for part, share in SHARES:
            if part in frame.f_code.co_filename:
                return share
        frame = frame.f_back
    return "event loop"
