"""Models in memory with legal transitions, a clock that only sleeping moves, and what is written down."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from workflow import timestamps
from workflow.models.capacity import Meter
from workflow.models.capacity_policy import HANDS_OFF, PowerPolicy, parse
from workflow.models.model import MOST_RUNNING, STARTABLE, UP, Asked, Clock, ModelVersion, Status, project_of
from workflow.models.promotion import Desk, ModelEvent

MONDAY = "2026-01-05T00:00:00.000Z"


def arn_of(name: str, project: str = "parts") -> str:
    return f"arn:aws:rekognition:eu-central-1:123456789012:project/{project}/version/{name}/1700000000000"


class World:
    """Implements Models: starting takes five minutes and stopping one; calls are counted by second."""

    def __init__(self, **statuses: Status) -> None:
        self.seconds = 0.0
        self.versions = {
            arn_of(name): ModelVersion(arn_of(name), status) for name, status in statuses.items()
        }
        self.calls: list[tuple[int, str]] = []
        self.starts: list[str] = []
        self.most_up = 0
        self.start_ends = Status.RUNNING
        self._due: dict[str, tuple[float, Status]] = {}

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)

    @property
    def now(self) -> str:
        return timestamps.later(MONDAY, self.seconds)

    @property
    def busiest_second(self) -> int:
        return max(Counter(second for second, _ in self.calls).values(), default=0)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def status(self, name: str) -> Status:
        self._arrive()
        return self.versions[arn_of(name)].status

    def describe(self, arn: str) -> ModelVersion | None:
        self._called("describe")
        return self.versions.get(arn)

    def projects(self) -> list[str]:
        self._called("projects")
        return sorted({project_of(arn) for arn in self.versions})

    def of_project(self, project: str) -> list[ModelVersion]:
        self._called("list")
        return [one for one in self.versions.values() if project_of(one.arn) == project]

    def start(self, arn: str, units: int = 1) -> Asked:
        self._called("start")
        self.starts.append(arn)
        if arn not in self.versions:
            return Asked.GONE
        if self.versions[arn].status not in STARTABLE:
            return Asked.IN_USE
        if sum(one.status in UP for one in self.versions.values()) >= MOST_RUNNING:
            return Asked.LIMIT
        self.versions[arn] = replace(self.versions[arn], status=Status.STARTING, units=units)
        self._due[arn] = (self.seconds + 300, self.start_ends)
        self.most_up = max(self.most_up, sum(one.status in UP for one in self.versions.values()))
        return Asked.ACCEPTED

    def stop(self, arn: str) -> Asked:
        self._called("stop")
        if self.versions[arn].status is not Status.RUNNING:
            return Asked.IN_USE
        self.versions[arn] = replace(self.versions[arn], status=Status.STOPPING)
        self._due[arn] = (self.seconds + 60, Status.STOPPED)
        return Asked.ACCEPTED

    def _called(self, what: str) -> None:
        self.calls.append((int(self.seconds), what))
        self._arrive()

    def _arrive(self) -> None:
        for arn, (at, status) in list(self._due.items()):
            if self.seconds >= at:
                self.versions[arn] = replace(self.versions[arn], status=status, message=f"now {status}")
                del self._due[arn]


class MemoryRecord:
    """Implements Record."""

    def __init__(self) -> None:
        self.all: list[ModelEvent] = []

    def add(self, event: ModelEvent) -> None:
        self.all.append(event)

    def events(self, *actions: str) -> list[ModelEvent]:
        return [event for event in self.all if not actions or event.action in actions]

    @property
    def story(self) -> list[tuple[str, str]]:
        return [(event.action, event.reason) for event in self.all]


class MemorySettings:
    """Implements Settings; `switched` is called at the moment of a switch."""

    def __init__(self, model: str = "", policy: str = "old policy") -> None:
        self.arn, self.text = model, policy
        self.rules: PowerPolicy = HANDS_OFF
        self.switched: Callable[[str], None] = lambda _arn: None

    def model(self) -> str:
        return self.arn

    def policy(self) -> str:
        return self.text

    def use(self, arn: str, policy: str) -> None:
        self.switched(arn)
        self.arn, self.text = arn, policy

    def power(self) -> PowerPolicy:
        return self.rules

    def set_power(self, text: str) -> None:
        self.rules = parse(text)


class MemoryPowerStore:
    """Implements PowerStore with DynamoDB's conditions."""

    def __init__(self) -> None:
        self.kept = Meter()
        self.until = ""

    def meter(self) -> Meter:
        return self.kept

    def save(self, before: Meter, after: Meter) -> bool:
        if self.kept.counted_at and self.kept.counted_at != before.counted_at:
            return False
        self.kept = after
        return True

    def take(self, now: str, until: str) -> bool:
        if self.until > now:
            return False
        self.until = until
        return True

    def hold(self, until: str) -> None:
        self.until = until


def desk(world: World, settings: MemorySettings, record: MemoryRecord) -> Desk:
    return Desk(world, settings, record, world.clock, lambda: world.now, "ada", lambda _text: None)
