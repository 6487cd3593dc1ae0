"""The pages of the review queues: photos on hold, second reviews, and disagreements between reviewers."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from review_app.rendering import flash, render_page
from review_app.review.parameters import OPPOSITE_VERDICT, PathId, Reason, Services, check_defect_class
from review_app.review.services import ReviewServices
from review_app.review.submissions import get_inspection
from review_app.users import CurrentUser, Engineer, Role, current_user, require_role
from workflow.inspections.inspection import Inspection
from workflow.inspections.verdict import Verdict
from workflow.review import second_review
from workflow.review.queue import ReviewItem, ReviewQueue, list_second_reviews

MAX_LISTED = 100
router = APIRouter(dependencies=[Depends(current_user)])


@router.get("/on-hold")
def on_hold(request: Request, services: Services) -> Response:
    """List the photos on hold."""
    return render_page(request, "review/on_hold.html", items=_list_queue(services, ReviewQueue.ON_HOLD))


@router.post("/on-hold/{id}/release")
def release(request: Request, inspection_id: PathId, user: CurrentUser, services: Services) -> Response:
    """Return a photo on hold to the review queue."""
    services.assigner.release_hold(user.name, inspection_id)
    flash(request, "Released: the photo is in the review queue again.", "ok")
    return RedirectResponse("/on-hold", 303)


@router.get("/second-reviews")
def second_reviews(
    request: Request,
    services: Services,
    first_day: Annotated[str, Query(alias="from", pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
) -> Response:
    """List the second reviews since a day, newest first, with the number that agree."""
    found = list_second_reviews(services.container.reviews, first_day)
    listed = found[:MAX_LISTED]
    return render_page(
        request,
        "review/second_reviews.html",
        items=[(second, get_inspection(services.container, id_)) for id_, second in listed],
        count=len(found),
        agreed=sum(second.agrees for _, second in found),
        first_day=first_day,
    )


@router.get("/disagreements", dependencies=[Depends(require_role(Role.ENGINEER))])
def disagreements(request: Request, services: Services) -> Response:
    """List the photos whose second review differs from the first answer."""
    items = _list_queue(services, ReviewQueue.DISAGREEMENT)
    return render_page(
        request, "review/disagreements.html", items=items, classes=services.settings.defect_classes
    )


@router.post("/disagreements/{id}")
def adjudicate(
    request: Request,
    inspection_id: PathId,
    user: Engineer,
    services: Services,
    verdict: Annotated[Verdict, Form()],
    reason: Reason,
    defect_class: Annotated[str, Form()] = "",
) -> Response:
    """Settle a disagreement with a final verdict."""
    if verdict not in OPPOSITE_VERDICT or not reason.strip():
        raise HTTPException(400, "Choose OK or defect and enter a reason.")
    check_defect_class(services.settings.defect_classes, defect_class)
    container = services.container
    second_review.adjudicate(
        container.inspections,
        container.reviews,
        container.decision_queue,
        inspection_id,
        verdict,
        reviewer=user.name,
        reason=reason.strip(),
        defect_class=defect_class if verdict is Verdict.DEFECT else "",
    )
    services.assigner.drop_from_cache(inspection_id)
    flash(request, f"Settled as {verdict}.", "ok")
    return RedirectResponse("/disagreements", 303)


def _list_queue(services: ReviewServices, queue: ReviewQueue) -> list[tuple[ReviewItem, Inspection]]:
    items = islice(services.container.reviews.list_items(queue), MAX_LISTED)
    return [(item, get_inspection(services.container, item.id)) for item in items]
