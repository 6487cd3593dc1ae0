"""Events of an execution's history, in one form for every source."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One event with an integer id, a time with a zone, and its details by name."""

    id: int
    previous_id: int
    type: str
    at: datetime
    details: Mapping[str, Any]

    def detail(self, *names: str) -> Any:
        """Return the first of these details that exists, or None."""
        return next((self.details[name] for name in names if name in self.details), None)

    @property
    def resource(self) -> str:
        """The called resource: `lambda:invoke.waitForTaskToken`, or the ARN of a function or activity."""
        resource_type, resource = self.detail("resourceType"), self.detail("resource")
        return f"{resource_type}:{resource}" if resource_type else str(resource or "")

    @property
    def awaits_token(self) -> bool:
        """True if the event's task waits for an answer with its task token."""
        return ".waitForTaskToken" in self.resource


def sort_events(events: Iterable[Mapping[str, Any]]) -> Sequence[HistoryEvent]:
    """Return the events sorted by id; without usable ids, in the given order, each after the one before."""
    parsed: list[HistoryEvent] = []
    for position, event in enumerate(events, start=1):
        has_id = isinstance(event.get("id"), int)
        previous_id = event.get("previousEventId")
        if previous_id is None:
            previous_id = parsed[-1].id if parsed else 0
        details: dict[str, Any] = {}
        for name, value in event.items():
            if name.endswith("EventDetails") and isinstance(value, Mapping):
                details.update(value)
        parsed.append(
            HistoryEvent(
                id=event_number(event, position),
                previous_id=previous_id if has_id or previous_id else (parsed[-1].id if parsed else 0),
                type=str(event.get("type", "")),
                at=_parse_time(event.get("timestamp")),
                details=details,
            )
        )
    return sorted(parsed, key=lambda event: max(event.id, 0))


def event_number(event: Mapping[str, Any], position: int) -> int:
    """Return an event's own id, or the negative of its position if it has no usable id."""
    own = event.get("id")
    return own if isinstance(own, int) else -position


def _parse_time(value: Any) -> datetime:
    """Return the time of boto3's datetime, ISO text, or seconds since 1970; 1970 for other values."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(0, UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
