"""A new service in memory for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from tests.unit.custom_labels.in_memory_service import InMemoryService


@pytest.fixture(autouse=True, scope="session")
def one_thread_of_linear_algebra() -> Iterator[None]:
    """Use one thread, as the service does: with several, small matrix products are slow."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def service(tmp_path: Path) -> Iterator[InMemoryService]:
    service = InMemoryService(tmp_path)
    yield service
    service.account.close()
