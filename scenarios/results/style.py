"""How pictures look: fit to print in two columns, told apart without colours, or as a matplotlib style file says."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from scenarios.errors import ScenarioError
from scenarios.extras import needs

WIDTH_IN = 7.0
"""Of a page of two columns, inches."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito (2008), without the yellow: told apart by the colour-blind, and on white paper."""

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 2)))
"""So that the same lines are told apart in grey."""

_is_styled = ContextVar("is_styled", default=False)


def _house() -> dict[str, Any]:
    cycler = needs("matplotlib.rcsetup").cycler
    return {
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.labelsize": "medium",
        "axes.prop_cycle": cycler(color=2 * COLOURS, linestyle=DASHES + DASHES[3:] + DASHES[:3]),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": "medium",
        "font.size": 8.0,
        "grid.alpha": 0.6,
        "grid.color": "0.85",
        "grid.linewidth": 0.5,
        "legend.fontsize": "medium",
        "legend.frameon": False,
        "lines.linewidth": 1.3,
        "pdf.fonttype": 42,  # text that can be searched, and that journals take
        "xtick.labelsize": "medium",
        "ytick.labelsize": "medium",
    }


@contextmanager
def styled(style: Path | None = None) -> Iterator[None]:
    """What is drawn meanwhile has the style of the house, with that of a file over it; within another, that one's."""
    if _is_styled.get():
        yield
        return
    token = _is_styled.set(True)
    try:
        with needs("matplotlib").rc_context(_house() | (read_style(style) if style else {})):
            yield
    finally:
        _is_styled.reset(token)


def style_of(pictures: bool | Path) -> Path | None:  # noqa: FBT001 - as it is given
    """The style file that pictures are to be drawn by, if one was given in place of whether they are."""
    return None if isinstance(pictures, bool) else pictures.resolve()


def read_style(path: Path) -> dict[str, Any]:
    """The settings of a matplotlib style file.

    Raises
    ------
    ScenarioError
        If it cannot be read, or has a key or a value that matplotlib does not take; the text names it.
    """
    matplotlib = needs("matplotlib")
    if not path.is_file():
        raise ScenarioError(
            f"--pictures {path}: there is no such file; name a matplotlib style, such as paper.mplstyle"
        )
    try:
        lines = [line.partition("#")[0] for line in path.read_text(encoding="utf-8").splitlines()]
        keys = [line.partition(":")[0].strip() for line in lines if line.strip()]
        if unknown := [key for key in keys if key not in matplotlib.rcParams]:
            raise ValueError(f"unknown key {unknown[0]!r}")  # noqa: TRY301 - which matplotlib only warns of
        found = matplotlib.rc_params_from_file(path, fail_on_error=True, use_default_template=False)
    except Exception as error:
        raise ScenarioError(f"--pictures {path}: no matplotlib style: {error}") from error
    return dict(found)
