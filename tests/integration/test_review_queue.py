"""The hand-out and the decisions against the local DynamoDB: its own conditions, not our reading of them."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from local.line import Line
from local.resources import create_table, table_name
from tests.fakes import MemoryQueue
from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.ledger import DynamoLedger
from workflow.aws.reviews import DynamoReviews
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, Review, State
from workflow.inspections.objects import Image, Stored, inspection_id
from workflow.inspections.verdict import Prediction, Verdict
from workflow.pipeline.intake import execution_name, new_row
from workflow.review import decisions, revision, second_review
from workflow.review.assignment import Desk
from workflow.review.queue import Pile, rank
from workflow.tables import AUDIT, LEDGER

DOUBT = Prediction(Verdict.OK, "ok", 0.6, 0.8, (), "arn:model", "1")
CLIENTS, PHOTOS, HAND_OUTS = 8, 24, 200


@dataclass(frozen=True)
class Books:
    """Tables of a test's own, which no clock and no execution touches."""

    ledger: DynamoLedger
    reviews: DynamoReviews

    def waiting(self, prediction: Prediction = DOUBT) -> Inspection:
        image = Image("inbound", f"part-{uuid.uuid4()}.png", "v1")
        owner = execution_name(inspection_id(image), 1)
        row = replace(
            new_row(image, owner, 1, timestamps.now()), prediction=prediction, verdict=Verdict.UNCLEAR
        )
        self.ledger.claim(row)
        asked = Review(timestamps.now(), 1, timestamps.later(timestamps.now(), 3600))
        return self.ledger.record_review(row.id, owner, asked, rank(prediction, asked.opened_at, False))

    def closed(self, row: Inspection) -> Inspection:
        """What filing and closing leave of a decided row."""
        assert row.decision is not None
        assert self.ledger.seal(row.id, row.decision.id)
        place = Stored(Image("filed", f"{row.decision.verdict}/{row.id}", "v2"), 5, "e")
        self.ledger.record_filing(row, row.decision.verdict, place, "told", timestamps.now())
        self.ledger.close(row.id, row.owner, timestamps.now())
        return self.row(row)

    def row(self, row: Inspection) -> Inspection:
        found = self.ledger.get(row.id)
        assert found is not None
        return found


@pytest.fixture
def books(line: Line) -> Iterator[Books]:
    tables = [replace(table, name=f"{table.name}-{uuid.uuid4()}") for table in (LEDGER, AUDIT)]
    names = [table_name(table) for table in tables]
    for table in tables:
        create_table(table)
    yield Books(DynamoLedger(*names), DynamoReviews(*names))
    for name in names:
        client("dynamodb").delete_table(TableName=name)


def test_no_photo_is_handed_to_two_reviewers(books: Books) -> None:
    for _ in range(PHOTOS):
        books.waiting()
    desks = [Desk(books.reviews, keep_seconds=0.2) for _ in range(4)]
    lock, holders, shared, handed_out = threading.Lock(), {}, [], Counter[str]()

    def work(number: int) -> None:
        dice, reviewer = random.Random(number), f"reviewer {number}"  # noqa: S311
        while handed_out.total() < HAND_OUTS:
            desk = dice.choice(desks)
            for row in desk.take(reviewer, 3):
                with lock:
                    if holders.setdefault(row.id, reviewer) != reviewer:
                        shared.append((row.id, holders[row.id], reviewer))
                    handed_out[reviewer] += 1
                with lock:  # He forgets it before he gives it back, so that nobody is accused in between.
                    holders.pop(row.id, None)
                assert books.reviews.free(row.id, reviewer)
                desk.forget(row.id)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(work, number) for number in range(CLIENTS)]:
            done.result()

    assert shared == []


def test_of_two_who_decide_at_once_one_is_told_who_won(books: Books) -> None:
    rows, saved = [books.waiting() for _ in range(10)], []

    def work(who: str) -> None:
        for row in rows:
            with suppress(Conflict):
                made = decisions.decide(books.ledger, MemoryQueue(), row.id, Verdict.OK, who)
                saved.append((row.id, made.id))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, who) for who in ("ann", "bob", "cat", "dan")]:
            done.result()

    assert sorted(one for one, _ in saved) == sorted(row.id for row in rows)
    for inspection, made in saved:
        trail = books.ledger.audit_trail(inspection)
        assert [entry.decision_id for entry in trail if entry.action == "decide"] == [made]
        assert [entry.action for entry in trail].count("conflict") == 3


def test_a_photo_goes_through_the_whole_life_of_a_review(books: Books) -> None:
    row, queue = books.waiting(replace(DOUBT, second_look=True)), MemoryQueue()
    desk = Desk(books.reviews, keep_seconds=0)
    (taken,) = desk.take("ann")
    assert (taken.id, desk.take("bob")) == (row.id, [])
    desk.skip("ann", taken)
    assert desk.take("ann") == []
    desk.hold("bob", row.id, "ask the foundry")
    assert [one.id for one in desk.waiting(Pile.HELD)] == [row.id]
    desk.unhold("bob", row.id)

    made = decisions.decide(
        *(books.ledger, queue, row.id, Verdict.DEFECT, "bob"), defect_class="crack", undo_seconds=60
    )
    again = decisions.undo(books.ledger, row.id, made.id, "bob")
    assert (again.open, again.undone, again.lease and again.lease.reviewer) == (True, (made.id,), "bob")
    with pytest.raises(Conflict, match="was taken back"):
        decisions.decide(books.ledger, queue, row.id, Verdict.DEFECT, "bob", decision_id=made.id)
    decisions.decide(books.ledger, queue, row.id, Verdict.OK, "bob")
    closed = books.closed(books.row(row))
    with pytest.raises(Conflict, match="too late"):
        decisions.undo(books.ledger, row.id, closed.decision.id if closed.decision else "", "bob")

    assert desk.take("bob") == []
    assert [one.id for one in desk.take("cat")] == [row.id]
    second_review.answer(books.ledger, books.reviews, row.id, Verdict.DEFECT, "cat", answer_id="a1")
    second_review.take_back(books.ledger, books.reviews, row.id, "a1", "cat")
    second_review.answer(books.ledger, books.reviews, row.id, Verdict.DEFECT, "cat", answer_id="a2")
    assert [one.id for one in desk.waiting(Pile.DISPUTED)] == [row.id]
    revised = second_review.adjudicate(
        books.ledger, books.reviews, queue, row.id, Verdict.DEFECT, "eve", "there is a crack"
    )

    assert (revised.revision, revised.state, revised.settled) == (2, State.INSPECTING, False)
    assert [one.id for one in books.reviews.listed(Pile.SEEN)] == [row.id]
    books.closed(revised)
    revision.inspect_again(books.ledger, queue, row.id, "eve", "a new model")
    assert (books.row(row).revision, books.row(row).decision, books.row(row).prediction) == (3, None, None)
    assert [one for pile in Pile for one in books.reviews.listed(pile)] == []
    told = Counter(entry.action for entry in books.ledger.audit_day(timestamps.now()[:10]))
    assert told == {
        **{"hold": 1, "unhold": 1, "decide": 2, "undo": 2, "second look": 2, "correct": 1},
        "inspect again": 1,
    }
