"""For authors of strategies and mechanisms: the laws that ``bidswarm check`` tries, for tests of one's own.

Examples
--------
>>> from bidswarm.psp import AdaptiveStrategy, PayAsBid
>>> from bidswarm.testing import MECHANISM_LAWS, STRATEGY_LAWS, counterexample
>>> [law.name for law in STRATEGY_LAWS]
['value', 'budget', 'any profile', 'deterministic', 'settles']
>>> counterexample(STRATEGY_LAWS[0], AdaptiveStrategy()) is None
True
>>> [law.name for law in MECHANISM_LAWS][:6]
['supply', 'allocation', 'at most the bid', 'reserve', 'charge', 'order']
>>> counterexample(MECHANISM_LAWS[0], PayAsBid()) is None
True
"""

from scenarios.conformance.laws import Law, Verdict, counterexample
from scenarios.conformance.mechanisms import MECHANISM_LAWS, mechanism_verdicts
from scenarios.conformance.strategies import STRATEGY_LAWS, verdicts

__all__ = [
    "MECHANISM_LAWS",
    "STRATEGY_LAWS",
    "Law",
    "Verdict",
    "counterexample",
    "mechanism_verdicts",
    "verdicts",
]
