"""Processes of this machine that do the runs of a sweep."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType


@contextmanager
def pool(workers: int) -> Iterator[tuple[Executor, int]]:
    """A pool whose processes end at once when this one does, or the context ends with an error.

    They wait for the end of a pipe of which only this process has the other half: none is left over, even by SIGKILL.
    """
    context = _Context()  # which spawns: a fork would copy the locks of other threads
    alive, tie = context.Pipe(duplex=False)
    processes = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(alive,))
    try:
        yield processes, workers
    except BaseException:
        tie.close()
        raise
    finally:
        processes.shutdown(cancel_futures=True)
        tie.close()
        alive.close()


class _Worker(SpawnProcess):
    """A process that does not run the user's script once more, as Python has it: so that needs no guard."""

    def start(self) -> None:
        """Start it, as if from a program without a file."""
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            with _ctrl_c_held_back():
                super().start()
        finally:
            sys.modules["__main__"] = main


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Ctrl-C comes to this process after the block, and never to a process that is started in it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Worker


def _begin(alive: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to answer
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    try:
        alive.recv_bytes()  # nothing is ever sent
    except (EOFError, OSError):
        os._exit(1)
