"""The audit page: who did what to which photo and when, as HTML and as CSV."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from review_app.audit.trail import (
    MAX_DAYS,
    AuditFilters,
    TrailEntry,
    describe_entries,
    entry_cursor,
    find_entries,
    find_photos,
)
from review_app.container import Container
from review_app.rendering import render_page
from review_app.users import current_user
from workflow import timestamps
from workflow.csv_export import iter_csv_lines
from workflow.inspections.inspection import AuditAction

PAGE_SIZE = 50
DEFAULT_DAYS = 7
MAX_EXPORTED = 50_000
EXPORT_BATCH = 200
_TITLES = (
    "time (UTC)",
    "who",
    "action",
    "photo",
    "inspection",
    "before",
    "after",
    "defect class",
    "comment",
    "undone",
    "seconds since asked",
    "delivered (UTC)",
    "status",
    "decision",
    "execution",
)
router = APIRouter(dependencies=[Depends(current_user)])
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Text = Annotated[str, Query(max_length=1024)]


def parse_filters(
    from_day: Annotated[Day, Query(alias="from")] = "",
    to_day: Annotated[Day, Query(alias="to")] = "",
    who: Text = "",
    action: Text = "",
    image: Text = "",
) -> AuditFilters:
    """Dependency: parse the filters in the query string; other parameters have no effect.

    Raise 400 for an invalid day, an unknown action or more than MAX_DAYS days.
    """
    today = timestamps.now()[:10]
    last_day = min(to_day or today, today)
    try:
        default = timestamps.add_seconds(f"{last_day}T00:00:00Z", -(DEFAULT_DAYS - 1) * 86_400)[:10]
        first_day = from_day or default
        days = timestamps.seconds_between(f"{first_day}T00:00:00Z", f"{last_day}T00:00:00Z") / 86_400
    except ValueError as error:
        raise HTTPException(400, "Write a day like 2026-01-31.") from error
    if days >= MAX_DAYS:
        raise HTTPException(400, f"Choose at most {MAX_DAYS} days.")
    if action and action not in set(AuditAction):
        raise HTTPException(400, "Unknown action.")
    return AuditFilters(
        first_day=first_day, last_day=last_day, actor=who.strip(), action=action, image=image.strip()
    )


Filters = Annotated[AuditFilters, Depends(parse_filters)]


@router.get("/audit")
def audit(request: Request, filters: Filters, before: Text = "") -> Response:
    """Show a page of audit entries, newest first."""
    container: Container = request.app.state.container
    photos, has_more_photos = find_photos(container.history.search, filters)
    found = find_entries(container.inspections, photos, filters, before)
    entries = describe_entries(container.inspections, found, PAGE_SIZE + 1)
    optional = {"who": filters.actor, "action": filters.action, "image": filters.image}
    parameters = {
        "from": filters.first_day,
        "to": filters.last_day,
        **{name: value for name, value in optional.items() if value},
    }
    older = ""
    if len(entries) > PAGE_SIZE:
        cursor = entry_cursor(entries[PAGE_SIZE - 1].entry)
        older = f"/audit?{urlencode({**parameters, 'before': cursor})}"
    return render_page(
        request,
        "audit/audit.html",
        partial="audit/_results.html",
        entries=entries[:PAGE_SIZE],
        filters=filters,
        actions=list(AuditAction),
        export_url=f"/audit.csv?{urlencode(parameters)}",
        older_url=older,
        newest_url=f"/audit?{urlencode(parameters)}" if before else "",
        photo_count=len(photos) if photos is not None and has_more_photos else 0,
    )


@router.get("/audit.csv")
def export(request: Request, filters: Filters) -> Response:
    """Export the entries as CSV, at most MAX_EXPORTED."""
    container: Container = request.app.state.container
    photos, _ = find_photos(container.history.search, filters)
    entries = find_entries(container.inspections, photos, filters)

    def rows() -> Iterator[tuple[object, ...]]:
        yield _TITLES
        exported = 0
        while exported < MAX_EXPORTED and (
            batch := describe_entries(container.inspections, entries, EXPORT_BATCH)
        ):
            exported += len(batch)
            yield from map(_cells, batch)

    name = f"audit-{filters.first_day}-{filters.last_day}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(iter_csv_lines(rows()), media_type="text/csv; charset=utf-8", headers=headers)


def _cells(described: TrailEntry) -> tuple[object, ...]:
    entry = described.entry
    return (
        entry.at,
        entry.actor,
        entry.action,
        described.photo_key,
        entry.inspection_id,
        entry.before,
        entry.after,
        entry.defect_class,
        entry.reason,
        "yes" if described.undone else "",
        None if described.seconds is None else round(described.seconds, 3),
        described.delivered_at,
        described.status,
        entry.decision_id,
        described.row.owner if described.row else "",
    )
