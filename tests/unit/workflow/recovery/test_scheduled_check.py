"""The scheduled check compares everything once a day, in slices, and adopts only what is safe to adopt."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryCheckProgressStore
from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from tests.unit.pipeline import CLEARLY_OK, FILED, INBOUND, PHOTO, Pipeline
from tests.unit.workflow.conftest import Clock
from workflow.aws.check_progress import DynamoCheckProgressStore
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.executions import execution_name
from workflow.recovery.scheduled_check import CheckProgress, ScheduledCheck
from workflow.tables import INSPECTIONS

HISTORY = "history"


@pytest.fixture
def pipeline(clock: Clock) -> Pipeline:
    return Pipeline(detector=FakeDetector(CLEARLY_OK))


@pytest.fixture(params=[InMemoryCheckProgressStore, "dynamodb"], ids=["memory", "dynamodb"])
def progress(request: pytest.FixtureRequest) -> Any:
    if request.param == "dynamodb":
        return DynamoCheckProgressStore(INSPECTIONS.name, InMemoryDynamoDB([InMemoryTable(INSPECTIONS)]))
    return request.param()


def build_check(pipeline: Pipeline, progress: Any) -> ScheduledCheck:
    reconciler = pipeline.reconciler
    return ScheduledCheck(
        reconciler=reconciler, progress=progress, inbound=INBOUND, filed=FILED, history=HISTORY
    )


def slices(seconds: float) -> Callable[[], bool]:
    """Return a `time_left` that is used up after this many folders."""
    calls = iter(range(int(seconds) - 1))
    return lambda: next(calls, None) is not None


def inspect(pipeline: Pipeline, count: int) -> list[Image]:
    images = [pipeline.upload(key=f"{number}.png") for number in range(count)]
    for image in images:
        pipeline.inspected(image)
        pipeline.objects.upload(HISTORY, f"{execution_name(inspection_id(image), 1)}.json.gz", b"record")
    return images


def test_slices_compare_every_photo_once(pipeline: Pipeline, progress: Any) -> None:
    images = inspect(pipeline, 10)
    for image in images:
        pipeline.objects.delete(pipeline.row(image).location)

    found = [build_check(pipeline, progress).run_slice(slices(3)).found for _ in range(3)]

    assert found == [3, 6, 9]
    last = build_check(pipeline, progress).run_slice(slices(3))
    assert (last.position, last.found_before, last.unaccounted) == ("", 10, 10)


def test_a_pass_begins_once_a_day(pipeline: Pipeline, progress: Any, clock: Clock) -> None:
    image = inspect(pipeline, 1)[0]
    check = build_check(pipeline, progress)
    assert check.run_slice(lambda: True).unaccounted == 0

    pipeline.objects.delete(pipeline.row(image).location)
    clock.turn(23 * 3600)
    assert check.run_slice(lambda: True).unaccounted == 0
    clock.turn(3600)
    assert check.run_slice(lambda: True).unaccounted == 1


def test_the_count_stays_until_a_complete_pass_finds_nothing(
    pipeline: Pipeline, progress: Any, clock: Clock
) -> None:
    images = inspect(pipeline, 3)
    location = pipeline.row(images[0]).location
    content = pipeline.objects.contents.pop(location)
    check = build_check(pipeline, progress)
    check.run_slice(lambda: True)

    pipeline.objects.contents[location] = content
    clock.turn(24 * 3600)

    assert check.run_slice(slices(1)).unaccounted == 1
    assert check.run_slice(lambda: True).unaccounted == 0


def test_an_object_that_filing_did_not_put_there_is_adopted(pipeline: Pipeline, progress: Any) -> None:
    images = [pipeline.objects.upload(FILED, key, PHOTO) for key in ("part.png", "ok/part.png", "x/y/z.png")]

    assert build_check(pipeline, progress).run_slice(lambda: True).unaccounted == 0

    assert all(pipeline.row(image).recovered for image in images)


def test_objects_whose_rows_were_lost_wait_for_a_person(pipeline: Pipeline, progress: Any) -> None:
    """Restoring the table from its backup is better than asking reviewers about every photo again."""
    inspect(pipeline, 3)
    pipeline.inspections.rows.clear()

    assert build_check(pipeline, progress).run_slice(lambda: True).unaccounted == 6

    assert pipeline.inspections.rows == {}


def test_surplus_copies_are_neither_deleted_nor_counted(pipeline: Pipeline, progress: Any) -> None:
    image = inspect(pipeline, 1)[0]
    pipeline.objects.upload(FILED, f"defect/{inspection_id(image)[:16]}/{image.name}", PHOTO)
    before = dict(pipeline.objects.contents)

    assert build_check(pipeline, progress).run_slice(lambda: True).unaccounted == 0
    assert pipeline.objects.contents == before


def test_adoption_stops_at_its_limit_and_resumes(pipeline: Pipeline, progress: Any) -> None:
    for number in range(7):
        pipeline.objects.upload(FILED, f"{number}.png", PHOTO)
    check = build_check(pipeline, progress)
    limited = replace(check, reconciler=replace(check.reconciler, max_in_flight=1))

    assert limited.run_slice(lambda: True).position == "/4.png"
    assert len(pipeline.inspections.rows) == 5
    limited.run_slice(lambda: True)
    assert len(pipeline.inspections.rows) == 7


def test_an_error_with_one_folder_does_not_stop_the_pass(
    pipeline: Pipeline, progress: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = inspect(pipeline, 3)
    for image in images:
        pipeline.objects.delete(pipeline.row(image).location)
    fetch = pipeline.objects.fetch
    broken = pipeline.row(images[0]).location

    def fail_once(image: Image, limit: int) -> Any:
        if image == broken:
            raise RuntimeError("access denied")
        return fetch(image, limit)

    monkeypatch.setattr(pipeline.objects, "fetch", fail_once)

    with pytest.raises(RuntimeError, match="access denied"):
        build_check(pipeline, progress).run_slice(lambda: True)

    assert progress.load().found_before == 2


def test_a_slice_that_dies_is_repeated(
    pipeline: Pipeline, progress: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inspect(pipeline, 1)[0]
    pipeline.objects.delete(pipeline.row(image).location)
    check = build_check(pipeline, progress)

    def die(_progress: CheckProgress) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(progress, "save", die)
        with pytest.raises(ConnectionError):
            check.run_slice(lambda: True)

    assert check.run_slice(lambda: True).unaccounted == 1
