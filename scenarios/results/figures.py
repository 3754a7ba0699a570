"""Figures as files, the same bytes every time."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.extras import needs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PNG_DPI = 150


def save(figure: "Figure", folder: Path, name: str) -> Path:
    """Write the figure as PDF, SVG and PNG of that name, each whole or not at all; the path of the PNG."""
    # Without a salt of ours matplotlib makes up the names inside an SVG at random; dates would tell when it was drawn.
    with needs("matplotlib").rc_context({"svg.hashsalt": name, "pdf.fonttype": 42}):
        for ending, undated in (("pdf", {"CreationDate": None}), ("svg", {"Date": None}), ("png", {})):
            drawn = io.BytesIO()
            figure.savefig(drawn, format=ending, metadata=undated, dpi=PNG_DPI)
            (folder / f"{name}.{ending}").write_bytes(drawn.getvalue())
    return folder / f"{name}.png"
