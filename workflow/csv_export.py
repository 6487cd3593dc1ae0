"""CSV that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

BYTE_ORDER_MARK = "\ufeff"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape_cell(value: object) -> str:
    """Convert a value to text. Prefix text that a spreadsheet would take for a formula with an apostrophe.

    This is OWASP's advice against CSV injection. Numbers are written as numbers.
    """
    text = "" if value is None else str(value)
    if isinstance(value, int | float) or not text.startswith(_DANGEROUS):
        return text
    return f"'{text}"


def iter_csv_lines(rows: Iterable[Iterable[object]], *, bom: bool = True) -> Iterator[str]:
    """Yield each row as one line of CSV (RFC 4180), encode it as UTF-8.

    The first line begins with a byte order mark unless `bom` is false: without it spreadsheets show `Ã¼`.
    """
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK if bom else "")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([escape_cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
