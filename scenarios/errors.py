"""What can go wrong with a run, each with the exit code that scripts see."""


class ScenarioError(Exception):
    """The scenario or an option is wrong; the text names file, key, value and what is allowed. Exit code 2."""


class RunError(Exception):
    """The run broke down: a worker died, or a result could not be written. Exit code 1."""
