"""The list of executions: filters in the URL, pages, live updates, and export as CSV or JSON."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from review_app.chips import list_chip
from review_app.container import Container
from review_app.executions.history_services import HistoryServices
from review_app.executions.list_filters import PAGE_SIZES, STATUSES, ListFilters, parse_filters
from review_app.live import StatePoller, event_stream
from review_app.rendering import render_page
from review_app.review.services import ReviewServices
from review_app.users import current_user, is_still_signed_in
from workflow import timestamps
from workflow.csv_export import iter_csv_lines
from workflow.history.open_failures import (
    FAILED,
    list_failed_inspections,
    list_open_failures,
    list_recent_failures,
)
from workflow.history.search import InspectionPage
from workflow.inspections import serialization
from workflow.inspections.inspection import Inspection
from workflow.inspections.model_reference import MEASURE_NAMES
from workflow.inspections.verdict import Verdict

router = APIRouter(dependencies=[Depends(current_user)])
MAX_EXPORTED = 10_000
EXPORT_PAGE_SIZE = 100


def _measure(name: str, row: Inspection) -> float | None:
    """Return a measure of the photo, None if it was not measured."""
    return getattr(row.measures, name, None)


COLUMNS: dict[str, Callable[[Inspection], object]] = {
    "started": lambda row: row.claimed_at,
    "photo": lambda row: row.image.key,
    "state": lambda row: row.state.value,
    "verdict": lambda row: serialization.verdict_or_status(row) if row.verdict or row.withdrawn else "",
    "decided by": lambda row: row.decision.reviewer if row.decision else "",
    "label": lambda row: row.prediction.label if row.prediction else "",
    "confidence": lambda row: row.prediction.confidence if row.prediction else "",
    "threshold": lambda row: row.prediction.threshold if row.prediction else "",
    "model": lambda row: row.prediction.model if row.prediction else "",
    "policy": lambda row: row.prediction.policy_version if row.prediction else "",
    "unusual": serialization.describe_unusual,
    **{name: partial(_measure, name) for name in MEASURE_NAMES},
    "seconds": serialization.seconds_to_answer,
    "attempts": lambda row: row.attempt,
    "recovered": lambda row: "yes" if row.recovered else "",
    "inspection": lambda row: row.id,
    "execution": lambda row: row.owner,
}


def history_services(request: Request) -> HistoryServices:
    """Dependency: return the execution history."""
    container: Container = request.app.state.container
    return container.history


History = Annotated[HistoryServices, Depends(history_services)]


@router.get("/executions")
def executions(request: Request, history: History) -> Response:
    """Show a page of executions, newest first."""
    filters = parse_filters(request.query_params)
    page = find_page(request, history, filters)
    failures = {failure.execution: failure for failure in list_recent_failures(history.metrics)}
    return render_page(
        request,
        "executions/list.html",
        partial="executions/_results.html",
        filters=filters,
        page=page,
        rows=[
            (row, list_chip(row, failures.get(row.owner)), serialization.seconds_to_answer(row))
            for row in page.rows
        ],
        statuses=STATUSES,
        verdicts=list(Verdict),
        page_sizes=PAGE_SIZES,
        token=str(uuid.uuid4()),
    )


@router.get("/executions/live")
async def live(request: Request) -> StreamingResponse:
    """Stream an event after each change of the list; the page then requests its rows again."""
    topic: StatePoller | None = getattr(request.app.state, "executions_topic", None)
    if topic is None:
        topic = StatePoller(build_list_state_reader(request.app.state.review_services))
        request.app.state.executions_topic = topic
    return event_stream(topic, timestamps.now, partial(is_still_signed_in, request))


@router.get("/executions.csv")
def export_csv(request: Request, history: History) -> StreamingResponse:
    """Export the list as CSV, at most MAX_EXPORTED rows."""
    rows = ([value(row) for value in COLUMNS.values()] for row in _all_rows(request, history))
    return _download(iter_csv_lines(chain([list(COLUMNS)], rows)), "text/csv", "executions.csv")


@router.get("/executions.json")
def export_json(request: Request, history: History) -> StreamingResponse:
    """Export the list as JSON, at most MAX_EXPORTED rows."""
    documents = (
        json.dumps(serialization.to_dict(row), ensure_ascii=False) for row in _all_rows(request, history)
    )

    def chunks() -> Iterator[str]:
        yield "["
        for number, document in enumerate(documents):
            yield f",\n{document}" if number else document
        yield "]\n"

    return _download(chunks(), "application/json", "executions.json")


def find_page(request: Request, history: HistoryServices, filters: ListFilters) -> InspectionPage:
    """Return a page of matching inspections.

    With the status `failed`, these are the open inspections whose own execution failed in the last
    FAILURE_DAYS, on one page. With `failure`, an execution of each failed in this way since the first day.
    """
    inspections = request.app.state.container.inspections
    if filters.status == FAILED:
        failed = list_open_failures(history.metrics, inspections)
        rows = [row for row, failure in failed if filters.failure in ("", failure.label)]
    elif filters.failure:
        since = filters.query.since or "0"
        rows = list_failed_inspections(history.metrics, inspections, since, filters.failure)
    else:
        return history.search.fetch_page(filters.query, filters.cursor, filters.size)
    query = replace(filters.query, since="") if filters.failure else filters.query
    return InspectionPage(rows=tuple(row for row in rows if query.matches(row)))


def build_list_state_reader(services: ReviewServices) -> Callable[[], Any]:
    """Return a function that reads the state whose changes update the lists.

    It consists of the newest rows, the photos that wait for review, and the last failure.
    """
    history = services.container.history

    def read_state() -> Any:
        newest = history.search.fetch_page(ListFilters().query, None, PAGE_SIZES[0]).rows
        rows = [(row.id, row.state, row.verdict, row.attempt, row.decision) for row in newest]
        waiting = [item.id for item in services.assigner.list_items()]
        failed = [failure.execution for failure in history.metrics.list_failures(timestamps.now()[:10], 1)]
        return rows, waiting, failed

    return read_state


def _all_rows(request: Request, history: HistoryServices) -> Iterator[Inspection]:
    """Yield all matching rows page by page, up to MAX_EXPORTED."""

    def rows() -> Iterator[Inspection]:
        filters = parse_filters(request.query_params)
        if filters.status == FAILED or filters.failure:
            yield from find_page(request, history, filters).rows
            return
        cursor = None
        while True:
            page = history.search.fetch_page(filters.query, cursor, EXPORT_PAGE_SIZE)
            yield from page.rows
            if page.older is None:
                return
            cursor = page.older

    return islice(rows(), MAX_EXPORTED)


def _download(text: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(text, media_type=media_type, headers=headers)
