"""Whatever dies, and whenever: the bytes stay, the photo ends in one place, and one verdict is told."""

import hashlib
import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryShelf
from tests.unit.line import CLEARLY_DEFECT, CLEARLY_OK, FILED, INBOUND, KEY, NOW, PHOTO, UNSURE, Line
from workflow import timestamps
from workflow.errors import PartcheckError
from workflow.inspections.inspection import owned
from workflow.inspections.objects import Image, Stored, copy_once, filed_key, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing, verdict_message
from workflow.pipeline.intake import execution_name
from workflow.recovery.consistency import audit
from workflow.review import decisions

SECOND_PHOTO = b"another photo under the same name"
CLICK, FIRST_CLICK = str(uuid.uuid4()), str(uuid.uuid4())
PATHS = ("ok", "defect", "rejected", "reviewed", "overdue", "taken back")
BY_A_PERSON = ("reviewed", "overdue", "taken back")


class WorkerDied(Exception):
    """The process is gone; whoever called it calls again."""


class Overtaken(Exception):
    """The worker finished its step, but nobody waits for its answer any more."""


@dataclass
class Fate:
    """Counts every call of a port, looks at the line after each, and kills the worker at some of them.

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
    """A port whose calls can be the last thing that a worker does."""

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


class Journey:
    """One photo on its way through the state machine; a step whose worker died is called again."""

    def __init__(self, path: str, file: Callable[..., Any] = filing.file) -> None:
        answer = {"ok": CLEARLY_OK, "defect": CLEARLY_DEFECT}.get(path, UNSURE)
        self.path = path
        self.content = b"no photo" if path == "rejected" else PHOTO
        shelf = MemoryShelf()
        self.line = Line(detector=FakeDetector(answer, shelf=shelf), shelf=shelf, file=file)
        self.image = self.line.upload(self.content)
        self.newer = self.line.upload(SECOND_PHOTO)
        self.attempt, self.rounds = 1, 0
        self.deaths = 0
        self.restarts_whole = False
        self.fate = Fate()

    def assert_bytes_exist(self) -> None:
        """At every instant the photo exists, where the ledger says."""
        objects = self.line.shelf.objects
        assert self.content in objects.values(), "the bytes are lost"
        assert objects.get(self.newer) == SECOND_PHOTO, "another photo was touched"
        row = self.line.ledger.get(inspection_id(self.image))
        assert row is None or objects.get(row.location) == self.content, "the ledger points at nothing"

    def run(self, fate: Fate) -> None:
        self.fate = fate
        fate.look = self.assert_bytes_exist
        self.mortal = self.line.through(lambda name, port: Mortal(port, fate))
        while True:
            try:
                self._inspect()
            except WorkerDied:
                self.attempt += 1
                row = self.line.ledger.get(inspection_id(self.image))
                if row:
                    name = execution_name(row.id, self.attempt)
                    self.line.ledger.hand_over(row, name, self.attempt, NOW)
                continue
            return

    def _step(self, step: Callable[[], Any]) -> Any:
        for _ in range(20):
            try:
                answer = step()
            except WorkerDied:
                self.deaths += 1
                if self.restarts_whole:
                    raise
                continue
            if 0 <= self.fate.intrusion < self.fate.moments:
                raise Overtaken
            return answer
        raise AssertionError("the step never ends")

    def _inspect(self) -> None:
        line, image = self.mortal, self.image
        owner = self.line.start(image, self.attempt)
        outcome = self._step(lambda: line.claim(image, owner, self.attempt))
        assert outcome in ("readable", "unreadable", "decided")
        wanted = {"unreadable": "rejected", "decided": "reviewed"}.get(outcome, "")
        if outcome == "readable":
            answer = self._step(lambda: line.detect(image, owner))
            clear = answer["confidence"] >= answer["threshold"]
            wanted = answer["verdict"] if clear else "unclear"
        filed = self._step(lambda: line.move(image, owner, wanted))
        if wanted == "unclear":
            self._review(owner)
            filed = self._step(lambda: line.move(image, owner, "reviewed"))
        self._step(lambda: line.verdicts.send(filed["announcement"]))
        self._step(lambda: line.close(image, owner))
        self.line.executions.statuses[owner] = "SUCCEEDED"

    def _review(self, owner: str) -> None:
        while True:
            token = self._asked(owner)
            if self.path == "overdue" and self.rounds < 2:
                self.line.executions.live_tokens.discard(token)
                if self._step(lambda: self.mortal.escalate(self.image, owner))["decided"]:
                    return
                continue
            if self.path == "taken back":
                self._step(self._decide_and_regret)
            self._step(self._decide_as_a_person)
            self._deliver_until_answered(token)
            return

    def _asked(self, owner: str) -> str:
        """Step Functions gives each call of the function a token of its own."""
        self.rounds += 1

        def ask() -> str:
            self.line.executions.live_tokens.clear()
            token = str(uuid.uuid4())
            self.line.executions.live_tokens.add(token)
            self.mortal.ask(self.image, owner, token)
            return token

        return str(self._step(ask))

    def _decide_and_regret(self) -> None:
        inspection = inspection_id(self.image)
        if FIRST_CLICK not in self.line.row(self.image).undone:
            self.mortal.decide(self.image, Verdict.OK, decision_id=FIRST_CLICK, undo_seconds=60)
            self.mortal.deliver(self.image)
        decisions.undo(self.mortal.ledger, inspection, FIRST_CLICK, "ann")

    def _decide_as_a_person(self) -> None:
        """The browser sends a decision under the same id until it is told that it is saved."""
        made = self.mortal.decide(self.image, Verdict.DEFECT, reason="crack", decision_id=CLICK)
        assert made.id == CLICK

    def _deliver_until_answered(self, token: str) -> None:
        """The queue keeps a message until its worker succeeds; where it has none, reconcile sends one."""
        for _ in range(20):
            if any(answered == token for answered, _ in self.line.executions.answers):
                return
            queue = self.line.decisions.sent
            if not queue:
                queue.append(decisions.delivery(inspection_id(self.image)))
            self._step(lambda: self.mortal.deliver(self.image))
            queue.pop()
        raise AssertionError("the decision never arrives")

    def assert_all_is_well(self) -> None:
        row = self.line.row(self.image)
        objects = {
            image: content for image, content in self.line.shelf.objects.items() if image != self.newer
        }
        expected = "defect" if self.path in BY_A_PERSON else self.path
        assert objects == {row.location: self.content}, "not in exactly one place"
        assert row.location.key == filed_key(Verdict(expected), row.id, KEY)
        assert (row.verdict, row.state) == (expected, "closed")
        assert hashlib.sha256(self.content).hexdigest() == row.sha256
        assert set(self.line.verdicts.sent) == {row.announcement}, "different announcements"
        self._assert_decision_stands()
        assert len(self.line.detector.seen) <= (self.content is PHOTO) + self.deaths
        self._assert_the_books_agree()
        assert "token" not in "".join(self.line.verdicts.sent + self.line.escalations.sent)

    def _assert_decision_stands(self) -> None:
        row = self.line.row(self.image)
        assert (row.decision is not None) == (self.path in BY_A_PERSON)
        trail = [(entry.action, entry.decision_id) for entry in self.line.ledger.audit_trail(row.id)]
        regretted = [("decide", FIRST_CLICK), ("undo", FIRST_CLICK)] if self.path == "taken back" else []
        assert trail == [*regretted, *([("decide", row.decision.id)] if row.decision else [])]
        if row.decision:
            assert row.decision.verdict is row.verdict
            assert json.loads(row.announcement)["review"]["decision_id"] == row.decision.id
            answers = [answer for _, answer in self.line.executions.answers]
            assert all(answer["decision_id"] == row.decision.id for answer in answers)

    def _assert_the_books_agree(self) -> None:
        self.line.shelf.delete(self.newer)  # Nobody claimed it in this journey.
        report = audit(self.line.ledger, self.line.shelf, self.line.executions, INBOUND, FILED)
        assert report.clean, report


def moments(path: str, file: Callable[..., Any] = filing.file) -> int:
    """How many moments a journey has in which somebody can die."""
    journey, fate = Journey(path, file), Fate()
    journey.run(fate)
    journey.assert_all_is_well()
    return fate.moments


def assert_survives(path: str, deadly: frozenset[int], file: Callable[..., Any], restarts: bool) -> None:
    journey = Journey(path, file)
    journey.restarts_whole = restarts
    journey.run(Fate(deadly))
    assert journey.deaths >= 1, "nobody died"
    journey.assert_all_is_well()


def assert_survives_every_death(path: str, file: Callable[..., Any] = filing.file) -> None:
    """Kill the worker once, at every moment; then call the step again, or start a new execution."""
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


# Wrong variants of filing.file; each must be found out by the assertions above.


def _place(line_shelf: Any, row: Any, bucket: str, verdict: Verdict) -> Stored:
    source = Stored(row.location, row.size, row.etag)
    return copy_once(line_shelf, source, bucket, filed_key(verdict, row.id, row.image.key), row.sha256)


def _wanted(row: Any, wanted: str) -> Verdict:
    return row.decision.verdict if wanted == "reviewed" else Verdict(wanted)


def _told(row: Any) -> dict[str, Any]:
    where = {"bucket": row.location.bucket, "key": row.location.key}
    return {"verdict": row.verdict, **where, "announcement": row.announcement}


def _record(ledger: Any, row: Any, verdict: Verdict, place: Stored) -> None:
    at = timestamps.now()
    text = "" if verdict is Verdict.UNCLEAR else verdict_message.body(row, verdict, place.image, at)
    ledger.record_filing(row, verdict, place, text, at)


def deletes_before_recording(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    verdict = _wanted(row, wanted)
    if not row.settled and row.verdict is not verdict:
        place = _place(shelf, row, bucket, verdict)
        shelf.delete(row.location)
        _record(ledger, row, verdict, place)
    return _told(owned(ledger, inspection, owner))


def deletes_before_copying(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    found = shelf.fetch(row.location, row.size)
    shelf.delete(row.location)
    if found:
        shelf.upload(bucket, filed_key(_wanted(row, wanted), row.id, row.image.key), found[1])
    return filing.file(ledger, shelf, bucket, inspection, owner, wanted)


def records_before_copying(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    verdict = _wanted(row, wanted)
    if not row.settled and row.verdict is not verdict:
        place = Image(bucket, filed_key(verdict, row.id, row.image.key), "v-to-be")
        _record(ledger, row, verdict, Stored(place, row.size, row.etag))
        shelf.copy(Stored(row.location, row.size, row.etag), bucket, place.key)
        shelf.delete(row.location)
    return _told(owned(ledger, inspection, owner))


def forgets_the_original_after_a_crash(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    verdict = _wanted(row, wanted)
    if not row.settled and row.verdict is not verdict:
        _record(ledger, row, verdict, _place(shelf, row, bucket, verdict))
        shelf.delete(row.location)
    return _told(owned(ledger, inspection, owner))


def deletes_by_key(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    verdict = _wanted(row, wanted)
    if not row.settled and row.verdict is not verdict:
        _record(ledger, row, verdict, _place(shelf, row, bucket, verdict))
        shelf.delete(shelf.newest(row.location.bucket, row.location.key).image)
    return _told(owned(ledger, inspection, owner))


def skips_what_was_seen_before(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    verdict = _wanted(row, wanted)
    place = filed_key(verdict, row.id, row.image.key)
    if shelf.newest(bucket, place) is None and not row.settled:
        _record(ledger, row, verdict, _place(shelf, row, bucket, verdict))
        shelf.delete(row.location)
    return _told(owned(ledger, inspection, owner))


def words_each_announcement_anew(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    filed = filing.file(ledger, shelf, bucket, inspection, owner, wanted)
    return {**filed, "announcement": filed["announcement"].replace("-1", f"-{uuid.uuid4()}")}


def moves_again_what_is_settled(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    verdict = _wanted(row, wanted)
    if row.verdict is not verdict:
        _record(ledger, row, verdict, _place(shelf, row, bucket, verdict))
    row = owned(ledger, inspection, owner)
    if row.leftover:
        shelf.delete(row.leftover)
    return _told(row)


def trusts_the_model_over_the_person(
    ledger: Any, shelf: Any, bucket: str, inspection: str, owner: str, wanted: str
) -> dict[str, Any]:
    row = owned(ledger, inspection, owner)
    told = row.prediction.verdict.value if wanted == "reviewed" else wanted
    asked = replace(row, review=None)
    ledger.rows[row.id] = asked
    return filing.file(ledger, shelf, bucket, inspection, owner, told)


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
    """Another worker of the same execution goes all the way to the end."""
    journey.mortal = journey.line
    journey._inspect()


def assert_sleepers_change_nothing(path: str, file: Callable[..., Any] = filing.file) -> None:
    """Lambda's caller gave the first worker up; a second did everything; then the first goes on."""
    for asleep_at in range(moments(path)):
        journey, sleeper = Journey(path), Journey(path, file)
        sleeper.line, sleeper.image, sleeper.newer = (
            replace(journey.line, file=file),
            journey.image,
            journey.newer,
        )
        after: list[Any] = []

        def overtake(journey: Journey = journey, after: list[Any] = after) -> None:
            _rest_of_the_way(journey)
            after.append(journey.line.row(journey.image))

        with pytest.raises((Overtaken, PartcheckError)):
            sleeper.run(Fate(intruder=overtake, intrusion=asleep_at))

        assert [journey.line.row(journey.image)] == after
        journey.deaths = 1  # Both may have asked the model before either knew an answer.
        journey.assert_all_is_well()


def assert_sound(path: str, file: Callable[..., Any]) -> None:
    """Neither the dead nor the sleeping do any harm."""
    assert_survives_every_death(path, file)
    assert_sleepers_change_nothing(path, file)


@pytest.mark.parametrize(("mutant", "path"), MUTANTS.items(), ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_wrong_order_is_found_out(mutant: Callable[..., Any], path: str) -> None:
    with pytest.raises((AssertionError, PartcheckError, AttributeError)):
        assert_sound(path, mutant)


@pytest.mark.parametrize("path", ["ok", "rejected", "reviewed", "taken back"])
def test_a_worker_that_wakes_up_when_all_is_over_changes_nothing(path: str) -> None:
    assert_sleepers_change_nothing(path)
