"""Failed inspections start again when somebody says so, where they failed or as the next attempt."""

import pytest

from tests.unit.line import UNSURE, Line
from workflow.errors import NotFound
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.intake import execution_name
from workflow.recovery import redrive
from workflow.recovery.reconcile import MAX_ATTEMPTS, Mender
from workflow.recovery.redrive import Outcome


@pytest.fixture
def line() -> Line:
    return Line()


def mender(line: Line) -> Mender:
    return Mender(line.ledger, line.shelf, line.executions, line.decisions)


def ended(line: Line, attempt: int = 1, status: str = "FAILED", key: str = "pump.png") -> Image:
    image = line.upload(key=key)
    owner = line.start(image, attempt)
    line.claim(image, owner, attempt)
    line.executions.statuses[owner] = status
    return image


def again(line: Line, image: Image) -> redrive.Redriven:
    return redrive.redrive(mender(line), line.executions, inspection_id(image))


def test_an_execution_that_can_be_redriven_goes_on_as_itself(line: Line) -> None:
    image = ended(line)
    line.executions.redrivable.add(line.row(image).owner)

    done = again(line, image)

    assert (done.outcome, done.execution) == (Outcome.REDRIVEN, execution_name(inspection_id(image), 1))
    assert done.why == "it goes on where it failed"
    assert line.row(image).attempt == 1
    assert line.executions.status(done.execution) == "RUNNING"


@pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS, MAX_ATTEMPTS + 3])
def test_one_that_cannot_is_followed_by_the_next_attempt_however_many_there_were(
    line: Line, attempt: int
) -> None:
    image = ended(line, attempt)

    done = again(line, image)

    assert (done.outcome, done.why) == (Outcome.RESTARTED, "Execution is not redrivable")
    assert done.execution == line.row(image).owner == execution_name(inspection_id(image), attempt + 1)
    assert done.execution in line.executions.running()


def test_a_forgotten_execution_starts_again_under_its_own_name(line: Line) -> None:
    image = ended(line)
    line.executions.statuses.clear()

    done = again(line, image)

    assert (done.outcome, done.execution) == (Outcome.RESTARTED, execution_name(inspection_id(image), 1))
    assert done.why == "the execution is forgotten"


def test_what_runs_or_is_over_is_left_alone(line: Line) -> None:
    running, closed = line.upload(key="runs.png"), line.upload(key="over.png")
    line.claim(running, line.start(running))
    line.inspected(closed)
    started = dict(line.executions.started)

    assert [again(line, image).outcome for image in (running, closed)] == [Outcome.NOT_NEEDED] * 2
    assert line.executions.started == started


def test_what_nobody_knows_is_refused_in_one_sentence(line: Line) -> None:
    with pytest.raises(NotFound, match="has no row"):
        redrive.redrive(mender(line), line.executions, "0" * 64)


def test_two_who_redrive_at_once_start_one_attempt(line: Line) -> None:
    image = ended(line)

    first, second = again(line, image), again(line, image)

    assert (first.outcome, second.outcome) == (Outcome.RESTARTED, Outcome.NOT_NEEDED)
    assert len(line.executions.started) == 2


def test_all_that_failed_are_found_and_no_others(line: Line) -> None:
    images = [
        ended(line, key=f"{status}.png", status=status) for status in ("FAILED", "TIMED_OUT", "ABORTED")
    ]
    line.inspected(line.upload(key="over.png"))
    line.detector.answers = [UNSURE]
    line.waiting(line.upload(key="waits.png"))

    found = redrive.failed(line.ledger, line.executions)

    assert {row.image for row in found} == set(images)


def test_many_start_one_after_the_other_at_the_rate_that_was_asked_for(line: Line) -> None:
    rows = [line.row(ended(line, key=f"{number}.png")) for number in range(3)]
    rests: list[float] = []

    done = redrive.redrive_all(mender(line), line.executions, [row.id for row in rows], 4, rests.append)

    assert [one.outcome for one in done] == [Outcome.RESTARTED] * 3
    assert rests == [0.25, 0.25]
