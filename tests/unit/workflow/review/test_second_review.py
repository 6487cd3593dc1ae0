"""Another person judges some settled photos blindly; where the two differ, somebody adjudicates."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.line import CLEARLY_OK, POLICY, UNSURE, Line
from tests.unit.workflow.conftest import Books, Clock
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, SecondLook
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Verdict
from workflow.pipeline import filing
from workflow.review import revision, second_review
from workflow.review.assignment import Desk
from workflow.review.queue import Pile

CLICK = str(uuid.uuid4())
CLEAR = POLICY.predict(CLEARLY_OK.scores)
DOUBTFUL = POLICY.predict(UNSURE.scores)


@pytest.fixture
def line(books: Books, clock: Clock) -> Line:
    """A line whose policy wants every decision looked at twice."""
    return replace(books.line(), policy=replace(POLICY, second_look_share=1.0))


@pytest.fixture
def desk(books: Books, clock: Clock) -> Desk:
    return Desk(books.reviews, lambda: clock.now, keep_seconds=0)


def decided(line: Line, verdict: Verdict = Verdict.OK, key: str = "part.png") -> Image:
    """A photo that ann decided, filed and announced."""
    image = line.upload(key=key)
    owner = line.waiting(image, f"token {key}")
    line.decide(image, verdict, "ann")
    line.deliver(image)
    line.verdicts.send(line.move(image, owner, filing.REVIEWED)["announcement"])
    line.close(image, owner)
    line.executions.statuses[owner] = "SUCCEEDED"
    return image


def answer(books: Books, image: Image, verdict: Verdict, who: str = "bob", **how: Any) -> SecondLook:
    return second_review.answer(books.ledger, books.reviews, inspection_id(image), verdict, who, **how)


def adjudicate(books: Books, line: Line, image: Image, verdict: Verdict) -> Inspection:
    return second_review.adjudicate(
        books.ledger, books.reviews, line.decisions, inspection_id(image), verdict, "eve", "I looked closely"
    )


def piles(books: Books) -> dict[Pile, int]:
    counts = {pile: len(list(books.reviews.listed(pile))) for pile in Pile}
    return {pile: count for pile, count in counts.items() if count}


def test_a_second_person_is_shown_the_photo_and_the_first_never(line: Line, desk: Desk) -> None:
    image = decided(line)

    assert desk.take("ann") == []
    (row,) = desk.take("bob")
    assert (row.image, row.settled) == (image, True)
    assert desk.take("cat") == []


def test_a_second_look_comes_among_the_open_photos_one_at_a_time(line: Line, desk: Desk) -> None:
    for number in range(3):
        decided(line, key=f"decided-{number}.png")
    for number in range(6):
        line.waiting(line.upload(key=f"open-{number}.png"), f"token-{number}")

    taken = desk.take("bob")

    assert [row.settled for row in taken] == [False, True, False, False, False, False]
    assert sum(row.settled for row in desk.take("bob")) == 1


def test_two_that_agree_leave_nothing_to_do(books: Books, line: Line, desk: Desk, clock: Clock) -> None:
    image = decided(line)
    desk.take("bob")

    second = answer(books, image, Verdict.OK, answer_id=CLICK)

    row = line.row(image)
    assert row.second == second
    assert (second.agrees, second.first_by, second.first_verdict) == (True, "ann", Verdict.OK)
    assert (row.verdict, row.lease, row.revision) == (Verdict.OK, None, 1)
    assert piles(books) == {Pile.SEEN: 1}
    assert {(one.action, one.who) for one in line.ledger.audit_trail(row.id)} == {
        ("decide", "ann"),
        ("second look", "bob"),
    }


def test_a_disagreement_waits_for_somebody_to_adjudicate(books: Books, line: Line, desk: Desk) -> None:
    image = decided(line)

    answer(books, image, Verdict.DEFECT, defect_class="crack")

    assert piles(books) == {Pile.DISPUTED: 1}
    (listed,) = desk.waiting(Pile.DISPUTED)
    assert listed.second is not None
    assert (listed.second.reviewer, listed.second.defect_class) == ("bob", "crack")
    assert desk.take("cat") == []
    assert line.row(image).verdict is Verdict.OK


def test_the_first_answer_can_be_confirmed(books: Books, line: Line, clock: Clock) -> None:
    image = decided(line)
    answer(books, image, Verdict.DEFECT)
    clock.turn(1)

    row = adjudicate(books, line, image, Verdict.OK)

    assert line.row(image) == row
    assert row.second is not None
    assert (row.second.final, row.second.adjudicated_by, row.revision) == (Verdict.OK, "eve", 1)
    assert piles(books) == {Pile.SEEN: 1}
    assert [one.action for one in line.ledger.audit_trail(row.id)][-1] == "confirm"


def test_or_be_corrected_after_which_nobody_looks_again(books: Books, line: Line, desk: Desk) -> None:
    image = decided(line)
    answer(books, image, Verdict.DEFECT)

    row = adjudicate(books, line, image, Verdict.DEFECT)
    line.deliver(image)
    line.claim(image, row.owner, row.attempt)
    line.move(image, row.owner, filing.REVIEWED)
    line.close(image, row.owner)

    row = line.row(image)
    assert (row.verdict, row.revision) == (Verdict.DEFECT, 2)
    assert row.second is not None
    assert (row.second.final, row.second.first_verdict) == (Verdict.DEFECT, Verdict.OK)
    assert piles(books) == {Pile.SEEN: 1}
    assert desk.take("cat") == []


def test_a_dispute_ends_once(books: Books, line: Line) -> None:
    image = decided(line)
    with pytest.raises(Conflict, match="nothing about it is disputed"):
        adjudicate(books, line, image, Verdict.OK)
    answer(books, image, Verdict.DEFECT)
    adjudicate(books, line, image, Verdict.OK)

    with pytest.raises(Conflict, match="nothing about it is disputed"):
        adjudicate(books, line, image, Verdict.DEFECT)


def test_the_same_answer_twice_is_one(books: Books, line: Line) -> None:
    image = decided(line)

    first = answer(books, image, Verdict.OK, answer_id=CLICK)

    assert answer(books, image, Verdict.OK, answer_id=CLICK) == first
    assert len(line.ledger.audit_trail(inspection_id(image))) == 2


@pytest.mark.parametrize("who", ["ann", "cat"])
def test_neither_the_first_nor_a_third_person_answers(books: Books, line: Line, who: str) -> None:
    image = decided(line)
    if who == "cat":
        answer(books, image, Verdict.OK, "bob")

    with pytest.raises(Conflict, match=f"does not wait for a second look by {who}"):
        answer(books, image, Verdict.OK, who)


def test_an_answer_can_be_taken_back_until_it_is_adjudicated(books: Books, line: Line, desk: Desk) -> None:
    image = decided(line)
    answer(books, image, Verdict.DEFECT, answer_id=CLICK)

    row = second_review.take_back(books.ledger, books.reviews, inspection_id(image), CLICK, "bob")

    assert (row.second, row.undone) == (None, (CLICK,))
    assert row.lease is not None
    assert piles(books) == {Pile.SECOND: 1}
    with pytest.raises(Conflict, match="was taken back"):
        answer(books, image, Verdict.DEFECT, answer_id=CLICK)
    assert second_review.take_back(books.ledger, books.reviews, row.id, CLICK, "bob") == row
    answer(books, image, Verdict.DEFECT, answer_id="another")
    adjudicate(books, line, image, Verdict.OK)
    with pytest.raises(Conflict, match="eve adjudicated it"):
        second_review.take_back(books.ledger, books.reviews, row.id, "another", "bob")


def test_an_answer_cannot_be_taken_back_after_a_minute(books: Books, line: Line, clock: Clock) -> None:
    image = decided(line)
    answer(books, image, Verdict.OK, answer_id=CLICK)
    clock.turn(61)

    with pytest.raises(Conflict, match="too late"):
        second_review.take_back(books.ledger, books.reviews, inspection_id(image), CLICK, "bob")


def test_an_answer_about_a_verdict_that_was_corrected_cannot_be_taken_back(books: Books, line: Line) -> None:
    """It would leave a photo that waits for a second look which nobody can give."""
    image = decided(line)
    answer(books, image, Verdict.OK, answer_id=CLICK)
    revision.correct(books.ledger, line.decisions, inspection_id(image), Verdict.DEFECT, "eve", "a crack")

    with pytest.raises(Conflict, match="too late"):
        second_review.take_back(books.ledger, books.reviews, inspection_id(image), CLICK, "bob")
    assert piles(books) == {Pile.SEEN: 1}


def test_nobody_takes_back_anothers_answer(books: Books, line: Line) -> None:
    image = decided(line)
    answer(books, image, Verdict.DEFECT, answer_id=CLICK)

    with pytest.raises(Conflict, match="no such answer of cat"):
        second_review.take_back(books.ledger, books.reviews, inspection_id(image), CLICK, "cat")


def test_a_verdict_of_the_model_is_looked_at_where_the_policy_audits_it(
    books: Books, clock: Clock, desk: Desk
) -> None:
    line = replace(books.line(CLEARLY_OK), policy=replace(POLICY, audit_share=1.0))
    image = line.upload()
    line.inspected(image)
    (row,) = desk.take("bob")

    second = answer(books, image, Verdict.DEFECT)

    assert row.image == image
    assert (second.first_by, second.first_verdict) == (second_review.MODEL, Verdict.OK)


@pytest.mark.parametrize(("prediction", "share"), [(DOUBTFUL, 0.05), (CLEAR, 0.1)])
def test_about_the_share_asked_for_is_drawn_and_always_the_same_photos(
    prediction: Prediction, share: float
) -> None:
    policy = replace(POLICY, audit_share=0.1, second_look_share=0.05)
    ids = [inspection_id(Image("b", f"part-{number}.png", "v")) for number in range(4000)]

    drawn = [one for one in ids if policy.drawn(one, prediction).second_look]

    assert drawn == [one for one in ids if policy.drawn(one, prediction).second_look]
    assert share * 0.8 < len(drawn) / len(ids) < share * 1.2


def test_a_larger_share_holds_the_photos_of_a_smaller_one() -> None:
    few, many = (replace(POLICY, second_look_share=share) for share in (0.05, 0.2))
    ids = [inspection_id(Image("b", f"part-{number}.png", "v")) for number in range(1000)]

    assert all(many.drawn(one, DOUBTFUL).second_look for one in ids if few.drawn(one, DOUBTFUL).second_look)


def test_no_photo_is_drawn_where_nobody_wants_it(books: Books, clock: Clock) -> None:
    line = replace(books.line(), policy=replace(POLICY, second_look_share=0.0))
    decided(line)

    assert piles(books) == {}
