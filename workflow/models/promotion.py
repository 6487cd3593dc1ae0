"""Putting a model to use and taking it back: the gate, the order of the steps, the record."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from workflow.errors import Conflict, NotFound, PartcheckError
from workflow.models import model
from workflow.models.capacity_policy import PowerPolicy
from workflow.models.evaluation import Evaluation, objections
from workflow.models.model import Asked, Clock, Models, ModelVersion, Status

START_PATIENCE = 3600.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """Who did what to which model, when and why; `before` and `after` are ARNs, `facts` plain JSON."""

    at: str
    who: str
    action: str
    after: str
    before: str = ""
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Record(Protocol):
    """The life of the models, in the order in which it happened."""

    def add(self, event: ModelEvent) -> None:
        """Write one event down for good."""

    def events(self, *actions: str) -> list[ModelEvent]:
        """Events with one of these actions (all, if none is named), oldest first."""


class Settings(Protocol):
    """The parameters by which the line knows its model and its rules."""

    def model(self) -> str:
        """The ARN of the model in use; empty while there is none."""

    def policy(self) -> str:
        """The routing policy's JSON text."""

    def use(self, arn: str, policy: str) -> None:
        """Set the policy, then the model."""

    def power(self) -> PowerPolicy:
        """The power policy; one that leaves everything alone where none is set."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What promoting and rolling back need; `now` is the moment that is written down, `who` the person."""

    models: Models
    settings: Settings
    record: Record
    clock: Clock
    now: Callable[[], str]
    who: str
    tell: Tell


@dataclass(frozen=True, slots=True)
class Case:
    """What speaks for a candidate: both evaluations, or the reason to do without."""

    candidate: Evaluation | None = None
    current: Evaluation | None = None
    forced: bool = False
    reason: str = ""


def verdict_on(case: Case, current: str) -> list[str]:
    """What stands against a promotion; with nothing in use, nothing does."""
    if case.forced:
        return [] if case.reason.strip() else ["--force needs a reason"]
    if not current:
        return []
    if case.candidate is None or case.current is None:
        return ["no frozen hold-out compares it with the model in use"]
    return objections(case.candidate, case.current)


def promote(desk: Desk, arn: str, policy: str, case: Case) -> None:
    """Start the candidate, switch the line over, write it down, stop the model that was in use.

    Raises Conflict, with what stands against it, before anything is changed.
    """
    before = desk.settings.model()
    if before == arn:
        raise Conflict(f"Model {model.name_of(arn)} is in use already")
    if wrong := verdict_on(case, before):
        raise Conflict(f"Model {model.name_of(arn)} is not promoted: {'; '.join(wrong)}")
    running(desk, arn)
    facts = {
        "candidate": case.candidate.facts() if case.candidate else None,
        "current": case.current.facts() if case.current else None,
        "forced": case.forced,
    }
    _switch(desk, "promote", before, arn, policy, case.reason or "better on the hold-out", facts)


def rollback(desk: Desk, reason: str) -> str:
    """Bring the model back that the present one replaced when it was promoted; returns its ARN.

    It runs before the line is switched to it, and the worse one is stopped after that. Raises NotFound when
    nothing was promoted before.
    """
    current = desk.settings.model()
    promotions = [event for event in desk.record.events("promote") if event.after == current]
    last = promotions[-1] if promotions else None
    if last is None or not last.before:
        raise NotFound("No model was in use before the present one")
    _make_room(desk, last.before, current)
    running(desk, last.before)
    policy = str(last.facts.get("policy_before") or desk.settings.policy())
    _switch(desk, "rollback", current, last.before, policy, reason, {})
    return last.before


def running(desk: Desk, arn: str, units: int = 0) -> ModelVersion:
    """The model, once it runs; it is started unless it runs or starts already.

    Without `units` it gets as many as the model in use has, and no fewer than the power policy says.
    """
    version = desk.models.describe(arn)
    if version is None:
        raise NotFound(f"Model {model.name_of(arn)} does not exist")
    if version.status is Status.STOPPING:
        version = model.wait_until(desk.models, arn, Status.STOPPED, desk.clock, START_PATIENCE)
    if version.status not in model.UP:
        desk.tell(f"Starting model {version.name} …")
        answer = desk.models.start(arn, units or _units(desk))
        if answer is not Asked.ACCEPTED:
            raise PartcheckError(f"Model {version.name} cannot be started: {answer}")
        desk.record.add(ModelEvent(desk.now(), desk.who, "start", arn))
    return model.wait_until(desk.models, arn, Status.RUNNING, desk.clock, START_PATIENCE)


def _units(desk: Desk) -> int:
    in_use = desk.settings.model()
    version = desk.models.describe(in_use) if in_use else None
    return max(desk.settings.power().units, version.units if version else 1)


def stop(desk: Desk, arn: str, reason: str) -> Asked:
    """Ask for a model's stop; one that does not run is as wanted."""
    desk.tell(f"Stopping model {model.name_of(arn)} …")
    answer = desk.models.stop(arn)
    if answer is Asked.ACCEPTED:
        desk.record.add(ModelEvent(desk.now(), desk.who, "stop", arn, reason=reason))
    return answer


def stopped(desk: Desk, arn: str, reason: str) -> ModelVersion:
    """The model, once it does not run any more; one that starts can only be stopped when it has started."""
    version = desk.models.describe(arn)
    if version is None:
        raise NotFound(f"Model {model.name_of(arn)} does not exist")
    if version.status is Status.STARTING:
        desk.tell(f"Waiting until model {version.name} has started, to stop it …")
        version = model.wait_until(desk.models, arn, Status.RUNNING, desk.clock, START_PATIENCE)
    if version.status is Status.RUNNING:
        answer = stop(desk, arn, reason)
        if answer is not Asked.ACCEPTED:
            raise PartcheckError(f"Model {version.name} cannot be stopped: {answer}")
    elif version.status is not Status.STOPPING:
        return version
    return model.wait_until(desk.models, arn, Status.STOPPED, desk.clock, START_PATIENCE)


def running_since(events: Iterable[ModelEvent], arn: str) -> str:
    """When a running model was last started, as far as the record knows; empty otherwise."""
    switched = [one for one in events if one.after == arn and one.action in ("start", "stop")]
    last = max(switched, key=lambda one: one.at, default=None)
    return last.at if last is not None and last.action == "start" else ""


def _make_room(desk: Desk, wanted: str, current: str) -> None:
    """Two models may run: what is neither wanted nor in use gives way, and only when it must."""
    projects = dict.fromkeys((model.project_of(current), model.project_of(wanted)))
    up = [one for project in projects for one in desk.models.of_project(project) if one.status in model.UP]
    if len(up) < model.MOST_RUNNING or any(one.arn == wanted for one in up):
        return
    for one in up:
        if one.arn != current:
            stopped(desk, one.arn, "it makes room")


def _switch(
    desk: Desk, action: str, before: str, after: str, policy: str, reason: str, facts: dict[str, Any]
) -> None:
    """Written down before it is done: a switch that is not recorded could not be rolled back."""
    kept = {**facts, "policy_before": desk.settings.policy()}
    desk.record.add(ModelEvent(desk.now(), desk.who, action, after, before, reason, kept))
    desk.settings.use(after, policy)
    if before:
        stop(desk, before, f"{action} of {model.name_of(after)}")
