from collections.abc import Iterator

import pytest

from tests.pictures import without_pictures


@pytest.fixture(scope="module", autouse=True)
def pictures() -> Iterator[None]:
    """None are drawn; a module that looks at some overrides this."""
    with without_pictures():
        yield


@pytest.fixture
def no_pictures() -> Iterator[None]:
    """For single tests of such a module."""
    with without_pictures():
        yield
