"""What only the extras install; the base stays small enough for a phone."""

from importlib import import_module
from typing import Any

from scenarios.errors import ScenarioError

_EXTRA_OF = {
    "cryptography": "security",
    "distributed": "cluster",
    "jinja2": "analysis",
    "matplotlib": "analysis",
    "pandas": "analysis",
    "prometheus_client": "metrics",
    "pyarrow": "launcher",
    "scipy": "launcher",
    "submitit": "slurm",
}

_NOT_OF_ALL = {"cluster", "slurm"}

_ALL = "all extras with: pip install 'bidswarm[all]'"


def needs(module: str) -> Any:  # noqa: ANN401 - a module
    """The module, imported.

    Raises
    ------
    ScenarioError
        If the extra it belongs to is not installed; the text says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        extra = _EXTRA_OF[module.partition(".")[0]]
        which = f"it with: pip install 'bidswarm[{extra}]'" if extra in _NOT_OF_ALL else _ALL
        raise ScenarioError(f"this needs {module}, which comes with the extra {extra}; install {which}") from error
