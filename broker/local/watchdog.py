"""Runs a program that stops when the launcher ends: ``watchdog.py PROGRAM ARGUMENT...``.

Mosquitto does not watch its standard input. A parent that does knows its child for certain, on every platform; a helper
beside it that killed by process id might hit another process that was given the id since.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_S = 2.0
"""Seconds between SIGTERM and SIGKILL; Mosquitto stops within milliseconds."""


def _stop_with_launcher(program: subprocess.Popen[bytes]) -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the launcher closes the pipe, or ends in whatever way
    program.terminate()
    try:
        program.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        program.kill()


def main() -> int:
    """The program's exit code, 128 + signal as shells have it; its process id goes to standard output at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Both its outputs are our standard error, the log: an open file needs no permission once Mosquitto gives up root.
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr)  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    threading.Thread(target=_stop_with_launcher, args=(program,), daemon=True).start()
    print(program.pid, flush=True)  # noqa: T201 - the report to the launcher
    code = program.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
