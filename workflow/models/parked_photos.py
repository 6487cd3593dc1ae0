"""Waking parked photos, at a bounded rate, while the model in use runs."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workflow import timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.repository import InspectionQueries
from workflow.models.capacity_manager import UsageMeter
from workflow.models.model import ModelControlPlane, ModelKind, ModelStatus, kind_of, project_name
from workflow.pipeline.detection import Detector, ImageUnreadable, ModelNotReady
from workflow.pipeline.executions import TaskCompleter, TaskTokenStore
from workflow.pipeline.parking import wake

WAKES_PER_SECOND = 6  # For each inference unit, which judges about four photos a second.
MAX_FAILED_PROBES = 3
MAX_BROKEN = 1000
MISSED_AFTER_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Waker:
    """The ports that wake parked photos."""

    inspections: InspectionQueries
    tokens: TaskTokenStore
    tasks: TaskCompleter

    def wake(self, row: Inspection) -> bool:
        """Wake one photo. Return False if no token of its execution is alive."""
        return wake(self.tokens, self.tasks, row.id)


def wake_parked(
    waker: Waker,
    control_plane: ModelControlPlane,
    detector: Callable[[], Detector],
    arn: str,
    time_left: Callable[[], bool],
    sleep: Callable[[float], None],
) -> int:
    """Wake parked photos while the model in use runs and there is time; return their number.

    The oldest come first. The scheduler calls it every minute, so a photo that a run missed is woken by the
    next. No photo is woken while `detector()` raises ConfigurationError: it could not be judged.
    """
    units = _count_running_units(control_plane, arn) if _has_parked(waker.inspections) else 0
    woken = 0
    if not units:
        return woken
    for row in _iter_wakeable(waker.inspections, detector()):
        if not time_left():
            break
        woken += waker.wake(row)
        sleep(1 / (WAKES_PER_SECOND * units))
    return woken


def find_missed(inspections: InspectionQueries, meter: UsageMeter, now: str) -> Iterator[Inspection]:
    """Find photos that are still parked ten minutes after both their parking and the model's start."""
    horizon = timestamps.add_seconds(now, -MISSED_AFTER_SECONDS)
    running_since = meter.model_running_since
    if not running_since or running_since > horizon:
        return
    for row in inspections.list_by_state(InspectionState.PARKED):
        if row.model_wait and not row.model_wait.broken and row.model_wait.since < horizon:
            yield row


def _has_parked(inspections: InspectionQueries) -> bool:
    return inspections.get_oldest(InspectionState.PARKED) is not None


def _count_running_units(control_plane: ModelControlPlane, arn: str) -> int:
    """Return the inference units of the model in use, 0 if it does not run. An own model counts as one."""
    if not arn or kind_of(arn) is not ModelKind.CUSTOM_LABELS:
        return int(bool(arn))
    for version in control_plane.list_versions(project_name(arn)):
        if version.arn == arn and version.status is ModelStatus.RUNNING:
            return max(1, version.units)
    return 0


def _iter_wakeable(inspections: InspectionQueries, detector: Detector) -> Iterator[Inspection]:
    """Yield the parked photos that wait for a start, then those whose configuration works again."""
    broken: list[Inspection] = []
    for row in inspections.list_by_state(InspectionState.PARKED):
        if row.model_wait is None or not row.model_wait.broken:
            yield row
        elif len(broken) < MAX_BROKEN:
            broken.append(row)
    # Each is tried here first, in random order, since a round in vain costs its execution three transitions.
    failed = 0
    for row in random.sample(broken, len(broken)):
        if failed == MAX_FAILED_PROBES:
            return
        response = detector.detect_labels(row.location)
        if isinstance(response, ModelNotReady | ImageUnreadable):
            failed += 1
        else:
            yield row
