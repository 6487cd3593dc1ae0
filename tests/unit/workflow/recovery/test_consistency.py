"""Every upload is accounted for, or it is an issue with a remedy."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.crafted import png
from tests.fakes import FakeDetector, InMemoryExecutions, InMemoryInspectionRepository
from tests.unit.pipeline import CLEARLY_OK, FILED, NOW, PHOTO, UNSURE, UPLOADED_AT, Pipeline
from workflow import timestamps
from workflow.inspections.inspection import Decision, Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import execution_name
from workflow.recovery.issues import REMEDIES, IssueKind

HISTORY = "history"


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(detector=FakeDetector(CLEARLY_OK, UNSURE))


def kinds(pipeline: Pipeline) -> list[IssueKind]:
    return [issue.kind for issue in pipeline.check().issues]


def repair(pipeline: Pipeline) -> list[bool]:
    return [pipeline.reconciler.repair(issue) for issue in pipeline.check().issues]


def change(pipeline: Pipeline, image: Image, **changes: Any) -> None:
    pipeline.inspections.rows[inspection_id(image)] = replace(pipeline.row(image), **changes)


OLD_DECISION = Decision(id="d1", verdict=Verdict.OK, reviewer="ann", decided_at="2026-01-01T00:00:00.000Z")


def test_an_empty_table_and_a_folder_marker_are_consistent(pipeline: Pipeline) -> None:
    pipeline.upload(b"", key="line 1/")

    assert pipeline.check().is_clean
    assert pipeline.check().balance.uploads == 0


def test_every_upload_is_counted_in_exactly_one_place(pipeline: Pipeline) -> None:
    pipeline.inspected(pipeline.upload(key="ok.png"))
    pipeline.inspected(pipeline.upload(b"no photo", key="rejected.png"))
    pipeline.waiting(pipeline.upload(key="waiting.png"))
    decided = pipeline.upload(png(65), key="defect.png")
    owner = pipeline.waiting(decided, "token-2")
    pipeline.decide(decided, Verdict.DEFECT)
    pipeline.move(decided, owner, "reviewed")
    pipeline.begin(pipeline.upload(key="in flight.png"))

    balance = pipeline.check().balance

    assert (balance.uploads, balance.ok, balance.defect) == (5, 1, 1)
    assert (balance.waiting, balance.rejected, balance.in_flight) == (1, 1, 1)
    assert pipeline.check().is_clean


def test_an_upload_that_was_deleted_before_its_validation_is_not_counted(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.objects.delete(image)

    assert pipeline.claim(image, execution_name(inspection_id(image), 1)) == "vanished"
    assert pipeline.row(image).withdrawn
    report = pipeline.check()
    assert report.is_clean
    assert report.balance.uploads == 0


def test_an_upload_without_an_inspection_is_missed(pipeline: Pipeline) -> None:
    image = pipeline.upload()

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.image) == (IssueKind.MISSED_UPLOAD, image)
    assert (issue.inspection_id, issue.uploaded_at) == (inspection_id(image), UPLOADED_AT)
    assert not pipeline.check().balance.is_balanced
    assert repair(pipeline) == [True]
    assert list(pipeline.executions.started) == [f"{inspection_id(image)}-1"]
    assert pipeline.check().is_clean


def test_a_fresh_upload_has_one_minute_of_grace(pipeline: Pipeline) -> None:
    pipeline.upload(at=timestamps.now())

    assert kinds(pipeline) == []


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_inspection_whose_execution_ended_is_orphaned(pipeline: Pipeline, status: str) -> None:
    image = pipeline.upload()
    owner = pipeline.begin(image)
    pipeline.executions.statuses[owner] = status

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.image) == (IssueKind.ORPHANED_INSPECTION, image)
    assert issue.reason == f"execution {owner} is {status.lower()}"
    assert repair(pipeline) == [True]
    assert pipeline.check().is_clean


def test_an_inspection_whose_execution_is_forgotten_is_orphaned(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)
    pipeline.executions.statuses.clear()

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.reason.split()[-1]) == (IssueKind.ORPHANED_INSPECTION, "forgotten")


def test_a_closed_inspection_needs_no_execution(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    pipeline.executions.statuses.clear()

    assert pipeline.check().is_clean


class StaleList(InMemoryExecutions):
    """Executions whose list of running ones lags behind."""

    def list_running(self) -> set[str]:
        return set()


def test_an_inspection_whose_execution_is_not_listed_yet_is_not_orphaned() -> None:
    pipeline = Pipeline(executions=StaleList())
    image = pipeline.upload()
    pipeline.begin(image)

    assert kinds(pipeline) == []


@pytest.mark.parametrize("change_meanwhile", ["closed", "handed over"])
def test_an_inspection_that_advanced_since_the_listing_is_not_orphaned(change_meanwhile: str) -> None:
    class LaggingRepository(InMemoryInspectionRepository):
        """A repository whose index still shows an old version of the row."""

        def list_by_id(self, after: str = "") -> Iterator[Inspection]:
            for row in self.rows.values():
                yield replace(row, state=InspectionState.INSPECTING, owner=owner)

    pipeline = Pipeline(inspections=LaggingRepository())
    image = pipeline.upload()
    owner = pipeline.begin(image)
    pipeline.executions.statuses[owner] = "SUCCEEDED"
    if change_meanwhile == "closed":
        pipeline.close(image, owner)
    else:
        pipeline.inspections.transfer_ownership(pipeline.row(image), "next", 2, NOW)

    assert kinds(pipeline) == []


@pytest.fixture
def waiting(pipeline: Pipeline) -> Image:
    pipeline.detector.answers = [UNSURE]
    image = pipeline.upload()
    pipeline.waiting(image)
    pipeline.decisions.sent.clear()
    return image


def test_a_decision_without_effect_is_undelivered(pipeline: Pipeline, waiting: Image) -> None:
    change(pipeline, waiting, decision=OLD_DECISION)

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.image) == (IssueKind.UNDELIVERED, waiting)
    assert issue.reason == "ann decided ok at 2026-01-01T00:00:00.000Z"
    assert repair(pipeline) == [True]
    assert len(pipeline.decisions.sent) == 1


def test_a_decision_that_is_fresh_or_moved_its_photo_is_not_undelivered(
    pipeline: Pipeline, waiting: Image
) -> None:
    pipeline.decide(waiting, Verdict.OK)
    assert kinds(pipeline) == []

    pipeline.move(waiting, pipeline.row(waiting).owner, "reviewed")
    change(pipeline, waiting, decision=OLD_DECISION)
    assert kinds(pipeline) == []


def test_a_photo_that_is_not_at_its_recorded_location_is_missing_and_left_to_a_person(
    pipeline: Pipeline,
) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    location = pipeline.row(image).location
    pipeline.objects.delete(location)

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.image) == (IssueKind.MISSING_OBJECT, location)
    assert issue.reason == f"no object at s3://{FILED}/{location.key}"
    assert not pipeline.check().balance.is_balanced
    assert repair(pipeline) == [False]


def test_a_photo_that_is_being_moved_is_not_missing(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.begin(image)
    pipeline.detect(image, owner)
    before = pipeline.row(image)

    class LaggingRepository(InMemoryInspectionRepository):
        def list_by_id(self, after: str = "") -> Iterator[Inspection]:
            yield before

    pipeline.move(image, owner, "ok")
    lagging = replace(pipeline, inspections=LaggingRepository(pipeline.inspections.dynamodb))

    assert lagging.check().issues == ()


def leave_original(pipeline: Pipeline, image: Image) -> Image:
    pipeline.objects.contents[image] = PHOTO
    pipeline.objects.uploaded_at[image] = UPLOADED_AT
    return image


def leave_copy(pipeline: Pipeline, image: Image) -> Image:
    return pipeline.objects.upload(FILED, f"defect/{inspection_id(image)[:16]}/{image.name}", PHOTO)


SURPLUS = [(leave_original, IssueKind.PENDING_DELETE), (leave_copy, IssueKind.UNREFERENCED_COPY)]


@pytest.mark.parametrize(("leave", "kind"), SURPLUS)
def test_a_surplus_copy_is_deleted_once_the_inspection_is_closed(
    pipeline: Pipeline, leave: Callable[[Pipeline, Image], Image], kind: IssueKind
) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    copy = leave(pipeline, image)

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.image) == (kind, copy)
    assert pipeline.check().balance.is_balanced
    assert repair(pipeline) == [True]
    assert pipeline.objects.contents == {pipeline.row(image).location: PHOTO}
    assert pipeline.check().is_clean


@pytest.mark.parametrize(("leave", "kind"), SURPLUS)
def test_a_surplus_copy_is_not_touched_while_the_inspection_is_open(
    pipeline: Pipeline, leave: Callable[[Pipeline, Image], Image], kind: IssueKind
) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    leave(pipeline, image)
    change(pipeline, image, state=InspectionState.INSPECTING)
    pipeline.executions.statuses[pipeline.row(image).owner] = "RUNNING"

    assert kinds(pipeline) == []


@pytest.mark.parametrize(("leave", "kind"), SURPLUS)
def test_the_last_copy_is_never_deleted(
    pipeline: Pipeline, leave: Callable[[Pipeline, Image], Image], kind: IssueKind
) -> None:
    """The filed photo was deleted, so the surplus copy may be the last one."""
    image = pipeline.upload()
    pipeline.inspected(image)
    copy = leave(pipeline, image)
    pipeline.objects.delete(pipeline.row(image).location)

    assert kinds(pipeline) == [IssueKind.MISSING_OBJECT]
    assert repair(pipeline) == [False]
    assert pipeline.objects.contents == {copy: PHOTO}


@pytest.mark.parametrize(
    "key", ["readme.txt", "ok/0123456789abcdef/x.png", "else/{id}/a.png", "ok/{id}/a/b.png"]
)
def test_an_object_that_no_row_names_is_an_issue(pipeline: Pipeline, key: str) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    unknown = pipeline.objects.upload(FILED, key.format(id=inspection_id(image)[:16]), b"not ours")

    (issue,) = pipeline.check().issues
    assert (issue.kind, issue.image) == (IssueKind.UNKNOWN_OBJECT, unknown)
    assert not pipeline.check().is_clean


def test_a_copy_that_was_made_just_now_may_get_its_row_soon(pipeline: Pipeline) -> None:
    pipeline.objects.upload(FILED, "ok/0123456789abcdef/x.png", PHOTO, at=timestamps.now())

    assert kinds(pipeline) == []


def test_an_archived_execution_tells_of_a_row_that_the_table_forgot(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    record = pipeline.objects.upload(HISTORY, f"{execution_name(inspection_id(image), 1)}.json.gz", b"record")
    location = pipeline.row(image).location
    assert pipeline.check(HISTORY).is_clean

    pipeline.inspections.rows.clear()

    report = pipeline.check(HISTORY)
    assert {(issue.kind, issue.image) for issue in report.issues} == {
        (IssueKind.UNKNOWN_OBJECT, location),
        (IssueKind.LOST_ROW, record),
    }
    assert report.issues[-1].inspection_id == inspection_id(image)


def test_a_second_upload_of_the_same_name_is_no_surplus_copy(pipeline: Pipeline) -> None:
    pipeline.inspected(pipeline.upload())
    pipeline.upload(at=timestamps.now())

    assert kinds(pipeline) == []


def test_every_kind_of_issue_has_a_remedy(pipeline: Pipeline) -> None:
    pipeline.upload()

    assert REMEDIES.keys() == set(IssueKind)
    assert pipeline.check().issues[0].remedy == "reconcile starts its inspection"
