"""Faults with one of many, put aside until all others had their turn."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Turn = Callable[[], AbstractContextManager[None]]


@contextmanager
def aside() -> Iterator[Turn]:
    """Hand out a block for each turn; the first fault of any is raised after the last."""
    faults: list[Exception] = []

    @contextmanager
    def turn() -> Iterator[None]:
        try:
            yield
        except Exception as fault:
            faults.append(fault)

    yield turn
    if faults:
        raise faults[0]
