"""A photo has one reviewer at a time and is released when they leave, and the riskiest comes first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.pipeline import Pipeline, scores
from tests.unit.workflow.conftest import Clock, Repositories
from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.review import assignment
from workflow.review.assignment import SKIP_SECONDS, ReviewAssigner, ReviewOrder
from workflow.review.decisions import MAX_REASON_LENGTH
from workflow.review.queue import CLOCK_SKEW_SECONDS, LEASE_SECONDS, ReviewItem, ReviewQueue

LIKELY_OK, LIKELY_DEFECT = scores(ok_front=0.85, def_front=0.15), scores(ok_front=0.22, def_front=0.78)
CANNOT_TELL = scores(rust=0.9)


@pytest.fixture
def pipeline(repositories: Repositories, clock: Clock) -> Pipeline:
    return repositories.pipeline()


@pytest.fixture
def assigner(repositories: Repositories, clock: Clock) -> ReviewAssigner:
    return ReviewAssigner(repositories.reviews, lambda: clock.now, cache_seconds=0)


def waiting(pipeline: Pipeline, count: int = 1) -> list[Image]:
    """Upload photos and open their reviews."""
    images = [pipeline.upload(key=f"part-{number}.png") for number in range(count)]
    for number, image in enumerate(images):
        pipeline.waiting(image, f"token-{number}")
    return images


def keys(rows: list[Inspection]) -> list[str]:
    return [row.image.key for row in rows]


def until(row: Inspection) -> str:
    assert row.lease is not None
    return row.lease.expires_at


def test_a_photo_is_leased_to_the_reviewer_who_sees_it(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    (image,) = waiting(pipeline)

    (row,) = assigner.assign("ann")

    assert row == pipeline.row(image)
    assert row.lease is not None
    assert (row.lease.reviewer, row.lease.expires_at) == (
        "ann",
        timestamps.add_seconds(clock.now, LEASE_SECONDS),
    )
    assert assigner.assign("bob") == []


def test_the_next_photos_are_leased_in_advance_and_stay_with_their_reviewer(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    waiting(pipeline, 9)

    first = keys(assigner.assign("ann"))
    others = keys(assigner.assign("bob"))

    assert (len(first), len(others)) == (6, 3)
    assert not set(first) & set(others)
    assert keys(assigner.assign("ann")) == first


def test_assigned_photos_are_neither_assigned_again_nor_renewed(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    images = waiting(pipeline, 8)
    first = assigner.assign("ann", 6)
    clock.turn(60)

    more = assigner.assign("ann", 1, already_assigned=[row.id for row in first])

    assert sorted({image.key for image in images} - set(keys(first)))[:1] == keys(more)
    assert [pipeline.row(row.image) for row in first] == first


def test_the_riskiest_photo_comes_first_and_escalated_photos_before_all(
    repositories: Repositories, assigner: ReviewAssigner, clock: Clock
) -> None:
    pipeline = repositories.pipeline(LIKELY_OK, LIKELY_DEFECT, CANNOT_TELL, LIKELY_OK, LIKELY_DEFECT)
    images = waiting(pipeline, 5)
    pipeline.escalate(images[3], pipeline.row(images[3]).owner)

    assert keys(assigner.assign("ann")) == [f"part-{number}.png" for number in (3, 2, 1, 4, 0)]


def test_the_oldest_photo_comes_first_in_the_order_by_age(
    repositories: Repositories, assigner: ReviewAssigner, clock: Clock
) -> None:
    pipeline = repositories.pipeline(LIKELY_OK, CANNOT_TELL, LIKELY_DEFECT)
    for number in range(3):
        pipeline.waiting(pipeline.upload(key=f"part-{number}.png"), f"token-{number}")
        clock.turn(1)

    assert keys(assigner.assign("ann", order=ReviewOrder.OLDEST)) == [
        "part-0.png",
        "part-1.png",
        "part-2.png",
    ]


@pytest.mark.parametrize("skew", [-2, 0, 2])
def test_an_abandoned_lease_returns_within_ten_seconds_of_its_end_and_never_before_it(
    repositories: Repositories, pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock, skew: int
) -> None:
    """Another host's clock may be two seconds ahead or behind, and its cached queue a second old."""
    waiting(pipeline)
    other_worker = ReviewAssigner(
        repositories.reviews, lambda: timestamps.add_seconds(clock.now, skew), cache_seconds=1
    )
    taken_at = clock.now
    assigner.assign("ann")

    while not other_worker.assign("bob"):
        clock.turn(0.5)

    assert LEASE_SECONDS < timestamps.seconds_between(taken_at, clock.now) <= LEASE_SECONDS + 10


def test_activity_renews_a_lease_and_its_loss_is_reported(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    (image,) = waiting(pipeline)
    assigner.assign("ann")
    for _ in range(10):
        clock.turn(60)
        assert list(assigner.renew("ann", [pipeline.row(image).id])) == [pipeline.row(image).id]
    assert assigner.assign("bob") == []

    clock.turn(LEASE_SECONDS + CLOCK_SKEW_SECONDS + 1)
    assigner.assign("bob")

    assert assigner.renew("ann", [pipeline.row(image).id]) == {}


def test_a_skipped_photo_goes_to_others_and_comes_back_after_a_while(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    waiting(pipeline)
    (row,) = assigner.assign("ann")

    assigner.skip("ann", row)

    assert assigner.assign("ann") == []
    (shown,) = assigner.assign("bob")
    assigner.skip("bob", shown)
    clock.turn(SKIP_SECONDS + 1)
    assert keys(assigner.assign("ann")) == ["part-0.png"]


def test_a_skip_that_is_undone_leases_the_photo_again(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    waiting(pipeline)
    (row,) = assigner.assign("ann")
    assigner.skip("ann", row)

    assigner.unskip("ann", row.id)
    assigner.unskip("ann", row.id)  # The repeated request changes nothing.

    assert row.id in assigner.renew("ann", [row.id])
    assert assigner.assign("bob") == []


def test_a_skip_is_not_undone_after_another_reviewer_took_the_photo(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    waiting(pipeline)
    (row,) = assigner.assign("ann")
    assigner.skip("ann", row)
    assigner.assign("bob")

    with pytest.raises(Conflict, match="another reviewer"):
        assigner.unskip("ann", row.id)


def test_a_queue_cached_before_the_skip_does_not_bring_the_photo_back(
    repositories: Repositories, pipeline: Pipeline, clock: Clock
) -> None:
    waiting(pipeline)
    assigner = ReviewAssigner(repositories.reviews, lambda: clock.now, cache_seconds=60)
    (row,) = assigner.assign("ann")
    other_worker = ReviewAssigner(repositories.reviews, lambda: clock.now)
    other_worker.skip("ann", row)

    assert assigner.assign("ann") == []


def test_skipping_another_reviewers_photo_changes_nothing(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    (image,) = waiting(pipeline)
    (row,) = assigner.assign("ann")

    assigner.skip("bob", row)

    assert pipeline.row(image) == row


def test_signing_out_releases_all_own_photos_and_no_others(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    waiting(pipeline, 4)
    assigner.assign("ann", 2)
    kept = assigner.assign("bob", 1)

    assigner.release_all_leases("ann")

    assert sorted(keys(assigner.assign("cat"))) == sorted(
        {f"part-{n}.png" for n in range(4)} - set(keys(kept))
    )


def test_a_hidden_page_releases_the_photos_that_it_names(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    waiting(pipeline, 3)
    first, *rest = assigner.assign("ann")

    assigner.release_leases("ann", {first.id: until(first)})

    assert keys(assigner.assign("bob")) == [first.image.key]
    assert sorted(keys(assigner.assign("ann"))) == sorted(keys(rest))


def test_a_page_that_closes_late_releases_nothing_of_the_next_page(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    waiting(pipeline, 2)
    seen, renewed = assigner.assign("ann")
    clock.now = timestamps.add_seconds(clock.now, 1)
    assigner.assign("ann", 1)
    before = assigner.renew("ann", [renewed.id])

    assigner.release_leases("ann", {seen.id: until(seen), renewed.id: until(renewed)})
    assigner.release_leases("ann", {})

    assert assigner.assign("bob") == []
    assigner.release_leases("ann", before)
    assert keys(assigner.assign("bob")) == [renewed.image.key]


@pytest.mark.parametrize("how", ["left", "signed out", "skipped"])
def test_a_released_photo_is_available_to_the_next_reviewer_at_once(
    pipeline: Pipeline, repositories: Repositories, clock: Clock, how: str
) -> None:
    """The cached queue shows it without being read again."""
    waiting(pipeline)
    assigner = ReviewAssigner(repositories.reviews, lambda: clock.now, cache_seconds=60)
    (row,) = assigner.assign("ann")

    if how == "left":
        assigner.release_leases("ann", {row.id: until(row)})
    elif how == "signed out":
        assigner.release_all_leases("ann")
    else:
        assigner.skip("ann", row)
        assert assigner.assign("ann") == []

    assert assigner.count_waiting("bob").waiting == 1
    assert keys(assigner.assign("bob")) == [row.image.key]


def test_a_slow_read_of_the_queue_delays_no_thread_that_has_an_older_cache(
    repositories: Repositories, pipeline: Pipeline, clock: Clock
) -> None:
    waiting(pipeline, 3)
    is_slow, begun, resume = threading.Event(), threading.Event(), threading.Event()

    class SlowReviews(type(repositories.reviews)):  # type: ignore[misc]
        def list_items(self, queue: ReviewQueue, since: str = "") -> Any:
            if is_slow.is_set() and queue is ReviewQueue.OPEN:
                begun.set()
                assert resume.wait(240)
            return super().list_items(queue, since)

    reviews = SlowReviews.__new__(SlowReviews)
    reviews.__dict__.update(repositories.reviews.__dict__)
    assigner = ReviewAssigner(reviews, lambda: clock.now, cache_seconds=1)
    assert len(assigner.list_items()) == 3
    is_slow.set()
    clock.turn(2)
    with ThreadPoolExecutor(1) as pool:
        slow_read = pool.submit(assigner.list_items)
        assert begun.wait(120)

        assert len(assigner.assign("ann", 1)) == 1
        assert len(assigner.list_items()) == 3
        resume.set()
        assert len(slow_read.result()) == 3


@pytest.mark.parametrize(("photos", "is_cached"), [(3, False), (4_000, True)])
def test_only_a_long_queue_that_was_read_slowly_is_cached_longer(
    repositories: Repositories, clock: Clock, monkeypatch: pytest.MonkeyPatch, photos: int, is_cached: bool
) -> None:
    ticks, reads = [0.0], []

    class SlowReviews:
        def list_items(self, queue: ReviewQueue, since: str = "") -> Any:
            ticks[0] += 1.1
            reads.append(queue)
            return iter([ReviewItem(id=str(number), priority="1") for number in range(photos)])

    monkeypatch.setattr(assignment, "time", SimpleNamespace(monotonic=lambda: ticks[0]))
    assigner = ReviewAssigner(SlowReviews(), lambda: clock.now, cache_seconds=0.5)  # type: ignore[arg-type]
    assigner.list_items()
    clock.turn(1)

    assigner.list_items()

    assert len(reads) == (1 if is_cached else 2)


def test_a_photo_on_hold_cannot_be_assigned_or_decided_until_it_is_released(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    (image,) = waiting(pipeline)
    assigner.assign("ann")

    assigner.hold("ann", pipeline.row(image).id, "ask the foundry")

    hold = pipeline.row(image).hold
    assert hold is not None
    assert (hold.reviewer, hold.reason) == ("ann", "ask the foundry")
    assert assigner.assign("bob") == []
    with pytest.raises(Conflict, match="on hold by ann"):
        pipeline.decide(image, Verdict.OK, "bob")
    (item,) = assigner.list_items(ReviewQueue.ON_HOLD)
    assert item.hold == hold
    assigner.release_hold("bob", pipeline.row(image).id)
    assert keys(assigner.assign("bob")) == ["part-0.png"]
    assert [entry.action for entry in pipeline.inspections.get_audit_trail(pipeline.row(image).id)] == [
        "hold",
        "unhold",
    ]


def test_a_photo_on_hold_stays_there_when_its_review_is_overdue(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    (image,) = waiting(pipeline)
    assigner.hold("ann", pipeline.row(image).id, "ask the foundry")

    pipeline.escalate(image, pipeline.row(image).owner)
    pipeline.ask(image, pipeline.row(image).owner, "next token")

    assert assigner.assign("bob") == []
    assert len(assigner.list_items(ReviewQueue.ON_HOLD)) == 1


def test_only_an_open_photo_that_no_other_reviewer_has_can_be_put_on_hold(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    (image,) = waiting(pipeline)
    assigner.assign("ann")

    with pytest.raises(Conflict):
        assigner.hold("bob", pipeline.row(image).id, "mine")
    with pytest.raises(Conflict):
        assigner.release_hold("bob", pipeline.row(image).id)
    pipeline.decide(image, Verdict.OK, "ann")
    with pytest.raises(Conflict):
        assigner.hold("ann", pipeline.row(image).id, "too late")


@pytest.mark.parametrize("reason", ["", "  ", "x" * (MAX_REASON_LENGTH + 1)])
def test_a_hold_needs_a_reason_within_bounds(
    pipeline: Pipeline, assigner: ReviewAssigner, reason: str
) -> None:
    (image,) = waiting(pipeline)

    with pytest.raises(ValueError, match="reason"):
        assigner.hold("ann", pipeline.row(image).id, reason)


def test_the_counts_show_the_waiting_photos_by_assignment(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    opened = clock.now
    images = waiting(pipeline, 5)
    clock.turn(30)
    assigner.assign("bob", 2)
    clock.turn(30)
    assigner.assign("ann", 1)
    unleased = next(image for image in images if pipeline.row(image).lease is None)
    assigner.hold("ann", pipeline.row(unleased).id, "ask")

    counts = assigner.count_waiting("ann")

    assert (counts.waiting, counts.assigned_to_others, counts.assigned_to_me, counts.on_hold) == (4, 2, 1, 1)
    assert counts.available == 1
    assert counts.oldest_opened_at == opened
    assert counts.next_available_at == timestamps.add_seconds(opened, 30 + LEASE_SECONDS)


def test_a_decided_photo_is_not_assigned(pipeline: Pipeline, assigner: ReviewAssigner) -> None:
    first, second = waiting(pipeline, 2)
    pipeline.decide(first, Verdict.OK)

    assert keys(assigner.assign("bob")) == [second.key]


def test_a_photo_that_another_worker_assigned_is_passed_over(
    repositories: Repositories, pipeline: Pipeline, clock: Clock
) -> None:
    """Both workers read the queue before either assigns a photo."""
    waiting(pipeline, 40)
    assigners = [ReviewAssigner(repositories.reviews, lambda: clock.now, cache_seconds=60) for _ in range(2)]
    for assigner in assigners:
        assigner.list_items()

    assigned = [keys(assigners[turn % 2].assign(f"reviewer {turn}", 4)) for turn in range(10)]

    assert [len(rows) for rows in assigned] == [4] * 10
    assert len({key for rows in assigned for key in rows}) == 40


def test_a_change_of_availability_by_time_alone_is_noticed(
    pipeline: Pipeline, assigner: ReviewAssigner, clock: Clock
) -> None:
    """No row changes when a lease or a skip expires, but a reviewer at an empty page must be notified."""
    waiting(pipeline, 2)
    assigner.assign("ann", 1)
    (other,) = assigner.assign("bob", 1)
    assigner.skip("bob", other)
    before = assigner.list_expirations()
    assert assigner.count_waiting("bob").available == 0

    clock.turn(LEASE_SECONDS + CLOCK_SKEW_SECONDS + 1)
    leases_ended = assigner.list_expirations()
    assert leases_ended != before
    assert (assigner.count_waiting("bob").available, assigner.count_waiting("bob").assigned_to_others) == (
        1,
        0,
    )

    clock.turn(SKIP_SECONDS)
    assert assigner.list_expirations() != leases_ended
    assert assigner.count_waiting("bob").available == 2
