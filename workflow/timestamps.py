"""Timestamps as rows and messages store them: ISO 8601, UTC, milliseconds."""

from datetime import UTC, datetime, timedelta

EARLIEST = "2000-01-01T00:00:00.000Z"  # Before any timestamp that a row can hold.


def now() -> str:
    """Return the current time."""
    return format_timestamp(datetime.now(UTC))


def format_timestamp(time: datetime) -> str:
    """Format a time. Formatted timestamps sort by time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(timestamp: str) -> datetime:
    """Parse a timestamp. Without a time zone it is UTC."""
    value = datetime.fromisoformat(timestamp)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def add_seconds(timestamp: str, seconds: float) -> str:
    """Return the timestamp that many seconds later, or earlier if `seconds` is negative."""
    return format_timestamp(parse(timestamp) + timedelta(seconds=seconds))


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from `start` to `end`."""
    return (parse(end) - parse(start)).total_seconds()
