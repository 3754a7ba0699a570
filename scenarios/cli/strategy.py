"""What ``bidswarm check --strategy`` does: a buyer strategy of the exchange, tried by the laws that all must keep."""

from collections.abc import Sequence

import typer
from rich.text import Text

from scenarios.conformance.strategies import code_of, strategy_of, verdicts
from scenarios.console import SETTLED, UNMET, errors


def tried(kind: str, settings: Sequence[str]) -> int:
    """Print the laws that a strategy keeps and breaks; the exit code."""
    if source := code_of(kind):
        errors.print(Text(f"this strategy is code: {source}"), soft_wrap=True)
    found = verdicts(strategy_of(kind, settings))
    for one in found:
        typer.echo(f"{'broken' if one.counterexample else 'held  '}  {one.law}: {one.text}")
        if one.counterexample:
            typer.echo(f"        {one.counterexample}")
    return UNMET if any(one.counterexample for one in found) else SETTLED
