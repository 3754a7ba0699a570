"""For authors of strategies: the laws that ``bidswarm check --strategy`` tries, for tests of one's own.

Examples
--------
>>> from bidswarm.psp import AdaptiveStrategy
>>> from bidswarm.testing import STRATEGY_LAWS, counterexample
>>> [law.name for law in STRATEGY_LAWS]
['value', 'budget', 'any profile', 'deterministic', 'settles']
>>> counterexample(STRATEGY_LAWS[0], AdaptiveStrategy()) is None
True
"""

from scenarios.conformance.strategies import STRATEGY_LAWS, Law, Verdict, counterexample, verdicts

__all__ = ["STRATEGY_LAWS", "Law", "Verdict", "counterexample", "verdicts"]
