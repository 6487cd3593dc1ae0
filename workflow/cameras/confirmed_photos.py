"""The photos that people confirmed, as the audit trail tells."""

from collections.abc import Iterator
from datetime import timedelta

from workflow import timestamps
from workflow.inspections.inspection import AuditAction, AuditEntry, Inspection
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import AuditLog, InspectionRepository

CONFIRMING_ACTIONS = (AuditAction.DECIDE, AuditAction.OVERRIDE, AuditAction.SECOND_REVIEW)


def list_confirmed(
    inspections: InspectionRepository, audit_log: AuditLog, since: str, until: str
) -> Iterator[Inspection]:
    """Yield the usual photos that a person judged after `since` and until `until`.

    A decision that was undone confirms nothing, and neither does a second review that disagrees.
    """
    for day in list_days(since, until):
        for entry in audit_log.list_audit_day(day, since=since):
            if since < entry.at <= until and entry.action in CONFIRMING_ACTIONS:
                row = inspections.get(InspectionId(entry.inspection_id))
                if row is not None and _is_confirmed(row, entry):
                    yield row


def list_days(since: str, until: str) -> Iterator[str]:
    """Yield the days (2026-01-31, UTC) from one time to another, both included."""
    day, last = timestamps.parse(since).date(), timestamps.parse(until).date()
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


def _is_confirmed(row: Inspection, entry: AuditEntry) -> bool:
    if row.prediction is None or row.prediction.unusual:
        return False
    if entry.action is AuditAction.SECOND_REVIEW:
        return row.decision is None and row.second_review is not None and row.second_review.agrees
    return row.decision is not None and row.decision.id == entry.decision_id
