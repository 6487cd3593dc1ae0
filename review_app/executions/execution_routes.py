"""The pages of one execution, of two compared executions, and of an uploaded export."""

import re
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response, UploadFile

from review_app.chips import execution_chip, result_chip
from review_app.executions.actions import available_actions
from review_app.executions.execution_view import build_execution_view
from review_app.executions.graph.definition_parser import parse_definition
from review_app.executions.history_services import HistoryServices
from review_app.executions.list_routes import History
from review_app.rendering import render_page
from review_app.users import CurrentUser, User, current_user
from workflow.history import archive
from workflow.history.archive import ExecutionRecord
from workflow.history.archiver import execution_names
from workflow.inspections import serialization
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionDatabase
from workflow.models.model import version_name
from workflow.review import second_review

router = APIRouter(dependencies=[Depends(current_user)])
_NAME = re.compile(r"([0-9a-f]{64})-([1-9]\d{0,4})")
MAX_RELATED_EXECUTIONS = 20
MAX_STATES, MAX_EVENTS = 200, 25_000  # Step Functions keeps at most 25,000 events.
INVALID_EXPORT = "This file is not an exported execution: its events are invalid."
EXPORT_HINT = (
    "Open the file that Export JSON on the page of one execution creates, not an export of the list."
)


def inspection_repository(request: Request) -> InspectionDatabase:
    """Dependency: return the inspection repository."""
    inspections: InspectionDatabase = request.app.state.container.inspections
    return inspections


Inspections = Annotated[InspectionDatabase, Depends(inspection_repository)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A line of the comparison: one fact of the first and of the second execution."""

    label: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """True if the two values differ."""
        return self.first != self.second


@router.get("/executions/{name}")
def execution(
    request: Request,
    name: str,
    user: CurrentUser,
    history: History,
    inspections: Inspections,
    step: str = "",
    state: str = "",
    logs: str = "",
) -> Response:
    """Show one execution with the step or state that the URL selects."""
    row, record = find_execution(name, history, inspections, user)
    view = build_execution_view(record, int(step) if step.isdecimal() else None) if record else None
    selected = view.selected if view else None
    same_name = inspections.list_by_name(row.image.name)
    return render_page(
        request,
        "executions/execution.html",
        row=row,
        name=name,
        url=f"/executions/{name}",
        record=record,
        view=view,
        chip=execution_chip(row, record),
        result=result_chip(row),
        log_lines=history.logs.fetch(name, selected.step.id) if logs and selected else None,
        state_definition=_state_definition(record, state),
        state_name=state,
        related=[other for other in same_name if other.id != row.id][:MAX_RELATED_EXECUTIONS],
        attempts=list(enumerate(execution_names(row), start=1)),
        seconds=serialization.seconds_to_answer(row),
        actions=available_actions(row, record),
        token=str(uuid.uuid4()),
    )


@router.get("/executions/{name}/export.json")
def export(name: str, user: CurrentUser, history: History, inspections: Inspections) -> Response:
    """Export an execution's record as JSON."""
    _, record = find_execution(name, history, inspections, user)
    if record is None:
        raise HTTPException(404, "The history of this execution is unavailable, so it can't be exported.")
    headers = {"Content-Disposition": f'attachment; filename="{name[:12]}-{name[65:]}.json"'}
    return Response(archive.to_json(record), media_type="application/json", headers=headers)


@router.post("/executions/open")
def open_export(request: Request, file: UploadFile) -> Response:
    """Show an uploaded export; nothing of it is stored.

    Rendering a large file takes long. This is no coroutine, so that other requests are answered meanwhile.
    """
    try:
        record = archive.from_json(file.file.read())
        _check_size(record)
        view = build_execution_view(record)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        message = str(error) if isinstance(error, ValueError) else INVALID_EXPORT
        raise HTTPException(400, f"{message} {EXPORT_HINT}") from error
    return render_page(request, "executions/opened_export.html", record=record, view=view)


def _check_size(record: ExecutionRecord) -> None:
    states = sum(1 for _ in parse_definition(record.definition).all_states())
    if states > MAX_STATES or len(record.events) > MAX_EVENTS:
        raise ValueError(
            f"This execution is too large to show: it has {states:,} states and {len(record.events):,} "
            f"events; the limits are {MAX_STATES} states and {MAX_EVENTS:,} events."
        )


@router.get("/compare")
def compare(
    request: Request, user: CurrentUser, history: History, inspections: Inspections, a: str = "", b: str = ""
) -> Response:
    """Compare two executions."""
    (first_row, first_record), (second_row, second_record) = (
        find_execution(name, history, inspections, user) for name in (a, b)
    )
    first = _describe(first_row, a, first_record)
    second = _describe(second_row, b, second_record)
    lines = [Comparison(label=label, first=first[label], second=second[label]) for label in first]
    sides = [("First", a, first_row), ("Second", b, second_row)]
    return render_page(request, "executions/compare.html", sides=sides, lines=lines)


def find_execution(
    name: str, history: HistoryServices, inspections: InspectionDatabase, user: User
) -> tuple[Inspection, ExecutionRecord | None]:
    """Return an execution's inspection and its record, None if the history is unavailable.

    Raise 404 if the execution does not exist, 409 while the user has the photo for a second review.
    """
    match = _NAME.fullmatch(name)
    row = inspections.get(InspectionId(match[1])) if match else None
    if match is None or row is None or int(match[2]) > row.attempt:
        raise HTTPException(404, "Execution not found. Search the list for the photo.")
    if second_review.is_due(row) and row.lease is not None and row.lease.reviewer == user.name:
        raise HTTPException(
            409, "You have this photo for a second review. Its history opens after your answer."
        )
    return row, history.fetch(name)


def _state_definition(record: ExecutionRecord | None, state: str) -> Any:
    """Return the definition of a state at any level of the state machine, None if there is none."""
    remaining: list[Any] = [dict(record.definition)] if record and state else []
    while remaining:
        value = remaining.pop()
        if isinstance(value, dict):
            if isinstance(value.get("States"), dict) and state in value["States"]:
                return value["States"][state]
            remaining += value.values()
        elif isinstance(value, list):
            remaining += value
    return None


def _describe(row: Inspection, name: str, record: ExecutionRecord | None) -> dict[str, str]:
    """Return the facts about an execution by their labels."""
    prediction, decision = row.prediction, row.decision
    previous = next((revision for revision in row.previous_revisions if revision.execution == name), None)
    if previous:
        prediction, decision = previous.prediction, previous.decision
    steps = [f"{step.name} ({step.status.value})" for step in record.steps] if record else []
    return {
        "Uploaded": row.uploaded_at,
        "Verdict": previous.verdict.value if previous else serialization.verdict_or_status(row),
        "Decided by": decision.reviewer if decision else "the model" if prediction else "",
        "Reason": decision.reason if decision else "",
        "Label": prediction.label if prediction else "",
        "Score": f"{prediction.confidence:.3f}" if prediction else "",
        "Threshold": f"{prediction.threshold:.3f}" if prediction else "",
        "Unusual": "; ".join(prediction.unusual) if prediction else "",
        "Model": version_name(prediction.model) if prediction else "",
        "Policy": prediction.policy_version if prediction else "",
        "Status": record.status if record else "history unavailable",
        "Steps": " → ".join(steps),
        "Bytes (sha256)": row.sha256,
        "Attempt": name.rpartition("-")[2],
    }
