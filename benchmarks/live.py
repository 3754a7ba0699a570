"""What the live page costs: the run that it shows, the browser that shows it, the server over an hour.

python benchmarks/live.py [--short] [--json]

The first minute of exchange-10000 over a broker, alone and with its page open in Chromium, in turns: messages per
second, where hosts and broker have more to do than this machine can. Then that page, played back: the time between two
frames, and the memory of the browser's page. Then the server: the memory of a process that takes in an hour of the
trace of that run, again and again from its start, while a page looks on. --short takes exchange-1000. Exit code 1 if a
bound is missed. It needs Chromium.
"""

import argparse
import itertools
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

from clearing import Figure, table
from playwright.sync_api import Browser, Page

from scenarios.launch.options import Onlookers, RunOptions
from scenarios.launch.run import carry_out
from scenarios.live.beside import Beside
from scenarios.live.feed import Feed, Viewer
from scenarios.live.guard import guard_of
from scenarios.live.playback import Playback, playable
from scenarios.live.serving import Shown, bound, served_beside, url_of
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market
from scenarios.report.finish import records_of
from tests.scenarios.live.browser import started, visited, wait_state

MINUTE_S, HOUR_S = 60.0, 3600.0
FRAMES_S = 10.0
AT_ONCE = 5_000

FRAMES = """async (seconds) => {
  let frames = 0, on = true;
  const count = () => { frames += 1; if (on) requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const began = performance.now();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  on = false;
  return 1000 * frames / (performance.now() - began);
}"""
"""How often per second the page can draw."""


@contextmanager
def open_page(browser: Browser, shown: Shown) -> Iterator[Page]:
    """The page, served by this process, in the browser."""
    guard, listening = guard_of("127.0.0.1", None), bound("127.0.0.1", 0)
    with served_beside(shown, guard, listening), visited(browser, url_of(listening, guard)) as page:
        yield page


def throughput(scenario: str, out: Path, browser: Browser | None) -> tuple[float, Path]:
    """Messages per second of the first minute, with the page open if there is a browser; and the folder of the run."""
    chosen, options = load(scenario), RunOptions(out=out, pictures=False, timeout_s=MINUTE_S)
    beside = Beside(draw_market(chosen, 0), is_paced=False) if browser else None
    # In a thread of its own: playwright has an event loop in this one.
    with open_page(browser, beside) if browser and beside else nullcontext(), ThreadPoolExecutor(1) as runs:
        result = runs.submit(carry_out, chosen, options, Onlookers(page=beside)).result()
    rate = result.summary.messages / result.summary.duration_s
    print(f"{scenario}, {'with its page' if browser else 'alone'}: {rate:,.0f} messages/s", file=sys.stderr)
    return rate, result.run_dir


def drawn(browser: Browser, folder: Path) -> tuple[float, float]:
    """Frames per second while a run is played back, and what its page then has of memory, MB."""
    with open_page(browser, Playback(folder, 1.0)) as page:
        wait_state(page, "running")
        frames = float(page.evaluate(FRAMES, FRAMES_S))
        return frames, private_mb("renderer")


def private_mb(kind: str) -> float:
    """Of the largest process of Chromium of that kind: the memory that it shares with no other."""
    sizes = [0.0]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"--type={kind}".encode() in (process / "cmdline").read_bytes():
                lines = (process / "smaps_rollup").read_text().splitlines()
                kilobytes = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
                sizes.append(sum(kilobytes) / 1000.0)
    return max(sizes)


def hour(folder: Path) -> None:
    """Print the memory of this process after an hour of the trace of a run, while a page looks on, MB."""
    remains = playable(folder)
    outcome = remains.run.outcome
    feed, viewer = Feed(lambda: remains.kind.view(remains.market), "run"), Viewer()
    feed.view.prepare()
    for _ in range(math.ceil(HOUR_S / outcome.duration_s)):
        records = records_of(folder, remains.kind, outcome.opened_at, is_over=True)
        while read := list(itertools.islice(records, AT_ONCE)):
            feed.take(read)
            feed.frame(viewer)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000.0)


def served_mb(folder: Path) -> float:
    """That memory, of a process of its own."""
    asked = [sys.executable, __file__, "--hour", str(folder)]
    return float(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)


def measured(scenario: str, pairs: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, started() as browser:
        out, alone, shown = Path(name), [], []
        for _ in range(pairs):
            alone.append(throughput(scenario, out, None)[0])
            rate, folder = throughput(scenario, out, browser)
            shown.append(rate)
        frames, page_mb = drawn(browser, folder)
        lost = 1.0 - statistics.median(one / other for one, other in zip(shown, alone, strict=True))
        return [
            Figure(f"{scenario} over the embedded broker, alone", statistics.median(alone), "messages/s"),
            Figure("lost of that with its page open in Chromium", 100.0 * lost, "%", bound=5.0),
            Figure("time between two frames of that page", 1000.0 / frames, "ms", bound=1000.0 / 30.0),
            Figure("memory of the page", page_mb, "MB", bound=200.0),
            Figure("memory of the server after an hour", served_mb(folder), "MB", bound=300.0),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="exchange-1000 in place of exchange-10000")
    parser.add_argument("--pairs", type=int, default=3, help="of runs, alone and with their page")
    parser.add_argument("--hour", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.hour:
        hour(options.hour)
        return 0
    figures = measured("exchange-1000" if options.short else "exchange-10000", options.pairs)
    print(json.dumps([asdict(figure) for figure in figures], indent=2) if options.json else table(figures))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
