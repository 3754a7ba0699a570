"""Pictures of a result, drawn in a process of their own: whatever becomes of that, the run and its figures stay."""

import pickle
import shlex
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.files.own import bring

if TYPE_CHECKING:
    from scenarios.results.result import Result

LOG = "pictures.log"
"""In the folder of the run: why there are no pictures, or not all."""


def draw_apart(result: "Result[Any]", style: Path | None = None) -> None:
    """Have another process draw the result into its folder, and wait for it; nothing is drawn without matplotlib.

    ``style`` is a matplotlib style file that it is drawn by, if one is given.

    A process that fails or is killed leaves ``LOG``. Ctrl-C ends it, and is raised here.
    """
    if find_spec("matplotlib") is None:
        return
    (result.run_dir / LOG).unlink(missing_ok=True)
    try:
        told = f"{result.run_dir / 'code'}\n".encode() + pickle.dumps((result, style))
    except Exception as error:  # noqa: BLE001 - a result of somebody else's market may hold anything
        _log(result, f"the result cannot be handed to another process: {error!r}")
        return
    command = [sys.executable, "-m", "scenarios.results.drawing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        try:
            _, said = process.communicate(told)
        except KeyboardInterrupt:
            process.kill()
            process.wait()
            _log(result, f"interrupted; draw them with: bidswarm report {shlex.quote(str(result.run_dir))}")
            raise
    if process.returncode:
        _log(result, f"the drawing ended with {process.returncode}\n{said.decode(errors='replace')}")


def _log(result: "Result[Any]", text: str) -> None:
    (result.run_dir / LOG).write_text(text.rstrip() + "\n", encoding="utf-8")


def main() -> None:
    """Draw the result that comes over stdin with its style, after a line that names the folder of its own code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the launcher's to answer
    bring(Path(sys.stdin.buffer.readline().decode().rstrip("\n")))
    result, style = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    result.draw(style)


if __name__ == "__main__":
    main()
