"""Assignment and decisions against the local DynamoDB, which evaluates the conditions itself."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from local.environment import LocalEnvironment
from local.resources import create_table, table_name
from tests.fakes import InMemoryMessageQueue
from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.reviews import DynamoReviewRepository
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, InspectionState, Review
from workflow.inspections.objects import Image, StoredObject, inspection_id
from workflow.inspections.verdict import Prediction, Verdict
from workflow.pipeline.executions import execution_name
from workflow.pipeline.start import new_inspection
from workflow.review import decisions, revision, second_review
from workflow.review.assignment import ReviewAssigner
from workflow.review.queue import ReviewQueue, compute_priority
from workflow.tables import AUDIT, INSPECTIONS

UNCLEAR_PREDICTION = Prediction(
    verdict=Verdict.OK,
    label="ok",
    confidence=0.6,
    threshold=0.8,
    scores=(),
    model="arn:model",
    policy_version="1",
)
CLIENTS, PHOTOS, ASSIGNMENTS = 8, 24, 200


@dataclass(frozen=True)
class ReviewTables:
    """Tables of one test, which no scheduler and no execution uses."""

    inspections: DynamoInspectionRepository
    reviews: DynamoReviewRepository

    def add_waiting(self, prediction: Prediction = UNCLEAR_PREDICTION) -> Inspection:
        image = Image("inbound", f"part-{uuid.uuid4()}.png", "v1")
        owner = execution_name(inspection_id(image), 1)
        row = replace(
            new_inspection(image, owner, 1, timestamps.now()), prediction=prediction, verdict=Verdict.UNCLEAR
        )
        self.inspections.claim(row)
        asked = Review(
            opened_at=timestamps.now(), round=1, deadline=timestamps.add_seconds(timestamps.now(), 3600)
        )
        return self.inspections.record_review(
            row.id, owner, asked, compute_priority(prediction, asked.opened_at, False)
        )

    def close(self, row: Inspection) -> Inspection:
        """File and close a decided row, and return it."""
        assert row.decision is not None
        assert self.inspections.finalize(row.id, row.decision.id)
        stored = StoredObject(
            image=Image("filed", f"{row.decision.verdict}/{row.id}", "v2"), size=5, etag="e"
        )
        self.inspections.record_filing(row, row.decision.verdict, stored, "announced", timestamps.now())
        self.inspections.close(row.id, row.owner, timestamps.now())
        return self.row(row)

    def row(self, row: Inspection) -> Inspection:
        current = self.inspections.get(row.id)
        assert current is not None
        return current


@pytest.fixture
def review_tables(environment: LocalEnvironment) -> Iterator[ReviewTables]:
    tables = [replace(table, name=f"{table.name}-{uuid.uuid4()}") for table in (INSPECTIONS, AUDIT)]
    names = [table_name(table) for table in tables]
    for table in tables:
        create_table(table)
    yield ReviewTables(DynamoInspectionRepository(*names), DynamoReviewRepository(*names))
    for name in names:
        client("dynamodb").delete_table(TableName=name)


def test_no_photo_is_assigned_to_two_reviewers(review_tables: ReviewTables) -> None:
    for _ in range(PHOTOS):
        review_tables.add_waiting()
    assigners = [ReviewAssigner(review_tables.reviews, cache_seconds=0.2) for _ in range(4)]
    lock, holders, shared, assigned = threading.Lock(), {}, [], Counter[str]()

    def work(number: int) -> None:
        rng, reviewer = random.Random(number), f"reviewer {number}"  # noqa: S311
        while assigned.total() < ASSIGNMENTS:
            assigner = rng.choice(assigners)
            for row in assigner.assign(reviewer, 3):
                with lock:
                    if holders.setdefault(row.id, reviewer) != reviewer:
                        shared.append((row.id, holders[row.id], reviewer))
                    assigned[reviewer] += 1
                # Forget the holder before the release, so that the next holder does not count as a conflict.
                with lock:
                    holders.pop(row.id, None)
                assert review_tables.reviews.release_lease(row.id, reviewer)
                assigner.drop_from_cache(row.id)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for future in [pool.submit(work, number) for number in range(CLIENTS)]:
            future.result()

    assert shared == []


def test_of_two_concurrent_decisions_one_gets_a_conflict(review_tables: ReviewTables) -> None:
    rows, saved = [review_tables.add_waiting() for _ in range(10)], []

    def work(reviewer: str) -> None:
        for row in rows:
            with suppress(Conflict):
                decision = decisions.decide(
                    review_tables.inspections, InMemoryMessageQueue(), row.id, Verdict.OK, reviewer
                )
                saved.append((row.id, decision.id))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, reviewer) for reviewer in ("ann", "bob", "cat", "dan")]:
            future.result()

    assert sorted(inspection for inspection, _ in saved) == sorted(row.id for row in rows)
    for inspection, decision_id in saved:
        trail = review_tables.inspections.get_audit_trail(inspection)
        assert [entry.decision_id for entry in trail if entry.action == "decide"] == [decision_id]
        assert [entry.action for entry in trail].count("conflict") == 3


def test_a_photo_passes_every_step_of_a_review(review_tables: ReviewTables) -> None:
    row, queue = (
        review_tables.add_waiting(replace(UNCLEAR_PREDICTION, sampled_for_second_review=True)),
        InMemoryMessageQueue(),
    )
    assigner = ReviewAssigner(review_tables.reviews, cache_seconds=0)
    (assigned_row,) = assigner.assign("ann")
    assert (assigned_row.id, assigner.assign("bob")) == (row.id, [])
    assigner.skip("ann", assigned_row)
    assert assigner.assign("ann") == []
    assigner.hold("bob", row.id, "ask the foundry")
    assert [waiting.id for waiting in assigner.list_items(ReviewQueue.ON_HOLD)] == [row.id]
    assigner.release_hold("bob", row.id)

    decision = decisions.decide(
        *(review_tables.inspections, queue, row.id, Verdict.DEFECT, "bob"),
        defect_class="crack",
        undo_seconds=60,
    )
    undone = decisions.undo(review_tables.inspections, row.id, decision.id, "bob")
    assert (undone.awaits_decision, undone.undone_ids, undone.lease and undone.lease.reviewer) == (
        True,
        (decision.id,),
        "bob",
    )
    with pytest.raises(Conflict, match="was undone"):
        decisions.decide(
            review_tables.inspections, queue, row.id, Verdict.DEFECT, "bob", decision_id=decision.id
        )
    decisions.decide(review_tables.inspections, queue, row.id, Verdict.OK, "bob")
    closed = review_tables.close(review_tables.row(row))
    with pytest.raises(Conflict, match="too late"):
        decisions.undo(
            review_tables.inspections, row.id, closed.decision.id if closed.decision else "", "bob"
        )

    assert assigner.assign("bob") == []
    assert [waiting.id for waiting in assigner.assign("cat")] == [row.id]
    second_review.submit(
        review_tables.inspections, review_tables.reviews, row.id, Verdict.DEFECT, "cat", answer_id="a1"
    )
    second_review.undo(review_tables.inspections, review_tables.reviews, row.id, "a1", "cat")
    second_review.submit(
        review_tables.inspections, review_tables.reviews, row.id, Verdict.DEFECT, "cat", answer_id="a2"
    )
    assert [waiting.id for waiting in assigner.list_items(ReviewQueue.DISAGREEMENT)] == [row.id]
    revised = second_review.adjudicate(
        review_tables.inspections,
        review_tables.reviews,
        queue,
        inspection_id=row.id,
        verdict=Verdict.DEFECT,
        reviewer="eve",
        reason="there is a crack",
    )

    assert (revised.revision, revised.state, revised.settled) == (2, InspectionState.INSPECTING, False)
    assert [waiting.id for waiting in review_tables.reviews.list_items(ReviewQueue.RESOLVED)] == [row.id]
    review_tables.close(revised)
    revision.reinspect(review_tables.inspections, queue, row.id, "eve", "a new model")
    assert (
        review_tables.row(row).revision,
        review_tables.row(row).decision,
        review_tables.row(row).prediction,
    ) == (3, None, None)
    assert [item for queue_ in ReviewQueue for item in review_tables.reviews.list_items(queue_)] == []
    actions = Counter(
        entry.action for entry in review_tables.inspections.list_audit_day(timestamps.now()[:10])
    )
    assert actions == {
        **{"hold": 1, "unhold": 1, "decide": 2, "undo": 2, "second review": 2, "override": 1},
        "reinspect": 1,
    }
