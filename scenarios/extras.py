"""What only the extras install; the base stays small enough for a phone."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from scenarios.errors import ScenarioError

_EXTRA_OF = {
    "cryptography": "security",
    "distributed": "cluster",
    "gymnasium": "learning",
    "jinja2": "analysis",
    "matplotlib": "analysis",
    "pandas": "analysis",
    "pettingzoo": "learning",
    "prometheus_client": "metrics",
    "pyarrow": "launcher",
    "scipy": "launcher",
    "segno": "live",
    "starlette": "live",
    "submitit": "slurm",
    "uvicorn": "live",
    "websockets": "live",
}

_NOT_OF_ALL = {"cluster", "slurm"}

_ALL = "all extras with: pip install 'bidswarm[all]'"


def needs_extra(extra: str) -> None:
    """Raise ScenarioError, before any work is done, if a module of an extra is not installed; the text names all."""
    modules = [module for module, of in _EXTRA_OF.items() if of == extra]
    lacking = [module for module in modules if not _is_installed(module)]
    if lacking:
        raise ScenarioError(
            f"this needs {' and '.join(lacking)}, which the extra {extra} brings; install {_how_to_install(extra)}"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def _how_to_install(extra: str) -> str:
    return f"it with: pip install 'bidswarm[{extra}]'" if extra in _NOT_OF_ALL else _ALL


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
        raise ScenarioError(
            f"this needs {module}, which comes with the extra {extra}; install {_how_to_install(extra)}"
        ) from error
