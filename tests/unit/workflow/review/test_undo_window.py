"""A decision can be taken back for a while, in which nobody acts on it, and not a moment longer."""

import uuid

import pytest

from tests.unit.line import Line
from tests.unit.workflow.conftest import Books, Clock
from workflow import timestamps
from workflow.errors import Conflict, NotFound
from workflow.inspections.inspection import Inspection, Lease
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.undo_window import Stage, progress
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing
from workflow.recovery.delivery import Arrival
from workflow.review import decisions
from workflow.review.decisions import MAX_DEFECT_CLASS
from workflow.review.queue import LEASE_SECONDS

TOKEN = "AQDEAAAAKgAAAAMA-secret"
CLICK = str(uuid.uuid4())


@pytest.fixture
def line(books: Books, clock: Clock) -> Line:
    return books.line()


@pytest.fixture
def image(line: Line) -> Image:
    image = line.upload()
    line.waiting(image, TOKEN)
    return image


def decide(line: Line, image: Image, who: str = "ann", click: str = CLICK) -> decisions.Decision:
    return line.decide(image, Verdict.DEFECT, who, decision_id=click, undo_seconds=8)


def undo(line: Line, image: Image, who: str = "ann", click: str = CLICK) -> Inspection:
    return decisions.undo(line.ledger, inspection_id(image), click, who)


def stage(line: Line, image: Image) -> Stage | None:
    found = progress(line.row(image))
    return found.stage if found else None


def test_the_token_is_not_sent_as_long_as_the_decision_can_be_taken_back(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    for _ in range(8):
        assert line.deliver(image) == Arrival.HELD
        assert (line.executions.answers, stage(line, image)) == ([], Stage.HELD)
        clock.turn(1)

    assert line.deliver(image) == Arrival.SENT
    assert [token for token, _ in line.executions.answers] == [TOKEN]
    assert stage(line, image) is Stage.SENT


def test_the_message_comes_when_the_window_is_over_and_a_message_too_early_comes_again(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    clock.turn(2.5)
    line.deliver(image)

    assert line.decisions.delays == [8, 6]


def test_what_is_taken_back_is_open_again_and_leased_to_who_took_it_back(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    clock.turn(7.9)

    row = undo(line, image)

    assert row == line.row(image)
    assert (row.open, row.undone) == (True, (CLICK,))
    assert row.lease == Lease("ann", timestamps.later(clock.now, LEASE_SECONDS))
    trail = line.ledger.audit_trail(row.id)
    assert [(one.action, one.who, one.before, one.after) for one in trail] == [
        ("decide", "ann", "unclear", "defect"),
        ("undo", "ann", "defect", "unclear"),
    ]
    clock.turn(60)
    assert line.deliver(image) == Arrival.NOTHING
    assert line.executions.answers == []


def test_taking_back_twice_is_the_same_as_once(line: Line, image: Image) -> None:
    decide(line, image)

    assert undo(line, image) == undo(line, image)
    assert len(line.ledger.audit_trail(inspection_id(image))) == 2


def test_a_click_that_arrives_again_after_it_was_taken_back_decides_nothing(line: Line, image: Image) -> None:
    decide(line, image)
    undo(line, image)

    with pytest.raises(Conflict, match="this decision was taken back"):
        decide(line, image)
    assert line.row(image).open


def test_a_click_that_was_taken_back_is_no_conflict_with_the_decision_that_followed(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    undo(line, image)
    clock.turn(1)
    line.decide(image, Verdict.OK, "ann")

    with pytest.raises(Conflict, match="this decision was taken back"):
        decide(line, image)
    assert "conflict" not in {entry.action for entry in line.ledger.audit_trail(inspection_id(image))}


def test_after_taking_back_the_same_photo_can_be_decided_anew(line: Line, image: Image, clock: Clock) -> None:
    decide(line, image)
    undo(line, image)
    again = line.decide(image, Verdict.OK, "ann", undo_seconds=8)
    clock.turn(8)

    assert line.deliver(image) == Arrival.SENT
    assert line.executions.answers == [(TOKEN, {"decision_id": again.id, "verdict": "ok"})]


def test_what_was_acted_on_cannot_be_taken_back(line: Line, image: Image, clock: Clock) -> None:
    decide(line, image)
    clock.turn(8)
    line.deliver(image)

    with pytest.raises(Conflict, match="too late to take the decision back; correct the verdict"):
        undo(line, image)
    assert not line.row(image).open


def test_a_decision_whose_delivery_is_late_can_be_taken_back_meanwhile(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    clock.turn(3600)

    assert undo(line, image).open


@pytest.mark.parametrize(
    ("who", "click"), [("bob", CLICK), ("ann", str(uuid.uuid4()))], ids=["bob", "another"]
)
def test_only_ones_own_decision_can_be_taken_back(line: Line, image: Image, who: str, click: str) -> None:
    decide(line, image)

    with pytest.raises(Conflict, match=f"no such decision of {who}"):
        undo(line, image, who, click)
    assert not line.row(image).open


def test_who_seals_and_who_takes_back_at_once_cannot_both_succeed(
    line: Line, image: Image, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever conditional write comes second is refused."""
    decide(line, image)
    clock.turn(8)
    honest = line.ledger.seal

    def overtaken(*arguments: str) -> bool:
        undo(line, image)
        return bool(honest(*arguments))

    monkeypatch.setattr(line.ledger, "seal", overtaken)

    assert line.deliver(image) == Arrival.UNDONE
    assert line.row(image).open
    assert line.executions.answers == []


def test_the_same_click_twice_is_one_decision(line: Line, image: Image, clock: Clock) -> None:
    first = decide(line, image)
    clock.turn(3)

    assert decide(line, image) == first
    assert len(line.ledger.audit_trail(inspection_id(image))) == 1


def test_a_click_that_arrives_again_when_all_is_over_gets_the_answer_of_the_first(
    line: Line, image: Image, clock: Clock
) -> None:
    first = decide(line, image)
    clock.turn(8)
    line.deliver(image)
    owner = line.row(image).owner
    line.move(image, owner, "reviewed")
    line.close(image, owner)

    again = decide(line, image)

    assert (again.id, again.verdict, again.decided_at) == (first.id, first.verdict, first.decided_at)
    assert stage(line, image) is Stage.APPLIED


def test_nobody_can_use_the_id_of_somebody_elses_decision(line: Line, image: Image) -> None:
    decide(line, image)

    with pytest.raises(Conflict, match="this decision is ann's"):
        decide(line, image, "bob")


def test_a_photo_that_somebody_looks_at_is_decided_by_nobody_else(
    books: Books, line: Line, image: Image, clock: Clock
) -> None:
    row = line.row(image)
    books.reviews.lease(row.id, Lease("ann", timestamps.later(clock.now, 300)), clock.now)

    with pytest.raises(Conflict, match="ann looks at it"):
        decide(line, image, "bob")
    assert line.ledger.audit_trail(row.id) == []
    assert decide(line, image, "ann").reviewer == "ann"
    assert line.row(image).lease is None


def test_a_lease_that_ended_keeps_nobody_away(books: Books, line: Line, image: Image, clock: Clock) -> None:
    books.reviews.lease(inspection_id(image), Lease("ann", timestamps.later(clock.now, 300)), clock.now)
    clock.turn(301)

    assert decide(line, image, "bob").reviewer == "bob"


def test_a_decision_that_lost_against_anothers_is_told_who_won_and_audited(
    line: Line, image: Image, clock: Clock
) -> None:
    won = decide(line, image)
    clock.turn(5)

    with pytest.raises(Conflict, match=f"ann decided defect at {won.decided_at}"):
        line.decide(image, Verdict.OK, "bob", decision_id=str(uuid.uuid4()))
    trail = line.ledger.audit_trail(inspection_id(image))
    assert [(one.action, one.who, one.before, one.after) for one in trail] == [
        ("decide", "ann", "unclear", "defect"),
        ("conflict", "bob", "defect", "ok"),
    ]


def test_a_timeout_in_the_undo_window_neither_uses_nor_overrules_the_decision(
    line: Line, image: Image, clock: Clock
) -> None:
    owner = line.row(image).owner
    decide(line, image)
    line.executions.live_tokens.clear()

    assert line.escalate(image, owner) == {"decided": False, "round": 1}
    assert line.escalations.sent == []
    line.executions.live_tokens.add("next token")
    line.ask(image, owner, "next token")

    assert line.deliver(image) == Arrival.HELD
    clock.turn(8)
    assert line.deliver(image) == Arrival.SENT
    assert [token for token, _ in line.executions.answers] == ["next token"]


def test_what_is_taken_back_after_a_timeout_waits_for_the_next_decision(
    line: Line, image: Image, clock: Clock
) -> None:
    owner = line.row(image).owner
    decide(line, image)
    line.escalate(image, owner)
    line.executions.live_tokens.add("next token")
    line.ask(image, owner, "next token")
    undo(line, image)

    made = line.decide(image, Verdict.OK, "ann")

    assert line.deliver(image) == Arrival.SENT
    assert line.executions.answers == [("next token", {"decision_id": made.id, "verdict": "ok"})]


def test_a_timeout_after_the_window_uses_the_decision_and_ends_the_window(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    clock.turn(8)

    assert line.escalate(image, line.row(image).owner) == {"decided": True}
    with pytest.raises(Conflict, match="too late"):
        undo(line, image)


def test_asking_again_in_the_undo_window_sends_nothing_before_its_end(
    line: Line, image: Image, clock: Clock
) -> None:
    decide(line, image)
    clock.turn(3)

    line.ask(image, line.row(image).owner, "next token")

    assert line.decisions.delays == [8, 5]
    assert line.executions.answers == []


def test_nothing_is_filed_by_a_decision_that_can_be_taken_back(
    line: Line, image: Image, clock: Clock
) -> None:
    """Somebody answered the token behind our back: the step is retried until the window is over."""
    owner = line.row(image).owner
    decide(line, image)

    with pytest.raises(Conflict, match="can still be taken back"):
        line.move(image, owner, filing.REVIEWED)
    clock.turn(8)
    assert line.move(image, owner, filing.REVIEWED)["verdict"] == "defect"
    with pytest.raises(Conflict, match="too late"):
        undo(line, image)


@pytest.mark.parametrize(
    ("verdict", "defect_class", "complaint"),
    [
        (Verdict.OK, "crack", "only a defect has a class"),
        (Verdict.DEFECT, "x" * (MAX_DEFECT_CLASS + 1), "at most 64 printable characters"),
        (Verdict.DEFECT, "a\nb", "at most 64 printable characters"),
    ],
)
def test_a_defect_class_is_a_short_name_for_a_defect(
    line: Line, image: Image, verdict: Verdict, defect_class: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        line.decide(image, verdict, defect_class=defect_class)


def test_the_class_is_kept_audited_and_announced(line: Line, image: Image) -> None:
    line.decide(image, Verdict.DEFECT, defect_class="crack")
    line.deliver(image)
    filed = line.move(image, line.row(image).owner, filing.REVIEWED)

    assert '"defect_class":"crack"' in filed["announcement"]
    (entry,) = line.ledger.audit_trail(inspection_id(image))
    assert entry.defect_class == "crack"


def test_what_the_ledger_does_not_know_can_be_neither_decided_nor_taken_back(line: Line) -> None:
    with pytest.raises(NotFound):
        undo(line, Image("b", "k", "v"))


def test_the_day_tells_what_people_did(line: Line, image: Image, clock: Clock) -> None:
    decide(line, image)
    clock.turn(1)
    undo(line, image)

    day = clock.now[:10]
    assert [one.action for one in line.ledger.audit_day(day)] == ["decide", "undo"]
    assert [one.action for one in line.ledger.audit_day(day, newest_first=True)] == ["undo", "decide"]
    assert [one.action for one in line.ledger.audit_day(day, since=clock.now)] == ["undo"]
    assert list(line.ledger.audit_day("2026-03-01")) == []
