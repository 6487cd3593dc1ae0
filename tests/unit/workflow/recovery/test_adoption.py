"""An object in the filed bucket that no row names gets an inspection of its own, which a person decides."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from tests.crafted import png
from tests.fakes import FakeDetector, InMemoryInspectionRepository
from tests.unit.pipeline import CLEARLY_OK, FILED, INBOUND, PHOTO, UPLOADED_AT, Pipeline
from workflow import timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.detection import RECOVERED_NOTE
from workflow.pipeline.executions import execution_input, execution_name
from workflow.pipeline.start import start_inspection
from workflow.recovery import consistency
from workflow.recovery import reconcile as reconcile_module
from workflow.recovery.id_groups import IdGroupCheck
from workflow.recovery.issues import IssueKind
from workflow.recovery.reconcile import Reconciler, reconcile
from workflow.review import revision

LOST_KEY = "ok/0123456789abcdef/part.png"


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(detector=FakeDetector(CLEARLY_OK))


def reconcile_all(pipeline: Pipeline, max_in_flight: int = 20) -> dict[str, int]:
    """Do what `partcheck reconcile` does."""
    reconciler = replace(pipeline.reconciler, max_in_flight=max_in_flight)
    return reconcile(reconciler, pipeline.check().issues)


def adopted(pipeline: Pipeline, key: str = LOST_KEY, content: bytes = PHOTO) -> Image:
    """Upload an object that no row names, and reconcile."""
    image = pipeline.objects.upload(FILED, key, content)
    reconcile_all(pipeline)
    return image


def inspect_recovered(pipeline: Pipeline, image: Image) -> str:
    """Run the states of an adopted photo's execution up to its review. Return the execution's name."""
    owner = execution_name(inspection_id(image), 1)
    pipeline.executions.live_tokens.add("token")
    assert pipeline.claim(image, owner) == "readable"
    detected = pipeline.detect(image, owner)
    assert detected["confidence"] < detected["threshold"], "the Choice leads to a person"
    pipeline.move(image, owner, "unclear")
    pipeline.ask(image, owner, "token")
    return owner


@pytest.mark.parametrize("key", [LOST_KEY, "part.png", "else/a/b/c.png", "ok/part.png"])
def test_an_object_without_a_row_waits_for_a_person_where_it_lies(pipeline: Pipeline, key: str) -> None:
    image = pipeline.objects.upload(FILED, key, PHOTO)

    assert reconcile_all(pipeline) == {"unknown object": 1}

    row = pipeline.row(image)
    assert (row.recovered, row.image, row.location, row.verdict) == (True, image, image, Verdict.UNCLEAR)
    assert pipeline.executions.started == {row.owner: execution_input(image, UPLOADED_AT, 1)}
    inspect_recovered(pipeline, image)
    assert pipeline.row(image).state is InspectionState.WAITING
    assert pipeline.detector.seen == [], "no model is paid"
    prediction = pipeline.row(image).prediction
    assert prediction is not None
    assert prediction.note == RECOVERED_NOTE
    assert pipeline.objects.contents == {image: PHOTO}
    assert pipeline.check().is_clean


def test_a_decision_moves_and_announces_a_recovered_photo_and_the_model_may_be_asked_later(
    pipeline: Pipeline,
) -> None:
    image = adopted(pipeline)
    inspect_recovered(pipeline, image)

    pipeline.decide(image, Verdict.DEFECT)
    assert pipeline.deliver(image) == "delivered"
    row = pipeline.finish(image)

    assert (row.verdict, row.location.key) == (Verdict.DEFECT, f"defect/{row.id[:16]}/part.png")
    assert pipeline.objects.contents == {row.location: PHOTO}
    message = json.loads(row.announcement)
    assert (message["inspection_id"], message["verdict"]) == (inspection_id(image), "defect")
    assert message["image"] == {"bucket": FILED, "key": LOST_KEY, "version_id": image.version_id}
    assert pipeline.check().is_clean
    assert pipeline.check().balance.defect == pipeline.check().balance.uploads == 1
    revision.reinspect(pipeline.inspections, pipeline.decisions, row.id, "eva", "a new model")
    assert pipeline.detect(image, pipeline.row(image).owner)["verdict"] == "ok"


def test_a_recovered_file_that_is_no_photo_is_rejected(pipeline: Pipeline) -> None:
    image = adopted(pipeline, "readme.txt", b"no photo")
    owner = execution_name(inspection_id(image), 1)

    assert pipeline.claim(image, owner) == "unreadable"
    pipeline.move(image, owner, "rejected")

    assert list(pipeline.objects.contents.values()) == [b"no photo"]
    assert pipeline.row(image).verdict is Verdict.REJECTED


def test_adopting_again_changes_nothing_and_completes_what_was_interrupted(pipeline: Pipeline) -> None:
    image = adopted(pipeline)
    row = pipeline.row(image)

    assert reconcile_all(pipeline) == {}
    assert (pipeline.row(image), list(pipeline.executions.started)) == (row, [row.owner])
    # The row exists, but the process ended before it started the execution.
    pipeline.executions.started.clear()
    pipeline.executions.statuses.clear()
    assert reconcile_all(pipeline) == {"orphaned inspection": 1}
    assert list(pipeline.executions.started) == [row.owner]


@pytest.mark.parametrize("key", ["ok/", "ok/.DS_Store", "ok/0123456789abcdef/copy.part"])
def test_a_name_that_is_left_alone_is_left_alone_here_too(pipeline: Pipeline, key: str) -> None:
    pipeline.objects.upload(FILED, key, b"")

    assert reconcile_all(pipeline) == {}


def test_many_objects_are_adopted_in_portions(pipeline: Pipeline) -> None:
    for number in range(30):
        pipeline.objects.upload(FILED, f"{number}.png", PHOTO)

    assert reconcile_all(pipeline, max_in_flight=4) == {"unknown object": 20, "deferred": 10}
    assert reconcile_all(pipeline, max_in_flight=4) == {"unknown object": 10}


def test_an_object_that_disappears_after_the_check_is_not_adopted(pipeline: Pipeline) -> None:
    image = pipeline.objects.upload(FILED, LOST_KEY, PHOTO)
    report = pipeline.check()
    pipeline.objects.delete(image)

    assert reconcile(pipeline.reconciler, report.issues) == {"unknown object": 1}
    assert pipeline.inspections.rows == {}


# Each scenario is a promise about adoption, and each wrong variant breaks at least one of them.


class BlindIndex(InMemoryInspectionRepository):
    """A repository whose index by id shows a new row late."""

    def __init__(self) -> None:
        super().__init__()
        self.unlisted: set[str] = set()

    def list_by_id(self, after: str = "") -> Iterator[Inspection]:
        return (row for row in super().list_by_id(after) if row.id not in self.unlisted)


def keeps_an_unknown_object() -> None:
    pipeline = Pipeline()
    image = adopted(pipeline)
    reconcile_all(pipeline)
    assert image in pipeline.objects.contents


def names_the_filed_version() -> None:
    """Two versions of one key are two objects, and neither takes the row of an upload."""
    pipeline = Pipeline()
    images = [pipeline.objects.upload(FILED, LOST_KEY, png(size)) for size in (65, 66)]
    reconcile_all(pipeline)
    assert pipeline.inspections.rows.keys() == {inspection_id(image) for image in images}
    assert all(pipeline.row(image).location == image for image in images)


def unlisted_copy(**how: Any) -> tuple[Pipeline, Image]:
    """Copy a claimed photo as a move does, while the index lacks its row."""
    pipeline = Pipeline(inspections=BlindIndex())
    image = pipeline.upload()
    pipeline.begin(image)
    pipeline.inspections.unlisted = {inspection_id(image)}
    pipeline.objects.upload(FILED, f"ok/{inspection_id(image)[:16]}/{image.name}", PHOTO, **how)
    return pipeline, image


def leaves_a_fresh_copy_alone() -> None:
    """The copy of a move is younger than the index is reliable."""
    pipeline, image = unlisted_copy(at=timestamps.now())
    pipeline.objects.delete(image)
    reconcile_all(pipeline)
    assert len(pipeline.inspections.rows) == 1


def leaves_the_copy_of_a_move_alone() -> None:
    """A move that hangs between copy and record: the copy is old, and no row names it yet."""
    pipeline, image = unlisted_copy()
    pipeline.inspections.unlisted = set()
    pipeline.detect(image, pipeline.row(image).owner)
    reconcile_all(pipeline)
    pipeline.move(image, pipeline.row(image).owner, "ok")
    assert [row.recovered for row in pipeline.inspections.rows.values()] == [False]
    assert pipeline.row(image).location in pipeline.objects.contents


def leaves_the_copy_of_an_unlisted_row_alone() -> None:
    """The index still lacks the row: the upload in the inbound bucket shows that it exists."""
    pipeline, _ = unlisted_copy()
    reconcile_all(pipeline)
    assert len(pipeline.inspections.rows) == 1


def leaves_a_row_alone_that_appears_after_the_check() -> None:
    pipeline = Pipeline(inspections=BlindIndex())
    image = pipeline.upload()
    pipeline.inspected(image)
    pipeline.inspections.unlisted = {inspection_id(image)}
    report = pipeline.check()
    assert [issue.kind for issue in report.issues] == [IssueKind.UNKNOWN_OBJECT]
    pipeline.inspections.unlisted = set()
    reconcile(pipeline.reconciler, report.issues)
    assert len(pipeline.inspections.rows) == 1


SCENARIOS = (
    keeps_an_unknown_object,
    names_the_filed_version,
    leaves_a_fresh_copy_alone,
    leaves_the_copy_of_a_move_alone,
    leaves_the_copy_of_an_unlisted_row_alone,
    leaves_a_row_alone_that_appears_after_the_check,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.__name__ for scenario in SCENARIOS])
def test_adoption(scenario: Callable[[], None]) -> None:
    scenario()


def _deletes() -> AbstractContextManager[object]:
    def variant(reconciler: Reconciler, issue: object) -> bool:
        reconciler.objects.delete(issue.image)  # type: ignore[attr-defined]
        return True

    return patch.object(Reconciler, "_adopt", variant)


def _names_the_upload() -> AbstractContextManager[object]:
    """The row's id is made from the photo's name in the inbound bucket, as if it were the upload."""

    def variant(executions: object, inspections: object, image: Image, *rest: str, **how: bool) -> object:
        upload = replace(image, bucket=INBOUND, key=image.name, version_id="v1")
        return start_inspection(executions, inspections, upload, *rest, **how)  # type: ignore[arg-type]

    return patch.object(reconcile_module, "start_inspection", variant)


def _has_no_grace() -> AbstractContextManager[object]:
    return patch("workflow.recovery.consistency.GRACE_SECONDS", -1)


def _ignores_uploads() -> AbstractContextManager[object]:
    """A copy whose upload still exists is taken for an unknown object if the index lacks its row."""
    build = consistency.build_id_group_check

    def variant(*arguments: Any) -> IdGroupCheck:
        return replace(build(*arguments), upload_prefixes=frozenset())

    return patch.object(consistency, "build_id_group_check", variant)


def _trusts_the_check() -> AbstractContextManager[object]:
    return patch.object(reconcile_module, "id_prefix", lambda _image: "")


VARIANTS: dict[Callable[[], AbstractContextManager[object]], Callable[[], None]] = {
    _deletes: keeps_an_unknown_object,
    _names_the_upload: names_the_filed_version,
    _has_no_grace: leaves_a_fresh_copy_alone,
    _ignores_uploads: leaves_the_copy_of_an_unlisted_row_alone,
    _trusts_the_check: leaves_a_row_alone_that_appears_after_the_check,
}


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.__name__ for variant in VARIANTS])
def test_every_wrong_variant_breaks_its_promise(
    variant: Callable[[], AbstractContextManager[object]],
) -> None:
    with variant(), pytest.raises(AssertionError):
        VARIANTS[variant]()
