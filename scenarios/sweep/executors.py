"""Where the runs of a sweep are done: anything that is a ``concurrent.futures.Executor``."""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.launch.options import World
from scenarios.sweep.plan import Keep


@dataclass(frozen=True, slots=True)
class Hired:
    """Workers that are ready: an executor, and how many runs they do at a time."""

    executor: Executor
    workers: int


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers that can be hired.

    Attributes
    ----------
    hire
        Has them ready for as long as the context lasts; an error ends what they do at once.
    sees_folder
        Whether they have the file system of the sweep's folder.
    """

    hire: Callable[[], AbstractContextManager[Hired]]
    sees_folder: bool = True


def crew_of(executor: Any, workers: int | None, world: World, keep: Keep) -> Crew:  # noqa: ANN401 - a text, or a Client of Dask
    """The workers that ``executor`` names.

    Parameters
    ----------
    executor
        ``processes``, ``dask://host:port``, or a ``distributed.Client``.
    workers
        How many processes; as many as cores if not given.

    Raises
    ------
    ScenarioError
        If there are no such, or they cannot do runs in that world.
    """
    if executor == "processes":
        return Crew(partial(_pool, 1 if world == "mqtt" else workers or os.cpu_count() or 1))
    if world == "mqtt":
        raise ScenarioError(f"--executor {executor}: runs over MQTT are done one at a time here: take it out")
    if isinstance(executor, str) and not re.fullmatch(r"dask://.+:\d+", executor):
        raise ScenarioError(f"--executor {executor}: allowed are: processes, dask://host:port")
    return Crew(partial(_dask, executor), sees_folder=keep != "summary")


@contextmanager
def _pool(workers: int) -> Iterator[Hired]:
    """A pool whose processes end at once when this one does, or the context ends with an error.

    They wait for the end of a pipe of which only this process has the other half: none is left over, even by SIGKILL.
    """
    context = _Context()  # which spawns: a fork would copy the locks of other threads
    alive, tie = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(alive,))
    try:
        yield Hired(pool, workers)
    except BaseException:
        tie.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        tie.close()
        alive.close()


class _Worker(SpawnProcess):
    """A process that does not run the user's script once more, as Python has it: so that needs no guard."""

    def start(self) -> None:
        """Start it, as if from a program without a file."""
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = main


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


@contextmanager
def _dask(cluster: Any) -> Iterator[Hired]:  # noqa: ANN401 - the address of a scheduler, or a Client
    """The workers of a Dask cluster; what they have not begun is taken back if the context ends with an error."""
    distributed = needs("distributed")
    with ExitStack() as stack:
        client = cluster
        if isinstance(cluster, str):
            try:
                client = stack.enter_context(distributed.Client(cluster.replace("dask://", "tcp://"), timeout="10s"))
            except OSError as error:
                raise ScenarioError(
                    f"--executor {cluster}: no scheduler answers there; start one: dask scheduler"
                ) from error
        executor = client.get_executor(pure=False)  # a run that is asked for again is done again
        try:
            yield Hired(executor, max(1, sum(client.nthreads().values())))
        except BaseException:
            executor.shutdown(wait=False)
            raise
