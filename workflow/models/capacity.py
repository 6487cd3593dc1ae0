"""Starting the model that photos wait for, stopping the one that nobody needs, and saying why."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from workflow import timestamps
from workflow.inspections.inspection import Ledger, State
from workflow.inspections.objects import Image
from workflow.models import model
from workflow.models.capacity_policy import PowerPolicy
from workflow.models.model import BROKEN, STARTABLE, Asked, Models, ModelVersion, Status, name_of, project_of
from workflow.models.promotion import ModelEvent, Record
from workflow.pipeline.detection import Detector, NotReady, Refused, Scores, Unreadable
from workflow.review.decisions import Queue

WHO = "power manager"
NOT_RUNNING = "the model is not running"
ASKING_SECONDS = 60
STARTING_SECONDS = 20 * 60
IN_FLIGHT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Meter:
    """What the power manager remembers: which models run since when and on how many units, today's cost.

    `counted_at` is the moment up to which `spent_usd` of the day that began at `day` is known; `alarmed`
    names the model and status that were reported to people.
    """

    counted_at: str = ""
    day: str = ""
    spent_usd: float = 0.0
    running: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    alarmed: str = ""


class PowerStore(Protocol):
    """Where the meter and the right to ask for a start are kept."""

    def meter(self) -> Meter:
        """The meter; a new one where there is none."""

    def save(self, before: Meter, after: Meter) -> bool:
        """Replace the meter, unless somebody else did so meanwhile."""

    def take(self, now: str, until: str) -> bool:
        """Take the right to ask for a start, for everybody, unless somebody holds it."""

    def hold(self, until: str) -> None:
        """Keep that right until a moment; one that lies in the past gives it back."""


@dataclass(frozen=True, slots=True)
class Room:
    """The ports of the power manager."""

    models: Models
    store: PowerStore
    log: Record


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision rests on: a moment, a model, whether photos wait, whether none came for a while."""

    now: str
    version: ModelVersion
    waiting: bool
    idle: bool
    spent_usd: float


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done (`start`, `stop` or nothing) and why."""

    action: str = ""
    why: str = ""


def decide(policy: PowerPolicy, seen: Situation) -> Step:
    """The one rule: the budget comes first, then photos that wait, then the calendar, then idleness."""
    on_shift = policy.on_shift(seen.now)
    spent = 0 < policy.daily_usd <= seen.spent_usd
    if seen.version.status is Status.RUNNING:
        if spent:
            return Step("stop", f"${seen.spent_usd:.2f} of ${policy.daily_usd:.2f} a day are spent")
        if seen.waiting or (policy.early and policy.shifts and on_shift):
            return Step()
        if not on_shift:
            return Step("stop", "the shift is over and no photo waits")
        if policy.idle_minutes and seen.idle:
            return Step("stop", f"no photo came for {policy.idle_minutes} min")
        return Step()
    if seen.version.status not in STARTABLE or spent or not on_shift:
        return Step()
    if policy.on_demand and seen.waiting:
        return Step("start", "photos wait for it")
    if policy.early and policy.shifts and seen.version.status is not Status.FAILED:
        return Step("start", "the shift has begun")
    return Step()


def wanted(room: Room, arn: str, policy: PowerPolicy, now: str) -> bool:
    """A photo found the model stopped: ask for one start, however many photos do; whether this one asked.

    It never looks at the model: the right to ask is one conditional write, and only its holder calls.
    """
    if not arn or not policy.on_demand or not policy.on_shift(now):
        return False
    if not room.store.take(now, timestamps.later(now, ASKING_SECONDS)):
        return False
    spent = room.store.meter()
    if 0 < policy.daily_usd <= spent.spent_usd and spent.day == policy.midnight(now):
        return False
    return _start(room, arn, policy.units, "photos wait for it", now)


@dataclass(frozen=True, slots=True)
class Waking:
    """Implements workflow.pipeline.detection.Detector: a photo that finds its model stopped asks for a start."""

    detector: Detector
    room: Room
    model: str
    policy: Callable[[], PowerPolicy]

    def custom_labels(self, image: Image) -> Scores | NotReady | Refused | Unreadable:
        answer = self.detector.custom_labels(image)
        if isinstance(answer, NotReady) and answer.why == NOT_RUNNING:
            wanted(self.room, self.model, self.policy(), timestamps.now())
        return answer


def tend(room: Room, ledger: Ledger, alarms: Queue, arn: str, policy: PowerPolicy, now: str) -> str:
    """Once a minute: count the cost, raise an alarm, start or stop; what was done, in a few words."""
    if not arn:
        return "no model is chosen"
    versions = room.models.of_project(project_of(arn))
    version = next((one for one in versions if one.arn == arn), None)
    before = room.store.meter()
    after = _alarmed(_counted(before, versions, policy, now), version)
    if after.alarmed and after.alarmed != before.alarmed:
        # Sent before it is noted down: it may come twice, but is never lost.
        _alarm(room, alarms, arn, version, now)
    if not room.store.save(before, after):
        return "somebody else tends it"
    if version is None:
        return "the model does not exist"
    if version.status is Status.RUNNING and before.running.get(arn) is None:
        room.store.hold(now)
    step = decide(policy, _situation(ledger, version, after, policy, now))
    if step.action == "stop":
        _stop(room, arn, step.why, now)
    elif step.action == "start" and room.store.take(now, timestamps.later(now, ASKING_SECONDS)):
        _start(room, arn, policy.units, step.why, now)
    return f"{step.action}: {step.why}" if step.action else version.status.value.lower()


def _situation(
    ledger: Ledger, version: ModelVersion, meter: Meter, policy: PowerPolicy, now: str
) -> Situation:
    """Photos in flight count as waiting for a day; then they are a person's affair.

    One that is inspected again is as recent as its attempt, however old its row.
    """
    horizon = timestamps.later(now, -IN_FLIGHT_SECONDS)
    waiting = any(row.attempted_at >= horizon for row in ledger.in_state(State.INSPECTING))
    since = timestamps.later(now, -60 * policy.idle_minutes)
    running = meter.running.get(version.arn)
    used = running is None or running[0] > since
    used = used or any(ledger.count_recent(state, since, 1) for state in State)
    return Situation(now, version, waiting, not used, meter.spent_usd)


def _counted(meter: Meter, versions: list[ModelVersion], policy: PowerPolicy, now: str) -> Meter:
    """The meter moved on to now; a model that ran at both ends of the interval ran all through it."""
    day = policy.midnight(now)
    running = {
        one.arn: (meter.running.get(one.arn, (now, 0))[0], max(one.units, 1))
        for one in versions
        if one.status is Status.RUNNING
    }
    begun = max(meter.counted_at or now, day)
    seconds = max(0.0, timestamps.seconds_between(begun, now))
    cost = sum(model.cost(seconds, units) for arn, (_, units) in meter.running.items() if arn in running)
    spent = meter.spent_usd if meter.day == day else 0.0
    return replace(meter, counted_at=now, day=day, spent_usd=round(spent + cost, 6), running=running)


def _alarmed(meter: Meter, version: ModelVersion | None) -> Meter:
    if version is not None and version.status in BROKEN:
        return replace(meter, alarmed=f"{version.arn} {version.status}")
    if version is None:
        return replace(meter, alarmed="gone")
    return replace(meter, alarmed="") if version.status is Status.RUNNING else meter


def _alarm(room: Room, alarms: Queue, arn: str, version: ModelVersion | None, now: str) -> None:
    """One message a failure, to the queue that people watch."""
    status = version.status.value if version else "GONE"
    reason = version.message if version and version.message else "no reason given"
    sentence = (
        f"Model {name_of(arn)} is {status}: {reason}. Photos wait for it, and for a person after that: "
        "start it, or bring the previous model back with `partcheck model rollback`."
    )
    alarms.send(
        json.dumps({"alarm": "model", "model": arn, "status": status, "at": now, "message": sentence})
    )
    room.log.add(ModelEvent(now, WHO, "alarm", arn, reason=sentence))


def _start(room: Room, arn: str, units: int, why: str, now: str) -> bool:
    answer = room.models.start(arn, units)
    if answer in (Asked.ACCEPTED, Asked.LIMIT, Asked.GONE):
        # Nobody asks again soon; the right comes back when the model runs, or after this time.
        room.store.hold(timestamps.later(now, STARTING_SECONDS))
    if answer is Asked.IN_USE:
        return False
    action = "start" if answer is Asked.ACCEPTED else "start refused"
    reason = why if answer is Asked.ACCEPTED else f"{why}, but {answer}"
    room.log.add(ModelEvent(now, WHO, action, arn, reason=reason))
    return answer is Asked.ACCEPTED


def _stop(room: Room, arn: str, why: str, now: str) -> None:
    answer = room.models.stop(arn)
    action = "stop" if answer is Asked.ACCEPTED else "stop refused"
    reason = why if answer is Asked.ACCEPTED else f"{why}, but {answer}"
    room.log.add(ModelEvent(now, WHO, action, arn, reason=reason))
