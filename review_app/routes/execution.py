"""One execution, two compared, and one that was exported before."""

import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response, UploadFile

from review_app.actions import actions
from review_app.graph import machine
from review_app.pages import page
from review_app.past import INSPECTION_DIGITS, Past
from review_app.routes.executions import Found
from review_app.storyboard import storyboard
from review_app.users import User, current_user
from workflow.history import archive
from workflow.history.archive import Record
from workflow.history.archiver import executions_of
from workflow.inspections import serialization
from workflow.inspections.inspection import Inspection, Ledger
from workflow.models.model import name_of
from workflow.review import second_review

router = APIRouter(dependencies=[Depends(current_user)])
_NAME = re.compile(r"([0-9a-f]{64})-([1-9]\d{0,4})")
MOST_COMPARED = 20
MOST_STATES, MOST_EVENTS = 200, 25_000  # As many events as Step Functions keeps.


def ledger(request: Request) -> Ledger:
    """Dependency: the ledger."""
    books: Ledger = request.app.state.ports.ledger
    return books


Books = Annotated[Ledger, Depends(ledger)]
Who = Annotated[User, Depends(current_user)]


@router.get("/executions/{name}")
def execution(
    request: Request,
    name: str,
    user: Who,
    found: Found,
    books: Books,
    step: str = "",
    state: str = "",
    logs: str = "",
) -> Response:
    row, record = looked_up(name, found, books, user)
    board = storyboard(record, int(step) if step.isdecimal() else None) if record else None
    return page(
        request,
        "execution.html",
        row=row,
        name=name,
        record=record,
        board=board,
        logged=found.logs.of(name, board.step.id) if logs and board and board.step else None,
        looked_at=_definition(record, state),
        state_name=state,
        others=[one for one in books.by_name(row.image.name) if one.id != row.id][:MOST_COMPARED],
        attempts=list(enumerate(executions_of(row), start=1)),
        seconds=serialization.seconds,
        actions=actions(row, record),
        token=str(uuid.uuid4()),
    )


@router.get("/executions/{name}/export.json")
def export(name: str, user: Who, found: Found, books: Books) -> Response:
    _, record = looked_up(name, found, books, user)
    if record is None:
        raise HTTPException(404, "Nobody remembers this execution any more, so there is nothing to export.")
    headers = {"Content-Disposition": f'attachment; filename="{name[:12]}-{name[65:]}.json"'}
    return Response(archive.text(record), media_type="application/json", headers=headers)


@router.post("/executions/open")
def open_export(request: Request, file: UploadFile) -> Response:
    """Show a file that was exported, from this line or another; nothing of it is kept.

    Drawing takes as long as the file likes, so this is no coroutine: others are answered meanwhile.
    """
    try:
        record = archive.parsed(file.file.read())
        _check_size(record)
        board = storyboard(record)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise HTTPException(400, str(error) if isinstance(error, ValueError) else NOT_READ) from error
    return page(request, "opened.html", record=record, board=board, name=record.execution)


NOT_READ = "This is no exported execution: its events can't be read."


def _check_size(record: Record) -> None:
    states = sum(1 for _ in machine.read(record.definition).every_state())
    if states > MOST_STATES or len(record.events) > MOST_EVENTS:
        raise ValueError(
            f"This execution is too large to be shown: it has {states:,} states and {len(record.events):,} "
            f"events, and {MOST_STATES} and {MOST_EVENTS:,} are the most."
        )


@router.get("/compare")
def compare(request: Request, user: Who, found: Found, books: Books, a: str = "", b: str = "") -> Response:
    """Two executions side by side, the facts that differ marked."""
    sides = [looked_up(name, found, books, user) for name in (a, b)]
    told = [_told(row, name, record) for name, (row, record) in zip((a, b), sides, strict=True)]
    labels = list(dict.fromkeys(label for side in told for label in side))
    lines = [(label, *(side.get(label, "") for side in told)) for label in labels]
    return page(request, "compare.html", names=(a, b), rows=[row for row, _ in sides], lines=lines)


def looked_up(name: str, found: Past, books: Ledger, user: User) -> tuple[Inspection, Record | None]:
    """The inspection that an execution is of, and what is told of the execution."""
    named = _NAME.fullmatch(name)
    row = books.get(named[1]) if named else None
    if named is None or row is None or int(named[2]) > row.attempt:
        raise HTTPException(404, "There is no such execution: look for the photo in the list.")
    if second_review.due(row) and row.lease is not None and row.lease.reviewer == user.name:
        raise HTTPException(409, "You are about to judge this photo; its history opens after your answer.")
    return row, found.told(name)


def _definition(record: Record | None, state: str) -> Any:
    """What the definition says of a state, wherever in the machine it stands."""
    waiting: list[Any] = [dict(record.definition)] if record and state else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if isinstance(one.get("States"), dict) and state in one["States"]:
                return one["States"][state]
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return None


def _told(row: Inspection, name: str, record: Record | None) -> dict[str, str]:
    """The facts of one side in words."""
    said, decided = row.prediction, row.decision
    outcome = next((one for one in row.earlier if one.execution == name), None)
    if outcome:
        said, decided = outcome.prediction, outcome.decision
    states = [f"{step.name} ({step.status.value})" for step in record.steps] if record else []
    return {
        "Uploaded": row.uploaded_at,
        "Verdict": outcome.verdict.value if outcome else serialization.verdict(row),
        "Decided by": decided.reviewer if decided else "the model" if said else "",
        "Reason": decided.reason if decided else "",
        "Label": said.label if said else "",
        "Score": f"{said.confidence:.3f}" if said else "",
        "Threshold": f"{said.threshold:.3f}" if said else "",
        "Model": name_of(said.model) if said else "",
        "Policy": said.policy_version if said else "",
        "Status": record.status if record else "forgotten",
        "Steps": " → ".join(states),
        "Bytes (sha256)": row.sha256,
        "Attempt": name[INSPECTION_DIGITS + 1 :],
    }
