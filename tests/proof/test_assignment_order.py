"""Many reviewers and workers with differing clocks: no photo has two reviewers, and no decision is lost."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from tests.fakes import FakeDetector, InMemoryInspectionRepository, InMemoryReviewRepository
from tests.proof.test_crashes import WorkerDied
from tests.unit.pipeline import UNSURE, Pipeline
from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, InspectionState, Lease
from workflow.inspections.objects import inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing
from workflow.recovery import decision_delivery
from workflow.review import decisions
from workflow.review.assignment import ReviewAssigner
from workflow.review.queue import LEASE_SECONDS

CLIENTS, ASSIGNMENTS, PHOTOS = 16, 10_000, 200
SKEWS = (-2.0, 2.0, -1.0, 1.0)  # One worker each.
SPEED = 1_000  # Seconds of the simulated day in one real second.


class FastClock:
    """A clock that runs fast, and that each worker reads with its own skew."""

    def __init__(self) -> None:
        self._began, self._monday = time.monotonic(), "2026-03-02T08:00:00.000Z"

    def now(self, skew: float = 0.0) -> str:
        return timestamps.add_seconds(self._monday, (time.monotonic() - self._began) * SPEED + skew)


@dataclass
class LeaseMonitor:
    """The leases as the reviewers know them, by the true time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    holders: dict[str, tuple[str, str]] = field(default_factory=dict)
    shared: list[str] = field(default_factory=list)
    assigned: int = 0

    def record_lease(self, inspection: str, reviewer: str, at: str, until: str) -> None:
        """Record a lease; it is wrong while another reviewer has the photo."""
        with self.lock:
            holder, held_until = self.holders.get(inspection, ("", ""))
            if holder not in ("", reviewer) and held_until > at:
                self.shared.append(
                    f"{inspection} is leased to {holder} until {held_until}, and to {reviewer} at {at}"
                )
            if holder != reviewer:
                self.assigned += 1
            self.holders[inspection] = reviewer, until

    def record_release(self, inspection: str, reviewer: str) -> None:
        with self.lock:
            if self.holders.get(inspection, ("", ""))[0] == reviewer:
                del self.holders[inspection]


class MonitoredReviews(InMemoryReviewRepository):
    """One worker's access to the table; the monitor records each lease inside the write that makes it."""

    def __init__(
        self,
        inspections: InMemoryInspectionRepository,
        monitor: LeaseMonitor,
        clock: FastClock,
        skew: float = 0.0,
    ) -> None:
        super().__init__(inspections)
        self.monitor, self.clock, self.skew = monitor, clock, skew

    def lease(
        self, inspection_id: str, lease: Lease, now: str, *, ends_skip: bool = False
    ) -> Inspection | None:
        with self._dynamodb.lock:
            row = super().lease(inspection_id, lease, now, ends_skip=ends_skip)
            if row is not None:
                until = timestamps.add_seconds(lease.expires_at, -self.skew)
                self.monitor.record_lease(row.id, lease.reviewer, self.clock.now(), until)
            return row

    def release_lease(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        with self._dynamodb.lock:
            released = super().release_lease(inspection_id, reviewer, skipped, until)
            if released:
                self.monitor.record_release(inspection_id, reviewer)
            return released


def waiting_pipeline(photos: int, inspections: InMemoryInspectionRepository) -> Pipeline:
    pipeline = Pipeline(detector=FakeDetector(UNSURE), inspections=inspections)
    for number in range(photos):
        pipeline.waiting(pipeline.upload(key=f"part-{number}.png"), f"token-{number}")
    return pipeline


def test_no_photo_is_leased_to_two_reviewers_in_ten_thousand_assignments() -> None:
    inspections, monitor, clock = InMemoryInspectionRepository(), LeaseMonitor(), FastClock()
    waiting_pipeline(PHOTOS, inspections)
    assigners = [
        ReviewAssigner(
            MonitoredReviews(inspections, monitor, clock, skew),
            partial(clock.now, skew),
            cache_seconds=50,
        )
        for skew in SKEWS
    ]

    def work(client: int) -> None:
        rng, reviewer = random.Random(client), f"reviewer {client}"
        while monitor.assigned < ASSIGNMENTS:
            assigner = rng.choice(assigners)  # No stickiness: any worker serves any request.
            rows = assigner.assign(reviewer, rng.choice((1, 3, 6)))
            for row in rows:
                action = rng.random()
                if action < 0.15:
                    assigner.skip(reviewer, row)
                elif action < 0.30:
                    assigner.renew(reviewer, [row.id])
                elif action < 0.65:
                    assigner.release_leases(reviewer, {row.id: row.lease.expires_at if row.lease else ""})
            if rng.random() < 0.02:
                time.sleep(0.4)  # Longer than a lease lasts.

    with ThreadPoolExecutor(CLIENTS) as pool:
        for future in [pool.submit(work, client) for client in range(CLIENTS)]:
            future.result()

    assert monitor.assigned >= ASSIGNMENTS
    assert monitor.shared == []


def test_of_many_decisions_at_once_each_photo_stores_one_and_each_answer_is_true() -> None:
    inspections = InMemoryInspectionRepository()
    pipeline = waiting_pipeline(60, inspections)
    saved: list[tuple[str, str]] = []

    def work(client: int) -> None:
        rng = random.Random(client)
        for inspection in rng.sample(list(inspections.rows), len(inspections.rows)):
            with suppress(Conflict):
                decision = decisions.decide(
                    inspections, pipeline.decisions, inspection, Verdict.OK, f"reviewer {client}"
                )
                saved.append((inspection, decision.id))

    with ThreadPoolExecutor(CLIENTS) as pool:
        for future in [pool.submit(work, client) for client in range(CLIENTS)]:
            future.result()

    assert Counter(inspection for inspection, _ in saved) == dict.fromkeys(inspections.rows, 1)
    assert all(inspections.rows[saved_id].decision.id == decision_id for saved_id, decision_id in saved)  # type: ignore[union-attr]
    decided = [entry.inspection_id for entry in inspections.entries if entry.action == "decide"]
    assert Counter(decided) == dict.fromkeys(inspections.rows, 1)


class CrashInjector:
    """Crashes the worker at random calls, before or after their effect."""

    def __init__(self, seed: int, crashes: int) -> None:
        self.rng, self.left = random.Random(seed), crashes

    def wrap(self, port: object) -> "CrashingPort":
        return CrashingPort(port, self)

    def should_crash(self) -> bool:
        if self.left and self.rng.random() < 0.02:
            self.left -= 1
            return True
        return False


class CrashingPort:
    def __init__(self, port: object, injector: CrashInjector) -> None:
        self._port, self._injector = port, injector

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._port, name)

        def call(*arguments: object, **named: object) -> object:
            if self._injector.should_crash():
                raise WorkerDied
            answer = attribute(*arguments, **named)
            if self._injector.should_crash():
                raise WorkerDied
            return answer

        return call if callable(attribute) else attribute


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_decisions_survive_a_hundred_crashes_with_one_effect_each(seed: int) -> None:
    """A crash can also come inside SendTaskSuccess: the call took effect, and its response is lost."""
    inspections, injector, rng = InMemoryInspectionRepository(), CrashInjector(seed, 100), random.Random(seed)
    pipeline = waiting_pipeline(1000, inspections)
    crashing = pipeline.through(lambda _name, port: injector.wrap(port))
    answered: dict[str, str] = {}

    def retry_crashes(step: object) -> object:
        for _ in range(50):
            with suppress(WorkerDied):
                return step()  # type: ignore[operator]
        raise AssertionError("it never ends")

    for number, inspection in enumerate(list(inspections.rows)):
        verdict = rng.choice((Verdict.OK, Verdict.DEFECT))
        click = f"click-{number}"
        retry_crashes(
            lambda inspection=inspection, verdict=verdict, click=click: decisions.decide(
                crashing.inspections, crashing.decisions, inspection, verdict, "ann", decision_id=click
            )
        )
        answered[inspection] = click
    lost = [
        missing_id
        for missing_id in answered
        if f'{{"inspection_id": "{missing_id}"}}' not in pipeline.decisions.sent
    ]
    for inspection in [*answered, *lost]:
        retry_crashes(
            lambda inspection=inspection: decision_delivery.deliver(
                crashing.inspections,
                crashing.task_tokens,
                crashing.executions,
                crashing.decisions,
                inspection,
            )
        )

    assert injector.left == 0
    answers = Counter(str(output["decision_id"]) for _, output in pipeline.executions.answers)
    assert answers == dict.fromkeys(answered.values(), 1)
    for row in list(inspections.rows.values()):
        assert row.decision is not None
        assert row.decision.id == answered[row.id]
        pipeline.verdicts.send(
            pipeline.move(row.image, row.owner, filing.FilingTarget.REVIEWED)["announcement"]
        )
        pipeline.close(row.image, row.owner)
        assert inspections.rows[row.id].state is InspectionState.CLOSED
    audited = Counter(entry.decision_id for entry in inspections.entries)
    assert audited == dict.fromkeys(answered.values(), 1)
    assert len(set(pipeline.verdicts.sent)) == 1000
    assert {inspection_id(row.image) for row in inspections.rows.values()} == answered.keys()


def test_the_monitor_detects_a_table_without_its_condition() -> None:
    """Prove that the first test can fail: a reviewer leases another reviewer's photo."""
    inspections, monitor, clock = InMemoryInspectionRepository(), LeaseMonitor(), FastClock()
    waiting_pipeline(1, inspections)
    reviews = MonitoredReviews(inspections, monitor, clock)
    (inspection,) = inspections.rows
    now = clock.now()
    reviews.lease(inspection, Lease("ann", timestamps.add_seconds(now, LEASE_SECONDS)), now)
    inspections.rows[inspection] = replace(inspections.rows[inspection], lease=None)

    reviews.lease(inspection, Lease("bob", timestamps.add_seconds(now, LEASE_SECONDS)), now)

    assert len(monitor.shared) == 1
