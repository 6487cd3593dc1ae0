"""Events of an execution's history, in one form whoever recorded them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event, whoever recorded it: numbers are whole, times have a zone, details are found by name."""

    id: int
    previous: int
    type: str
    at: datetime
    details: Mapping[str, Any]

    def detail(self, *names: str) -> Any:
        """The first of these details that is there."""
        return next((self.details[name] for name in names if name in self.details), None)

    @property
    def resource(self) -> str:
        """What a task calls: `lambda:invoke.waitForTaskToken`, or the ARN of a function or activity."""
        kind, resource = self.detail("resourceType"), self.detail("resource")
        return f"{kind}:{resource}" if kind else str(resource or "")

    @property
    def awaits_token(self) -> bool:
        """Whether the task it speaks of is answered with a task token."""
        return ".waitForTaskToken" in self.resource


def in_order(events: Iterable[Mapping[str, Any]]) -> Sequence[Event]:
    """The events by number; without usable numbers, in the order given, each after the one before."""
    read: list[Event] = []
    for place, event in enumerate(events, start=1):
        usable = isinstance(event.get("id"), int)
        previous = event.get("previousEventId")
        if previous is None:
            previous = read[-1].id if read else 0
        details: dict[str, Any] = {}
        for name, value in event.items():
            if name.endswith("EventDetails") and isinstance(value, Mapping):
                details.update(value)
        read.append(
            Event(
                number(event, place),
                previous if usable or previous else (read[-1].id if read else 0),
                str(event.get("type", "")),
                _time(event.get("timestamp")),
                details,
            )
        )
    return sorted(read, key=lambda event: max(event.id, 0))


def number(event: Mapping[str, Any], place: int) -> int:
    """An event's own number, or a negative one after its place when it has no usable one."""
    own = event.get("id")
    return own if isinstance(own, int) else -place


def _time(value: Any) -> datetime:
    """A moment from boto3's datetime, ISO text, or seconds since 1970."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(0, UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
