"""One engine for all tests of a module, and an in-memory environment for each test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.state_machine import engine as engine_module
from tests.state_machine.engine import Engine
from tests.state_machine.in_memory_environment import ENVIRONMENT_VARIABLES, InMemoryEnvironment


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(f"engine for {item.path.stem}"))


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch, engine_module.start_engine() as running:
        for name, value in ENVIRONMENT_VARIABLES.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def create_environment(engine: Engine) -> Iterator[Callable[..., InMemoryEnvironment]]:
    """Create in-memory environments. After the test, assert that no task token leaked."""
    environments: list[InMemoryEnvironment] = []

    def create(*answers: Any, **settings: int) -> InMemoryEnvironment:
        environments.append(InMemoryEnvironment(engine, *answers, **settings))
        return environments[-1]

    yield create
    for environment in environments:
        environment.assert_no_token_leaks()
