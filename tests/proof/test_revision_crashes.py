"""A crash at any point of a revision leaves one photo in one place and one announcement per revision."""

import itertools
import json
import uuid
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryObjectStore
from tests.proof.test_crashes import Fate, Journey, Mortal, Overtaken, RepeatedSteps, WorkerDied
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, FILED, PHOTO, UNSURE, Pipeline
from workflow.errors import PartcheckError
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing, start
from workflow.review import revision

KINDS = {
    "override": (CLEARLY_OK,),
    "reinspect": (CLEARLY_OK, CLEARLY_DEFECT),
    "reinspect, the same": (CLEARLY_DEFECT, CLEARLY_DEFECT),
    "reinspect, unsure": (CLEARLY_OK, UNSURE),
}


class Revision(RepeatedSteps):
    """A closed photo whose verdict is revised; a step is repeated after its worker crashed."""

    def __init__(self, kind: str, pipeline: Pipeline | None = None, image: Image | None = None) -> None:
        self.kind = kind
        if pipeline is None or image is None:
            objects = InMemoryObjectStore()
            pipeline = Pipeline(detector=FakeDetector(*KINDS[kind], objects=objects), objects=objects)
            image = pipeline.upload()
            pipeline.inspected(image)
        self.pipeline, self.image = pipeline, image
        self.first = pipeline.verdicts.sent[0] if pipeline.verdicts.sent else ""
        self.click = str(uuid.uuid4())
        self.fate = Fate()

    def run(self, fate: Fate) -> None:
        self.fate, fate.look = fate, self.assert_bytes_exist
        self.mortal = self.pipeline.through(lambda name, port: Mortal(port, fate))
        self._step(self._begin, alone=True)
        while self.pipeline.row(self.image).state is not InspectionState.CLOSED:
            try:
                self._execute()
            except WorkerDied:
                row = self.pipeline.row(self.image)
                self.pipeline.executions.statuses[row.owner] = "FAILED"
                start.restart_inspection(self.pipeline.inspections, self.pipeline.executions, row)

    def _begin(self) -> None:
        inspections, queue = self.mortal.inspections, self.mortal.decisions
        row_id = inspection_id(self.image)
        if self.kind == "override":
            facts = {"verdict": Verdict.DEFECT, "reviewer": "eve", "reason": "a crack"}
            revision.override(inspections, queue, row_id, **facts, decision_id=self.click)
        else:
            revision.reinspect(inspections, queue, row_id, "eve", "new model", command_id=self.click)

    def _execute(self) -> None:
        pipeline, image = self.mortal, self.image
        self._step(lambda: pipeline.deliver(image))  # By the message, or by reconciliation if it was lost.
        row = self.pipeline.row(image)
        if row.state is InspectionState.CLOSED:
            return
        outcome = self._step(lambda: pipeline.claim(image, row.owner, row.attempt))
        target: str = filing.FilingTarget.REVIEWED
        if outcome == "readable":
            answer = self._step(lambda: pipeline.detect(image, row.owner))
            is_clear = answer["confidence"] >= answer["threshold"]
            target = answer["verdict"] if is_clear else "unclear"
        result = self._step(lambda: pipeline.move(image, row.owner, target))
        if target == "unclear":
            result = self._review(row.owner)
        self._step(lambda: pipeline.verdicts.send(result["announcement"]))
        self._step(lambda: pipeline.close(image, row.owner))
        self.pipeline.executions.statuses[row.owner] = "SUCCEEDED"

    def _review(self, owner: str) -> dict[str, Any]:
        token = f"token of {owner}"
        self.pipeline.executions.live_tokens.add(token)
        self._step(lambda: self.mortal.ask(self.image, owner, token))
        click = f"d{self.click}"
        self._step(lambda: self.mortal.decide(self.image, Verdict.DEFECT, "ann", decision_id=click))
        while token in self.pipeline.executions.live_tokens:
            self._step(lambda: self.mortal.deliver(self.image))
        return dict(self._step(lambda: self.mortal.move(self.image, owner, filing.FilingTarget.REVIEWED)))

    def assert_bytes_exist(self) -> None:
        location = self.pipeline.inspections.location_of(inspection_id(self.image))
        assert self.pipeline.objects.contents.get(location) == PHOTO, "the row points at a missing object"

    def assert_consistent(self) -> None:
        row = self.pipeline.row(self.image)
        assert list(self.pipeline.objects.contents) == [row.location], "not in exactly one place"
        assert (row.verdict, row.state, row.revision) == (Verdict.DEFECT, InspectionState.CLOSED, 2)
        announcements = [json.loads(body) for body in set(self.pipeline.verdicts.sent)]
        ids = sorted((message["announcement_id"], message["corrects"]) for message in announcements)
        assert ids == [(f"{row.id}-1", None), (f"{row.id}-2", f"{row.id}-1")], "not one announcement each"
        assert row.announcement in self.pipeline.verdicts.sent
        assert self.first in self.pipeline.verdicts.sent
        assert len(row.previous_revisions) == 1
        entries = self.pipeline.inspections.entries
        action = "override" if self.kind == "override" else "reinspect"
        assert [entry.decision_id for entry in entries if entry.action == action] == [self.click]
        report = self.pipeline.check()
        assert report.is_clean, report


def moments(kind: str) -> int:
    journey, fate = Revision(kind), Fate()
    journey.run(fate)
    journey.assert_consistent()
    return fate.moments


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_may_crash_at_any_moment_of_a_revision(kind: str, restarts: bool) -> None:
    for crash_at in range(moments(kind)):
        journey = Revision(kind)
        journey.restarts_whole = restarts
        journey.run(Fate(frozenset({crash_at})))
        assert journey.deaths == 1
        journey.assert_consistent()


@pytest.mark.parametrize("restarts", [False, True])
def test_workers_may_crash_at_any_two_moments_of_an_override(restarts: bool) -> None:
    for crashes in itertools.combinations(range(moments("override") + 6), 2):
        journey = Revision("override")
        journey.restarts_whole = restarts
        journey.run(Fate(frozenset(crashes)))
        journey.assert_consistent()


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_wakes_up_after_the_revision_changes_nothing(kind: str) -> None:
    for asleep_at in range(moments(kind)):
        journey = Revision(kind)
        sleeper = Revision(kind, journey.pipeline, journey.image)
        sleeper.click = journey.click
        after: list[Any] = []

        def overtake(journey: Revision = journey, after: list[Any] = after) -> None:
            journey.run(Fate())
            after.append(journey.pipeline.row(journey.image))

        with pytest.raises((Overtaken, PartcheckError)):
            sleeper.run(Fate(intruder=overtake, intrusion=asleep_at))

        assert [journey.pipeline.row(journey.image)] == after
        journey.assert_consistent()


@pytest.mark.parametrize("path", ["ok", "reviewed"])
def test_a_worker_of_the_first_verdict_that_wakes_up_after_the_override_changes_nothing(path: str) -> None:
    """It slept past the end of its own execution, and through another one."""
    counted = Fate()
    Journey(path).run(counted)
    for asleep_at in range(counted.moments):
        journey, sleeper = Journey(path), Journey(path)
        sleeper.pipeline, sleeper.image, sleeper.newer = journey.pipeline, journey.image, journey.newer
        after: list[Any] = []

        def overtake(journey: Journey = journey, after: list[Any] = after) -> None:
            journey.mortal = journey.pipeline
            journey._inspect()
            verdict = Verdict.OK if path == "reviewed" else Verdict.DEFECT
            pipeline, image = journey.pipeline, journey.image
            facts = {"verdict": verdict, "reviewer": "eve", "reason": "a crack"}
            revision.override(pipeline.inspections, pipeline.decisions, inspection_id(image), **facts)
            pipeline.deliver(image)
            row = pipeline.row(image)
            assert pipeline.claim(image, row.owner, row.attempt) == "decided"
            pipeline.finish(image)
            after.append((pipeline.row(image), dict(pipeline.objects.contents)))

        with pytest.raises((Overtaken, PartcheckError)):
            sleeper.run(Fate(intruder=overtake, intrusion=asleep_at))

        ((row, objects),) = after
        assert journey.pipeline.row(journey.image) == row
        assert set(objects) <= set(journey.pipeline.objects.contents)
        assert journey.pipeline.objects.contents[row.location] == journey.content
        copies = set(journey.pipeline.objects.contents) - set(objects)
        assert all(copy.bucket == FILED for copy in copies), "a copy that the consistency check does not find"
