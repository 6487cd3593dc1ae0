"""Output of commands: tables and JSON on stdout, notes on stderr, escaped for terminals."""

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import IO, Any, Literal

import click

from workflow.inspections.verdict import Verdict

COLOURS = {
    Verdict.OK.value: "green",
    Verdict.DEFECT.value: "red",
    Verdict.UNCLEAR.value: "yellow",
    Verdict.REJECTED.value: "magenta",
}
_PLAIN_WIDTH = 100_000


def escape_unprintable(text: str) -> str:
    """Replace control, direction and line-breaking characters by escapes such as `\\x1b`."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def escape_unencodable(*streams: IO[str]) -> None:
    """Make text streams escape the characters that their encoding lacks: output never ends a command."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows under titles, one line each. The columns in `right` are right-aligned.

    On a terminal the widest columns are shortened to its width. Elsewhere nothing is cut.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else _PLAIN_WIDTH, highlight=False)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        side: Literal["left", "right"] = "right" if title in right else "left"
        grid.add_column(title, justify=side, no_wrap=True, overflow="ellipsis")
    for row in rows:
        grid.add_row(*(Text(escape_unprintable(cell), style=COLOURS.get(cell, "")) for cell in row))
    with console.capture() as captured:
        console.print(grid)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def print_json_line(value: Any) -> None:
    """Print a JSON value on one line. The text is ASCII, so that every terminal and pipe transports it."""
    click.echo(json.dumps(value, separators=(", ", ": ")))


def print_json(value: Any) -> None:
    """Print an indented JSON value."""
    click.echo(json.dumps(value, indent=2))


def note(text: str) -> None:
    """Print progress, a hint or an error to stderr."""
    click.echo(text, err=True)


def format_confidence(value: float | None) -> str:
    """Format a confidence with three digits, rounded down so that it never seems to reach a threshold."""
    return "" if value is None else str(Decimal(repr(value)).quantize(Decimal("0.001"), ROUND_DOWN))


def format_duration(seconds: float | None) -> str:
    """Format a duration in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"
    for unit, below, part in ((3600, "min", 60), (86400, "h", 3600)):
        if seconds < unit:
            rest = "s" if below == "min" else "min"
            return f"{int(seconds // part)} {below} {int(seconds % part // (part // 60))} {rest}"
    return f"{int(seconds // 86400)} d {int(seconds % 86400 // 3600)} h"


def format_timestamp(timestamp: str) -> str:
    """Format a stored timestamp in UTC without fractions of a second."""
    return f"{timestamp[:10]} {timestamp[11:19]} UTC" if timestamp else ""


def format_counts(counts: Mapping[str, int]) -> str:
    """Format counts as `3 ok, 1 defect`. Zero counts are left out."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def pluralize(count: int, noun: str) -> str:
    """Return a count with its noun in singular or plural."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
