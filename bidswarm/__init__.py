"""Decentralised markets in which every user is a node of its own and every bid a message.

What users' code imports: running a scenario stands here, ``bidswarm.psp`` and ``bidswarm.dmp`` have what the scenarios
and results of either market are made of. Everything else may change without notice.

Examples
--------
>>> from bidswarm import run
>>> result = run("two-sellers", world="sim", seed=3)  # doctest: +SKIP
>>> result.summary.efficiency  # doctest: +SKIP
1.0
"""

from importlib.metadata import version

from broker.errors import BrokerError
from scenarios.compare.comparison import Comparison, compare
from scenarios.errors import RunError, ScenarioError
from scenarios.launch.run import BrokenRunError, run
from scenarios.markets.load import load, shipped
from scenarios.markets.registry import read_trace
from scenarios.report.report import report_on
from scenarios.sweep.sweep import Sweep, sweep

__version__ = version("bidswarm")

__all__ = [
    "BrokenRunError",
    "BrokerError",
    "Comparison",
    "RunError",
    "ScenarioError",
    "Sweep",
    "__version__",
    "compare",
    "load",
    "read_trace",
    "report_on",
    "run",
    "shipped",
    "sweep",
]
