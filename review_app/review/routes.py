"""The review page: the next photos, decisions, undo, skip and hold, leases and live counts."""

import uuid
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from review_app.live import event_stream
from review_app.photos.display_proof import renew_proof, require_proof
from review_app.rendering import flash, render_page, render_partial
from review_app.review import submissions
from review_app.review.cards import build_card
from review_app.review.parameters import Comment, DecisionId, PathId, Services, check_defect_class
from review_app.review.services import ReviewServices
from review_app.review.submissions import ReviewAnswer, SubmittedAnswer
from review_app.users import CurrentUser, User, is_still_signed_in, page_user
from workflow.errors import Conflict
from workflow.inspections.objects import InspectionId
from workflow.inspections.undo_window import MAX_UNDO_SECONDS
from workflow.inspections.verdict import Verdict
from workflow.review.assignment import ReviewOrder

MAX_LOOKAHEAD = 10
RECENT_SUBMISSIONS = 6
MAX_CLASS_KEYS = 9
SHORTCUTS = {
    "ok": "OK",
    "defect": "Defect",
    "skip": "Skip",
    "undo": "Undo",
    "comment": "Comment",
    "hold": "Hold",
    "help": "This list",
    "zoomIn": "Zoom in",
    "zoomOut": "Zoom out",
    "fit": "Fit to the window",
    "brightness": "Brightness",
    "contrast": "Contrast",
    "invert": "Invert",
}

router = APIRouter(prefix="/review", dependencies=[Depends(page_user)])
Ids = Annotated[str, Form(max_length=20_000, pattern="^[0-9a-f,]*$")]
Leases = Annotated[str, Form(max_length=20_000, pattern="^([0-9a-f]{64} [0-9TZ:.-]{10,40}(,|$))*$")]


@router.get("")
def review(
    request: Request,
    user: CurrentUser,
    services: Services,
    order: ReviewOrder | None = None,
    first: Annotated[str, Query(pattern="^([0-9a-f]{64})?$")] = "",
) -> Response:
    """Show the next photo, or the photo `first` if it awaits this user; the script fetches those after it."""
    if order is not None:
        request.session["order"] = order.value
        return _redirect_to_review()
    current_order = ReviewOrder(request.session.get("order", ReviewOrder.RISKIEST))
    container = services.container
    first_id = InspectionId(first)
    if first_id and services.assigner.renew(user.name, [first_id]):
        rows = [submissions.get_inspection(container, first_id)]
    else:
        rows = services.assigner.assign(user.name, 1, current_order)
    policy = container.routing_policy()
    return render_page(
        request,
        "review/review.html",
        card=build_card(rows[0], container.inspections, policy) if rows else None,
        decision_id=str(uuid.uuid4()),
        order=current_order,
        other_order=_other_order(current_order),
        classes=services.settings.defect_classes[:MAX_CLASS_KEYS],
        undo_seconds=services.settings.undo_seconds,
        shortcuts=SHORTCUTS.items(),
        submissions=_recent_submissions(services, user),
        **_counts(services, user),
    )


@router.get("/next")
def next_cards(
    user: CurrentUser,
    services: Services,
    have: Annotated[str, Query(max_length=20_000, pattern="^[0-9a-f,]*$")] = "",
    count: Annotated[int, Query(ge=0, le=MAX_LOOKAHEAD)] = 1,
    order: ReviewOrder = ReviewOrder.RISKIEST,
) -> HTMLResponse:
    """Return the cards of further photos, without those in `have`."""
    in_browser = set(have.split(",")) - {""}
    rows = services.assigner.assign(user.name, count, order, in_browser)
    container = services.container
    policy = container.routing_policy()
    cards = [build_card(row, container.inspections, policy) for row in rows]
    return HTMLResponse("".join(render_partial("review/_card.html", card=card, user=user) for card in cards))


@router.post("/{id}/decide")
def decide(
    request: Request,
    inspection_id: PathId,
    user: CurrentUser,
    services: Services,
    verdict: Annotated[Verdict | None, Form()] = None,
    defect_class: Annotated[str, Form()] = "",
    comment: Comment = "",
    decision_id: DecisionId = "",
) -> Response:
    """Submit the reviewer's decision on a photo that they saw. A defect class implies the verdict defect."""
    check_defect_class(services.settings.defect_classes, defect_class)
    if defect_class:
        verdict = Verdict.DEFECT
    if verdict not in (Verdict.OK, Verdict.DEFECT):
        raise HTTPException(400, "Choose OK or defect.")
    row = submissions.get_inspection(services.container, inspection_id)
    if not submissions.is_stored(row, decision_id, user.name):
        require_proof(request, inspection_id)
    answer = ReviewAnswer(
        inspection_id=inspection_id,
        decision_id=decision_id,
        verdict=verdict,
        defect_class=defect_class,
        comment=comment.strip(),
    )
    submission = submissions.submit(services.container, answer, user.name, services.settings.undo_seconds)
    services.assigner.drop_from_cache(inspection_id)
    seconds = submission.undo_seconds_left
    if _wants_json(request):
        response: Response = JSONResponse({"status": submission.status, "undo_seconds_left": seconds})
    else:
        flash(
            request,
            f"{_describe(submission)}. You can undo it for {seconds} s, at the bottom of the page.",
            "ok",
        )
        response = _redirect_to_review()
    return renew_proof(request, response, inspection_id, MAX_UNDO_SECONDS)


@router.post("/{id}/undo")
def undo(
    request: Request,
    inspection_id: PathId,
    user: CurrentUser,
    services: Services,
    decision_id: DecisionId = "",
    undone: Annotated[Literal["decide", "skip", "hold"], Form()] = "decide",
) -> Response:
    """Undo a decision within its undo window, a skip or a hold, and show the photo again."""
    container = services.container
    if undone == "skip":
        services.assigner.unskip(user.name, inspection_id)
    elif undone == "hold":
        services.assigner.release_hold(user.name, inspection_id)
        services.assigner.renew(user.name, [inspection_id])
    else:
        submissions.undo(container, inspection_id, decision_id, user.name)
    services.assigner.drop_from_cache(inspection_id)
    row = submissions.get_inspection(container, inspection_id)
    if _wants_json(request):
        card = build_card(row, container.inspections, container.routing_policy())
        html = render_partial("review/_card.html", card=card, user=user)
        return renew_proof(request, JSONResponse({"status": "open", "card": html}), inspection_id)
    flash(request, f"Undone: {row.image.name} is waiting for your decision again.")
    return RedirectResponse(f"/review?first={inspection_id}", 303)


@router.post("/{id}/skip")
def skip(request: Request, inspection_id: PathId, user: CurrentUser, services: Services) -> Response:
    """Return a photo to the queue for other reviewers."""
    services.assigner.skip(user.name, submissions.get_inspection(services.container, inspection_id))
    return _empty_response(request)


@router.post("/{id}/hold")
def hold(
    request: Request,
    inspection_id: PathId,
    user: CurrentUser,
    services: Services,
    comment: Comment = "",
) -> Response:
    """Put a photo on hold, with the comment as the reason."""
    reason = comment.strip()
    if not reason:
        raise HTTPException(400, "Enter a comment with the reason for the hold.")
    try:
        services.assigner.hold(user.name, inspection_id, reason)
    except Conflict:
        # The request may repeat one whose response was lost: then the photo is on hold already.
        current = submissions.get_inspection(services.container, inspection_id).hold
        if current is None or (current.reviewer, current.reason) != (user.name, reason):
            raise
    return _empty_response(request)


@router.post("/renew")
def renew(user: CurrentUser, services: Services, ids: Ids = "") -> JSONResponse:
    """Renew the leases of the browser's photos; return the ends of those that were renewed, by id."""
    return JSONResponse(services.assigner.renew(user.name, _parse_ids(ids)))


@router.post("/free")
def release_leases(user: CurrentUser, services: Services, leases: Leases = "") -> Response:
    """End the leases of a page that was closed. Leases that a newer page has renewed stay."""
    pairs = [lease.split(" ") for lease in leases.split(",") if lease]
    services.assigner.release_leases(user.name, {InspectionId(text): until for text, until in pairs})
    return Response(status_code=204)


@router.get("/strip")
def recent_submissions(user: CurrentUser, services: Services) -> HTMLResponse:
    """Return the list of the reviewer's last submissions with their stages."""
    return HTMLResponse(render_partial("review/_strip.html", submissions=_recent_submissions(services, user)))


@router.get("/events")
async def events(request: Request, user: CurrentUser, services: Services) -> Response:
    """Stream the counts after each change."""

    def build_message() -> dict[str, Any]:
        values = _counts(services, user)
        return {
            "counts": render_partial("review/_counts.html", **values),
            "empty": render_partial("review/_empty.html", **values),
            "available": values["counts"].available,
        }

    return event_stream(services.topic, build_message, partial(is_still_signed_in, request))


def _counts(services: ReviewServices, user: User) -> dict[str, Any]:
    return {
        "counts": services.assigner.count_waiting(user.name),
        "answer_count": services.tally.answer_count(user.name),
        "second_reviews": services.tally.second_review_count(user.name),
        "answers_per_minute": services.tally.answers_per_minute(user.name),
    }


def _recent_submissions(services: ReviewServices, user: User) -> list[SubmittedAnswer]:
    entries = services.tally.recent_answers(user.name, RECENT_SUBMISSIONS)
    undo_seconds = services.settings.undo_seconds
    return [submissions.describe_submission(services.container, entry, undo_seconds) for entry in entries]


def _describe(submission: SubmittedAnswer) -> str:
    if submission.verdict is Verdict.OK:
        return f"OK: {submission.name}"
    if submission.defect_class:
        return f"Defect ({submission.defect_class}): {submission.name}"
    return f"{submission.verdict.value.capitalize()}: {submission.name}"


def _other_order(order: ReviewOrder) -> ReviewOrder:
    return ReviewOrder.OLDEST if order is ReviewOrder.RISKIEST else ReviewOrder.RISKIEST


def _parse_ids(ids: str) -> list[InspectionId]:
    return [InspectionId(text) for text in ids.split(",") if len(text) == 64]


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _empty_response(request: Request) -> Response:
    return JSONResponse({}) if _wants_json(request) else _redirect_to_review()


def _redirect_to_review() -> RedirectResponse:
    return RedirectResponse("/review", 303)
