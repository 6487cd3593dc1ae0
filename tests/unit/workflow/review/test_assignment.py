"""A photo is shown to one person at a time, comes back when they go away, and the riskiest comes first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.line import Line, scores
from tests.unit.workflow.conftest import Books, Clock
from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.review.assignment import SKIP_SECONDS, Desk, Order
from workflow.review.decisions import MAX_REASON
from workflow.review.queue import GRACE_SECONDS, LEASE_SECONDS, Pile

LIKELY_OK, LIKELY_DEFECT = scores(ok_front=0.85, def_front=0.15), scores(ok_front=0.22, def_front=0.78)
CANNOT_TELL = scores(rust=0.9)


@pytest.fixture
def line(books: Books, clock: Clock) -> Line:
    return books.line()


@pytest.fixture
def desk(books: Books, clock: Clock) -> Desk:
    return Desk(books.reviews, lambda: clock.now, keep_seconds=0)


def waiting(line: Line, count: int = 1) -> list[Image]:
    """Photos that a person is asked about."""
    images = [line.upload(key=f"part-{number}.png") for number in range(count)]
    for number, image in enumerate(images):
        line.waiting(image, f"token-{number}")
    return images


def keys(rows: list[Inspection]) -> list[str]:
    return [row.image.key for row in rows]


def until(row: Inspection) -> str:
    assert row.lease is not None
    return row.lease.until


def test_a_photo_is_leased_to_whom_it_is_shown(line: Line, desk: Desk, clock: Clock) -> None:
    (image,) = waiting(line)

    (row,) = desk.take("ann")

    assert row == line.row(image)
    assert row.lease is not None
    assert (row.lease.reviewer, row.lease.until) == ("ann", timestamps.later(clock.now, LEASE_SECONDS))
    assert desk.take("bob") == []


def test_the_next_photos_are_leased_in_advance_and_stay_with_who_has_them(line: Line, desk: Desk) -> None:
    waiting(line, 9)

    first = keys(desk.take("ann"))
    others = keys(desk.take("bob"))

    assert (len(first), len(others)) == (6, 3)
    assert not set(first) & set(others)
    assert keys(desk.take("ann")) == first


def test_what_a_reviewer_has_before_him_is_neither_handed_out_again_nor_renewed(
    line: Line, desk: Desk, clock: Clock
) -> None:
    images = waiting(line, 8)
    first = desk.take("ann", 6)
    clock.turn(60)

    more = desk.take("ann", 1, have=[row.id for row in first])

    assert sorted({image.key for image in images} - set(keys(first)))[:1] == keys(more)
    assert [line.row(row.image) for row in first] == first


def test_the_riskiest_comes_first_escalated_ones_before_all(books: Books, desk: Desk, clock: Clock) -> None:
    line = books.line(LIKELY_OK, LIKELY_DEFECT, CANNOT_TELL, LIKELY_OK, LIKELY_DEFECT)
    images = waiting(line, 5)
    line.escalate(images[3], line.row(images[3]).owner)

    assert keys(desk.take("ann")) == [f"part-{number}.png" for number in (3, 2, 1, 4, 0)]


def test_the_oldest_comes_first_where_that_is_wanted(books: Books, desk: Desk, clock: Clock) -> None:
    line = books.line(LIKELY_OK, CANNOT_TELL, LIKELY_DEFECT)
    for number in range(3):
        line.waiting(line.upload(key=f"part-{number}.png"), f"token-{number}")
        clock.turn(1)

    assert keys(desk.take("ann", order=Order.OLDEST)) == ["part-0.png", "part-1.png", "part-2.png"]


@pytest.mark.parametrize("skew", [-2, 0, 2])
def test_an_abandoned_lease_returns_within_ten_seconds_of_its_end_and_never_before_it(
    books: Books, line: Line, desk: Desk, clock: Clock, skew: int
) -> None:
    """Another host's clock may be two seconds ahead or behind, and its list a second old."""
    waiting(line)
    elsewhere = Desk(books.reviews, lambda: timestamps.later(clock.now, skew), keep_seconds=1)
    taken_at = clock.now
    desk.take("ann")

    while not elsewhere.take("bob"):
        clock.turn(0.5)

    assert LEASE_SECONDS < timestamps.seconds_between(taken_at, clock.now) <= LEASE_SECONDS + 10


def test_activity_keeps_a_lease_and_its_loss_is_told(line: Line, desk: Desk, clock: Clock) -> None:
    (image,) = waiting(line)
    desk.take("ann")
    for _ in range(10):
        clock.turn(60)
        assert list(desk.renew("ann", [line.row(image).id])) == [line.row(image).id]
    assert desk.take("bob") == []

    clock.turn(LEASE_SECONDS + GRACE_SECONDS + 1)
    desk.take("bob")

    assert desk.renew("ann", [line.row(image).id]) == {}


def test_a_skipped_photo_goes_to_others_and_comes_back_after_a_while(
    line: Line, desk: Desk, clock: Clock
) -> None:
    waiting(line)
    (row,) = desk.take("ann")

    desk.skip("ann", row)

    assert desk.take("ann") == []
    (shown,) = desk.take("bob")
    desk.skip("bob", shown)
    clock.turn(SKIP_SECONDS + 1)
    assert keys(desk.take("ann")) == ["part-0.png"]


def test_a_list_from_before_the_skip_does_not_bring_the_photo_back(
    books: Books, line: Line, clock: Clock
) -> None:
    waiting(line)
    elsewhere = Desk(books.reviews, lambda: clock.now, keep_seconds=60)
    (row,) = elsewhere.take("ann")
    other_worker = Desk(books.reviews, lambda: clock.now)
    other_worker.skip("ann", row)

    assert elsewhere.take("ann") == []


def test_who_skips_a_photo_of_somebody_else_changes_nothing(line: Line, desk: Desk) -> None:
    (image,) = waiting(line)
    (row,) = desk.take("ann")

    desk.skip("bob", row)

    assert line.row(image) == row


def test_signing_out_frees_all_of_ones_own_photos_and_no_other(line: Line, desk: Desk) -> None:
    waiting(line, 4)
    desk.take("ann", 2)
    kept = desk.take("bob", 1)

    desk.release_all("ann")

    assert sorted(keys(desk.take("cat"))) == sorted({f"part-{n}.png" for n in range(4)} - set(keys(kept)))


def test_a_hidden_page_frees_the_photos_that_it_names(line: Line, desk: Desk) -> None:
    waiting(line, 3)
    first, *rest = desk.take("ann")

    desk.release("ann", {first.id: until(first)})

    assert keys(desk.take("bob")) == [first.image.key]
    assert sorted(keys(desk.take("ann"))) == sorted(keys(rest))


def test_a_page_that_goes_late_frees_nothing_of_the_next_page(line: Line, desk: Desk, clock: Clock) -> None:
    waiting(line, 2)
    seen, renewed = desk.take("ann")
    clock.now = timestamps.later(clock.now, 1)
    desk.take("ann", 1)
    before = desk.renew("ann", [renewed.id])

    desk.release("ann", {seen.id: until(seen), renewed.id: until(renewed)})
    desk.release("ann", {})

    assert desk.take("bob") == []
    desk.release("ann", before)
    assert keys(desk.take("bob")) == [renewed.image.key]


@pytest.mark.parametrize("how", ["left", "signed out", "skipped"])
def test_a_photo_that_is_given_back_waits_for_the_next_one_at_once(
    line: Line, books: Books, clock: Clock, how: str
) -> None:
    """The list of what waits is kept for a moment, and knows of it without being read again."""
    waiting(line)
    desk = Desk(books.reviews, lambda: clock.now, keep_seconds=60)
    (row,) = desk.take("ann")

    if how == "left":
        desk.release("ann", {row.id: until(row)})
    elif how == "signed out":
        desk.release_all("ann")
    else:
        desk.skip("ann", row)
        assert desk.take("ann") == []

    assert desk.counts("bob").waiting == 1
    assert keys(desk.take("bob")) == [row.image.key]


def test_a_slow_reading_of_the_list_holds_up_nobody_who_knows_an_older_one(
    books: Books, line: Line, clock: Clock
) -> None:
    waiting(line, 3)
    slow, begun, go_on = threading.Event(), threading.Event(), threading.Event()

    class Reviews(type(books.reviews)):  # type: ignore[misc]
        def listed(self, pile: Pile, since: str = "") -> Any:
            if slow.is_set() and pile is Pile.OPEN:
                begun.set()
                assert go_on.wait(30)
            return super().listed(pile, since)

    reviews = Reviews.__new__(Reviews)
    reviews.__dict__.update(books.reviews.__dict__)
    desk = Desk(reviews, lambda: clock.now, keep_seconds=1)
    assert len(desk.waiting()) == 3
    slow.set()
    clock.turn(2)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(desk.waiting)
        assert begun.wait(30)

        assert len(desk.take("ann", 1)) == 1
        assert len(desk.waiting()) == 3
        go_on.set()
        assert len(late.result()) == 3


def test_a_photo_on_hold_is_handed_out_and_decided_by_nobody_until_it_is_released(
    line: Line, desk: Desk
) -> None:
    (image,) = waiting(line)
    desk.take("ann")

    desk.hold("ann", line.row(image).id, "ask the foundry")

    held = line.row(image).hold
    assert held is not None
    assert (held.by, held.reason) == ("ann", "ask the foundry")
    assert desk.take("bob") == []
    with pytest.raises(Conflict, match="ann holds it back"):
        line.decide(image, Verdict.OK, "bob")
    (listed,) = desk.waiting(Pile.HELD)
    assert listed.hold == held
    desk.unhold("bob", line.row(image).id)
    assert keys(desk.take("bob")) == ["part-0.png"]
    assert [entry.action for entry in line.ledger.audit_trail(line.row(image).id)] == ["hold", "unhold"]


def test_a_photo_on_hold_stays_there_when_its_review_is_overdue(line: Line, desk: Desk) -> None:
    (image,) = waiting(line)
    desk.hold("ann", line.row(image).id, "ask the foundry")

    line.escalate(image, line.row(image).owner)
    line.ask(image, line.row(image).owner, "next token")

    assert desk.take("bob") == []
    assert len(desk.waiting(Pile.HELD)) == 1


def test_only_an_open_photo_that_nobody_else_has_can_be_held(line: Line, desk: Desk) -> None:
    (image,) = waiting(line)
    desk.take("ann")

    with pytest.raises(Conflict):
        desk.hold("bob", line.row(image).id, "mine")
    with pytest.raises(Conflict):
        desk.unhold("bob", line.row(image).id)
    line.decide(image, Verdict.OK, "ann")
    with pytest.raises(Conflict):
        desk.hold("ann", line.row(image).id, "too late")


@pytest.mark.parametrize("reason", ["", "  ", "x" * (MAX_REASON + 1)])
def test_a_hold_needs_a_reason_within_bounds(line: Line, desk: Desk, reason: str) -> None:
    (image,) = waiting(line)

    with pytest.raises(ValueError, match="reason"):
        desk.hold("ann", line.row(image).id, reason)


def test_the_counts_tell_what_waits_and_with_whom(line: Line, desk: Desk, clock: Clock) -> None:
    opened = clock.now
    images = waiting(line, 5)
    clock.turn(30)
    desk.take("bob", 2)
    clock.turn(30)
    desk.take("ann", 1)
    free = next(image for image in images if line.row(image).lease is None)
    desk.hold("ann", line.row(free).id, "ask")

    counts = desk.counts("ann")

    assert (counts.waiting, counts.with_others, counts.mine, counts.held) == (4, 2, 1, 1)
    assert counts.free == 1
    assert counts.oldest_since == opened
    assert counts.next_free_at == timestamps.later(opened, 30 + LEASE_SECONDS)


def test_a_decided_photo_is_handed_out_to_nobody(line: Line, desk: Desk) -> None:
    first, second = waiting(line, 2)
    line.decide(first, Verdict.OK)

    assert keys(desk.take("bob")) == [second.key]


def test_a_photo_that_another_worker_gave_away_is_passed_over(books: Books, line: Line, clock: Clock) -> None:
    """Both workers read their lists before either hands anything out."""
    waiting(line, 40)
    desks = [Desk(books.reviews, lambda: clock.now, keep_seconds=60) for _ in range(2)]
    for desk in desks:
        desk.waiting()

    taken = [keys(desks[turn % 2].take(f"reviewer {turn}", 4)) for turn in range(10)]

    assert [len(rows) for rows in taken] == [4] * 10
    assert len({key for rows in taken for key in rows}) == 40


def test_what_time_alone_sets_free_is_noticed(line: Line, desk: Desk, clock: Clock) -> None:
    """No row changes when a lease or a skip ends; who waits at an empty page has to hear of it."""
    waiting(line, 2)
    desk.take("ann", 1)
    (other,) = desk.take("bob", 1)
    desk.skip("bob", other)
    before = desk.lapsed()
    assert desk.counts("bob").free == 0

    clock.turn(LEASE_SECONDS + GRACE_SECONDS + 1)
    leases_ended = desk.lapsed()
    assert leases_ended != before
    assert (desk.counts("bob").free, desk.counts("bob").with_others) == (1, 0)

    clock.turn(SKIP_SECONDS)
    assert desk.lapsed() != leases_ended
    assert desk.counts("bob").free == 2
