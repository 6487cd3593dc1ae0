"""What commands print: results on stdout, as tables or JSON, safe for any terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal

import click

from workflow.inspections.verdict import Verdict

COLOURS = {
    Verdict.OK.value: "green",
    Verdict.DEFECT.value: "red",
    Verdict.UNCLEAR.value: "yellow",
    Verdict.REJECTED.value: "magenta",
}
_PLAIN_WIDTH = 100_000


def safe(text: str) -> str:
    """Text that cannot command a terminal: control, direction and line-breaking characters are spelt out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows under titles, one line each; columns named in `right` are numbers.

    On a terminal the widest columns give way so that a row fits; elsewhere nothing is cut.
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
        grid.add_row(*(Text(safe(cell), style=COLOURS.get(cell, "")) for cell in row))
    with console.capture() as captured:
        console.print(grid)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def json_line(value: Any) -> None:
    """Print a JSON value in one line; ASCII, so that every key survives every terminal and pipe."""
    click.echo(json.dumps(value, separators=(", ", ": ")))


def json_document(value: Any) -> None:
    """Print a JSON value over several lines."""
    click.echo(json.dumps(value, indent=2))


def note(text: str) -> None:
    """Tell the person at the terminal something that is no result."""
    click.echo(text, err=True)


def share(value: float | None) -> str:
    """A confidence with three digits, rounded down: what is below a threshold never looks like it."""
    return "" if value is None else str(Decimal(repr(value)).quantize(Decimal("0.001"), ROUND_DOWN))


def duration(seconds: float | None) -> str:
    """A length of time in the two units that matter."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"
    for unit, below, part in ((3600, "min", 60), (86400, "h", 3600)):
        if seconds < unit:
            rest = "s" if below == "min" else "min"
            return f"{int(seconds // part)} {below} {int(seconds % part // (part // 60))} {rest}"
    return f"{int(seconds // 86400)} d {int(seconds % 86400 // 3600)} h"


def clock(moment: str) -> str:
    """A moment of the ledger without its fraction of a second, in UTC."""
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else ""


def tally(counts: Mapping[str, int]) -> str:
    """Counts as `3 ok, 1 defect`; what did not occur is not mentioned."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
