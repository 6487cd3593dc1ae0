"""The list of executions: filters in the address, pages, live rows, and the list as a file."""

import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from review_app.live import Topic, stream
from review_app.pages import page
from review_app.past import Past
from review_app.ports import Ports
from review_app.users import current_user, still
from review_app.wishes import FAILED, SIZES, STATUSES, Wish, wish
from review_app.workbench import Workbench
from workflow import timestamps
from workflow.csv_export import csv_lines
from workflow.history.search import Page
from workflow.inspections import serialization
from workflow.inspections.inspection import Inspection
from workflow.inspections.verdict import Verdict

router = APIRouter(dependencies=[Depends(current_user)])
MOST_EXPORTED = 10_000
FAILURES_SHOWN = 100
FAILURE_DAYS = 30
EXPORT_PAGE = 100
COLUMNS: dict[str, Callable[[Inspection], object]] = {
    "started": lambda row: row.claimed_at,
    "photo": lambda row: row.image.key,
    "state": lambda row: row.state.value,
    "verdict": lambda row: serialization.verdict(row) if row.verdict or row.withdrawn else "",
    "decided by": lambda row: row.decision.reviewer if row.decision else "",
    "label": lambda row: row.prediction.label if row.prediction else "",
    "confidence": lambda row: row.prediction.confidence if row.prediction else "",
    "threshold": lambda row: row.prediction.threshold if row.prediction else "",
    "model": lambda row: row.prediction.model if row.prediction else "",
    "policy": lambda row: row.prediction.policy_version if row.prediction else "",
    "seconds": serialization.seconds,
    "attempts": lambda row: row.attempt,
    "inspection": lambda row: row.id,
    "execution": lambda row: row.owner,
}


def past(request: Request) -> Past:
    """Dependency: where executions are found."""
    ports: Ports = request.app.state.ports
    return ports.past


Found = Annotated[Past, Depends(past)]


@router.get("/executions")
def executions(request: Request, found: Found) -> Response:
    asked = wish(request.query_params)
    shown = shown_page(request, found, asked)
    failures = {failure.execution: failure for failure in _failures(found)}
    return page(
        request,
        "executions.html",
        partial="_executions.html",
        wish=asked,
        shown=shown,
        failures=failures,
        statuses=STATUSES,
        verdicts=list(Verdict),
        sizes=SIZES,
        seconds=serialization.seconds,
        token=str(uuid.uuid4()),
    )


@router.get("/executions/live")
async def live(request: Request) -> StreamingResponse:
    """Says that something changed, not what: whoever listens asks for its own rows."""
    topic: Topic | None = getattr(request.app.state, "executions_topic", None)
    if topic is None:
        topic = request.app.state.executions_topic = Topic(looked(request.app.state.workbench))
    return stream(topic, timestamps.now, partial(still, request))


@router.get("/executions.csv")
def as_csv(request: Request, found: Found) -> StreamingResponse:
    lines = ([tell(row) for tell in COLUMNS.values()] for row in _all(request, found))
    text = (line for some in ([list(COLUMNS)], lines) for line in csv_lines(some))
    return _file(text, "text/csv", "executions.csv")


@router.get("/executions.json")
def as_json(request: Request, found: Found) -> StreamingResponse:
    rows = (json.dumps(serialization.facts(row), ensure_ascii=False) for row in _all(request, found))
    text = (part for number, row in enumerate(rows) for part in (",\n" if number else "", row))
    whole = (part for parts in (iter("["), text, iter("]\n")) for part in parts)
    return _file(whole, "application/json", "executions.json")


def shown_page(request: Request, found: Past, asked: Wish) -> Page:
    """The rows of a page; failed ones are those whose own execution ended badly and was not followed up."""
    if asked.status != FAILED:
        return found.search.page(asked.query, asked.mark, asked.size)
    since = timestamps.later(timestamps.now(), -FAILURE_DAYS * 86400)
    failed = found.failed_now(request.app.state.ports.ledger, since, FAILURES_SHOWN)
    return Page(tuple(row for row, _ in failed if asked.query.answers(row)))


def looked(bench: Workbench) -> Callable[[], Any]:
    """What is compared to know that a list changed: the newest rows, who waits, what failed last."""
    past = bench.ports.past

    def look() -> Any:
        newest = past.search.page(wish({}).query, None, SIZES[0]).rows
        rows = [(row.id, row.state, row.verdict, row.attempt, row.decision) for row in newest]
        waiting = [one.id for one in bench.desk.waiting()]
        failed = [failure.execution for failure in past.figures.failures(timestamps.now()[:10], 1)]
        return rows, waiting, failed

    return look


def _failures(found: Past) -> list[Any]:
    return found.last_failures(timestamps.later(timestamps.now(), -FAILURE_DAYS * 86400))


def _all(request: Request, found: Past) -> Iterator[Inspection]:
    """Every row that is asked for, page by page, up to a bound that the page names."""

    def rows() -> Iterator[Inspection]:
        asked = wish(request.query_params)
        if asked.status == FAILED:
            yield from shown_page(request, found, asked).rows
            return
        mark = None
        while True:
            some = found.search.page(asked.query, mark, EXPORT_PAGE)
            yield from some.rows
            if some.older is None:
                return
            mark = some.older

    return islice(rows(), MOST_EXPORTED)


def _file(text: Iterator[str], kind: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(text, media_type=kind, headers=headers)
