"""The dashboard page: metrics of a period, with links to the inspections behind them."""

from fastapi import APIRouter, Depends, Request, Response

from review_app.dashboard.dashboard_view import PERIODS, build_dashboard
from review_app.rendering import render_page
from review_app.users import current_user
from workflow import timestamps

router = APIRouter(dependencies=[Depends(current_user)])


@router.get("/dashboard")
def dashboard(request: Request, days: str = "", at: str = "") -> Response:
    """Show the dashboard of the last `days`; `at` is a threshold to replay (0 to 1)."""
    period = int(days) if days in map(str, PERIODS) else PERIODS[1]
    view = build_dashboard(request.app.state.container, period, timestamps.now(), _parse_threshold(at))
    return render_page(request, "dashboard/dashboard.html", view=view, periods=PERIODS)


def _parse_threshold(text: str) -> float | None:
    try:
        threshold = float(text)
    except ValueError:
        return None
    return threshold if 0 <= threshold <= 1 else None
