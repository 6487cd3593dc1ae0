"""When a model may run, in the operator's words: on demand, in shifts, within a budget."""

import json
from dataclasses import dataclass, fields
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from workflow import timestamps
from workflow.errors import ConfigurationError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Shift:
    """Days of the week, and local times from and to; one that ends before it begins ends the next day."""

    days: tuple[str, ...]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class PowerPolicy:
    """Versioned rules for starting and stopping the model in use.

    `on_demand` starts it for photos that wait; `idle_minutes` without a photo stop it (0: never). With
    `shifts` it is started inside them only and stopped outside when nothing waits; `early` starts it at a
    shift's beginning and keeps it up until its end. `daily_usd` (0: no limit) is what all models together
    may cost a day of `timezone`, photos waiting or not. `units` are the inference units of a start.
    """

    version: str
    on_demand: bool = True
    idle_minutes: int = 30
    shifts: tuple[Shift, ...] = ()
    early: bool = False
    daily_usd: float = 0.0
    timezone: str = "UTC"
    units: int = 1

    def on_shift(self, now: str) -> bool:
        """Whether a moment lies in a shift; without shifts all do."""
        local = timestamps.parse(now).astimezone(ZoneInfo(self.timezone))
        today, yesterday = DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()]
        at = local.time()
        for shift in self.shifts:
            if shift.begins < shift.ends:
                if today in shift.days and shift.begins <= at < shift.ends:
                    return True
            elif (today in shift.days and at >= shift.begins) or (
                yesterday in shift.days and at < shift.ends
            ):
                return True
        return not self.shifts

    def midnight(self, now: str) -> str:
        """The beginning of the day of a moment."""
        local = timestamps.parse(now).astimezone(ZoneInfo(self.timezone))
        return timestamps.text(local.replace(hour=0, minute=0, second=0, microsecond=0))


HANDS_OFF = PowerPolicy("none", on_demand=False, idle_minutes=0)
LOCAL_POLICY = '{"version": "1", "on_demand": true, "idle_minutes": 0}'
AWS_POLICY = (
    '{"version": "1", "on_demand": false, "idle_minutes": 60}'  # A running model is paid by the hour.
)


def parameter_of(model_parameter: str) -> str:
    """The name of the parameter with the power policy, beside that of the model in use."""
    return f"{model_parameter}-power"


def parse(text: str) -> PowerPolicy:
    """Read a power policy from its JSON text; ConfigurationError names the field that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"not JSON ({error})") from error
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(version, str) or not version.strip() or not version.isprintable():
        raise _wrong("expected a JSON object with a printable 'version'")
    if unknown := document.keys() - {one.name for one in fields(PowerPolicy)}:
        raise _wrong(f"unknown field {sorted(unknown)[0]!r}")
    shifts = document.pop("shifts", [])
    if not isinstance(shifts, list):
        raise _wrong(f"'shifts' must be a list, not {shifts!r}")
    policy = PowerPolicy(**document, shifts=tuple(_shift(one) for one in shifts))
    _check(policy)
    return policy


def _shift(one: Any) -> Shift:
    if not isinstance(one, dict) or one.keys() != {"days", "from", "to"}:
        raise _wrong(f"a shift needs 'days', 'from' and 'to', not {one!r}")
    days = one["days"]
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        raise _wrong(f"'days' of a shift must be some of {', '.join(DAYS)}, not {days!r}")
    return Shift(tuple(days), _local(one, "from"), _local(one, "to"))


def _local(shift: dict[str, Any], field: str) -> time:
    try:
        at = time.fromisoformat(shift[field])
    except (TypeError, ValueError) as error:
        raise _wrong(f"{field!r} of a shift must be a time like 06:00, not {shift[field]!r}") from error
    if at.tzinfo is not None:
        raise _wrong(
            f"{field!r} of a shift is in the policy's 'timezone': leave the offset out of {shift[field]!r}"
        )
    return at


def _check(policy: PowerPolicy) -> None:
    for name in ("on_demand", "early"):
        if not isinstance(getattr(policy, name), bool):
            raise _wrong(f"{name!r} must be true or false")
    for name, least, most in (("idle_minutes", 0, 10_080), ("daily_usd", 0, 1e6), ("units", 1, 5)):
        value = getattr(policy, name)
        kinds = (int, float) if name == "daily_usd" else int
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
            raise _wrong(f"{name!r} must be from {least:g} to {most:g}, not {value!r}")
    try:
        ZoneInfo(policy.timezone)
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise _wrong(f"unknown timezone {policy.timezone!r}") from error


def _wrong(why: str) -> ConfigurationError:
    return ConfigurationError(f"power policy: {why}")
