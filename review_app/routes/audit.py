"""Who did what to which photo, when, and what became of it: as a page, and as CSV."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from review_app.audit import ACTIONS, MAX_DAYS, Line, Wish, entries, lines, mark
from review_app.pages import page
from review_app.ports import Ports
from review_app.users import current_user
from workflow import timestamps
from workflow.csv_export import csv_lines

PAGE = 50
USUAL_DAYS = 7
MAX_EXPORTED = 50_000
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
    "stage",
    "decision",
    "execution",
)
router = APIRouter(dependencies=[Depends(current_user)])
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Text = Annotated[str, Query(max_length=1024)]


def wished(
    from_day: Annotated[Day, Query(alias="from")] = "",
    to_day: Annotated[Day, Query(alias="to")] = "",
    who: Text = "",
    action: Text = "",
    image: Text = "",
) -> Wish:
    """Dependency: the filters in the address. Nothing else of the address is ever compared with anything."""
    today = timestamps.now()[:10]
    last = min(to_day or today, today)
    try:
        usual = timestamps.later(f"{last}T00:00:00Z", -(USUAL_DAYS - 1) * 86_400)[:10]
        days = timestamps.seconds_between(f"{from_day or usual}T00:00:00Z", f"{last}T00:00:00Z") / 86_400
    except ValueError as error:
        raise HTTPException(400, "A day is written like 2026-01-31.") from error
    if days >= MAX_DAYS:
        raise HTTPException(400, f"At most {MAX_DAYS} days can be shown at once.")
    if action and action not in ACTIONS:
        raise HTTPException(400, "There is no such action.")
    return Wish(from_day or usual, last, who.strip(), action, image.strip())


@router.get("/audit")
def audit(
    request: Request,
    wish: Annotated[Wish, Depends(wished)],
    before: Text = "",
) -> Response:
    ports: Ports = request.app.state.ports
    found = lines(ports.ledger, entries(ports.ledger, wish, before), PAGE + 1)
    filters = {"who": wish.who, "action": wish.action, "image": wish.image}
    chosen = {"from": wish.first_day, "to": wish.last_day, **{k: v for k, v in filters.items() if v}}
    return page(
        request,
        "audit.html",
        partial="_audit.html",
        lines=found[:PAGE],
        wish=wish,
        actions=ACTIONS,
        export=f"/audit.csv?{urlencode(chosen)}",
        older=f"/audit?{urlencode({**chosen, 'before': mark(found[PAGE - 1].entry)})}"
        if len(found) > PAGE
        else "",
        newest=f"/audit?{urlencode(chosen)}" if before else "",
    )


@router.get("/audit.csv")
def export(
    request: Request,
    wish: Annotated[Wish, Depends(wished)],
) -> Response:
    ports: Ports = request.app.state.ports
    found = entries(ports.ledger, wish)

    def rows() -> Iterator[tuple[object, ...]]:
        yield _TITLES
        exported = 0
        while exported < MAX_EXPORTED and (some := lines(ports.ledger, found, 200)):
            exported += len(some)
            yield from map(_cells, some)

    name = f"audit-{wish.first_day}-{wish.last_day}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(csv_lines(rows()), media_type="text/csv; charset=utf-8", headers=headers)


def _cells(one: Line) -> tuple[object, ...]:
    entry = one.entry
    return (
        entry.at,
        entry.who,
        entry.action,
        one.key,
        entry.inspection_id,
        entry.before,
        entry.after,
        entry.defect_class,
        entry.reason,
        "yes" if one.undone else "",
        None if one.took is None else round(one.took, 3),
        one.delivered_at,
        one.reached,
        entry.decision_id,
        one.row.owner if one.row else "",
    )
