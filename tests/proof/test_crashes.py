"""Crashes at any call: no byte is lost, the photo ends in one location, and one verdict is announced."""

import hashlib
import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryObjectStore
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, KEY, NOW, PHOTO, UNSURE, Pipeline
from workflow import timestamps
from workflow.errors import PartcheckError
from workflow.inspections.objects import Image, StoredObject, copy_once, inspection_id
from workflow.inspections.repository import require_owner
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing, verdict_message
from workflow.pipeline.executions import execution_name
from workflow.pipeline.filing import filed_key
from workflow.review import decisions

SECOND_PHOTO = b"another photo under the same name"
CLICK, FIRST_CLICK = str(uuid.uuid4()), str(uuid.uuid4())
PATHS = ("ok", "parked", "defect", "rejected", "reviewed", "overdue", "taken back")
BY_A_PERSON = ("reviewed", "overdue", "taken back")


class WorkerDied(Exception):
    """A crash of the worker. Its caller calls again."""


class Overtaken(Exception):
    """A worker that finished its state after its caller had given it up."""


@dataclass
class Fate:
    """A fault injector. It counts all calls of ports, checks the pipeline after each, and crashes at some.

    The moment 2n is right before the n-th call, the moment 2n + 1 right after it.
    """

    deadly: frozenset[int] = frozenset()
    intruder: Callable[[], None] | None = None
    intrusion: int = -1
    look: Callable[[], None] = lambda: None
    moments: int = field(default=0)

    def passes(self) -> None:
        now, self.moments = self.moments, self.moments + 1
        self.look()
        if self.intruder and now == self.intrusion:
            self.intruder()
        if now in self.deadly:
            raise WorkerDied(now)


class Mortal:
    """A port at whose calls the worker can crash."""

    def __init__(self, port: Any, fate: Fate) -> None:
        self._port, self._fate = port, fate

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **named: Any) -> Any:
            self._fate.passes()
            answer = attribute(*arguments, **named)
            self._fate.passes()
            return answer

        return call


class RepeatedSteps:
    """Steps that are repeated after their worker died, or raise WorkerDied if the whole restarts instead."""

    fate: Fate
    deaths, restarts_whole = 0, False

    def _step(self, step: Callable[[], Any], alone: bool = False) -> Any:
        for _ in range(20):
            try:
                answer = step()
            except WorkerDied:
                self.deaths += 1
                if self.restarts_whole and not alone:
                    raise
                continue
            if 0 <= self.fate.intrusion < self.fate.moments:
                raise Overtaken
            return answer
        raise AssertionError("the step never ends")


class Journey(RepeatedSteps):
    """One photo on its way through the state machine. A state whose worker crashed is called again."""

    def __init__(self, path: str, file: Callable[..., Any] = filing.file_photo) -> None:
        answer = {"ok": CLEARLY_OK, "parked": CLEARLY_OK, "defect": CLEARLY_DEFECT}.get(path, UNSURE)
        self.path = path
        self.content = b"no photo" if path == "rejected" else PHOTO
        objects = InMemoryObjectStore()
        self.pipeline = Pipeline(detector=FakeDetector(answer, objects=objects), objects=objects, file=file)
        self.image = self.pipeline.upload(self.content)
        self.pipeline.detector.stopped = path == "parked"
        self.newer = self.pipeline.upload(SECOND_PHOTO)
        self.attempt, self.rounds = 1, 0
        self.fate = Fate()

    def assert_bytes_exist(self) -> None:
        """Assert that the photo exists where its row says, at every moment."""
        objects = self.pipeline.objects.contents
        assert self.content in objects.values(), "the bytes are lost"
        assert objects.get(self.newer) == SECOND_PHOTO, "another photo was touched"
        location = self.pipeline.inspections.location_of(inspection_id(self.image))
        assert location is None or objects.get(location) == self.content, "the row points at no object"

    def run(self, fate: Fate) -> None:
        self.fate = fate
        fate.look = self.assert_bytes_exist
        self.mortal = self.pipeline.through(lambda name, port: Mortal(port, fate))
        while True:
            try:
                self._inspect()
            except WorkerDied:
                self.attempt += 1
                row = self.pipeline.inspections.get(inspection_id(self.image))
                if row:
                    name = execution_name(row.id, self.attempt)
                    self.pipeline.inspections.transfer_ownership(row, name, self.attempt, NOW)
                continue
            return

    def _inspect(self) -> None:
        pipeline, image = self.mortal, self.image
        owner = self.pipeline.start(image, self.attempt)
        outcome = self._step(lambda: pipeline.claim(image, owner, self.attempt))
        assert outcome in ("readable", "unreadable", "decided")
        target = {"unreadable": "rejected", "decided": "reviewed"}.get(outcome, "")
        if outcome == "readable":
            answer = self._step(lambda: pipeline.detect(image, owner))
            if answer["outcome"] == "not_ready":
                self._wait_for_model(owner, answer)
                answer = self._step(lambda: pipeline.detect(image, owner))
            clear = answer["confidence"] >= answer["threshold"]
            target = answer["verdict"] if clear else "unclear"
        filed = self._step(lambda: pipeline.move(image, owner, target))
        if target == "unclear":
            self._review(owner)
            filed = self._step(lambda: pipeline.move(image, owner, "reviewed"))
        self._step(lambda: pipeline.verdicts.send(filed["announcement"]))
        self._step(lambda: pipeline.close(image, owner))
        self.pipeline.executions.statuses[owner] = "SUCCEEDED"

    def _wait_for_model(self, owner: str, answer: dict[str, Any]) -> None:
        """Park the photo, start the model, and run the capacity manager until it has woken the photo."""
        token = self._step(
            lambda: self._new_token(lambda one: self.mortal.park(self.image, owner, one, answer))
        )
        self.pipeline.detector.stopped = False
        while not any(answered == token for answered, _ in self.pipeline.executions.answers):
            self._step(self.mortal.wake_parked)

    def _new_token(self, call: Callable[[str], None]) -> str:
        """Call a function with the only living token. Step Functions passes another one at each call."""
        self.pipeline.executions.live_tokens.clear()
        token = str(uuid.uuid4())
        self.pipeline.executions.live_tokens.add(token)
        call(token)
        return token

    def _review(self, owner: str) -> None:
        while True:
            token = self._asked(owner)
            if self.path == "overdue" and self.rounds < 2:
                self.pipeline.executions.live_tokens.discard(token)
                if self._step(lambda: self.mortal.escalate(self.image, owner))["decided"]:
                    return
                continue
            if self.path == "taken back":
                self._step(self._decide_and_regret)
            self._step(self._decide_as_a_person)
            self._deliver_until_answered(token)
            return

    def _asked(self, owner: str) -> str:
        self.rounds += 1
        return str(
            self._step(lambda: self._new_token(lambda token: self.mortal.ask(self.image, owner, token)))
        )

    def _decide_and_regret(self) -> None:
        inspection = inspection_id(self.image)
        if FIRST_CLICK not in self.pipeline.row(self.image).undone_ids:
            self.mortal.decide(self.image, Verdict.OK, decision_id=FIRST_CLICK, undo_seconds=60)
            self.mortal.deliver(self.image)
        decisions.undo(self.mortal.inspections, inspection, FIRST_CLICK, "ann")

    def _decide_as_a_person(self) -> None:
        """Send a decision under the same id until it is saved, as the browser does."""
        made = self.mortal.decide(self.image, Verdict.DEFECT, reason="crack", decision_id=CLICK)
        assert made.id == CLICK

    def _deliver_until_answered(self, token: str) -> None:
        """Deliver messages until their worker succeeds. Without a message, reconcile sends one."""
        for _ in range(20):
            if any(answered == token for answered, _ in self.pipeline.executions.answers):
                return
            queue = self.pipeline.decisions.sent
            if not queue:
                queue.append(decisions.delivery_message(inspection_id(self.image)))
            self._step(lambda: self.mortal.deliver(self.image))
            queue.pop()
        raise AssertionError("the decision never arrives")

    def assert_all_is_well(self) -> None:
        row = self.pipeline.row(self.image)
        objects = {
            image: content for image, content in self.pipeline.objects.contents.items() if image != self.newer
        }
        expected = {"parked": "ok"}.get(self.path, "defect" if self.path in BY_A_PERSON else self.path)
        assert objects == {row.location: self.content}, "not in exactly one place"
        assert row.location.key == filed_key(Verdict(expected), row.id, KEY)
        assert (row.verdict, row.state) == (expected, "closed")
        assert hashlib.sha256(self.content).hexdigest() == row.sha256
        assert set(self.pipeline.verdicts.sent) == {row.announcement}, "different announcements"
        self._assert_decision_stands()
        assert len(self.pipeline.detector.seen) <= (self.content is PHOTO) + self.deaths
        self._assert_the_books_agree()
        assert "token" not in "".join(self.pipeline.verdicts.sent + self.pipeline.escalations.sent)

    def _assert_decision_stands(self) -> None:
        row = self.pipeline.row(self.image)
        assert (row.decision is not None) == (self.path in BY_A_PERSON)
        trail = [(entry.action, entry.decision_id) for entry in self.pipeline.inspections.entries]
        regretted = [("decide", FIRST_CLICK), ("undo", FIRST_CLICK)] if self.path == "taken back" else []
        assert trail == [*regretted, *([("decide", row.decision.id)] if row.decision else [])]
        if row.decision:
            assert row.decision.verdict is row.verdict
            assert json.loads(row.announcement)["review"]["decision_id"] == row.decision.id
            answers = [answer for _, answer in self.pipeline.executions.answers]
            assert all(answer["decision_id"] == row.decision.id for answer in answers)

    def _assert_the_books_agree(self) -> None:
        self.pipeline.objects.delete(self.newer)  # It is not claimed in this journey.
        report = self.pipeline.check()
        assert report.is_clean, report


def moments(path: str, file: Callable[..., Any] = filing.file_photo) -> int:
    """Count the moments of a journey at which a worker can crash."""
    journey, fate = Journey(path, file), Fate()
    journey.run(fate)
    journey.assert_all_is_well()
    return fate.moments


def assert_survives(path: str, deadly: frozenset[int], file: Callable[..., Any], restarts: bool) -> None:
    journey = Journey(path, file)
    journey.restarts_whole = restarts
    journey.run(Fate(deadly))
    assert journey.deaths >= 1, "no worker crashed"
    journey.assert_all_is_well()


def assert_survives_every_death(path: str, file: Callable[..., Any] = filing.file_photo) -> None:
    """Crash the worker once, at every moment. Then call the state again, or start a new execution."""
    for deadly, restarts in itertools.product(range(moments(path, file)), (False, True)):
        assert_survives(path, frozenset({deadly}), file, restarts)


@pytest.mark.parametrize("path", PATHS)
def test_a_worker_may_die_at_any_moment(path: str) -> None:
    assert_survives_every_death(path)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("path", ["ok", "rejected", "reviewed"])
def test_workers_may_die_at_any_two_moments(path: str, restarts: bool) -> None:
    last = moments(path)
    for first, second in itertools.combinations(range(last + 6), 2):
        journey = Journey(path)
        journey.restarts_whole = restarts
        journey.run(Fate(frozenset({first, second})))
        journey.assert_all_is_well()


# Wrong variants of filing.file_photo. The assertions above must detect each.


@dataclass
class Move:
    """One call of filing.file_photo, for variants that do its steps in another order."""

    inspections: Any
    objects: Any
    bucket: str
    inspection: str
    owner: str
    target: str

    def __post_init__(self) -> None:
        self.row = require_owner(self.inspections, self.inspection, self.owner)
        wanted = self.row.decision.verdict if self.target == "reviewed" and self.row.decision else self.target
        self.verdict = Verdict(wanted)
        self.key = filed_key(self.verdict, self.row.id, self.row.image.key)
        self.source = StoredObject(image=self.row.location, size=self.row.size, etag=self.row.etag)
        self.is_due = not self.row.settled and self.row.verdict is not self.verdict

    def copy(self) -> StoredObject:
        return copy_once(self.objects, self.source, self.bucket, self.key, self.row.sha256)

    def record(self, place: StoredObject) -> None:
        row, at = self.row, timestamps.now()
        told = self.verdict is not Verdict.UNCLEAR
        text = verdict_message.build_message(row, self.verdict, place.image, at) if told else ""
        self.inspections.record_filing(row, self.verdict, place, text, at)

    def delete_original(self) -> None:
        self.objects.delete(self.row.location)

    def file(self, target: str = "") -> dict[str, Any]:
        """Continue as the product does."""
        target = target or self.target
        return filing.file_photo(
            self.inspections, self.objects, self.bucket, self.inspection, self.owner, target
        )

    def answer(self) -> dict[str, Any]:
        row = require_owner(self.inspections, self.inspection, self.owner)
        where = {"bucket": row.location.bucket, "key": row.location.key}
        return {"verdict": row.verdict, **where, "announcement": row.announcement}


def deletes_before_recording(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    if move.is_due:
        place = move.copy()
        move.delete_original()
        move.record(place)
    return move.answer()


def deletes_before_copying(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    found = move.objects.fetch(move.row.location, move.row.size)
    move.delete_original()
    if found:
        move.objects.upload(move.bucket, move.key, found[1])
    return move.file()


def records_before_copying(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    if move.is_due:
        move.record(replace(move.source, image=Image(move.bucket, move.key, "v-to-be")))
        move.objects.copy_if_unchanged(move.source, move.bucket, move.key)
        move.delete_original()
    return move.answer()


def forgets_the_original_after_a_crash(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    if move.is_due:
        move.record(move.copy())
        move.delete_original()
    return move.answer()


def deletes_by_key(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    if move.is_due:
        move.record(move.copy())
        move.objects.delete(move.objects.get_latest(move.row.location.bucket, move.row.location.key).image)
    return move.answer()


def skips_what_was_seen_before(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    if move.objects.get_latest(move.bucket, move.key) is None and not move.row.settled:
        move.record(move.copy())
        move.delete_original()
    return move.answer()


def words_each_announcement_anew(*call: Any) -> dict[str, Any]:
    filed = filing.file_photo(*call)
    return {**filed, "announcement": filed["announcement"].replace("-1", f"-{uuid.uuid4()}")}


def moves_again_what_is_settled(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    if move.row.verdict is not move.verdict:
        move.record(move.copy())
    pending = require_owner(move.inspections, move.inspection, move.owner).pending_delete
    if pending:
        move.objects.delete(pending)
    return move.answer()


def trusts_the_model_over_the_person(*call: Any) -> dict[str, Any]:
    move = Move(*call)
    assert move.row.prediction is not None
    told = move.row.prediction.verdict.value if move.target == "reviewed" else move.target
    move.inspections.rows[move.row.id] = replace(move.row, review=None)
    return move.file(told)


MUTANTS = {
    deletes_before_recording: "ok",
    deletes_before_copying: "ok",
    records_before_copying: "ok",
    forgets_the_original_after_a_crash: "ok",
    deletes_by_key: "ok",
    skips_what_was_seen_before: "ok",
    words_each_announcement_anew: "ok",
    moves_again_what_is_settled: "reviewed",
    trusts_the_model_over_the_person: "reviewed",
}


def _rest_of_the_way(journey: Journey) -> None:
    """Run another worker of the same execution to the end."""
    journey.mortal = journey.pipeline
    journey._inspect()


def assert_sleepers_change_nothing(path: str, file: Callable[..., Any] = filing.file_photo) -> None:
    """Give the first worker up, let a second finish the inspection, then let the first continue."""
    for asleep_at in range(moments(path)):
        journey, sleeper = Journey(path), Journey(path, file)
        sleeper.pipeline, sleeper.image, sleeper.newer = (
            replace(journey.pipeline, file=file),
            journey.image,
            journey.newer,
        )
        after: list[Any] = []

        def overtake(journey: Journey = journey, after: list[Any] = after) -> None:
            _rest_of_the_way(journey)
            after.append(journey.pipeline.row(journey.image))

        with pytest.raises((Overtaken, PartcheckError)):
            sleeper.run(Fate(intruder=overtake, intrusion=asleep_at))

        assert [journey.pipeline.row(journey.image)] == after
        journey.deaths = 1  # Both may have asked the model before either knew an answer.
        journey.assert_all_is_well()


def assert_sound(path: str, file: Callable[..., Any]) -> None:
    """Assert that crashed and late workers do no harm."""
    assert_survives_every_death(path, file)
    assert_sleepers_change_nothing(path, file)


@pytest.mark.parametrize(("mutant", "path"), MUTANTS.items(), ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_wrong_order_is_found_out(mutant: Callable[..., Any], path: str) -> None:
    with pytest.raises((AssertionError, PartcheckError, AttributeError)):
        assert_sound(path, mutant)


@pytest.mark.parametrize("path", ["ok", "parked", "rejected", "reviewed", "taken back"])
def test_a_worker_that_wakes_up_when_all_is_over_changes_nothing(path: str) -> None:
    assert_sleepers_change_nothing(path)
