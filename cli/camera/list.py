"""`partcheck camera list`: one line for each camera."""

from dataclasses import asdict

import click

from cli.context import CliContext
from cli.output import format_timestamp, note, print_json_line, print_table
from workflow import timestamps
from workflow.cameras.camera import WATCHED_MEASURES
from workflow.cameras.overview import CameraOverview, MeasureReading, build_overview

TITLES = ("camera", "last photo", *WATCHED_MEASURES, "unusual", "repeated", "light", "master parts", "alarms")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per camera, one per line.")
@click.pass_obj
def list_cameras(context: CliContext, as_json: bool) -> None:
    """List the cameras of the last weeks with their light, alarms and master parts.

    Brightness, contrast and sharpness are means of the last 20 photos, with the range that the model learned
    in brackets. *Unusual* and *repeated* count photos among the last 20.

    \b
    Example:
      partcheck camera list --json | jq -r 'select(.alarms != {}) | .name'
    """
    environment = context.environment()
    rows = build_overview(
        environment.camera_statuses.load_statuses(), environment.cameras.list_cameras(), timestamps.now()
    )
    if as_json:
        for row in rows:
            print_json_line(asdict(row))
        return
    if not rows:
        note("No camera has taken a photo yet. A camera appears within a minute of its first photo.")
        return
    print_table(TITLES, [_cells(row) for row in rows])


def _cells(row: CameraOverview) -> tuple[str, ...]:
    return (
        row.name,
        format_timestamp(row.last_photo_at) if row.last_photo_at else "",
        *(_format_reading(row.readings.get(name)) for name in WATCHED_MEASURES),
        f"{row.unusual} of {row.photos}",
        f"{row.repeated} of {row.photos}{' (rule off)' if row.live_reason else ''}",
        row.drift,
        "; ".join((row.masters, *row.reasons)),
        ", ".join(row.alarms),
    )


def _format_reading(reading: MeasureReading | None) -> str:
    if reading is None:
        return ""
    learned = f" [{reading.learned[0]:.1f} to {reading.learned[1]:.1f}]" if reading.learned else ""
    return f"{reading.mean:.1f}{learned}"
