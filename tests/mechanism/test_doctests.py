import doctest
import importlib
import pkgutil

import pytest

import node.mechanism

MODULES = [module.name for module in pkgutil.walk_packages(node.mechanism.__path__, "node.mechanism.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
