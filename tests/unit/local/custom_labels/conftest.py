"""A fresh service in memory for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from tests.unit.local.custom_labels.workbench import Workbench


@pytest.fixture(autouse=True, scope="session")
def one_thread_of_linear_algebra() -> Iterator[None]:
    """As in the service: threads that wait for each other make small products slow."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    bench = Workbench(tmp_path)
    yield bench
    bench.account.close()
