"""What can go wrong with a run, each with the exit code that scripts see."""

from collections.abc import Callable, Iterable


class ScenarioError(Exception):
    """The scenario or an option is wrong; the text names file, key, value and what is allowed. Exit code 2."""


class RunError(Exception):
    """The run broke down: a worker died, or a result could not be written. Exit code 1."""


def check_all(checks: Iterable[Callable[[], None]]) -> None:
    """Make every check, whether or not those before it failed.

    Raises
    ------
    ScenarioError
        If any of them did; the text has that of each, one below the other.
    """
    errors: list[ScenarioError] = []
    for check in checks:
        try:
            check()
        except ScenarioError as error:
            errors.append(error)
    if errors:
        raise ScenarioError("\n".join(map(str, errors))) from errors[0]


def not_toml(file: str, error: Exception) -> str:
    """What is wrong with a file that is no TOML, with its line where other errors of files have theirs."""
    what, at, place = str(error).removesuffix(")").partition(" (at line ")
    line, _, column = place.partition(", ")
    return f"{file}:{line}: not TOML: {what}, at {column}" if at else f"{file}: not TOML: {error}"


def reason(error: Exception) -> str:
    """Why something could not be read or written, without the number that the system has for it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    return (isinstance(error, OSError) and error.strerror) or str(error)
