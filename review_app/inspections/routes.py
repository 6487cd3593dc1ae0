"""The page of one inspection: its photo, its verdicts, its audit trail and the override of its verdict."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from review_app.audit.trail import describe_entry
from review_app.chips import inspection_chip
from review_app.rendering import flash, render_page
from review_app.review.cards import explain_routing, short_model_name
from review_app.review.parameters import (
    OPPOSITE_VERDICT,
    DecisionId,
    PathId,
    Reason,
    Services,
    check_defect_class,
)
from review_app.review.submissions import get_inspection
from review_app.users import CurrentUser, Role, User, current_user
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.verdict import Verdict
from workflow.review import revision, second_review

router = APIRouter(dependencies=[Depends(current_user)])


@router.get("/inspections/{id}")
def inspection(request: Request, inspection_id: PathId, user: CurrentUser, services: Services) -> Response:
    """Show one inspection. Raise 409 while the user has it for a second review."""
    container = services.container
    row = get_inspection(container, inspection_id)
    if second_review.is_due(row) and row.lease is not None and row.lease.reviewer == user.name:
        raise HTTPException(
            409, "You have this photo for a second review. Its history opens after your answer."
        )
    entries = container.inspections.get_audit_trail(row.id)
    prediction = row.prediction
    return render_page(
        request,
        "inspections/inspection.html",
        row=row,
        chip=inspection_chip(row),
        entries=[describe_entry(entry, {row.id: row}) for entry in entries],
        policy=explain_routing(prediction, container.routing_policy()) if prediction else "",
        model=short_model_name(prediction.model) if prediction else "",
        override_verdict=_override_verdict(row, user),
        decision_id=str(uuid.uuid4()),
        classes=services.settings.defect_classes,
    )


@router.post("/inspections/{id}/override")
def override(
    request: Request,
    inspection_id: PathId,
    user: CurrentUser,
    services: Services,
    verdict: Annotated[Verdict, Form()],
    reason: Reason,
    defect_class: Annotated[str, Form()] = "",
    decision_id: DecisionId = "",
) -> Response:
    """Override an announced verdict. Engineers may override any, reviewers their own decisions."""
    row = get_inspection(services.container, inspection_id)
    if not _may_override(row, user):
        raise HTTPException(
            403, "Only an engineer can override the verdict of the model or of another reviewer."
        )
    if verdict not in OPPOSITE_VERDICT or not reason.strip():
        raise HTTPException(400, "Choose OK or defect and enter a reason.")
    check_defect_class(services.settings.defect_classes, defect_class)
    revision.override(
        services.container.inspections,
        services.container.decision_queue,
        row.id,
        verdict,
        user.name,
        reason=reason.strip(),
        decision_id=decision_id,
        defect_class=defect_class if verdict is Verdict.DEFECT else "",
    )
    flash(request, f"Overridden to {verdict}: the photo moves, and a correction is announced.", "ok")
    return RedirectResponse(f"/inspections/{row.id}", 303)


def _override_verdict(row: Inspection, user: User) -> Verdict | None:
    """Return the verdict to which the user may override the current one, None if they may not."""
    if row.state is not InspectionState.CLOSED or row.verdict not in OPPOSITE_VERDICT:
        return None
    return OPPOSITE_VERDICT[row.verdict] if _may_override(row, user) else None


def _may_override(row: Inspection, user: User) -> bool:
    is_own_decision = row.decision is not None and row.decision.reviewer == user.name
    return user.has_role(Role.ENGINEER) or is_own_decision
