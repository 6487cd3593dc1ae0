"""A redrive restarts failed inspections from their failed state or as the next attempt."""

import pytest

from tests.unit.pipeline import UNSURE, Pipeline
from workflow.errors import NotFound
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.executions import execution_name
from workflow.pipeline.start import MAX_ATTEMPTS
from workflow.recovery import redrive
from workflow.recovery.redrive import RedriveOutcome


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def failed_inspection(
    pipeline: Pipeline, attempt: int = 1, status: str = "FAILED", key: str = "pump.png"
) -> Image:
    image = pipeline.upload(key=key)
    owner = pipeline.start(image, attempt)
    pipeline.claim(image, owner, attempt)
    pipeline.executions.statuses[owner] = status
    return image


def run_redrive(pipeline: Pipeline, image: Image) -> redrive.RedriveResult:
    return redrive.redrive(pipeline.reconciler, pipeline.executions, inspection_id(image))


def test_a_redrivable_execution_continues(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    pipeline.executions.redrivable.add(pipeline.row(image).owner)

    result = run_redrive(pipeline, image)

    assert (result.outcome, result.execution) == (
        RedriveOutcome.REDRIVEN,
        execution_name(inspection_id(image), 1),
    )
    assert result.reason == "it continues where it failed"
    assert pipeline.row(image).attempt == 1
    assert pipeline.executions.get_status(result.execution) == "RUNNING"


@pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS, MAX_ATTEMPTS + 3])
def test_any_other_failed_execution_is_followed_by_the_next_attempt(pipeline: Pipeline, attempt: int) -> None:
    image = failed_inspection(pipeline, attempt)

    result = run_redrive(pipeline, image)

    assert (result.outcome, result.reason) == (RedriveOutcome.RESTARTED, "Execution is not redrivable")
    assert result.execution == pipeline.row(image).owner == execution_name(inspection_id(image), attempt + 1)
    assert result.execution in pipeline.executions.list_running()


def test_a_forgotten_execution_starts_again_by_its_own_name(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)
    pipeline.executions.statuses.clear()

    result = run_redrive(pipeline, image)

    assert (result.outcome, result.execution) == (
        RedriveOutcome.RESTARTED,
        execution_name(inspection_id(image), 1),
    )
    assert result.reason == "the execution is forgotten"


def test_running_and_closed_inspections_are_left_alone(pipeline: Pipeline) -> None:
    running, closed = pipeline.upload(key="running.png"), pipeline.upload(key="closed.png")
    pipeline.begin(running)
    pipeline.inspected(closed)
    started = dict(pipeline.executions.started)

    assert [run_redrive(pipeline, image).outcome for image in (running, closed)] == [
        RedriveOutcome.NOT_NEEDED
    ] * 2
    assert pipeline.executions.started == started


def test_an_unknown_inspection_is_refused_in_one_sentence(pipeline: Pipeline) -> None:
    with pytest.raises(NotFound, match="has no row"):
        redrive.redrive(pipeline.reconciler, pipeline.executions, "0" * 64)


def test_two_redrives_at_once_start_one_attempt(pipeline: Pipeline) -> None:
    image = failed_inspection(pipeline)

    first, second = run_redrive(pipeline, image), run_redrive(pipeline, image)

    assert (first.outcome, second.outcome) == (RedriveOutcome.RESTARTED, RedriveOutcome.NOT_NEEDED)
    assert len(pipeline.executions.started) == 2


def test_all_failed_inspections_are_found_and_no_others(pipeline: Pipeline) -> None:
    images = [
        failed_inspection(pipeline, key=f"{status}.png", status=status)
        for status in ("FAILED", "TIMED_OUT", "ABORTED")
    ]
    pipeline.inspected(pipeline.upload(key="closed.png"))
    pipeline.detector.answers = [UNSURE]
    pipeline.waiting(pipeline.upload(key="waiting.png"))

    rows = redrive.find_failed(pipeline.inspections, pipeline.executions)

    assert {row.image for row in rows} == set(images)


def test_many_redrives_run_one_after_the_other_at_the_given_rate(pipeline: Pipeline) -> None:
    rows = [pipeline.row(failed_inspection(pipeline, key=f"{number}.png")) for number in range(3)]
    pauses: list[float] = []

    results = redrive.redrive_all(
        pipeline.reconciler, pipeline.executions, [row.id for row in rows], 4, pauses.append
    )

    assert [result.outcome for result in results] == [RedriveOutcome.RESTARTED] * 3
    assert pauses == [0.25, 0.25]
