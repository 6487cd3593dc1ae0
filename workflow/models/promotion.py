"""Promotion and rollback of models: the gate, the order of the steps, and the event log."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from workflow.errors import ConfigurationError, Conflict, NotFound, PartcheckError
from workflow.models import model
from workflow.models.capacity_policy import CapacityPolicy
from workflow.models.evaluation import HoldOutEvaluation, find_objections
from workflow.models.model import ModelControlPlane, ModelStatus, ModelVersion, MonotonicClock, RequestResult
from workflow.timestamps import Clock

START_TIMEOUT_SECONDS = 3600.0
MIN_PARTS_A_LABEL = 30

ProgressReporter = Callable[[str], None]


class ModelAction(StrEnum):
    """The recorded actions of people and of the capacity manager on models."""

    TRAIN = "train"
    EVALUATE = "evaluate"
    FREEZE_HOLD_OUT = "freeze hold-out"
    START = "start"
    START_REFUSED = "start refused"
    STOP = "stop"
    STOP_REFUSED = "stop refused"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    DELETE = "delete"
    ALARM = "alarm"
    MAKE_REFERENCE = "make reference"
    PROPOSE_REFERENCE = "propose reference"
    APPROVE_REFERENCE = "approve reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvent:
    """An action on a model; `before` and `after` are ARNs, `details` is plain JSON."""

    at: str
    actor: str
    action: ModelAction
    after: str
    before: str = ""
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class ModelEventLog(Protocol):
    """The events of the models' life in the order in which they happened."""

    def add(self, event: ModelEvent) -> None:
        """Record one event permanently."""

    def events(self, *actions: ModelAction) -> list[ModelEvent]:
        """List the events with one of these actions (all events without an action), oldest first."""


class ModelSettings(Protocol):
    """The parameters that name the model in use and hold its policies."""

    def get_model(self) -> str:
        """Return the ARN of the model in use; empty if there is none."""

    def get_routing_policy(self) -> str:
        """Return the routing policy's JSON text."""

    def switch_model(self, arn: str, policy: str) -> None:
        """Set the routing policy, then the model."""

    def get_capacity_policy(self) -> CapacityPolicy:
        """Return the capacity policy; the disabled policy if none is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRegistry:
    """The ports of promotion and rollback; `now` returns the recorded time, `actor` is the person."""

    control_plane: ModelControlPlane
    settings: ModelSettings
    event_log: ModelEventLog
    clock: MonotonicClock
    now: Clock
    actor: str
    report_progress: ProgressReporter


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionCase:
    """The grounds for a promotion: both evaluations, or a reason to promote without them.

    `judged_parts` is the number of parts of the candidate's smallest label that its training judged without
    having learned from them. It counts for a first model without a hold-out.
    """

    candidate: HoldOutEvaluation | None = None
    current: HoldOutEvaluation | None = None
    judged_parts: int = 0
    forced: bool = False
    reason: str = ""

    @property
    def least_parts(self) -> int:
        """The number of parts behind the less certain of the candidate's two error rates."""
        if self.candidate is None:
            return self.judged_parts
        return min(self.candidate.escapes.total, self.candidate.false_alarms.total)


def find_promotion_objections(case: PromotionCase, current: str) -> list[str]:
    """Return the objections to a promotion; empty if there are none.

    A model must be judged on MIN_PARTS_A_LABEL parts of each label that it did not learn from. If a model is
    in use, both must be compared on the hold-out.
    """
    if case.forced:
        return [] if case.reason.strip() else ["--force needs a reason"]
    if current and (case.candidate is None or case.current is None):
        return ["no frozen hold-out compares it with the model in use"]
    objections = []
    if case.least_parts < MIN_PARTS_A_LABEL:
        objections.append(
            f"its smallest label has {case.least_parts} judged parts that it did not learn from, and "
            f"{MIN_PARTS_A_LABEL} are needed to know its errors: add photos, or promote it with --force and "
            "a --reason"
        )
    if case.candidate is not None and case.current is not None:
        objections += find_objections(case.candidate, case.current)
    return objections


def promote(registry: ModelRegistry, arn: str, policy: str, case: PromotionCase, units: int = 0) -> None:
    """Start the candidate, record the switch, switch to it, and stop the model that was in use.

    `units` are the candidate's inference units; 0 means as many as the model in use has. Raise Conflict with
    the objections before anything is changed.
    """
    before = registry.settings.get_model()
    if before == arn:
        raise Conflict(f"Model {model.version_name(arn)} is in use already")
    if objections := find_promotion_objections(case, before):
        raise Conflict(f"Model {model.version_name(arn)} is not promoted: {'; '.join(objections)}")
    ensure_running(registry, arn, units)
    details = {
        "candidate": case.candidate.to_dict() if case.candidate else None,
        "current": case.current.to_dict() if case.current else None,
        "forced": case.forced,
    }
    reason = case.reason or "better on the hold-out"
    _switch(
        registry,
        action=ModelAction.PROMOTE,
        before=before,
        after=arn,
        policy=policy,
        reason=reason,
        details=details,
    )


def rollback(registry: ModelRegistry, reason: str) -> str:
    """Restore the model that the current one replaced when it was promoted; return its ARN.

    The restored model runs before the switch, and the replaced one is stopped after it. If the last promotion
    was interrupted between its record and the switch, the current model stays and gets its policy back. Raise
    Raise NotFound if no model was in use before the current one.
    """
    current = registry.settings.get_model()
    if interrupted := _find_interrupted_promotion(registry):
        return _undo_promotion(registry, interrupted, reason)
    promotions = [event for event in registry.event_log.events(ModelAction.PROMOTE) if event.after == current]
    promotion = promotions[-1] if promotions else None
    if promotion is None or not promotion.before:
        raise NotFound("No model was in use before the current one")
    previous = promotion.before
    _free_running_slot(registry, previous, current)
    ensure_running(registry, previous)
    policy = str(promotion.details.get("policy_before") or registry.settings.get_routing_policy())
    _switch(
        registry,
        action=ModelAction.ROLLBACK,
        before=current,
        after=previous,
        policy=policy,
        reason=reason,
        details={},
    )
    return previous


def ensure_running(registry: ModelRegistry, arn: str, units: int = 0) -> ModelVersion:
    """Start a model unless it runs or starts already; return it when it runs.

    Without `units`, it gets as many as the model in use has, and at least those of the capacity policy.
    """
    version = registry.control_plane.describe(arn)
    if version is None:
        raise NotFound(f"Model {model.version_name(arn)} does not exist")
    if version.status is ModelStatus.STOPPING:
        version = _wait(registry, arn, ModelStatus.STOPPED)
    if version.status not in model.ACTIVE_STATUSES:
        registry.report_progress(f"Starting model {version.name} …")
        result = registry.control_plane.start(arn, units or _default_units(registry))
        if result is not RequestResult.ACCEPTED:
            running = _list_active(registry) if result is RequestResult.LIMIT else []
            names = f" ({', '.join(running)}): stop one of them" if running else ""
            raise PartcheckError(f"Model {version.name} cannot be started: {result}{names}")
        _record(registry, ModelAction.START, arn)
    return _wait(registry, arn, ModelStatus.RUNNING)


def _list_active(registry: ModelRegistry) -> list[str]:
    """Return project and name of each active model of the account."""
    return [
        f"{project}/{version.name}"
        for project in registry.control_plane.list_projects()
        for version in registry.control_plane.list_versions(project)
        if version.status in model.ACTIVE_STATUSES
    ]


def _default_units(registry: ModelRegistry) -> int:
    in_use = registry.settings.get_model()
    version = registry.control_plane.describe(in_use) if in_use else None
    return max(registry.settings.get_capacity_policy().units, version.units if version else 1)


def stop(registry: ModelRegistry, arn: str, reason: str) -> RequestResult:
    """Request a model's stop, and record the request if it is accepted. An own model has nothing to stop."""
    if model.kind_of(arn) is model.ModelKind.OWN:
        return RequestResult.ACCEPTED
    registry.report_progress(f"Stopping model {model.version_name(arn)} …")
    result = registry.control_plane.stop(arn)
    if result is RequestResult.ACCEPTED:
        _record(registry, ModelAction.STOP, arn, reason)
    return result


def ensure_stopped(registry: ModelRegistry, arn: str, reason: str) -> ModelVersion:
    """Stop a model unless it is stopped already; return it when it no longer runs.

    A starting model can only be stopped after it has started. Raise ConfigurationError for an own model.
    """
    version = registry.control_plane.describe(arn)
    if version is None:
        raise NotFound(f"Model {model.version_name(arn)} does not exist")
    if not version.needs_capacity:
        raise ConfigurationError(
            f"Model {version.name} needs no stop: a model of the kind {version.kind} costs nothing while idle"
        )
    if version.status is ModelStatus.STARTING:
        registry.report_progress(f"Waiting until model {version.name} has started, to stop it …")
        version = _wait(registry, arn, ModelStatus.RUNNING)
    if version.status is ModelStatus.RUNNING:
        result = stop(registry, arn, reason)
        if result is not RequestResult.ACCEPTED:
            raise PartcheckError(f"Model {version.name} cannot be stopped: {result}")
    elif version.status is not ModelStatus.STOPPING:
        return version
    return _wait(registry, arn, ModelStatus.STOPPED)


def running_since(events: Iterable[ModelEvent], arn: str) -> str:
    """Return the time of a running model's last recorded start; empty if there is none."""
    switches = [
        event
        for event in events
        if event.after == arn and event.action in (ModelAction.START, ModelAction.STOP)
    ]
    last = max(switches, key=lambda event: event.at, default=None)
    return last.at if last is not None and last.action is ModelAction.START else ""


def _free_running_slot(registry: ModelRegistry, target: str, current: str) -> None:
    """Stop a model that is neither the target nor in use, if the limit of running models requires it."""
    if model.kind_of(target) is model.ModelKind.OWN:
        return
    projects = dict.fromkeys((model.project_name(current), model.project_name(target)))
    active = [
        version
        for project in projects
        for version in registry.control_plane.list_versions(project)
        if version.needs_capacity and version.status in model.ACTIVE_STATUSES
    ]
    if len(active) < model.MAX_RUNNING_MODELS or any(version.arn == target for version in active):
        return
    for version in active:
        if version.arn != current:
            ensure_stopped(registry, version.arn, "another model needs its running slot")


def _switch(
    registry: ModelRegistry,
    *,
    action: ModelAction,
    before: str,
    after: str,
    policy: str,
    reason: str,
    details: dict[str, Any],
) -> None:
    """Record the switch before it is made: a switch that is not recorded could not be rolled back."""
    event = ModelEvent(
        at=registry.now(),
        actor=registry.actor,
        action=action,
        after=after,
        before=before,
        reason=reason,
        details={**details, "policy_before": _get_policy_of_model(registry), "policy_after": policy},
    )
    registry.event_log.add(event)
    registry.settings.switch_model(after, policy)
    if before:
        stop(registry, before, f"{action} of {model.version_name(after)}")


def _find_interrupted_promotion(registry: ModelRegistry) -> ModelEvent | None:
    """Return the last promotion if it is recorded, but the model in use is still the one before it."""
    current = registry.settings.get_model()
    events = registry.event_log.events(ModelAction.PROMOTE, ModelAction.ROLLBACK)
    last = events[-1] if events else None
    if last is None or last.action is not ModelAction.PROMOTE or not current:
        return None
    return last if last.before == current != last.after else None


def _undo_promotion(registry: ModelRegistry, interrupted: ModelEvent, reason: str) -> str:
    """Undo an interrupted promotion: restore the policy and stop the candidate. Return the model in use.

    The record comes last: it ends the interruption, and until then a repetition does the same again.
    """
    current, policy = interrupted.before, _get_policy_of_model(registry)
    _free_running_slot(registry, current, interrupted.after)
    ensure_running(registry, current)
    registry.settings.switch_model(current, policy)
    stop(registry, interrupted.after, f"promotion of {model.version_name(interrupted.after)} was interrupted")
    event = ModelEvent(
        at=registry.now(),
        actor=registry.actor,
        action=ModelAction.ROLLBACK,
        after=current,
        before=interrupted.after,
        reason=reason,
        details={"policy_before": policy, "policy_after": policy},
    )
    registry.event_log.add(event)
    return current


def _get_policy_of_model(registry: ModelRegistry) -> str:
    """Return the routing policy that belongs to the model in use.

    A switch writes the policy before the model. If it is interrupted in between, the stored policy belongs to
    the other model already, and the record of the switch has the right one.
    """
    current, stored = registry.settings.get_model(), registry.settings.get_routing_policy()
    for event in reversed(registry.event_log.events(ModelAction.PROMOTE, ModelAction.ROLLBACK)):
        if event.after == current:
            break
        if event.before == current and event.details.get("policy_after") == stored:
            return str(event.details["policy_before"])
    return stored


def _record(registry: ModelRegistry, action: ModelAction, arn: str, reason: str = "") -> None:
    registry.event_log.add(
        ModelEvent(at=registry.now(), actor=registry.actor, action=action, after=arn, reason=reason)
    )


def _wait(registry: ModelRegistry, arn: str, target: ModelStatus) -> ModelVersion:
    return model.wait_for_status(registry.control_plane, arn, target, registry.clock, START_TIMEOUT_SECONDS)
