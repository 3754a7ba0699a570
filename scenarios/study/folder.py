"""What a study leaves in a folder of its own below ``--out`` (docs/studies.md)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scenarios.errors import RunError, ScenarioError
from scenarios.results import folder as rundir


class Folder:
    """The folder of one study; its manifest says ``running`` until the study is finished."""

    def __init__(self, path: Path, started: float) -> None:
        self.path = path
        self._started = started

    def write(self, name: str, value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
        """Keep the value as JSON."""
        rundir.write_json(self.path / name, value)

    def draw(self, pictures: Callable[[Path], Sequence[Path]]) -> Sequence[Path] | str:
        """Draw the pictures, which are an extra; their paths, or why there are none."""
        try:
            return pictures(self.path)
        except ScenarioError as error:
            return f"none: {error}"

    def finish(self, status: str) -> None:
        """Note in the manifest how the study ended, and how long it took."""
        rundir.finish_manifest(self.path, status, self._started)


@contextmanager
def folder_for(out: Path, study: str, label: str, options: Mapping[str, object]) -> Iterator[Folder]:
    """A new folder, named after study and label, with a manifest.

    It goes away again if the study ends before there is a result.

    Raises
    ------
    ScenarioError
        If the folder cannot be made.
    RunError
        If something cannot be written into it; both texts name what, and say what to do.
    """
    folder = Folder(rundir.create_plain(out, f"{study}-{label}"), time.monotonic())
    try:
        folder.write("manifest.json", {"study": study, "options": options, **rundir.environment()})
        yield folder
    except (KeyboardInterrupt, ScenarioError, ValueError):
        rundir.discard(folder.path)
        raise
    except OSError as error:
        where = error.filename or folder.path
        raise RunError(f"cannot write {where}: {error.strerror or error}; free some space or choose --out") from error
