"""Stuck inspections continue without a person; an issue that cannot be repaired is left to a person."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryInspectionRepository
from tests.unit.pipeline import CLEARLY_OK, FILED, INBOUND, NOW, PHOTO, UNSURE, UPLOADED_AT, Pipeline
from workflow import timestamps
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import execution_input, execution_name
from workflow.pipeline.start import MAX_ATTEMPTS
from workflow.recovery.issues import Issue, IssueKind
from workflow.recovery.reconcile import find_issues, reconcile


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(detector=FakeDetector(CLEARLY_OK))


def failed_inspection(pipeline: Pipeline, status: str = "FAILED") -> Image:
    image = pipeline.upload()
    owner = pipeline.begin(image)
    pipeline.executions.statuses[owner] = status
    return image


def test_without_issues_nothing_is_repaired(pipeline: Pipeline) -> None:
    pipeline.inspected(pipeline.upload())

    assert pipeline.reconcile() == {}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_ended_execution_is_followed_by_the_next_attempt(pipeline: Pipeline, status: str) -> None:
    image = failed_inspection(pipeline, status)

    assert pipeline.reconcile() == {"orphaned inspection": 1}

    name = execution_name(inspection_id(image), 2)
    assert (pipeline.row(image).owner, pipeline.row(image).attempt) == (name, 2)
    assert pipeline.executions.started[name] == execution_input(image, UPLOADED_AT, 2)
    assert pipeline.claim(image, execution_name(inspection_id(image), 1)) == "not_owner"


def test_a_forgotten_execution_starts_again_by_its_own_name(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    owner = pipeline.row(image).owner
    pipeline.executions.statuses.clear()
    pipeline.executions.started.clear()

    assert pipeline.reconcile() == {"orphaned inspection": 1}
    assert pipeline.executions.started == {owner: execution_input(image, UPLOADED_AT, 1)}
    assert (pipeline.row(image).owner, pipeline.row(image).attempt) == (owner, 1)


def test_a_waiting_review_of_a_forgotten_execution_is_restarted() -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    pipeline.executions.statuses.clear()

    assert pipeline.reconcile() == {"orphaned inspection": 1}
    assert owner in pipeline.executions.list_running()


def test_a_handed_over_execution_that_never_started_is_started(pipeline: Pipeline) -> None:
    """The reconciler crashed between the transfer of the row and the start of the next attempt."""
    image = failed_inspection(pipeline)
    name = execution_name(inspection_id(image), 2)
    pipeline.inspections.transfer_ownership(pipeline.row(image), name, 2, NOW)

    assert pipeline.reconcile() == {"orphaned inspection": 1}
    assert pipeline.executions.started[name] == execution_input(image, UPLOADED_AT, 2)


def test_two_reconcilers_at_once_start_one_attempt(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    before = pipeline.row(image)

    assert pipeline.reconciler.restart(before) is True
    # The first call restarted it, so the second leaves nothing to a person.
    assert pipeline.reconciler.restart(before) is True
    assert len(pipeline.executions.started) == 2


def test_a_reconciler_that_loses_the_race_for_the_row_starts_nothing(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)

    class ContestedRepository(InMemoryInspectionRepository):
        def transfer_ownership(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
            return False

    contested = replace(pipeline, inspections=ContestedRepository()).reconciler

    assert contested.restart(pipeline.row(image)) is True
    assert len(pipeline.executions.started) == 1


def test_the_backoff_of_an_inspection_doubles_with_each_failed_attempt(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    backoffs = []
    for _ in range(4):
        row, minutes = pipeline.row(image), 0
        while pipeline.row(image).attempt == row.attempt:
            attempted_at = timestamps.add_seconds(timestamps.now(), -60 * minutes - 1)
            pipeline.inspections.rows[row.id] = replace(row, attempted_at=attempted_at)
            pipeline.reconcile()
            minutes += 1
        backoffs.append(minutes - 1)
        pipeline.executions.statuses[pipeline.row(image).owner] = "FAILED"

    assert backoffs == [0, 1, 3, 7]


def test_after_the_last_attempt_the_inspection_is_left_to_a_person(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    for _ in range(2 * MAX_ATTEMPTS):
        row = pipeline.row(image)
        pipeline.inspections.rows[row.id] = replace(row, attempted_at=UPLOADED_AT)
        counts = pipeline.reconcile()
        pipeline.executions.statuses[pipeline.row(image).owner] = "FAILED"

    assert counts == {"left to a person": 1}
    assert len(pipeline.executions.started) == pipeline.row(image).attempt == MAX_ATTEMPTS


def test_a_redriven_execution_owns_its_inspection_again(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    owner = pipeline.row(image).owner
    pipeline.executions.statuses[owner] = "RUNNING"

    assert pipeline.reconcile() == {}
    assert pipeline.claim(image, owner) == "readable"


def test_a_missed_upload_is_started(pipeline: Pipeline) -> None:
    image = pipeline.upload()

    assert pipeline.reconcile() == {"missed upload": 1}
    assert pipeline.executions.started == {
        execution_name(inspection_id(image), 1): execution_input(image, UPLOADED_AT, 1)
    }
    assert pipeline.reconcile() == {}


def test_a_folder_marker_is_not_missed(pipeline: Pipeline) -> None:
    pipeline.upload(b"", key="line 1/")

    assert pipeline.reconcile() == {}


def test_a_missed_upload_that_is_started_meanwhile_is_not_started_twice(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    issues = list(find_issues(pipeline.reconciler, INBOUND))
    pipeline.inspected(image)

    assert reconcile(pipeline.reconciler, issues) == {"missed upload": 1}
    assert len(pipeline.executions.started) == 1


@pytest.mark.parametrize("change_meanwhile", ["moved again", "disappeared"])
def test_a_surplus_copy_is_kept_when_the_photo_moved_since_the_check(
    pipeline: Pipeline, change_meanwhile: str
) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    row = pipeline.row(image)
    copy = pipeline.objects.upload(FILED, f"unclear/{row.id[:16]}/{image.name}", PHOTO)
    issues = list(pipeline.check().issues)
    if change_meanwhile == "moved again":
        pipeline.inspections.rows[row.id] = replace(row, location=copy)
    else:
        pipeline.objects.delete(row.location)

    assert [issue.kind for issue in issues] == [IssueKind.UNREFERENCED_COPY]
    assert reconcile(pipeline.reconciler, issues) == {"left to a person": 1}
    assert copy in pipeline.objects.contents


def test_an_undelivered_decision_is_delivered_again() -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    pipeline.waiting(image, "token")
    decision = pipeline.decide(image, Verdict.OK)
    pipeline.decisions.sent.clear()
    row, old = pipeline.row(image), replace(decision, decided_at=UPLOADED_AT, effective_at="")
    pipeline.inspections.rows[row.id] = replace(row, decision=old)

    assert pipeline.reconcile() == {"undelivered decision": 1}
    assert len(pipeline.decisions.sent) == 1
    assert pipeline.deliver(image) == "delivered"


def test_an_orphaned_photo_is_inspected_to_the_end_by_its_next_attempt(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    pipeline.reconcile()
    owner = pipeline.row(image).owner

    pipeline.claim(image, owner, 2)
    pipeline.detect(image, owner)
    pipeline.finish(image, "ok")

    assert pipeline.reconcile() == {}


@pytest.mark.parametrize(
    "kind", sorted(set(IssueKind) - {IssueKind.MISSED_UPLOAD, IssueKind.UNKNOWN_OBJECT, IssueKind.LOST_ROW})
)
def test_an_issue_without_a_row_deletes_and_starts_nothing(pipeline: Pipeline, kind: IssueKind) -> None:
    image = pipeline.upload()
    issue = Issue(kind=kind, inspection_id="id", image=image, reason="why")

    assert pipeline.reconciler.repair(issue) is False
    assert image in pipeline.objects.contents
    assert pipeline.executions.started == {}


def test_an_issue_that_cannot_be_repaired_is_counted_with_the_others(pipeline: Pipeline) -> None:
    failed_inspection(pipeline)
    pipeline.upload(key="missed.png")
    gone = Issue(kind=IssueKind.MISSING_OBJECT, inspection_id="id", image=Image("b", "k", "v"), reason="gone")

    counts = reconcile(pipeline.reconciler, [gone, *find_issues(pipeline.reconciler, INBOUND)])

    assert counts == {"left to a person": 1, "missed upload": 1, "orphaned inspection": 1}


def test_a_long_queue_of_uploads_is_not_started_all_at_once(pipeline: Pipeline) -> None:
    """Uploads that wait behind the back-pressure look missed; they start as slots become available."""
    images = [pipeline.upload(key=f"{number:02}.png") for number in range(30)]

    assert pipeline.reconcile(max_in_flight=8) == {"missed upload": 8}
    assert pipeline.reconcile(max_in_flight=8) == {}
    for image in images[:3]:
        pipeline.inspected(image)
    assert pipeline.reconcile(max_in_flight=8) == {"missed upload": 3}


def test_a_manual_reconciliation_starts_no_more_at_once_either(pipeline: Pipeline) -> None:
    for number in range(30):
        pipeline.upload(key=f"{number}.png")
    limited = replace(pipeline.reconciler, max_in_flight=8)

    assert reconcile(limited, pipeline.check().issues) == {"missed upload": 8, "deferred": 22}


def test_the_inspections_of_a_lost_engine_restart_in_portions(pipeline: Pipeline) -> None:
    for number in range(30):
        pipeline.begin(pipeline.upload(key=f"{number}.png"))
    pipeline.executions.statuses.clear()

    assert pipeline.reconcile(max_in_flight=4) == {"orphaned inspection": 20, "deferred": 1}


def test_an_error_with_one_issue_does_not_affect_the_others(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [pipeline.upload(key=f"{number}.png") for number in range(3)]
    for image in images:
        pipeline.begin(image)
    pipeline.executions.statuses.clear()
    start = pipeline.executions.start

    def start_all_but_one(name: str, document: dict[str, Any]) -> bool:
        if name.startswith(inspection_id(images[0])):
            raise RuntimeError("an invalid row")
        return start(name, document)

    monkeypatch.setattr(pipeline.executions, "start", start_all_but_one)

    with pytest.raises(RuntimeError, match="invalid row"):
        pipeline.reconcile()

    assert len(pipeline.executions.statuses) == 2


def test_waiting_and_begun_inspections_come_before_missed_uploads(pipeline: Pipeline) -> None:
    pipeline.upload(key="missed.png")
    begun = pipeline.upload(key="begun.png")
    pipeline.begin(begun)
    pipeline.detector.answers = [UNSURE]
    waits = pipeline.upload(key="waits.png")
    pipeline.waiting(waits)
    pipeline.executions.statuses.clear()

    issues = [(issue.kind, issue.image.key) for issue in find_issues(pipeline.reconciler, INBOUND)]

    assert issues == [
        (IssueKind.ORPHANED_INSPECTION, "waits.png"),
        (IssueKind.ORPHANED_INSPECTION, "begun.png"),
        (IssueKind.MISSED_UPLOAD, "missed.png"),
    ]


def test_a_begun_inspection_is_not_read_again_for_its_upload(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        pipeline.begin(pipeline.upload(key=f"{number}.png"))
    monkeypatch.setattr(pipeline.inspections, "get", lambda _id: pytest.fail("it is read again"))

    assert list(find_issues(pipeline.reconciler, INBOUND)) == []


def test_a_hundred_manual_restarts_do_not_stop_other_repairs(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    row = pipeline.row(image)
    pipeline.inspections.rows[row.id] = replace(row, attempt=100, attempted_at=timestamps.now())
    other = failed_inspection(pipeline)

    assert pipeline.reconcile() == {"orphaned inspection": 1}
    assert pipeline.row(other).attempt == 2
