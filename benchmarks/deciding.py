"""Where a simulated market's processor time goes: to deciding, to folding the result, to the gaps in that, and in all.

python benchmarks/deciding.py [--scenario exchange-1000] [--runs 5] [--set KEY=VALUE] [--json]

Seconds are the least of several runs, for other work on the machine only ever adds to one. Calls do not depend on it.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from figures import Figure, printed

from node.strategy.psp import adaptive, offer
from scenarios.launch.run import run
from scenarios.markets.psp import course, results

LARGER = ["buyers.0.count=300", "sellers.0.count=40"]
"""``neighbourhood``, five times as large: what is measured if no scenario is named."""

PARTS = {
    "decisions": (adaptive.AdaptiveBestReply, "decide"),
    "folding the result": (results, "fold"),
    "gaps along the way": (course, "gaps"),
}

COUNTED = {
    "best replies": (adaptive, "best_reply"),
    "staircases of offers": (offer, "unchecked_staircase"),
}


def seconds_and_calls(scenario: str, settings: Sequence[str]) -> tuple[dict[str, float], Counter[str]]:
    """Processor time of one run, by part and in all, and how often what was called; messages are no calls."""
    seconds, calls = dict.fromkeys([*PARTS, "all"], 0.0), Counter[str]()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            calls[name] += 1
            started = time.process_time()
            result = function(*args, **kwargs)
            seconds[name] += time.process_time() - started
            return result

        return call

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            calls[name] += 1
            return function(*args, **kwargs)

        return call

    with ExitStack() as stack, TemporaryDirectory() as out:
        for parts, wrapped in ((PARTS, timed), (COUNTED, counted)):
            for name, (owner, function) in parts.items():
                stack.enter_context(patch.object(owner, function, wrapped(name, getattr(owner, function))))
        started = time.process_time()
        result = run(scenario, world="sim", seed=1, settings=settings, out=out, pictures=False)
        seconds["all"] = time.process_time() - started
        calls["messages"] = result.summary.messages
    return seconds, calls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", help="by its name or path; neighbourhood, made larger, if not given")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = options.set if options.scenario else [*LARGER, *options.set]
    runs = [seconds_and_calls(options.scenario or "neighbourhood", settings) for _ in range(options.runs)]
    figures = [Figure(name, min(seconds[name] for seconds, _ in runs), "s") for name in runs[0][0]]
    calls = runs[0][1]
    messages = calls.pop("messages")
    figures += [Figure("in all, per message", 1e6 * min(seconds["all"] for seconds, _ in runs) / messages, "µs")]
    figures += [Figure(name, number, "calls") for name, number in calls.items()]
    return printed(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
