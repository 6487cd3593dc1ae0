"""Mending what the audit finds, so that every photo gets its verdict whatever died meanwhile."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workflow import audit, review
from workflow.audit import Finding, Kind
from workflow.images import Shelf
from workflow.inspection import Inspection, Ledger, State
from workflow.intake import Executions, document, execution_name, start
from workflow.review import Queue

MAX_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class Mender:
    """The ports that mending needs."""

    ledger: Ledger
    shelf: Shelf
    executions: Executions
    decisions: Queue

    def mend(self, finding: Finding) -> bool:
        """Mend one finding; False when it is left for a person."""
        if finding.kind is Kind.MISSED_UPLOAD:
            return bool(start(self.executions, self.ledger, finding.image, finding.uploaded_at))
        if finding.row is None or finding.kind is Kind.MISPLACED:
            return False
        if finding.kind is Kind.STRANDED:
            return self.restart(finding.row)
        if finding.kind is Kind.UNDELIVERED:
            self.decisions.send(review.delivery(finding.inspection_id))
        else:
            self.shelf.delete(finding.image)
        return True

    def restart(self, row: Inspection, limit: int = MAX_RESTARTS) -> bool:
        """Start an inspection again: a forgotten execution by its own name, an ended one as the next attempt.

        The row is handed over before the start, so that an attempt that was given up cannot act any more.
        After `limit` attempts it is left for a person to redrive.
        """
        if self.executions.status(row.owner) is None:
            return self.executions.start(row.owner, document(row.image, row.uploaded_at, row.attempt))
        attempt = row.attempt + 1
        name = execution_name(row.id, attempt)
        if attempt > limit or not self.ledger.hand_over(row, name, attempt):
            return False
        return self.executions.start(name, document(row.image, row.uploaded_at, attempt))


def findings(ledger: Ledger, shelf: Shelf, executions: Executions, inbound: str) -> Iterable[Finding]:
    """What the clock looks for every minute: all but the comparison of the whole ledger with the buckets."""
    uploads = (entry for entry in shelf.everything(inbound) if not entry.image.key.endswith("/"))
    yield from audit.missed_uploads(ledger, uploads)
    for state in (State.INSPECTING, State.WAITING):
        rows = list(ledger.in_state(state))
        yield from audit.stranded(ledger, executions, rows)
        yield from audit.undelivered(rows)


def reconcile(mender: Mender, found: Iterable[Finding]) -> dict[str, int]:
    """Mend what was found; return how many of each kind were mended, and how many are left to a person."""
    counts: Counter[str] = Counter()
    for finding in found:
        counts[finding.kind.value if mender.mend(finding) else "left to a person"] += 1
    return dict(counts)
