"""Files that nobody else may read."""

import os
import stat
from pathlib import Path

import msgspec

from broker.errors import BrokerError


def write_private(path: Path, text: str) -> None:
    """Replace the file at once by one that its owner alone can read and write (mode 0600 on POSIX).

    Raises
    ------
    BrokerError
        If it cannot be written; the text names it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        # Created with its mode: between a creation and a chmod others could open it.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise BrokerError(f"cannot write {path} ({error.strerror}): check the folder and its owner") from None


def read_private(path: Path, what: str) -> str:
    """The text of a file with secrets.

    Raises
    ------
    BrokerError
        If there is none, if it is no text, or if others than its owner can read it (POSIX); ``what`` names its kind.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name == "posix" and mode & 0o077:
            raise BrokerError(f"{what} {path} has mode {mode:04o}, so others can read its secrets: chmod 600 {path}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BrokerError(f"cannot read {what} {path} ({error.strerror}): check the path and the owner") from None
    except UnicodeDecodeError:
        raise BrokerError(f"{what} {path} is not a text file: check the path") from None


def fault_of(error: msgspec.MsgspecError) -> str:
    """What is wrong with such a file, by the key that it is about: nobody writes one by hand."""
    what, _, place = str(error).partition(" - at `$")
    key, name = place.strip("`."), what.split("`")[1] if "field `" in what else ""
    if what.startswith("Object contains unknown field"):
        return f"unknown key {name}"
    if what.startswith("Object missing required field"):
        return f"{key + ' ' if key else ''}lacks the key {name}"
    return f"{key} is not as it was written" if key else what
