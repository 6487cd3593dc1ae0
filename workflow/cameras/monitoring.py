"""The monitoring of all cameras: count new photos, raise and clear alarms, and reopen suspects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from workflow import timestamps
from workflow.cameras import alarm_messages
from workflow.cameras.camera import (
    WATCHED_MEASURES,
    Camera,
    CameraPhoto,
    CameraRepository,
    Suspect,
    camera_name,
)
from workflow.cameras.camera_status import AlarmKind, Baseline, CameraStatus, CameraStatuses, add_photo
from workflow.cameras.confirmed_photos import list_confirmed
from workflow.cameras.masters import explain_masters
from workflow.cameras.overview import newest_basis
from workflow.deferred_errors import defer_errors
from workflow.errors import ConfigurationError, Conflict
from workflow.inspections.inspection import UNJUDGED_STATES, Inspection, InspectionState
from workflow.inspections.model_reference import ModelReference
from workflow.inspections.photo_guard import RULES
from workflow.inspections.repository import AuditLog, InspectionRepository
from workflow.inspections.verdict import Verdict

LAG_SECONDS = 10  # An index shows a photo some moments after it was stored.
CONFIRMED_LAG_SECONDS = 90  # A decision can be undone for a minute.
FIRST_RUN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class MonitoringProgress:
    """The times up to which photos were counted, and people's answers were read."""

    observed_until: str
    confirmed_until: str


class CameraStatusRepository(Protocol):
    """The stored status of each camera, and the progress of the monitoring."""

    def load_statuses(self) -> CameraStatuses:
        """Return the status of every camera that took photos in the last weeks."""

    def save_status(self, status: CameraStatus) -> None:
        """Store the status of a camera."""

    def load_progress(self) -> MonitoringProgress | None:
        """Return the monitoring's progress, or None before its first run."""

    def save_progress(self, progress: MonitoringProgress) -> None:
        """Store the monitoring's progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMonitor:
    """The ports of the monitoring.

    `send` puts a message on the escalation queue, `reopen` begins a new revision of a photo, and
    `get_reference` returns the reference of a model.
    """

    cameras: CameraRepository
    statuses: CameraStatusRepository
    inspections: InspectionRepository
    audit_log: AuditLog
    send: Callable[[str], None]
    reopen: Callable[[Suspect], None]
    get_reference: Callable[[str], ModelReference | None]


def run_once(monitor: CameraMonitor, now: str, time_left: Callable[[], bool]) -> dict[str, int]:
    """Run the monitoring once, and return the numbers of cameras by alarm, and of reopened photos.

    The scheduler calls it every minute, one call at a time. A message is sent before the status is stored: it
    may be sent twice, but is never lost.
    """
    until = timestamps.add_seconds(now, -LAG_SECONDS)
    confirmed_until = timestamps.add_seconds(now, -CONFIRMED_LAG_SECONDS)
    begin = timestamps.add_seconds(now, -FIRST_RUN_SECONDS)
    progress = monitor.statuses.load_progress() or MonitoringProgress(begin, begin)
    statuses = monitor.statuses.load_statuses()
    settings = {camera.name: camera for camera in monitor.cameras.list_cameras()}
    before = dict(statuses)
    for camera in settings.values():
        statuses[camera.name] = _restart_baseline(statuses[camera.name], camera)
    for photo in monitor.cameras.list_observed(progress.observed_until, until):
        statuses[photo.camera] = _count(monitor, statuses[photo.camera], photo, now)
    _add_confirmed(monitor, statuses, progress.confirmed_until, confirmed_until)
    for camera in settings.values():
        statuses[camera.name] = _watch_masters(monitor, camera, statuses[camera.name], now)
    for name, status in statuses.items():
        if status != before.get(name):
            monitor.statuses.save_status(status)
    monitor.statuses.save_progress(MonitoringProgress(until, max(confirmed_until, progress.confirmed_until)))
    reopened = reopen_suspects(monitor, time_left)
    alarms = {
        kind.name.lower(): sum(kind in status.alarms for status in statuses.values()) for kind in AlarmKind
    }
    return {**alarms, "reopened": reopened}


def margins_of(reference: ModelReference | None) -> dict[str, float]:
    """Return the narrower margin of each watched measure; without a reference, its least margin."""
    if reference is None:
        return {name: RULES[name].margin for name in WATCHED_MEASURES}
    return {name: min(RULES[name].compute_margins(reference.ranges[name])) for name in WATCHED_MEASURES}


def reopen_suspects(monitor: CameraMonitor, time_left: Callable[[], bool]) -> int:
    """Reopen the suspects that passed without a person; return their number.

    A photo whose verdict is not announced yet stays a suspect until the next run.
    """
    reopened = 0
    with defer_errors() as capture:
        for suspect in monitor.cameras.list_suspects():
            if not time_left():
                break
            with capture():
                row = monitor.inspections.get(suspect.inspection_id)
                if row is not None and row.state in UNJUDGED_STATES:
                    continue
                if row is not None and passed(row):
                    reopened += _reopen(monitor, suspect)
                monitor.cameras.remove_suspect(suspect.inspection_id)
    return reopened


def passed(row: Inspection) -> bool:
    """Return True if a photo was filed as ok without a person."""
    return row.state is InspectionState.CLOSED and row.verdict is Verdict.OK and row.decision is None


def _reopen(monitor: CameraMonitor, suspect: Suspect) -> bool:
    try:
        monitor.reopen(suspect)
    except Conflict:  # It was revised meanwhile, or as often as possible: a person has seen it.
        return False
    return True


def _count(monitor: CameraMonitor, before: CameraStatus, photo: CameraPhoto, now: str) -> CameraStatus:
    """Count a photo, and send the messages about the alarms that it raises or clears."""
    reference = _reference_of(monitor, photo.model)
    margins = margins_of(reference)
    learned = {name: reference.ranges[name] for name in WATCHED_MEASURES} if reference else {}
    after = replace(add_photo(before, photo, margins), learned=learned)
    for kind in after.alarms.keys() - before.alarms.keys():
        since = after.alarms[kind]
        facts, message = _describe(kind, after, margins)
        monitor.send(alarm_messages.build_alarm(kind, after, since, now, facts=facts, message=message))
    for kind in before.alarms.keys() - after.alarms.keys():
        monitor.send(alarm_messages.build_clearance(kind, after, before.alarms[kind], now))
    return after


def _describe(
    kind: AlarmKind, status: CameraStatus, margins: Mapping[str, float]
) -> tuple[dict[str, Any], str]:
    if kind is AlarmKind.UNUSUAL:
        return alarm_messages.describe_unusual(status)
    if kind is AlarmKind.FROZEN:
        return alarm_messages.describe_frozen(status)
    return alarm_messages.describe_drift(status, margins)


def _reference_of(monitor: CameraMonitor, model: str) -> ModelReference | None:
    """Return the reference of a model; None if it has none, or an unreadable one."""
    try:
        return monitor.get_reference(model) if model else None
    except ConfigurationError:
        return None


def _restart_baseline(status: CameraStatus, camera: Camera) -> CameraStatus:
    """Return the status without its baseline, if a person ordered a new one since it was begun."""
    if status.baseline_from == camera.baseline_from:
        return status
    return replace(
        status,
        baseline=Baseline(),
        baseline_from=camera.baseline_from,
        averages={},
        drift_photos=0,
        alarms={kind: since for kind, since in status.alarms.items() if kind is not AlarmKind.DRIFT},
    )


def _add_confirmed(monitor: CameraMonitor, statuses: CameraStatuses, since: str, until: str) -> None:
    """Add the photos to their cameras' baselines that people judged after a time and until another."""
    for row in list_confirmed(monitor.inspections, monitor.audit_log, since, until):
        status = statuses.get(camera_name(row))
        if status is not None and row.measures is not None and row.claimed_at >= status.baseline_from:
            baseline = status.baseline.add(row.measures)
            statuses[status.camera] = replace(status, baseline=baseline)


def _watch_masters(monitor: CameraMonitor, camera: Camera, status: CameraStatus, now: str) -> CameraStatus:
    """Raise or clear the alarm about a camera's master parts."""
    reasons = explain_masters(camera, newest_basis(camera, status), now)
    if reasons and AlarmKind.MASTER not in status.alarms:
        since = camera.containment.since if camera.containment else ""
        facts, message = alarm_messages.describe_masters(status, reasons, since)
        monitor.send(
            alarm_messages.build_alarm(AlarmKind.MASTER, status, now, now, facts=facts, message=message)
        )
        return replace(status, alarms={**status.alarms, AlarmKind.MASTER: now})
    if not reasons and AlarmKind.MASTER in status.alarms:
        since = status.alarms[AlarmKind.MASTER]
        monitor.send(alarm_messages.build_clearance(AlarmKind.MASTER, status, since, now))
        return replace(
            status, alarms={kind: at for kind, at in status.alarms.items() if kind is not AlarmKind.MASTER}
        )
    return status
