"""The capacity manager: start the model that photos wait for, stop an idle model, and record the reason."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from workflow import timestamps
from workflow.errors import ConfigurationError
from workflow.inspections.inspection import UNJUDGED_STATES, InspectionState
from workflow.inspections.objects import Image
from workflow.inspections.repository import InspectionQueries
from workflow.inspections.smoke_photos import is_smoke_photo
from workflow.models import model
from workflow.models.capacity_policy import CapacityPolicy
from workflow.models.model import (
    FAILED_STATUSES,
    STARTABLE_STATUSES,
    ModelControlPlane,
    ModelStatus,
    ModelVersion,
    RequestResult,
    project_name,
    version_name,
)
from workflow.models.promotion import ModelAction, ModelEvent, ModelEventLog
from workflow.pipeline.detection import Detector, ImageRefused, ImageUnreadable, ModelAnswer, ModelNotReady
from workflow.review.decisions import MessageQueue

ACTOR = "capacity manager"
NOT_RUNNING = "the model is not running"
START_LOCK_SECONDS = 60
STARTING_SECONDS = 20 * 60
WAITING_PHOTO_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageMeter:
    """The stored usage: the running models with their start times and units, and the cost of the day.

    `spent_usd` is the cost of the day that began at `day`, counted up to `counted_at`. `running` maps an ARN
    to its start time and inference units. `alarmed` names the model and the status of the last alarm.
    `model` is the ARN of the model in use.
    """

    counted_at: str = ""
    day: str = ""
    spent_usd: float = 0.0
    running: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    alarmed: str = ""
    model: str = ""

    @property
    def model_running_since(self) -> str:
        """Return when the model in use was first seen running, empty if it does not run."""
        return self.running[self.model][0] if self.model in self.running else ""


class CapacityStore(Protocol):
    """The stored usage meter and the start lock."""

    def load_meter(self) -> UsageMeter:
        """Return the meter; a new one if none is stored."""

    def save_meter(self, before: UsageMeter, after: UsageMeter) -> bool:
        """Replace the meter. Return False if it was replaced meanwhile."""

    def acquire_start_lock(self, now: str, until: str) -> bool:
        """Acquire the only right to request a start, until a time. Return False if it is held already."""

    def set_start_lock(self, until: str) -> None:
        """Hold the lock until a time; a time in the past releases it."""


@dataclass(frozen=True, slots=True)
class CapacityPorts:
    """The ports of the capacity manager."""

    control_plane: ModelControlPlane
    store: CapacityStore
    event_log: ModelEventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The facts of one decision; `idle` means that no photo came for the policy's idle time."""

    now: str
    version: ModelVersion
    photos_waiting: bool
    idle: bool
    spent_usd: float


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """A planned `start` or `stop` with its reason, or no action."""

    action: ModelAction | None = None
    reason: str = ""


def plan_action(policy: CapacityPolicy, observation: Observation) -> PlannedAction:
    """Plan by priority: the budget first, then waiting photos, then the shifts, then idleness."""
    on_shift = policy.is_on_shift(observation.now)
    spent = observation.spent_usd
    over_budget = 0 < policy.daily_usd <= spent
    status = observation.version.status
    if status is ModelStatus.RUNNING:
        if over_budget:
            return PlannedAction(ModelAction.STOP, f"${spent:.2f} of ${policy.daily_usd:.2f} a day are spent")
        if observation.photos_waiting or (policy.prestart and policy.shifts and on_shift):
            return PlannedAction()
        if not on_shift:
            return PlannedAction(ModelAction.STOP, "the shift is over and no photo waits")
        if policy.idle_minutes and observation.idle:
            return PlannedAction(ModelAction.STOP, f"no photo came for {policy.idle_minutes} min")
        return PlannedAction()
    if status not in STARTABLE_STATUSES or over_budget or not on_shift:
        return PlannedAction()
    if policy.on_demand and observation.photos_waiting:
        return PlannedAction(ModelAction.START, "photos wait for it")
    if policy.prestart and policy.shifts and status is not ModelStatus.FAILED:
        return PlannedAction(ModelAction.START, "the shift has begun")
    return PlannedAction()


def request_start(ports: CapacityPorts, arn: str, policy: CapacityPolicy, now: str) -> bool:
    """Request one start for a photo that found its model stopped. Return True if this call made the request.

    The number of such photos does not matter. The start lock is one conditional write, and only its holder
    calls the control plane.
    """
    if not arn or not policy.on_demand or not policy.is_on_shift(now):
        return False
    if not ports.store.acquire_start_lock(now, timestamps.add_seconds(now, START_LOCK_SECONDS)):
        return False
    meter = ports.store.load_meter()
    if 0 < policy.daily_usd <= meter.spent_usd and meter.day == policy.start_of_day(now):
        return False
    return _start(ports, arn, policy.units, "photos wait for it", now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoStartingDetector:
    """A Detector that requests a start of its model when a photo finds the model stopped.

    A photo of the smoke test requests none.
    """

    detector: Detector
    ports: CapacityPorts
    model: str
    policy: Callable[[], CapacityPolicy]

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        response = self.detector.detect_labels(image)
        if not isinstance(response, ModelNotReady) or response.reason != NOT_RUNNING:
            return response
        if is_smoke_photo(image.key):
            return response
        try:
            policy = self.policy()
        except ConfigurationError as error:
            return replace(response, reason=f"{NOT_RUNNING}, and the {error}", broken=True)
        request_start(self.ports, self.model, policy, timestamps.now())
        return response


def run_once(
    ports: CapacityPorts,
    inspections: InspectionQueries,
    alarms: MessageQueue,
    arn: str,
    policy: CapacityPolicy,
    now: str,
) -> str:
    """Count the cost, send an alarm, start or stop the model; return the action in a few words.

    The scheduler calls it every minute.
    """
    if not arn:
        return "no model is chosen"
    needs_capacity = model.kind_of(arn) is model.ModelKind.CUSTOM_LABELS
    versions = ports.control_plane.list_versions(project_name(arn))
    version = next((version for version in versions if version.arn == arn), None)
    before = ports.store.load_meter()
    after = replace(_accrue(before, versions, policy, now), model=arn)
    after = _with_alarm(after, version) if needs_capacity else replace(after, alarmed="")
    if after.alarmed and after.alarmed != before.alarmed:
        # Sent before it is stored: it may be sent twice, but is never lost.
        _send_alarm(ports, alarms, arn, version, now)
    if not ports.store.save_meter(before, after):
        return "another run was faster"
    if not needs_capacity:
        return "the model needs no start and no stop"
    if version is None:
        return "the model does not exist"
    if version.status is ModelStatus.RUNNING and before.running.get(arn) is None:
        ports.store.set_start_lock(now)
    planned = plan_action(policy, _observe(inspections, version, after, policy, now))
    if planned.action is ModelAction.STOP:
        _stop(ports, arn, planned.reason, now)
    elif planned.action is ModelAction.START and ports.store.acquire_start_lock(
        now, timestamps.add_seconds(now, START_LOCK_SECONDS)
    ):
        _start(ports, arn, policy.units, planned.reason, now)
    return f"{planned.action}: {planned.reason}" if planned.action else version.status.value.lower()


def _observe(
    inspections: InspectionQueries,
    version: ModelVersion,
    meter: UsageMeter,
    policy: CapacityPolicy,
    now: str,
) -> Observation:
    """Collect the facts of a decision.

    Photos in flight and parked photos count as waiting for one day. After that they need a person. A
    reinspected photo counts from the time of its attempt, even if its row is old.
    """
    horizon = timestamps.add_seconds(now, -WAITING_PHOTO_SECONDS)
    waiting = any(
        row.attempted_at >= horizon for state in UNJUDGED_STATES for row in inspections.list_by_state(state)
    )
    since = timestamps.add_seconds(now, -60 * policy.idle_minutes)
    running = meter.running.get(version.arn)
    used = running is None or running[0] > since
    used = used or any(inspections.count_recent(state, since, 1) for state in InspectionState)
    return Observation(
        now=now, version=version, photos_waiting=waiting, idle=not used, spent_usd=meter.spent_usd
    )


def _accrue(meter: UsageMeter, versions: list[ModelVersion], policy: CapacityPolicy, now: str) -> UsageMeter:
    """Advance the meter to now; a model that ran at both ends of the interval is charged for all of it."""
    day = policy.start_of_day(now)
    running = {
        version.arn: (meter.running.get(version.arn, (now, 0))[0], max(version.units, 1))
        for version in versions
        if version.needs_capacity and version.status is ModelStatus.RUNNING
    }
    begun = max(meter.counted_at or now, day)
    seconds = max(0.0, timestamps.seconds_between(begun, now))
    cost = sum(
        model.compute_cost(seconds, units) for arn, (_, units) in meter.running.items() if arn in running
    )
    spent = meter.spent_usd if meter.day == day else 0.0
    return replace(meter, counted_at=now, day=day, spent_usd=round(spent + cost, 6), running=running)


def _with_alarm(meter: UsageMeter, version: ModelVersion | None) -> UsageMeter:
    """Return the meter with the alarm that the version's status calls for; a running model clears it."""
    if version is not None and version.status in FAILED_STATUSES:
        return replace(meter, alarmed=f"{version.arn} {version.status}")
    if version is None:
        return replace(meter, alarmed="gone")
    return replace(meter, alarmed="") if version.status is ModelStatus.RUNNING else meter


def _send_alarm(
    ports: CapacityPorts, alarms: MessageQueue, arn: str, version: ModelVersion | None, now: str
) -> None:
    """Send one message about a failure to the alarm queue, and record it."""
    status = version.status.value if version else "GONE"
    reason = version.message if version and version.message else "no reason given"
    message = (
        f"Model {version_name(arn)} is {status}: {reason}. Photos wait for it, and for a person after that: "
        "start it, or restore the previous model with `partcheck model rollback`."
    )
    alarms.send(json.dumps({"alarm": "model", "model": arn, "status": status, "at": now, "message": message}))
    _record(ports, ModelAction.ALARM, arn, message, now)


def _start(ports: CapacityPorts, arn: str, units: int, reason: str, now: str) -> bool:
    result = ports.control_plane.start(arn, units)
    if result in (RequestResult.ACCEPTED, RequestResult.LIMIT, RequestResult.GONE):
        # Keep others from requesting a start: the lock is released when the model runs, or after this time.
        ports.store.set_start_lock(timestamps.add_seconds(now, STARTING_SECONDS))
    if result is RequestResult.IN_USE:
        return False
    _record_request(ports, ModelAction.START, arn, reason=reason, result=result, now=now)
    return result is RequestResult.ACCEPTED


def _stop(ports: CapacityPorts, arn: str, reason: str, now: str) -> None:
    _record_request(
        ports, ModelAction.STOP, arn, reason=reason, result=ports.control_plane.stop(arn), now=now
    )


def _record_request(
    ports: CapacityPorts, action: ModelAction, arn: str, reason: str, result: RequestResult, now: str
) -> None:
    if result is RequestResult.ACCEPTED:
        _record(ports, action, arn, reason, now)
    else:
        _record(ports, ModelAction(f"{action} refused"), arn, f"{reason}, but {result}", now)


def _record(ports: CapacityPorts, action: ModelAction, arn: str, reason: str, now: str) -> None:
    ports.event_log.add(ModelEvent(at=now, actor=ACTOR, action=action, after=arn, reason=reason))
