"""A broker's process: started, waited for and stopped, so that it never outlives the program that opened it.

The child holds the reading end of a pipe on its standard input and stops when that pipe ends. The operating system
closes the pipe however the launcher ends, SIGKILL and a lost terminal included, so nothing has to be told.
"""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from broker.errors import BrokerError

START_TIMEOUT_S = 30.0
"""Seconds for a start: importing amqtt takes seconds on a small Raspberry Pi."""
GRACE_S = 5.0
"""Seconds between asking a child to stop and killing it; longer than the watchdog's own grace for Mosquitto."""
LAST_LINES = 6


async def start_child(script: str, *arguments: str, log: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A child running one of this folder's scripts, and the numbers it reports when ready; ``BrokerError`` if none."""
    with log.open("ab") as output:
        process = _spawn(script, arguments, output)
    try:
        return process, await _reported_numbers(process, log)
    except BaseException:  # a cancelled start leaves no process either
        await stop_child(process)
        raise


async def stop_child(process: subprocess.Popen[bytes]) -> None:
    """Stop the child, by force after a grace; in a thread, so a second cancellation cannot interrupt it."""
    await asyncio.to_thread(_stop, process)


def run_child(script: str, *arguments: str) -> int:
    """The exit code of a child that writes where we do, once it ends; KeyboardInterrupt ends it too."""
    process = _spawn(script, arguments, None)
    try:
        return process.wait()
    finally:
        _stop(process)


def start_failure(log: Path) -> BrokerError:
    """The error for a broker that ended at its start: the last lines of its log say why."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")[-LAST_LINES:]
    # Mosquitto names the mistake one line before the place; a Python traceback ends with it.
    reasons = [line.strip() for line in lines if "Error: " in line] or [line.strip() for line in lines if line.strip()]
    reason = reasons[-1] if reasons else "it gave no reason"
    return BrokerError(f"the broker did not start: {reason}; try another --broker or --port")


def _spawn(script: str, arguments: tuple[str, ...], errors: BinaryIO | None) -> subprocess.Popen[bytes]:
    # By path, with -P: neither the folder the user stands in nor this one may shadow what the child imports.
    command = [sys.executable, "-P", str(Path(__file__).with_name(script)), *arguments]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and script, no shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        # Ctrl-C goes to the terminal's whole process group; whether the broker stops is the launcher's decision.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


async def _reported_numbers(process: subprocess.Popen[bytes], log: Path) -> list[int]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await asyncio.to_thread(process.stdout.readline)
    except TimeoutError:
        raise BrokerError(f"the broker did not start within {START_TIMEOUT_S:.0f} s; is the machine busy?") from None
    if not line:
        raise start_failure(log)
    return [int(number) for number in line.split()]


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with process:
        process.stdin.close()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
