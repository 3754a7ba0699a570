"""How many files and connections a process may have open at a time (``ulimit -n``)."""

from importlib import import_module

from scenarios.errors import ScenarioError
from scenarios.words import counted

SPARE = 64
"""Open files of a process besides its connections: journal, logs, libraries, pipes."""


def limit() -> int | None:
    """How many files this process may have open; None where there is no limit."""
    try:
        resource = import_module("resource")
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else int(soft)


def allow(connections: int) -> None:
    """Raise the limit, of this process and of those that it starts, so that they can have so many connections each.

    Raises
    ------
    ScenarioError
        If the system does not allow so many; the text says how to allow them.
    """
    needed, allowed = connections + SPARE, limit()
    if allowed is None or allowed >= needed:
        return
    resource = import_module("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ScenarioError(
            f"a process may have {hard:,} open files here (ulimit -Hn), and this run needs {needed:,} for "
            f"{counted(connections, 'connection')}: have the administrator raise that limit, or have fewer "
            "connections: --connections per-host, and fewer --hosts"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
