"""Many reviewers, many workers whose clocks differ: no photo is with two of them, no decision is lost."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from tests.fakes import MemoryLedger, MemoryReviews
from tests.unit.line import UNSURE, FakeDetector, Line
from tests.unit.workflow.pipeline.test_crashes import WorkerDied
from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing
from workflow.recovery import delivery
from workflow.review import decisions
from workflow.review.assignment import Desk
from workflow.review.queue import LEASE_SECONDS

CLIENTS, HAND_OUTS, PHOTOS = 16, 10_000, 200
SKEWS = (-2.0, 2.0, -1.0, 1.0)  # One worker each.
FASTER = 1_000  # So many seconds of the reviewers' day pass in one.


class Day:
    """A clock that runs fast, and is read by each worker a little differently."""

    def __init__(self) -> None:
        self._began, self._monday = time.monotonic(), "2026-03-02T08:00:00.000Z"

    def now(self, skew: float = 0.0) -> str:
        return timestamps.later(self._monday, (time.monotonic() - self._began) * FASTER + skew)


@dataclass
class Watch:
    """Who was promised which photo until when, by the true time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    holders: dict[str, tuple[str, str]] = field(default_factory=dict)
    shared: list[str] = field(default_factory=list)
    handed_out: int = 0

    def given(self, inspection: str, reviewer: str, at: str, until: str) -> None:
        """A photo was leased; that is wrong as long as it is promised to somebody else."""
        with self.lock:
            who, promised = self.holders.get(inspection, ("", ""))
            if who not in ("", reviewer) and promised > at:
                self.shared.append(
                    f"{inspection} is with {who} until {promised}, and with {reviewer} at {at}"
                )
            if who != reviewer:
                self.handed_out += 1
            self.holders[inspection] = reviewer, until

    def returned(self, inspection: str, reviewer: str) -> None:
        with self.lock:
            if self.holders.get(inspection, ("", ""))[0] == reviewer:
                del self.holders[inspection]


class Watched(MemoryReviews):
    """One worker's way to the one table; the watch is told of every lease inside the write that makes it."""

    def __init__(self, ledger: MemoryLedger, watch: Watch, day: Day, skew: float = 0.0) -> None:
        super().__init__(ledger)
        self.watch, self.day, self.skew = watch, day, skew

    def lease(self, inspection_id: str, lease: decisions.Lease, now: str) -> Inspection | None:
        with self.ledger.lock:
            row = super().lease(inspection_id, lease, now)
            if row is not None:
                until = timestamps.later(lease.until, -self.skew)
                self.watch.given(row.id, lease.reviewer, self.day.now(), until)
            return row

    def free(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        with self.ledger.lock:
            freed = super().free(inspection_id, reviewer, skipped, until)
            if freed:
                self.watch.returned(inspection_id, reviewer)
            return freed


def waiting_line(photos: int, ledger: MemoryLedger) -> Line:
    line = Line(detector=FakeDetector(UNSURE), ledger=ledger)
    for number in range(photos):
        line.waiting(line.upload(key=f"part-{number}.png"), f"token-{number}")
    return line


def test_no_photo_is_with_two_reviewers_in_ten_thousand_hand_outs() -> None:
    ledger, watch, day = MemoryLedger(), Watch(), Day()
    waiting_line(PHOTOS, ledger)
    desks = [
        Desk(Watched(ledger, watch, day, skew), lambda skew=skew: day.now(skew), keep_seconds=50)
        for skew in SKEWS
    ]

    def work(client: int) -> None:
        rng, reviewer = random.Random(client), f"reviewer {client}"  # noqa: S311
        while watch.handed_out < HAND_OUTS:
            desk = rng.choice(desks)  # No stickiness: any worker serves any request.
            rows = desk.take(reviewer, rng.choice((1, 3, 6)))
            for row in rows:
                act = rng.random()
                if act < 0.15:
                    desk.skip(reviewer, row)
                elif act < 0.30:
                    desk.renew(reviewer, [row.id])
                elif act < 0.65:
                    desk.release(reviewer, {row.id: row.lease.until if row.lease else ""})
            if rng.random() < 0.02:
                time.sleep(0.4)  # Away for longer than a lease lasts.

    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(work, client) for client in range(CLIENTS)]:
            done.result()

    assert watch.handed_out >= HAND_OUTS
    assert watch.shared == []


def test_of_many_who_decide_at_once_each_photo_has_one_decision_and_each_answer_is_true() -> None:
    ledger = MemoryLedger()
    line = waiting_line(60, ledger)
    saved: list[tuple[str, str]] = []

    def work(client: int) -> None:
        rng = random.Random(client)  # noqa: S311
        for inspection in rng.sample(list(ledger.rows), len(ledger.rows)):
            with suppress(Conflict):
                made = decisions.decide(ledger, line.decisions, inspection, Verdict.OK, f"reviewer {client}")
                saved.append((inspection, made.id))

    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(work, client) for client in range(CLIENTS)]:
            done.result()

    assert Counter(inspection for inspection, _ in saved) == dict.fromkeys(ledger.rows, 1)
    assert all(ledger.rows[one].decision.id == made for one, made in saved)  # type: ignore[union-attr]
    decided = [entry.inspection_id for entry in ledger.entries if entry.action == "decide"]
    assert Counter(decided) == dict.fromkeys(ledger.rows, 1)


class Killer:
    """Kills the worker at calls chosen by chance, before or after they took effect."""

    def __init__(self, seed: int, kills: int) -> None:
        self.rng, self.left = random.Random(seed), kills  # noqa: S311

    def guard(self, port: object) -> "Mortal":
        return Mortal(port, self)

    def strikes(self) -> bool:
        if self.left and self.rng.random() < 0.02:
            self.left -= 1
            return True
        return False


class Mortal:
    def __init__(self, port: object, killer: Killer) -> None:
        self._port, self._killer = port, killer

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._port, name)

        def call(*arguments: object, **named: object) -> object:
            if self._killer.strikes():
                raise WorkerDied
            answer = attribute(*arguments, **named)
            if self._killer.strikes():
                raise WorkerDied
            return answer

        return call if callable(attribute) else attribute


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_decisions_survive_a_hundred_kills_with_one_effect_each(seed: int) -> None:
    """Also inside SendTaskSuccess: the call took effect, and nobody heard the answer."""
    ledger, killer, rng = MemoryLedger(), Killer(seed, 100), random.Random(seed)  # noqa: S311
    line = waiting_line(1000, ledger)
    mortal = line.through(lambda _name, port: killer.guard(port))
    told: dict[str, str] = {}

    def until_alive(step: object) -> object:
        for _ in range(50):
            with suppress(WorkerDied):
                return step()  # type: ignore[operator]
        raise AssertionError("it never ends")

    for number, inspection in enumerate(list(ledger.rows)):
        verdict = rng.choice((Verdict.OK, Verdict.DEFECT))
        click = f"click-{number}"
        until_alive(
            lambda inspection=inspection, verdict=verdict, click=click: decisions.decide(
                mortal.ledger, mortal.decisions, inspection, verdict, "ann", decision_id=click
            )
        )
        told[inspection] = click
    lost = [one for one in told if f'{{"inspection_id": "{one}"}}' not in line.decisions.sent]
    for inspection in [*told, *lost]:
        until_alive(
            lambda inspection=inspection: delivery.deliver(
                mortal.ledger, mortal.tokens, mortal.executions, mortal.decisions, inspection
            )
        )

    assert killer.left == 0
    answers = Counter(str(output["decision_id"]) for _, output in line.executions.answers)
    assert answers == dict.fromkeys(told.values(), 1)
    for row in list(ledger.rows.values()):
        assert row.decision is not None
        assert row.decision.id == told[row.id]
        line.verdicts.send(line.move(row.image, row.owner, filing.REVIEWED)["announcement"])
        line.close(row.image, row.owner)
        assert ledger.rows[row.id].state is State.CLOSED
    audited = Counter(entry.decision_id for entry in ledger.entries)
    assert audited == dict.fromkeys(told.values(), 1)
    assert len(set(line.verdicts.sent)) == 1000
    assert {inspection_id(row.image) for row in ledger.rows.values()} == told.keys()


def test_the_watch_sees_a_table_that_forgets_its_condition() -> None:
    """The first test could fail: here somebody leases what is somebody else's."""
    ledger, watch, day = MemoryLedger(), Watch(), Day()
    waiting_line(1, ledger)
    reviews = Watched(ledger, watch, day)
    (inspection,) = ledger.rows
    now = day.now()
    reviews.lease(inspection, decisions.Lease("ann", timestamps.later(now, LEASE_SECONDS)), now)
    ledger.rows[inspection] = replace(ledger.rows[inspection], lease=None)

    reviews.lease(inspection, decisions.Lease("bob", timestamps.later(now, LEASE_SECONDS)), now)

    assert len(watch.shared) == 1
