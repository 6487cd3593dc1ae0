"""One inspection: its photo, its verdicts, what people did to it, and correcting what was announced."""

import uuid
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from review_app.answers import row_of
from review_app.audit import line
from review_app.cards import policy_says, short_model
from review_app.pages import page, tell
from review_app.routes.review import Bench, Photo, Uuid, Who
from review_app.users import Role, User, current_user, require
from review_app.workbench import Workbench
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.verdict import Verdict
from workflow.review import revision, second_review
from workflow.review.decisions import MAX_REASON
from workflow.review.queue import Pile, Waiting

router = APIRouter(dependencies=[Depends(current_user)])
Engineer = Annotated[User, Depends(require(Role.ENGINEER))]
Reason = Annotated[str, Form(min_length=1, max_length=MAX_REASON)]
MAX_LISTED = 100
_OPPOSITE = {Verdict.OK: Verdict.DEFECT, Verdict.DEFECT: Verdict.OK}


@router.get("/inspections/{id}")
def inspection(request: Request, inspection_id: Photo, user: Who, bench: Bench) -> Response:
    row = row_of(bench.ports, inspection_id)
    if second_review.due(row) and row.lease is not None and row.lease.reviewer == user.name:
        raise HTTPException(409, "You are about to judge this photo; its history opens after your answer.")
    trail = [line(entry, {row.id: row}) for entry in bench.ports.ledger.audit_trail(row.id)]
    prediction = row.prediction
    return page(
        request,
        "inspection.html",
        row=row,
        lines=trail,
        policy=policy_says(prediction, bench.ports.policy()) if prediction else "",
        model=short_model(prediction.model) if prediction else "",
        correction=_correction(row, user),
        decision_id=str(uuid.uuid4()),
        classes=bench.settings.defect_classes,
    )


@router.post("/inspections/{id}/correct")
def correct(
    request: Request,
    inspection_id: Photo,
    user: Who,
    bench: Bench,
    verdict: Annotated[Verdict, Form()],
    reason: Reason,
    defect_class: Annotated[str, Form()] = "",
    decision_id: Uuid = "",
) -> Response:
    """Overrule what was announced: by an engineer, or by who decided it."""
    row = row_of(bench.ports, inspection_id)
    if not _may_correct(row, user):
        raise HTTPException(403, "An engineer corrects what somebody else decided, or the model.")
    if verdict not in _OPPOSITE or not reason.strip():
        raise HTTPException(400, "A correction says ok or defect, and why.")
    _check_class(bench.settings.defect_classes, defect_class)
    revision.correct(
        bench.ports.ledger,
        bench.ports.decisions,
        row.id,
        verdict,
        user.name,
        reason.strip(),
        decision_id=decision_id,
        defect_class=defect_class if verdict is Verdict.DEFECT else "",
    )
    tell(request, f"Corrected to {verdict}: the photo is moved, and the correction announced.", "ok")
    return RedirectResponse(f"/inspections/{row.id}", 303)


@router.get("/held")
def held(request: Request, bench: Bench) -> Response:
    return page(request, "held.html", rows=_on_pile(bench, Pile.HELD))


@router.post("/held/{id}/put-back")
def put_back(request: Request, inspection_id: Photo, user: Who, bench: Bench) -> Response:
    bench.desk.unhold(user.name, inspection_id)
    tell(request, "Put back: the photo is handed out again.", "ok")
    return RedirectResponse("/held", 303)


@router.get("/disagreements", dependencies=[Depends(require(Role.ENGINEER))])
def disagreements(request: Request, bench: Bench) -> Response:
    rows = _on_pile(bench, Pile.DISPUTED)
    return page(request, "disagreements.html", rows=rows, classes=bench.settings.defect_classes)


@router.post("/disagreements/{id}")
def adjudicate(
    request: Request,
    inspection_id: Photo,
    user: Engineer,
    bench: Bench,
    verdict: Annotated[Verdict, Form()],
    reason: Reason,
    defect_class: Annotated[str, Form()] = "",
) -> Response:
    if verdict not in _OPPOSITE or not reason.strip():
        raise HTTPException(400, "A disagreement ends with ok or defect, and a reason.")
    _check_class(bench.settings.defect_classes, defect_class)
    ports = bench.ports
    second_review.adjudicate(
        ports.ledger,
        ports.reviews,
        ports.decisions,
        inspection_id,
        verdict,
        user.name,
        reason.strip(),
        defect_class=defect_class if verdict is Verdict.DEFECT else "",
    )
    bench.desk.forget(inspection_id)
    tell(request, f"Settled as {verdict}.", "ok")
    return RedirectResponse("/disagreements", 303)


def _on_pile(bench: Workbench, pile: Pile) -> list[tuple[Waiting, Inspection]]:
    listed = islice(bench.ports.reviews.listed(pile), MAX_LISTED)
    return [(one, row_of(bench.ports, one.id)) for one in listed]


def _correction(row: Inspection, user: User) -> Verdict | None:
    """What this person could correct the verdict to now."""
    if row.state is not State.CLOSED or row.verdict not in _OPPOSITE or not _may_correct(row, user):
        return None
    return _OPPOSITE[row.verdict]


def _may_correct(row: Inspection, user: User) -> bool:
    own = row.decision is not None and row.decision.reviewer == user.name
    return user.may(Role.ENGINEER) or own


def _check_class(known: tuple[str, ...], defect_class: str) -> None:
    if defect_class and defect_class not in known:
        raise HTTPException(400, "There is no such defect class.")
