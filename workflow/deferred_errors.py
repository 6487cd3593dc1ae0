"""Collect errors: process every item, then re-raise the first error."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

ErrorCapture = Callable[[], AbstractContextManager[None]]


@contextmanager
def defer_errors() -> Iterator[ErrorCapture]:
    """Yield a context manager for each item, and re-raise the first error after the last item."""
    errors: list[Exception] = []

    @contextmanager
    def capture() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            errors.append(error)

    yield capture
    if errors:
        raise errors[0]
