"""The engine, once for all tests that need it, and a floor for each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.state_machine import engine as engine_module
from tests.state_machine.engine import Engine
from tests.state_machine.floor import SETTINGS, Floor

NO_METRICS = "ignore:No application metrics to publish:UserWarning"  # of a function that died first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(f"engine for {item.path.stem}"))
            item.add_marker(pytest.mark.filterwarnings(NO_METRICS))


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch, engine_module.running() as running:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def open_floor(engine: Engine) -> Iterator[Callable[..., Floor]]:
    """Opens floors; in the end nobody waits on them, and no token was seen where it must not be."""
    opened: list[Floor] = []

    def opens(*answers: Any, **settings: int) -> Floor:
        opened.append(Floor(engine, *answers, **settings))
        return opened[-1]

    yield opens
    for floor in opened:
        floor.assert_no_token_shows()
