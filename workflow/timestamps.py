"""Timestamps as rows and messages store them: ISO 8601, UTC, milliseconds."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NewType

Timestamp = NewType("Timestamp", str)
Clock = Callable[[], Timestamp]  # Tests move it.

EARLIEST = "2000-01-01T00:00:00.000Z"  # Before any timestamp that a row can hold.


def now() -> Timestamp:
    """Return the current time."""
    return format_timestamp(datetime.now(UTC))


def format_timestamp(time: datetime) -> Timestamp:
    """Format a time. Formatted timestamps sort by time."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return Timestamp(text.replace("+00:00", "Z"))


def parse(timestamp: str) -> datetime:
    """Parse a timestamp. Without a time zone it is UTC."""
    value = datetime.fromisoformat(timestamp)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def parse_input(text: str) -> datetime:
    """Parse a time as a person types it or as commands and pages print it. Without an offset it is UTC.

    Raise ValueError if the text is no time.
    """
    compact = text.strip().upper().removesuffix("UTC").rstrip()
    if len(compact) < len("2026-01-01"):
        raise ValueError(f"{text!r} is no time")
    try:
        return parse(re.sub(r"\s+(?=[+-]\d|Z$)", "", compact)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error


def add_seconds(timestamp: str, seconds: float) -> Timestamp:
    """Return the timestamp that many seconds later, or earlier if `seconds` is negative."""
    return format_timestamp(parse(timestamp) + timedelta(seconds=seconds))


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from `start` to `end`."""
    return (parse(end) - parse(start)).total_seconds()


def expiry(days: float) -> int:
    """Return the time that many days from now in seconds since 1970, as a table's time to live needs it."""
    return int(parse(now()).timestamp() + days * 86400)
