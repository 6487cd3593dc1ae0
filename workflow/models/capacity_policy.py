"""The capacity policy: when a model may run, on demand, in shifts and within a budget."""

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
    """Days of the week with a local start and end time; a shift that ends before it begins spans midnight."""

    days: tuple[str, ...]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityPolicy:
    """Versioned rules for starting and stopping the model in use.

    `on_demand` starts it for waiting photos. `idle_minutes` without a photo stop it (0: never). With `shifts`
    it starts only inside them and stops outside when no photo waits. `prestart` starts it at the beginning of
    a shift and keeps it running until its end. `daily_usd` (0: no limit) is the most that all models together
    may cost per day of `timezone`, even if photos wait. `units` are the inference units of a start.
    """

    version: str
    on_demand: bool = True
    idle_minutes: int = 30
    shifts: tuple[Shift, ...] = ()
    prestart: bool = False
    daily_usd: float = 0.0
    timezone: str = "UTC"
    units: int = 1

    def is_on_shift(self, now: str) -> bool:
        """Return True if a time lies in a shift, or if there are no shifts."""
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

    def start_of_day(self, now: str) -> str:
        """Return the beginning of the local day that contains a time."""
        local = timestamps.parse(now).astimezone(ZoneInfo(self.timezone))
        return timestamps.format_timestamp(local.replace(hour=0, minute=0, second=0, microsecond=0))


DISABLED = CapacityPolicy(version="none", on_demand=False, idle_minutes=0)
LOCAL_POLICY = '{"version": "1", "on_demand": true, "idle_minutes": 0}'
AWS_POLICY = (
    '{"version": "1", "on_demand": false, "idle_minutes": 60}'  # A running model is paid by the hour.
)


def capacity_parameter(model_parameter: str) -> str:
    """Return the name of the capacity policy's parameter, beside the parameter of the model in use."""
    return f"{model_parameter}-capacity"


def parse_capacity_policy(text: str) -> CapacityPolicy:
    """Parse a capacity policy from its JSON text; ConfigurationError names the field that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"not JSON ({error})") from error
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(version, str) or not version.strip() or not version.isprintable():
        raise _invalid("expected a JSON object with a printable 'version'")
    if unknown := document.keys() - {field.name for field in fields(CapacityPolicy)}:
        raise _invalid(f"unknown field {sorted(unknown)[0]!r}")
    shifts = document.pop("shifts", [])
    if not isinstance(shifts, list):
        raise _invalid(f"'shifts' must be a list, not {shifts!r}")
    policy = CapacityPolicy(**document, shifts=tuple(_parse_shift(shift) for shift in shifts))
    _check(policy)
    return policy


def _parse_shift(shift: Any) -> Shift:
    if not isinstance(shift, dict) or shift.keys() != {"days", "from", "to"}:
        raise _invalid(f"a shift needs 'days', 'from' and 'to', not {shift!r}")
    days = shift["days"]
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        raise _invalid(f"'days' of a shift must be some of {', '.join(DAYS)}, not {days!r}")
    return Shift(tuple(days), _parse_local_time(shift, "from"), _parse_local_time(shift, "to"))


def _parse_local_time(shift: dict[str, Any], field: str) -> time:
    try:
        at = time.fromisoformat(shift[field])
    except (TypeError, ValueError) as error:
        raise _invalid(f"{field!r} of a shift must be a time like 06:00, not {shift[field]!r}") from error
    if at.tzinfo is not None:
        raise _invalid(
            f"{field!r} of a shift is in the policy's 'timezone': leave the offset out of {shift[field]!r}"
        )
    return at


def _check(policy: CapacityPolicy) -> None:
    for name in ("on_demand", "prestart"):
        if not isinstance(getattr(policy, name), bool):
            raise _invalid(f"{name!r} must be true or false")
    for name, least, most in (("idle_minutes", 0, 10_080), ("daily_usd", 0, 1e6), ("units", 1, 5)):
        value = getattr(policy, name)
        types = (int, float) if name == "daily_usd" else int
        if isinstance(value, bool) or not isinstance(value, types) or not least <= value <= most:
            raise _invalid(f"{name!r} must be from {least:g} to {most:g}, not {value!r}")
    try:
        ZoneInfo(policy.timezone)
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise _invalid(f"unknown timezone {policy.timezone!r}") from error


def _invalid(reason: str) -> ConfigurationError:
    return ConfigurationError(f"capacity policy: {reason}")
