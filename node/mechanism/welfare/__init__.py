"""How good an outcome is: social welfare, its optimum, and what single buyers could still gain."""

from node.mechanism.welfare.fairness import envies, jain_index
from node.mechanism.welfare.flow import Edges
from node.mechanism.welfare.gains import Trades, best_trades, gains_bound, most_gains
from node.mechanism.welfare.gaps import StandingBids, epsilon_gaps, switching_gains, truthfulness_gaps
from node.mechanism.welfare.liquid import liquid
from node.mechanism.welfare.measures import efficiency, welfare, welfare_loss_bound
from node.mechanism.welfare.optimum import Optimum, optimum

__all__ = [
    "Edges",
    "Optimum",
    "StandingBids",
    "Trades",
    "best_trades",
    "efficiency",
    "envies",
    "epsilon_gaps",
    "gains_bound",
    "jain_index",
    "liquid",
    "most_gains",
    "optimum",
    "switching_gains",
    "truthfulness_gaps",
    "welfare",
    "welfare_loss_bound",
]
