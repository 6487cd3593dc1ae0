"""What each reviewer decided today, read once and then only what is new."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from workflow import timestamps
from workflow.inspections.inspection import AuditEntry, Ledger

PACE_SECONDS = 300
REMEMBERED = 500
_ANSWERS = ("decide", "second look")
_LAG = 10


@dataclass(slots=True)
class _Person:
    done: int = 0
    newest: list[AuditEntry] = field(default_factory=list)


class Today:
    """The running tally of one day (UTC), kept by each worker process for itself."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], str] = timestamps.now, keep_seconds: float = 1.0
    ) -> None:
        self._ledger, self._clock, self._keep = ledger, clock, keep_seconds
        self._lock = threading.Lock()
        self._begin("")

    def _begin(self, day: str) -> None:
        self._day, self._read_at, self._since = day, "", ""
        self._seen: set[tuple[str, str, str, str]] = set()
        self._people: dict[str, _Person] = {}

    def heard(self) -> int:
        """How many entries of the day were read so far, whoever made them."""
        with self._lock:
            self._refresh()
            return len(self._seen)

    def done(self, who: str) -> int:
        """How many answers of this person stand."""
        with self._lock:
            self._refresh()
            return self._of(who).done

    def pace(self, who: str) -> int:
        """Answers a minute over the last minutes, once there are some."""
        since = timestamps.later(self._clock(), -PACE_SECONDS)
        with self._lock:
            self._refresh()
            recent = [entry for entry in self._of(who).newest if entry.at >= since]
        if len(recent) < 2:
            return 0
        minutes = max(1.0, timestamps.seconds_between(recent[0].at, self._clock()) / 60)
        return round(len(recent) / minutes)

    def last(self, who: str, count: int) -> list[AuditEntry]:
        """This person's last answers that stand, newest first."""
        with self._lock:
            self._refresh()
            return self._of(who).newest[: -count - 1 : -1]

    def _of(self, who: str) -> _Person:
        return self._people.get(who, _Person())

    def _refresh(self) -> None:
        now = self._clock()
        if now[:10] != self._day:
            self._begin(now[:10])
        if self._read_at and timestamps.seconds_between(self._read_at, now) < self._keep:
            return
        for entry in self._ledger.audit_day(self._day, self._since):
            self._count(entry)
        self._read_at = now
        self._since = timestamps.later(now, -_LAG)  # The index may lag: look again at what came just before.

    def _count(self, entry: AuditEntry) -> None:
        key = (entry.inspection_id, entry.at, entry.action, entry.decision_id)
        if key in self._seen:
            return
        self._seen.add(key)
        person = self._people.setdefault(entry.who, _Person())
        if entry.action in _ANSWERS:
            person.done += 1
            person.newest = [*person.newest[-REMEMBERED:], entry]
        elif entry.action == "undo":
            person.done -= 1
            person.newest = [one for one in person.newest if one.decision_id != entry.decision_id]
