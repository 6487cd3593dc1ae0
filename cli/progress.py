"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from types import TracebackType
from typing import Any

from cli.output import note

EVERY_SECONDS = 5.0


class Progress:
    """A context manager that shows how many of a number of items are done."""

    def __init__(self, activity: str, total: int) -> None:
        self._activity, self._total = activity, total
        self._bar: Any = None
        self._task: Any = None
        self._printed_at = time.monotonic()
        self._last = ""

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[detail]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(self._activity, total=self._total, detail="")
        return self

    def show(self, done: int, detail: str = "") -> None:
        """Show the number of done items, and a detail behind it."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, detail=detail)
            return
        self._last = f"{self._activity} {done}/{self._total}" + (f": {detail}" if detail else "")
        if time.monotonic() - self._printed_at >= EVERY_SECONDS:
            self._print_last()

    def _print_last(self) -> None:
        if self._last:
            note(self._last)
        self._last, self._printed_at = "", time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif kind is None:
            self._print_last()
