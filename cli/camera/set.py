"""`partcheck camera set`: change the settings of a camera."""

from dataclasses import replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import click

from cli.camera.audited_change import json_option, print_change, reason_option, record_change
from cli.context import CliContext
from workflow import timestamps
from workflow.cameras.camera import Camera

LIVE, GUARDED = "live", "guarded"
MAX_GRACE_MINUTES = 24 * 60


class ShiftStartsParam(click.ParamType[tuple[str, ...]]):
    """Times of the day, separated by commas, such as 06:00,14:00; `none` for no shifts."""

    name = "times"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the times as HH:MM. Raise BadParameter if one is not a time."""
        if isinstance(value, tuple):
            return value
        texts = [] if value == "none" else str(value).split(",")
        try:
            return tuple(f"{time.fromisoformat(text.strip()):%H:%M}" for text in texts)
        except ValueError:
            self.fail(f"{value!r} is no list of times like 06:00,14:00,22:00", param, ctx)


class TimezoneParam(click.ParamType[str]):
    """The name of a time zone, such as Europe/Berlin."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Raise BadParameter if this machine does not know it."""
        try:
            ZoneInfo(str(value))
        except (OSError, ValueError, KeyError):
            self.fail(f"unknown time zone {value!r}", param, ctx)
        return str(value)


@click.command("set")
@click.argument("name", metavar="CAMERA")
@click.option(
    "--equal-frames",
    type=click.Choice([LIVE, GUARDED]),
    help="`live`: equal frames of this camera are live photos, and the rule about them is off.",
)
@click.option(
    "--shifts", type=ShiftStartsParam(), help="When master parts are due: 06:00,14:00,22:00, or `none`."
)
@click.option("--timezone", type=TimezoneParam(), help="The time zone of the shifts, such as Europe/Berlin.")
@click.option(
    "--grace-minutes",
    type=click.IntRange(0, MAX_GRACE_MINUTES),
    help="Minutes after the beginning of a shift until master parts are overdue.",
)
@click.option("--new-baseline", is_flag=True, help="Forget the baseline of the light, and learn a new one.")
@reason_option
@json_option
@click.pass_obj
def set_camera(
    context: CliContext,
    name: str,
    equal_frames: str | None,
    shifts: tuple[str, ...] | None,
    timezone: str | None,
    grace_minutes: int | None,
    new_baseline: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Change the settings of a camera. The reason is recorded in the audit trail.

    A camera without sensor noise repeats frames although it takes live photos. Look at the photos before you
    switch the rule about equal frames off: a frozen camera passes every part.

    \b
    Examples:
      partcheck camera set "line 1" --shifts 06:00,14:00 --timezone Europe/Berlin --reason "two shifts"
      partcheck camera set "line 1" --equal-frames live --reason "black background, checked with eve"
    """
    changes: dict[str, Any] = {
        "shifts": shifts,
        "timezone": timezone,
        "grace_minutes": grace_minutes,
        "live_reason": {LIVE: reason, GUARDED: ""}.get(equal_frames or ""),
        "baseline_from": timestamps.now() if new_baseline else None,
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    if not changes:
        raise click.UsageError("Name at least one setting to change.")

    def change(before: Camera) -> Camera:
        return replace(before, **changes)

    environment = context.environment()
    after = environment.cameras.change_camera(name, change)
    words = ", ".join(f"{field} {getattr(after, field)}" for field in changes)
    record_change(environment.inspections, name, words, reason)
    print_change(after, words, as_json)
