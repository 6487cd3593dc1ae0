"""One line for all integration tests of a run, on free ports, in a temporary directory."""

import signal
from collections.abc import Iterator

import pytest

from local.line import Line
from local.ports import Ports

# A shell makes what it runs in the background deaf to Ctrl-C: also every line that a test stops by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One xdist worker runs everything that shares the line."""
    for item in items:
        if "line" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("line"))


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A running line; from its start on, this process's AWS clients talk to it."""
    with Line(tmp_path_factory.mktemp("line"), Ports.free()) as line:
        yield line
