"""The review loop: what is next, what was decided, and taking it back."""

import uuid
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from review_app import answers
from review_app.answers import Answer, Given
from review_app.cards import card
from review_app.live import stream
from review_app.pages import page, part, tell
from review_app.users import User, as_asked, current_user, still
from review_app.workbench import Workbench, workbench
from workflow.errors import Conflict
from workflow.inspections.verdict import Verdict
from workflow.review.assignment import Order
from workflow.review.decisions import MAX_REASON

MOST_AHEAD = 10
STRIP = 6
ACTIONS = {
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

router = APIRouter(prefix="/review", dependencies=[Depends(as_asked)])
Who = Annotated[User, Depends(current_user)]
Bench = Annotated[Workbench, Depends(workbench)]
Photo = Annotated[str, Path(alias="id", pattern="^[0-9a-f]{64}$")]
Ids = Annotated[str, Form(max_length=20_000, pattern="^[0-9a-f,]*$")]
Leases = Annotated[str, Form(max_length=20_000, pattern="^([0-9a-f]{64} [0-9TZ:.-]{10,40}(,|$))*$")]
Uuid = Annotated[str, Form(pattern="^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")]


@router.get("")
def review(request: Request, user: Who, bench: Bench, order: Order | None = None) -> Response:
    """The next photo; the browser's script asks for those after it."""
    if order is not None:
        request.session["order"] = order.value
        return RedirectResponse("/review", 303)
    chosen = Order(request.session.get("order", Order.RISKIEST))
    rows = bench.desk.take(user.name, 1, chosen)
    policy = bench.ports.policy()
    return page(
        request,
        "review.html",
        card=card(rows[0], bench.ports.ledger, policy) if rows else None,
        decision_id=str(uuid.uuid4()),
        order=chosen,
        classes=bench.settings.defect_classes[:9],
        undo_seconds=bench.settings.undo_seconds,
        actions=ACTIONS.items(),
        last=_last(bench, user),
        **_counts(bench, user),
    )


@router.get("/next")
def ahead(
    user: Who,
    bench: Bench,
    have: Annotated[str, Query(max_length=20_000, pattern="^[0-9a-f,]*$")] = "",
    wanted: Annotated[int, Query(ge=0, le=MOST_AHEAD)] = 1,
    order: Order = Order.RISKIEST,
) -> HTMLResponse:
    """Further photos as cards, without those that the browser has."""
    known = set(have.split(",")) - {""}
    rows = bench.desk.take(user.name, wanted, order, known)
    policy = bench.ports.policy()
    return HTMLResponse(
        "".join(part("_card.html", card=card(row, bench.ports.ledger, policy)) for row in rows)
    )


@router.post("/{id}/decide")
def decide(
    request: Request,
    inspection_id: Photo,
    user: Who,
    bench: Bench,
    verdict: Annotated[Verdict | None, Form()] = None,
    defect_class: Annotated[str, Form()] = "",
    comment: Annotated[str, Form(max_length=MAX_REASON)] = "",
    decision_id: Uuid = "",
) -> Response:
    if defect_class and defect_class not in bench.settings.defect_classes:
        raise HTTPException(400, "There is no such defect class.")
    if defect_class:
        verdict = Verdict.DEFECT
    if verdict not in (Verdict.OK, Verdict.DEFECT):
        raise HTTPException(400, "A photo is decided OK or defect.")
    answer = Answer(inspection_id, decision_id, verdict, defect_class, comment.strip())
    given = answers.give(bench.ports, answer, user.name, bench.settings.undo_seconds)
    bench.desk.forget(inspection_id)
    if _by_script(request):
        return JSONResponse({"stage": given.stage, "until": given.until})
    tell(request, f"{_words(given)}. You can undo it for {given.until} s, at the bottom of the page.", "ok")
    return _on()


@router.post("/{id}/undo")
def undo(request: Request, inspection_id: Photo, user: Who, bench: Bench, decision_id: Uuid = "") -> Response:
    row = answers.take_back(bench.ports, inspection_id, decision_id, user.name)
    bench.desk.forget(inspection_id)
    if _by_script(request):
        return JSONResponse({"stage": "open"})
    tell(request, f"Taken back: {row.image.name} waits for your decision again.")
    return _on()


@router.post("/{id}/skip")
def skip(request: Request, inspection_id: Photo, user: Who, bench: Bench) -> Response:
    bench.desk.skip(user.name, answers.row_of(bench.ports, inspection_id))
    return JSONResponse({}) if _by_script(request) else _on()


@router.post("/{id}/hold")
def hold(
    request: Request,
    inspection_id: Photo,
    user: Who,
    bench: Bench,
    comment: Annotated[str, Form(max_length=MAX_REASON)] = "",
) -> Response:
    reason = comment.strip()
    if not reason:
        raise HTTPException(400, "Say in the comment why the photo is held.")
    try:
        bench.desk.hold(user.name, inspection_id, reason)
    except Conflict:  # Its answer may have been lost on the way back: then it holds already.
        held = answers.row_of(bench.ports, inspection_id).hold
        if held is None or (held.by, held.reason) != (user.name, reason):
            raise
    return JSONResponse({}) if _by_script(request) else _on()


@router.post("/renew")
def renew(user: Who, bench: Bench, ids: Ids = "") -> JSONResponse:
    """Keep photos that the browser still has before the reviewer; answers with those kept, and until when."""
    return JSONResponse(bench.desk.renew(user.name, _listed(ids)))


@router.post("/free")
def free(user: Who, bench: Bench, leases: Leases = "") -> Response:
    """The page is gone: its photos are for others, unless the reviewer's next page has them already."""
    bench.desk.release(user.name, dict(one.split(" ") for one in leases.split(",") if one))
    return Response(status_code=204)


@router.get("/strip")
def strip(user: Who, bench: Bench) -> HTMLResponse:
    """The reviewer's last decisions, and how far each got."""
    return HTMLResponse(part("_strip.html", last=_last(bench, user)))


@router.get("/events")
async def events(request: Request, user: Who, bench: Bench) -> Response:
    """The counts, whenever they change."""

    def message() -> dict[str, Any]:
        shown = _counts(bench, user)
        return {
            "counts": part("_counts.html", **shown),
            "empty": part("_empty.html", **shown),
            "free": shown["counts"].free,
        }

    return stream(bench.topic, message, partial(still, request))


def _counts(bench: Workbench, user: User) -> dict[str, Any]:
    counts = bench.desk.counts(user.name)
    return {"counts": counts, "done": bench.today.done(user.name), "pace": bench.today.pace(user.name)}


def _last(bench: Workbench, user: User) -> list[Given]:
    entries = bench.today.last(user.name, STRIP)
    return [answers.given(bench.ports, entry, bench.settings.undo_seconds) for entry in entries]


def _words(given: Given) -> str:
    what = f"Defect ({given.defect_class})" if given.defect_class else given.verdict.value.capitalize()
    return f"{'OK' if given.verdict is Verdict.OK else what}: {given.name}"


def _listed(ids: str) -> list[str]:
    return [one for one in ids.split(",") if len(one) == 64]


def _by_script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _on() -> RedirectResponse:
    return RedirectResponse("/review", 303)
