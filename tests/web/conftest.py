"""Fixtures: an app on in-memory services for each test, and one Chromium for each worker."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from tests.web.browsing import Visit, chromium, visiting
from tests.web.reviewing import Open, names, open_review, wait_for_photos
from tests.web.serving import running, visitor
from tests.web.world import World


@pytest.fixture
def world() -> World:
    return World.new()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with running(world) as address:
        yield address


@pytest.fixture
def stranger(address: str) -> Iterator[httpx2.Client]:
    """Yield a client without a session."""
    with visitor(address) as client:
        yield client


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """Yield a function that opens windows; after the test, none may have errors or foreign requests."""
    with ExitStack() as windows:
        opened: list[Visit] = []

        def open_window(*who: str, **how: Any) -> Visit:
            window: AbstractContextManager[Visit] = visiting(browser, address, *who, **how)
            opened.append(windows.enter_context(window))
            return opened[-1]

        yield open_window
        assert [(window.problems, window.foreign_requests()) for window in opened] == [([], [])] * len(opened)


@pytest.fixture
def photos(world: World) -> list[str]:
    """Add twelve photos for review."""
    return world.add_waiting(*names(12))


@pytest.fixture
def window(visit: Open, photos: list[str]) -> Visit:
    """Ann's review page, with a photo of twelve and the five that follow it."""
    window = open_review(visit)
    wait_for_photos(window)
    return window
