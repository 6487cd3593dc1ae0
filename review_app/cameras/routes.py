"""The cameras page: one row for each camera, with its light, alarms and master parts."""

from fastapi import APIRouter, Depends, Request, Response

from review_app.cameras.sparkline import draw_sparkline
from review_app.container import Container
from review_app.rendering import render_page
from review_app.users import Role, require_role
from workflow import timestamps
from workflow.cameras.camera import WATCHED_MEASURES
from workflow.cameras.camera_status import AlarmKind
from workflow.cameras.overview import build_overview

ALARM_NAMES = {
    AlarmKind.UNUSUAL: "unusual photos",
    AlarmKind.FROZEN: "frozen camera",
    AlarmKind.DRIFT: "light drift",
    AlarmKind.MASTER: "master parts",
}
router = APIRouter(dependencies=[Depends(require_role(Role.ENGINEER))])


@router.get("/cameras")
def cameras(request: Request) -> Response:
    """Show the cameras of the last weeks, by name."""
    container: Container = request.app.state.container
    rows = build_overview(
        container.camera_statuses.load_statuses(), container.cameras.list_cameras(), timestamps.now()
    )
    charts = {
        row.name: {name: draw_sparkline(reading) for name, reading in row.readings.items()} for row in rows
    }
    return render_page(
        request,
        "cameras/cameras.html",
        rows=rows,
        charts=charts,
        measures=WATCHED_MEASURES,
        alarm_names=ALARM_NAMES,
    )
