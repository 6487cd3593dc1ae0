"""One local environment for all integration tests of a run, on free ports, in a temporary directory."""

import signal
from collections.abc import Iterator

import pytest

from local.environment import LocalEnvironment
from local.ports import Ports

# A shell's background processes ignore SIGINT. Tests stop environments with it, so restore its handler.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests that share the environment in one xdist worker."""
    for item in items:
        if "environment" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("environment"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    """Run an environment. This process's AWS clients use it from its start on."""
    with LocalEnvironment(tmp_path_factory.mktemp("environment"), Ports.find_free()) as environment:
        yield environment
