"""Parameter type for times, in every form that commands and pages print."""

from datetime import datetime
from typing import Any

import click

from workflow import timestamps


class TimeParam(click.ParamType[datetime]):
    """A time, in UTC unless it has an offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC. Raise BadParameter if the text is no time."""
        if isinstance(value, datetime):
            return value
        try:
            return timestamps.parse_input(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write it like 2026-11-30 or 2026-11-30T08:30Z", param, ctx)
