"""Mending what the audit finds, so that every photo gets its verdict whatever died meanwhile."""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from workflow import timestamps
from workflow.collected_errors import aside
from workflow.inspections.inspection import Inspection, Ledger, State
from workflow.inspections.objects import Image, Shelf, inspection_id
from workflow.pipeline import intake
from workflow.pipeline.intake import IN_FLIGHT_SECONDS, MAX_ATTEMPTS, Executions, rested, start
from workflow.recovery import consistency
from workflow.recovery.consistency import Finding, Kind
from workflow.review import decisions
from workflow.review.decisions import Queue

MAX_IN_FLIGHT = 20
RESTARTS = 5
LEFT, LATER = "left to a person", "left for later"


@dataclass(frozen=True, slots=True)
class Mender:
    """The ports that mending needs, and how many inspections may be in flight before none is started."""

    ledger: Ledger
    shelf: Shelf
    executions: Executions
    decisions: Queue
    limit: int = MAX_IN_FLIGHT

    def room(self) -> int:
        """How many missed uploads may be started now.

        An upload whose event waits in a long queue looks as if it were missed. Starting them all would take
        the queue's brake away just when it is needed.
        """
        since = timestamps.later(timestamps.now(), -IN_FLIGHT_SECONDS)
        return self.limit - self.ledger.count_recent(State.INSPECTING, since, self.limit)

    def mend(self, finding: Finding) -> bool:
        """Mend one finding, or see that somebody else did; False when it is left for a person."""
        if finding.kind is Kind.MISSED_UPLOAD:
            start(self.executions, self.ledger, finding.image, finding.uploaded_at)
            return True
        if finding.row is None or finding.kind is Kind.MISPLACED:
            return False
        if finding.kind is Kind.STRANDED:
            return self.restart(finding.row)
        if finding.kind is Kind.UNDELIVERED:
            self.decisions.send(decisions.delivery(finding.inspection_id))
            return True
        return self._delete(finding.row, finding.image)

    def _delete(self, row: Inspection, image: Image) -> bool:
        """Delete a surplus copy, if the photo still lies where it lay when the copy was found to be one."""
        now = self.ledger.get(row.id)
        if now is None or now.location != row.location or self.shelf.fetch(now.location, 0) is None:
            return False
        self.shelf.delete(image)
        return True

    def restart(self, row: Inspection, limit: int = MAX_ATTEMPTS) -> bool:
        """Start an inspection again; False when it failed so often that it is left to a person."""
        return intake.restart(self.ledger, self.executions, row, limit)


def findings(mender: Mender, inbound: str) -> Iterable[Finding]:
    """What the clock looks for every minute: all but the comparison of the whole ledger with the buckets.

    First what waits for a person or was begun; missed uploads last, and no more of them than there is room to
    start, for a long queue is full of what looks missed. An inspection that fails again and again rests twice
    as long before each attempt, so that an outage of some hours leaves nothing to a person.
    """
    ledger, begun = mender.ledger, set[str]()
    for state in (State.WAITING, State.INSPECTING):
        rows = _noted(ledger.in_state(state), begun)
        stranded = consistency.stranded(ledger, mender.executions, filter(rested, rows))
        yield from islice(stranded, RESTARTS * mender.limit + 1)  # One more tells that there are more.
        deque(rows, maxlen=0)  # The others are only noted as begun: to ask of each would take all the time.
        yield from consistency.undelivered(ledger.in_state(state))
    arrived = consistency.uploads(mender.shelf, inbound)
    not_begun = (entry for entry in arrived if inspection_id(entry.image) not in begun)
    yield from islice(consistency.missed_uploads(ledger, not_begun), max(0, mender.room()))


def _noted(rows: Iterable[Inspection], seen: set[str]) -> Iterator[Inspection]:
    for row in rows:
        seen.add(row.id)
        yield row


def reconcile(mender: Mender, found: Iterable[Finding]) -> dict[str, int]:
    """Mend what was found; return how many of each kind were mended, and how many are left to a person.

    Of what has to be started only so much is started at once as a line can take; the rest is for later. A
    fault with one finding waits until all others had their turn.
    """
    counts: Counter[str] = Counter()
    most = {Kind.MISSED_UPLOAD: mender.room(), Kind.STRANDED: RESTARTS * mender.limit}
    with aside() as turn:
        for finding in found:
            if counts[finding.kind.value] >= most.get(finding.kind, math.inf):
                counts[LATER] += 1
                continue
            with turn():
                counts[finding.kind.value if mender.mend(finding) else LEFT] += 1
    return dict(counts)
