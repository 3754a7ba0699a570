"""Runs to look at, and what a view makes of them."""

from pathlib import Path
from typing import Any

import msgspec

from scenarios.launch.run import run
from scenarios.live.playback import whole_view
from scenarios.markets.panels import View
from scenarios.results.result import Result


def simulated(name: str, out: Path, **options: Any) -> tuple[Result[Any], View]:
    """The result of a simulated run, and the view of its folder."""
    result = run(name, world="sim", out=out, pictures=False, **options)
    return result, whole_view(Path(result.summary.run_dir))


def all_of(view: View) -> bytes:
    """Everything that a page could ask for, encoded as it is sent."""
    names = view.rows("nodes")["name"]
    kinds = {event.key for event in view.chronicle.events}
    singles = [view.single(course, str(name)) for course in view.courses() for name in names]
    shown = (view.layout, view.figures(), view.courses(), view.drawings(), view.rows("nodes"), singles)
    return msgspec.msgpack.encode((*shown, [view.detail(str(name)) for name in names], view.chronicle.latest(kinds)))
