"""Pictures take most of the time of a short run, and few tests look at them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ABSENT = Path(__file__).parent / "absent"


@contextmanager
def without_pictures() -> Iterator[None]:
    """Runs draw no pictures, as where matplotlib is not installed: those of this process, and of any it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)
        patch.setenv("PYTHONPATH", str(ABSENT), prepend=os.pathsep)
        yield
