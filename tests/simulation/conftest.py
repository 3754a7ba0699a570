from collections.abc import Iterator

import pytest

from tests.pictures import without_pictures


@pytest.fixture(scope="module", autouse=True)
def pictures() -> Iterator[None]:
    """None are drawn."""
    with without_pictures():
        yield
