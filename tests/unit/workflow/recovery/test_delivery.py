"""A decision arrives whatever became of the execution that asked for it, and nobody is asked again."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fakes import FakeDetector, MemoryExecutions
from tests.unit.line import INBOUND, UNSURE, Line
from tests.unit.workflow.conftest import Clock
from workflow import timestamps
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing, intake
from workflow.pipeline.intake import MAX_ATTEMPTS, execution_name
from workflow.recovery import delivery
from workflow.recovery.delivery import Arrival
from workflow.recovery.reconcile import Mender, findings, reconcile

TOKEN = "AQDEAAAAKgAAAAMA-secret"
ENDS = ("FAILED", "TIMED_OUT", "ABORTED")


@pytest.fixture
def line(clock: Clock) -> Line:
    return Line(detector=FakeDetector(UNSURE))


def decided(line: Line) -> Image:
    """A photo that was decided; its message is still on the queue."""
    image = line.upload()
    line.waiting(image, TOKEN)
    line.decide(image, Verdict.DEFECT, "ann")
    return image


def run(line: Line, image: Image) -> list[str]:
    """Run the row's execution to its end as the state machine would; return what it did."""
    row = line.row(image)
    steps = [line.claim(image, row.owner, row.attempt)]
    if steps == ["readable"]:
        line.detect(image, row.owner)
        line.move(image, row.owner, "unclear")
        token = f"token of {row.owner}"
        line.executions.live_tokens.add(token)
        line.ask(image, row.owner, token)
        steps.append("asked")
        while line.decisions.sent and token in line.executions.live_tokens:
            line.decisions.sent.pop(0)
            line.deliver(image)
        assert token not in line.executions.live_tokens, "it waits for a person"
    line.verdicts.send(line.move(image, row.owner, filing.REVIEWED)["announcement"])
    line.close(image, row.owner)
    line.executions.statuses[row.owner] = "SUCCEEDED"
    return steps


def test_a_waiting_execution_is_told(line: Line) -> None:
    image = decided(line)

    assert line.deliver(image) == Arrival.SENT
    made = line.row(image).decision
    assert made is not None
    assert (made.sealed, made.sent_at) == (True, timestamps.now())


def test_a_service_that_is_throttled_keeps_the_message_and_the_token(line: Line) -> None:
    image = decided(line)

    class Busy(MemoryExecutions):
        def succeed(self, token: str, output: dict[str, object]) -> bool:
            raise ConnectionError("Rate exceeded")

    with pytest.raises(ConnectionError):
        delivery.deliver(line.ledger, line.tokens, Busy(), line.decisions, inspection_id(image))
    assert line.deliver(image) == Arrival.SENT


def test_our_own_earlier_send_that_was_applied_is_not_repeated(line: Line) -> None:
    image = decided(line)
    line.deliver(image)
    line.tokens.put(inspection_id(image), TOKEN, 1)  # The worker died before it forgot the token.
    line.move(image, line.row(image).owner, filing.REVIEWED)

    assert line.deliver(image) == Arrival.APPLIED
    assert len(line.executions.answers) == 1


def test_our_own_earlier_send_that_is_being_applied_is_left_alone(line: Line) -> None:
    image = decided(line)
    line.deliver(image)
    line.tokens.put(inspection_id(image), TOKEN, 1)

    assert line.deliver(image) == Arrival.ON_ITS_WAY
    assert len(line.executions.answers) == 1
    assert list(line.executions.started) == [execution_name(inspection_id(image), 1)]


def test_an_expired_token_of_a_running_execution_leaves_it_to_the_escalation(line: Line) -> None:
    image = decided(line)
    line.executions.live_tokens.clear()

    assert line.deliver(image) == Arrival.ON_ITS_WAY
    assert line.escalate(image, line.row(image).owner) == {"decided": True}


def test_a_newer_token_is_used(line: Line) -> None:
    image = decided(line)
    line.executions.live_tokens = {"newer"}
    line.tokens.put(inspection_id(image), "newer", 1)

    assert line.deliver(image) == Arrival.SENT
    assert [token for token, _ in line.executions.answers] == ["newer"]


@pytest.mark.parametrize("status", ENDS)
def test_an_execution_that_ended_is_redriven_and_asks_again(line: Line, status: str) -> None:
    image = decided(line)
    owner = line.row(image).owner
    line.executions.live_tokens.clear()
    line.executions.statuses[owner] = status
    line.executions.redrivable.add(owner)

    assert line.deliver(image) == Arrival.REDRIVEN
    assert owner in line.executions.running()
    line.executions.live_tokens.add("after the redrive")
    line.ask(image, owner, "after the redrive")
    assert line.deliver(image) == Arrival.SENT


@pytest.mark.parametrize("status", [*ENDS, None])
def test_where_it_cannot_be_redriven_the_next_attempt_begins_with_the_decision(
    line: Line, status: str | None
) -> None:
    image = decided(line)
    line.executions.live_tokens.clear()
    owner = line.row(image).owner
    line.executions.statuses.pop(owner)
    if status:
        line.executions.statuses[owner] = status

    assert line.deliver(image) == Arrival.RESTARTED
    assert run(line, image) == ["decided"]
    assert (line.row(image).verdict, line.row(image).state) == (Verdict.DEFECT, State.CLOSED)
    assert len(line.detector.seen) == 1


def test_after_many_failed_attempts_a_person_has_to_look(line: Line, clock: Clock) -> None:
    image = decided(line)
    line.executions.live_tokens.clear()
    for _ in range(MAX_ATTEMPTS):
        line.executions.statuses[line.row(image).owner] = "FAILED"
        clock.turn(10 * 3600)
        arrival = line.deliver(image)

    assert arrival == Arrival.LEFT


@pytest.mark.parametrize("redrivable", [False, True])
def test_an_outage_does_not_use_up_the_attempts_of_a_decided_photo(
    line: Line, clock: Clock, redrivable: bool
) -> None:
    """Every minute somebody asks for the delivery, and whatever is started fails at once."""
    image = decided(line)
    line.executions.live_tokens.clear()
    begun = []
    for minute in range(20):
        row = line.row(image)
        line.executions.statuses[row.owner] = "FAILED"
        if redrivable:
            line.executions.redrivable.add(row.owner)
        if line.deliver(image) != Arrival.RESTING:
            begun.append(minute)
        clock.turn(60)

    assert begun == [0, 1, 4, 11]
    assert line.row(image).tries == 5


Misfortune = Callable[[Line, Image], None]


def expired(line: Line, _: Image) -> None:
    """The token is dead, and its execution goes on to the escalation."""
    line.executions.live_tokens.clear()


def failed(line: Line, image: Image) -> None:
    line.executions.live_tokens.clear()
    line.executions.statuses[line.row(image).owner] = "FAILED"


def forgotten(line: Line, image: Image) -> None:
    line.executions.live_tokens.clear()
    line.executions.statuses.clear()


def lost_message(line: Line, _: Image) -> None:
    line.decisions.sent.clear()


def lost_token(line: Line, _: Image) -> None:
    line.tokens.tokens.clear()


def handed_over(line: Line, image: Image) -> None:
    """Another attempt was about to begin when the decision came."""
    failed(line, image)
    intake.restart(line.ledger, line.executions, line.row(image))


@pytest.mark.parametrize("window", [0, 8])
@pytest.mark.parametrize(
    "misfortune",
    [expired, failed, forgotten, lost_message, lost_token, handed_over],
    ids=lambda one: one.__name__,
)
def test_every_decided_photo_ends_filed_without_anybody_being_asked_again(
    line: Line, clock: Clock, misfortune: Misfortune, window: int
) -> None:
    image = line.upload()
    owner = line.waiting(image, TOKEN)
    made = line.decide(image, Verdict.DEFECT, "ann", undo_seconds=window)
    misfortune(line, image)

    for _ in range(3):  # Minutes of the clock; between them the queue delivers what is due.
        clock.turn(61)
        mender = Mender(line.ledger, line.shelf, line.executions, line.decisions)
        reconcile(mender, findings(mender, INBOUND))
        while line.decisions.sent:
            line.decisions.sent.pop(0)
            line.deliver(image)
        row = line.row(image)
        if row.owner != owner and not row.settled:
            run(line, image)
        elif not row.settled and misfortune in (expired, lost_token):
            assert line.escalate(image, owner) == {"decided": True}  # Its token expires.
            line.move(image, owner, filing.REVIEWED)
            line.close(image, owner)
        elif not row.settled and (line.executions.answers or row.owner in line.executions.running()):
            run(line, image)

    row = line.row(image)
    assert (row.verdict, row.state) == (Verdict.DEFECT, State.CLOSED)
    assert row.decision is not None
    assert row.decision.id == made.id
    assert [entry.action for entry in line.ledger.audit_trail(row.id)] == ["decide"]


def test_a_decision_that_does_not_exist_is_not_delivered(line: Line) -> None:
    image = line.upload()

    assert line.deliver(image) == Arrival.NOTHING
    line.waiting(image, TOKEN)
    assert line.deliver(image) == Arrival.NOTHING
    assert TOKEN in line.executions.live_tokens


def test_a_message_for_an_inspection_under_way_disturbs_nothing(line: Line) -> None:
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)

    assert line.deliver(image) == Arrival.ON_ITS_WAY
    assert list(line.executions.started) == [owner]


def test_a_decision_of_an_older_version_is_delivered_as_it_is(line: Line) -> None:
    """It has neither a window nor a seal."""
    image = decided(line)
    row = line.row(image)
    assert row.decision is not None
    line.ledger.rows[row.id] = replace(row, decision=replace(row.decision, release_at=""))

    assert line.deliver(image) == Arrival.SENT
