"""What a benchmark prints: figures, some of them with a bound that they must reach."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """``least`` is the bound: the figure must be at least that."""

    name: str
    measured: float
    unit: str
    least: float | None = None

    @property
    def missed(self) -> bool:
        return self.least is not None and self.measured < self.least


def printed(figures: Sequence[Figure], *, as_json: bool) -> int:
    """Print the figures; the exit code: 1 if one misses its bound."""
    if as_json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        print("\n".join(map(_line, figures)))
    return int(any(figure.missed for figure in figures))


def _line(figure: Figure) -> str:
    number = f"{figure.measured:,.0f}" if figure.measured >= 100.0 else f"{figure.measured:,.3g}"
    bound = "" if figure.least is None else f"at least {figure.least:g}{'  MISSED' if figure.missed else ''}"
    return f"{figure.name:<66} {number:>9} {figure.unit:<10} {bound}".rstrip()
