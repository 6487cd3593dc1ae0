"""One app on memory for each test that asks for it."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.web.serving import World, running, visitor


@pytest.fixture
def world() -> World:
    return World.new()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with running(world) as address:
        yield address


@pytest.fixture
def stranger(address: str) -> Iterator[httpx2.Client]:
    """A visitor who has not signed in."""
    with visitor(address) as client:
        yield client
