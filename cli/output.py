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
SHORT_ID_LENGTH = 12
UNCUT_WIDTH = 24
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


def print_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Print rows under titles, one line each. The columns in `right` are right-aligned.

    On a terminal that is too narrow the columns in `optional` are hidden, in this order, and then the widest
    columns are shortened: the first at its beginning, since the ends of keys differ. Elsewhere nothing is
    hidden or cut.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else _PLAIN_WIDTH, highlight=False)
    cells = [[escape_unprintable(cell) for cell in row] for row in rows]
    widths = fit_columns(titles, cells, console.width, optional)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title, width in zip(titles, widths, strict=True):
        side: Literal["left", "right"] = "right" if title in right else "left"
        if width:
            grid.add_column(title, justify=side, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        row[0] = _keep_end(row[0], widths[0])
        shown = (cell for cell, width in zip(row, widths, strict=True) if width)
        grid.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in shown))
    with console.capture() as captured:
        console.print(grid)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
    # A column without a title whose cells are empty has no width either.
    if hidden := [title for title, width in zip(titles, widths, strict=True) if title and not width]:
        note(f"Hidden, as the terminal is narrow: {', '.join(hidden)}.")


def fit_columns(
    titles: Sequence[str], rows: Sequence[Sequence[str]], available: int, optional: Sequence[str] = ()
) -> list[int]:
    """Return the width of each column in characters, 0 for a hidden one. Two columns have two spaces between.

    Columns of at most UNCUT_WIDTH characters stay whole as long as the table can fit at all.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    least = [min(width, UNCUT_WIDTH) for width in widths]
    gaps = 2 * (len(widths) - 1)
    for title in optional:
        if sum(least) + gaps <= available:
            break
        index = titles.index(title)
        gaps -= 2
        widths[index] = least[index] = 0
    while sum(widths) + gaps > available and max(widths) > 1:
        shrinkable = [index for index, width in enumerate(widths) if width > least[index]]
        widths[max(shrinkable or range(len(widths)), key=widths.__getitem__)] -= 1
    return widths


def _keep_end(text: str, width: int) -> str:
    """Return a text that fits a width in characters, with its beginning replaced by an ellipsis."""
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    while cell_len(text) >= width and text:
        text = text[1:]
    return f"…{text}"


def format_execution(name: str) -> str:
    """Return an execution's name, shortened on a terminal. Commands accept both forms."""
    inspection_id, dash, attempt = name.rpartition("-")
    return f"{format_id(inspection_id)}{dash}{attempt}"


def format_id(inspection_id: str) -> str:
    """Return an inspection's id, shortened on a terminal to digits that commands accept."""
    return inspection_id[:SHORT_ID_LENGTH] if sys.stdout.isatty() else inspection_id


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


def shorten_reasons(reasons: Sequence[str]) -> str:
    """Return the first reason and the number of the others, empty without any."""
    others = f"; {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"{reasons[0]}{others}" if reasons else ""
