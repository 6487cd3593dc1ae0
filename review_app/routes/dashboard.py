"""The dashboard: how the line does, with every figure leading to the inspections behind it."""

from fastapi import APIRouter, Depends, Request, Response

from review_app.dashboard import DAYS, board
from review_app.pages import page
from review_app.users import current_user
from workflow import timestamps

router = APIRouter(dependencies=[Depends(current_user)])


@router.get("/dashboard")
def dashboard(request: Request, days: str = "", at: str = "") -> Response:
    span = int(days) if days in map(str, DAYS) else DAYS[1]
    shown = board(request.app.state.ports, span, timestamps.now(), _threshold(at))
    return page(request, "dashboard.html", board=shown, spans=DAYS)


def _threshold(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found <= 1 else None
