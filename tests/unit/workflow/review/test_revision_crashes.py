"""Whatever dies while a verdict is revised: one photo in one place, one announcement a revision."""

import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryShelf
from tests.unit.line import CLEARLY_DEFECT, CLEARLY_OK, FILED, INBOUND, PHOTO, UNSURE, Line
from tests.unit.workflow.pipeline.test_crashes import Fate, Journey, Mortal, Overtaken, WorkerDied
from workflow.errors import PartcheckError
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing, intake
from workflow.recovery.consistency import audit
from workflow.review import revision

KINDS = {
    "correct": (CLEARLY_OK,),
    "inspect again": (CLEARLY_OK, CLEARLY_DEFECT),
    "inspect again, the same": (CLEARLY_DEFECT, CLEARLY_DEFECT),
    "inspect again, unsure": (CLEARLY_OK, UNSURE),
}


class Revision:
    """A closed photo whose verdict is revised; a step whose worker died is called again."""

    def __init__(self, kind: str, line: Line | None = None, image: Image | None = None) -> None:
        self.kind = kind
        if line is None or image is None:
            shelf = MemoryShelf()
            line = Line(detector=FakeDetector(*KINDS[kind], shelf=shelf), shelf=shelf)
            image = line.upload()
            line.inspected(image)
        self.line, self.image = line, image
        self.first = line.verdicts.sent[0] if line.verdicts.sent else ""
        self.click = str(uuid.uuid4())
        self.deaths, self.restarts_whole = 0, False
        self.fate = Fate()

    def run(self, fate: Fate) -> None:
        self.fate, fate.look = fate, self.assert_bytes_exist
        self.mortal = self.line.through(lambda name, port: Mortal(port, fate))
        self._step(self._begin)
        while self.line.row(self.image).state is not State.CLOSED:
            try:
                self._execute()
            except WorkerDied:
                row = self.line.row(self.image)
                self.line.executions.statuses[row.owner] = "FAILED"
                intake.restart(self.line.ledger, self.line.executions, row)

    def _begin(self) -> None:
        books, queue, inspection = self.mortal.ledger, self.mortal.decisions, inspection_id(self.image)
        if self.kind == "correct":
            revision.correct(
                books, queue, inspection, Verdict.DEFECT, "eve", "a crack", decision_id=self.click
            )
        else:
            revision.inspect_again(books, queue, inspection, "eve", "new model", command_id=self.click)

    def _execute(self) -> None:
        line, image = self.mortal, self.image
        self._step(lambda: line.deliver(image))  # The message, or the clock where it was lost.
        row = self.line.row(image)
        if row.state is State.CLOSED:
            return
        outcome = self._step(lambda: line.claim(image, row.owner, row.attempt))
        wanted = filing.REVIEWED
        if outcome == "readable":
            answer = self._step(lambda: line.detect(image, row.owner))
            clear = answer["confidence"] >= answer["threshold"]
            wanted = answer["verdict"] if clear else "unclear"
        filed = self._step(lambda: line.move(image, row.owner, wanted))
        if wanted == "unclear":
            filed = self._reviewed(row.owner)
        self._step(lambda: line.verdicts.send(filed["announcement"]))
        self._step(lambda: line.close(image, row.owner))
        self.line.executions.statuses[row.owner] = "SUCCEEDED"

    def _reviewed(self, owner: str) -> dict[str, Any]:
        token = f"token of {owner}"
        self.line.executions.live_tokens.add(token)
        self._step(lambda: self.mortal.ask(self.image, owner, token))
        click = f"d{self.click}"
        self._step(lambda: self.mortal.decide(self.image, Verdict.DEFECT, "ann", decision_id=click))
        while token in self.line.executions.live_tokens:
            self._step(lambda: self.mortal.deliver(self.image))
        return dict(self._step(lambda: self.mortal.move(self.image, owner, filing.REVIEWED)))

    def _step(self, step: Callable[[], Any]) -> Any:
        for _ in range(20):
            try:
                answer = step()
            except WorkerDied:
                self.deaths += 1
                if self.restarts_whole and step != self._begin:
                    raise
                continue
            if 0 <= self.fate.intrusion < self.fate.moments:
                raise Overtaken
            return answer
        raise AssertionError("the step never ends")

    def assert_bytes_exist(self) -> None:
        row = self.line.row(self.image)
        assert self.line.shelf.objects.get(row.location) == PHOTO, "the ledger points at nothing"

    def assert_all_is_well(self) -> None:
        row = self.line.row(self.image)
        assert list(self.line.shelf.objects) == [row.location], "not in exactly one place"
        assert (row.verdict, row.state, row.revision) == (Verdict.DEFECT, State.CLOSED, 2)
        told = [json.loads(body) for body in set(self.line.verdicts.sent)]
        ids = sorted((one["announcement_id"], one["corrects"]) for one in told)
        assert ids == [(f"{row.id}-1", None), (f"{row.id}-2", f"{row.id}-1")], "not one announcement each"
        assert row.announcement in self.line.verdicts.sent
        assert self.first in self.line.verdicts.sent
        assert len(row.earlier) == 1
        asked = self.line.ledger.audit_trail(row.id)
        action = "correct" if self.kind == "correct" else "inspect again"
        assert [entry.decision_id for entry in asked if entry.action == action] == [self.click]
        report = audit(self.line.ledger, self.line.shelf, self.line.executions, INBOUND, FILED)
        assert report.clean, report


def moments(kind: str) -> int:
    journey, fate = Revision(kind), Fate()
    journey.run(fate)
    journey.assert_all_is_well()
    return fate.moments


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_may_die_at_any_moment_of_a_revision(kind: str, restarts: bool) -> None:
    for deadly in range(moments(kind)):
        journey = Revision(kind)
        journey.restarts_whole = restarts
        journey.run(Fate(frozenset({deadly})))
        assert journey.deaths == 1
        journey.assert_all_is_well()


@pytest.mark.parametrize("restarts", [False, True])
def test_workers_may_die_at_any_two_moments_of_a_correction(restarts: bool) -> None:
    for deadly in itertools.combinations(range(moments("correct") + 6), 2):
        journey = Revision("correct")
        journey.restarts_whole = restarts
        journey.run(Fate(frozenset(deadly)))
        journey.assert_all_is_well()


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_wakes_up_after_the_revision_changes_nothing(kind: str) -> None:
    for asleep_at in range(moments(kind)):
        journey = Revision(kind)
        sleeper = Revision(kind, journey.line, journey.image)
        sleeper.click = journey.click
        after: list[Any] = []

        def overtake(journey: Revision = journey, after: list[Any] = after) -> None:
            journey.run(Fate())
            after.append(journey.line.row(journey.image))

        with pytest.raises((Overtaken, PartcheckError)):
            sleeper.run(Fate(intruder=overtake, intrusion=asleep_at))

        assert [journey.line.row(journey.image)] == after
        journey.assert_all_is_well()


@pytest.mark.parametrize("path", ["ok", "reviewed"])
def test_a_worker_of_the_first_verdict_that_wakes_up_after_the_correction_changes_nothing(path: str) -> None:
    """It slept through the end of its own execution, and through a whole other one."""
    counted = Fate()
    Journey(path).run(counted)
    for asleep_at in range(counted.moments):
        journey, sleeper = Journey(path), Journey(path)
        sleeper.line, sleeper.image, sleeper.newer = journey.line, journey.image, journey.newer
        after: list[Any] = []

        def overtake(journey: Journey = journey, after: list[Any] = after) -> None:
            journey.mortal = journey.line
            journey._inspect()
            verdict = Verdict.OK if path == "reviewed" else Verdict.DEFECT
            line, image = journey.line, journey.image
            revision.correct(line.ledger, line.decisions, inspection_id(image), verdict, "eve", "look")
            line.deliver(image)
            row = line.row(image)
            assert line.claim(image, row.owner, row.attempt) == "decided"
            line.verdicts.send(line.move(image, row.owner, filing.REVIEWED)["announcement"])
            line.close(image, row.owner)
            after.append((line.row(image), dict(line.shelf.objects)))

        with pytest.raises((Overtaken, PartcheckError)):
            sleeper.run(Fate(intruder=overtake, intrusion=asleep_at))

        ((row, objects),) = after
        assert journey.line.row(journey.image) == row
        assert set(objects) <= set(journey.line.shelf.objects)
        assert journey.line.shelf.objects[row.location] == journey.content
        copies = set(journey.line.shelf.objects) - set(objects)
        assert all(copy.bucket == FILED for copy in copies), "a copy that the audit does not find"
