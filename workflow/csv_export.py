"""CSV that a spreadsheet shows and never executes."""

import csv
import io
from collections.abc import Iterable, Iterator

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: object) -> str:
    """The value as text; what a spreadsheet would take for a formula gets an apostrophe before it.

    As OWASP advises against CSV injection. Numbers are written as numbers.
    """
    text = "" if value is None else str(value)
    if isinstance(value, int | float) or not text.startswith(_DANGEROUS):
        return text
    return f"'{text}"


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Each row as one line of CSV (RFC 4180), as it is asked for."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
