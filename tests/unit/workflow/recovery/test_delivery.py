"""A decision arrives even if its execution ended, and no reviewer is asked again."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fakes import FakeDetector, InMemoryExecutions
from tests.unit.pipeline import UNSURE, Pipeline
from tests.unit.workflow.conftest import Clock
from workflow import timestamps
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing, start
from workflow.pipeline.executions import execution_name
from workflow.pipeline.start import MAX_ATTEMPTS
from workflow.recovery.decision_delivery import DeliveryOutcome

TOKEN = "AQDEAAAAKgAAAAMA-secret"
ENDS = ("FAILED", "TIMED_OUT", "ABORTED")


@pytest.fixture
def pipeline(clock: Clock) -> Pipeline:
    return Pipeline(detector=FakeDetector(UNSURE))


@pytest.fixture
def image(pipeline: Pipeline) -> Image:
    """A decided photo whose message is on the queue."""
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    pipeline.decide(image, Verdict.DEFECT, "ann")
    return image


def run(pipeline: Pipeline, image: Image) -> list[str]:
    """Run the row's execution to its end as the state machine would. Return its steps."""
    row = pipeline.row(image)
    steps = [pipeline.claim(image, row.owner, row.attempt)]
    if steps == ["readable"]:
        pipeline.detect(image, row.owner)
        pipeline.move(image, row.owner, "unclear")
        token = f"token of {row.owner}"
        pipeline.executions.live_tokens.add(token)
        pipeline.ask(image, row.owner, token)
        steps.append("asked")
        while pipeline.decisions.sent and token in pipeline.executions.live_tokens:
            pipeline.decisions.sent.pop(0)
            pipeline.deliver(image)
        assert token not in pipeline.executions.live_tokens, "it waits for a reviewer"
    pipeline.finish(image)
    return steps


def test_a_waiting_execution_receives_the_decision(pipeline: Pipeline, image: Image) -> None:
    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
    decision = pipeline.row(image).decision
    assert decision is not None
    assert (decision.finalized, decision.delivered_at) == (True, timestamps.now())


def test_throttling_keeps_the_message_and_the_token(pipeline: Pipeline, image: Image) -> None:
    class ThrottledExecutions(InMemoryExecutions):
        def complete_task(self, token: str, output: dict[str, object]) -> bool:
            raise ConnectionError("Rate exceeded")

    with pytest.raises(ConnectionError):
        replace(pipeline, executions=ThrottledExecutions()).deliver(image)
    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED


@pytest.mark.parametrize(
    ("moved", "outcome"), [(True, DeliveryOutcome.ALREADY_APPLIED), (False, DeliveryOutcome.IN_PROGRESS)]
)
def test_a_decision_that_is_applied_or_being_applied_is_not_delivered_again(
    pipeline: Pipeline, image: Image, moved: bool, outcome: DeliveryOutcome
) -> None:
    """The worker crashed before it removed the token."""
    pipeline.deliver(image)
    pipeline.task_tokens.put(inspection_id(image), TOKEN, 1)
    if moved:
        pipeline.move(image, pipeline.row(image).owner, filing.FilingTarget.REVIEWED)

    assert pipeline.deliver(image) == outcome
    assert len(pipeline.executions.answers) == 1
    assert list(pipeline.executions.started) == [execution_name(inspection_id(image), 1)]


def test_an_expired_token_of_a_running_execution_leaves_it_to_the_escalation(
    pipeline: Pipeline, image: Image
) -> None:
    pipeline.executions.live_tokens.clear()

    assert pipeline.deliver(image) == DeliveryOutcome.IN_PROGRESS
    assert pipeline.escalate(image, pipeline.row(image).owner) == {"decided": True}


def test_a_newer_token_is_used(pipeline: Pipeline, image: Image) -> None:
    pipeline.executions.live_tokens = {"newer"}
    pipeline.task_tokens.put(inspection_id(image), "newer", 1)

    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
    assert [token for token, _ in pipeline.executions.answers] == ["newer"]


@pytest.mark.parametrize("status", ENDS)
def test_an_execution_that_ended_is_redriven_and_asks_again(
    pipeline: Pipeline, image: Image, status: str
) -> None:
    owner = pipeline.row(image).owner
    pipeline.executions.live_tokens.clear()
    pipeline.executions.statuses[owner] = status
    pipeline.executions.redrivable.add(owner)

    assert pipeline.deliver(image) == DeliveryOutcome.REDRIVEN
    assert owner in pipeline.executions.list_running()
    pipeline.executions.live_tokens.add("after the redrive")
    pipeline.ask(image, owner, "after the redrive")
    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED


@pytest.mark.parametrize("status", [*ENDS, None])
def test_without_a_redrive_the_next_attempt_begins_with_the_decision(
    pipeline: Pipeline, image: Image, status: str | None
) -> None:
    pipeline.executions.live_tokens.clear()
    owner = pipeline.row(image).owner
    pipeline.executions.statuses.pop(owner)
    if status:
        pipeline.executions.statuses[owner] = status

    assert pipeline.deliver(image) == DeliveryOutcome.RESTARTED
    assert run(pipeline, image) == ["decided"]
    row = pipeline.row(image)
    assert (row.verdict, row.state) == (Verdict.DEFECT, InspectionState.CLOSED)
    assert len(pipeline.detector.seen) == 1


def test_after_the_last_attempt_the_photo_is_left_to_a_person(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    pipeline.executions.live_tokens.clear()
    for _ in range(MAX_ATTEMPTS):
        pipeline.executions.statuses[pipeline.row(image).owner] = "FAILED"
        clock.turn(10 * 3600)
        outcome = pipeline.deliver(image)

    assert outcome == DeliveryOutcome.LEFT_TO_PERSON


@pytest.mark.parametrize("redrivable", [False, True])
def test_an_outage_does_not_use_up_the_attempts_of_a_decided_photo(
    pipeline: Pipeline, image: Image, clock: Clock, redrivable: bool
) -> None:
    """The delivery is requested every minute, and every execution fails at once."""
    pipeline.executions.live_tokens.clear()
    attempts = []
    for minute in range(20):
        row = pipeline.row(image)
        pipeline.executions.statuses[row.owner] = "FAILED"
        if redrivable:
            pipeline.executions.redrivable.add(row.owner)
        if pipeline.deliver(image) != DeliveryOutcome.BACKING_OFF:
            attempts.append(minute)
        clock.turn(60)

    assert attempts == [0, 1, 4, 11]
    assert pipeline.row(image).revision_attempts == 5


Fault = Callable[[Pipeline, Image], None]


def expired(pipeline: Pipeline, _: Image) -> None:
    """Let the token expire; its execution continues with the escalation."""
    pipeline.executions.live_tokens.clear()


def failed(pipeline: Pipeline, image: Image) -> None:
    pipeline.executions.live_tokens.clear()
    pipeline.executions.statuses[pipeline.row(image).owner] = "FAILED"


def forgotten(pipeline: Pipeline, image: Image) -> None:
    pipeline.executions.live_tokens.clear()
    pipeline.executions.statuses.clear()


def lost_message(pipeline: Pipeline, _: Image) -> None:
    pipeline.decisions.sent.clear()


def lost_token(pipeline: Pipeline, _: Image) -> None:
    pipeline.task_tokens.clear()


def handed_over(pipeline: Pipeline, image: Image) -> None:
    """Begin another attempt right before the decision."""
    failed(pipeline, image)
    start.restart_inspection(pipeline.inspections, pipeline.executions, pipeline.row(image))


@pytest.mark.parametrize("window", [0, 8])
@pytest.mark.parametrize(
    "fault",
    [expired, failed, forgotten, lost_message, lost_token, handed_over],
    ids=lambda fault: fault.__name__,
)
def test_every_decided_photo_is_filed_without_another_review(
    pipeline: Pipeline, clock: Clock, fault: Fault, window: int
) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image, TOKEN)
    decision = pipeline.decide(image, Verdict.DEFECT, "ann", undo_seconds=window)
    fault(pipeline, image)

    for _ in range(3):  # Scheduled runs; between them the queue delivers due messages.
        clock.turn(61)
        pipeline.reconcile()
        while pipeline.decisions.sent:
            pipeline.decisions.sent.pop(0)
            pipeline.deliver(image)
        row = pipeline.row(image)
        if row.owner != owner and not row.settled:
            run(pipeline, image)
        elif not row.settled and fault in (expired, lost_token):
            assert pipeline.escalate(image, owner) == {"decided": True}  # Its token expires.
            pipeline.move(image, owner, filing.FilingTarget.REVIEWED)
            pipeline.close(image, owner)
        elif not row.settled and (
            pipeline.executions.answers or row.owner in pipeline.executions.list_running()
        ):
            run(pipeline, image)

    row = pipeline.row(image)
    assert (row.verdict, row.state) == (Verdict.DEFECT, InspectionState.CLOSED)
    assert row.decision is not None
    assert row.decision.id == decision.id
    assert [entry.action for entry in pipeline.inspections.get_audit_trail(row.id)] == ["decide"]


def test_a_message_for_a_running_inspection_changes_nothing(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.begin(image)

    assert pipeline.deliver(image) == DeliveryOutcome.IN_PROGRESS
    assert list(pipeline.executions.started) == [owner]


def test_a_decision_without_an_undo_window_is_delivered_at_once(pipeline: Pipeline, image: Image) -> None:
    """Its effective time is empty, and it is not finalized."""
    row = pipeline.row(image)
    assert row.decision is not None
    pipeline.inspections.rows[row.id] = replace(row, decision=replace(row.decision, effective_at=""))

    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
