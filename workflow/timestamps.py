"""Moments in time as the ledger and the messages write them: ISO 8601, UTC, milliseconds."""

from datetime import UTC, datetime, timedelta

EVER = "2000-01-01T00:00:00.000Z"  # Before anything that a ledger can hold.


def now() -> str:
    """This moment."""
    return text(datetime.now(UTC))


def text(moment: datetime) -> str:
    """A moment as text; all such texts sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(moment: str) -> datetime:
    """The moment that a text names; without a zone it is UTC."""
    value = datetime.fromisoformat(moment)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def later(moment: str, seconds: float) -> str:
    """The moment so many seconds later (earlier, if negative)."""
    return text(parse(moment) + timedelta(seconds=seconds))


def seconds_between(earlier: str, later_one: str) -> float:
    """Seconds from one moment to another."""
    return (parse(later_one) - parse(earlier)).total_seconds()
