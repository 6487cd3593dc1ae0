"""Another reviewer judges some settled photos blindly; a supervisor adjudicates a disagreement."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.pipeline import CLEARLY_OK, POLICY, UNSURE, Pipeline
from tests.unit.workflow.conftest import Clock, Repositories
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, SecondReview
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Prediction, Verdict
from workflow.pipeline import filing
from workflow.review import revision, second_review
from workflow.review.assignment import ReviewAssigner
from workflow.review.queue import ReviewQueue

CLICK = str(uuid.uuid4())
CLEAR = POLICY.predict(CLEARLY_OK.scores)
DOUBTFUL = POLICY.predict(UNSURE.scores)


@pytest.fixture
def pipeline(repositories: Repositories, clock: Clock) -> Pipeline:
    """Return a pipeline whose policy samples every decision for a second review."""
    return replace(repositories.pipeline(), policy=replace(POLICY, second_review_share=1.0))


@pytest.fixture
def assigner(repositories: Repositories, clock: Clock) -> ReviewAssigner:
    return ReviewAssigner(repositories.reviews, lambda: clock.now, cache_seconds=0)


def decided(pipeline: Pipeline, verdict: Verdict = Verdict.OK, key: str = "part.png") -> Image:
    """Upload a photo that ann decides, and file and announce it."""
    image = pipeline.upload(key=key)
    pipeline.waiting(image, f"token {key}")
    pipeline.decide(image, verdict, "ann")
    pipeline.deliver(image)
    pipeline.finish(image)
    return image


@pytest.fixture
def image(pipeline: Pipeline) -> Image:
    return decided(pipeline)


def answer(
    repositories: Repositories, image: Image, verdict: Verdict, reviewer: str = "bob", **how: Any
) -> SecondReview:
    return second_review.submit(
        repositories.inspections, repositories.reviews, inspection_id(image), verdict, reviewer, **how
    )


def undo(repositories: Repositories, image: Image, answer_id: str, reviewer: str) -> Inspection:
    return second_review.undo(
        repositories.inspections, repositories.reviews, inspection_id(image), answer_id, reviewer
    )


def adjudicate(repositories: Repositories, pipeline: Pipeline, image: Image, verdict: Verdict) -> Inspection:
    return second_review.adjudicate(
        repositories.inspections,
        repositories.reviews,
        pipeline.decisions,
        inspection_id=inspection_id(image),
        verdict=verdict,
        reviewer="eve",
        reason="I looked closely",
    )


def is_sampled(policy: RoutingPolicy, row_id: str, prediction: Prediction) -> bool:
    return policy.sample_for_second_review(row_id, prediction).sampled_for_second_review


def queues(repositories: Repositories) -> dict[ReviewQueue, int]:
    counts = {queue: len(list(repositories.reviews.list_items(queue))) for queue in ReviewQueue}
    return {queue: count for queue, count in counts.items() if count}


def test_the_photo_is_assigned_to_a_second_reviewer_and_never_to_the_first(
    image: Image, assigner: ReviewAssigner
) -> None:
    assert assigner.assign("ann") == []
    (row,) = assigner.assign("bob")
    assert (row.image, row.settled) == (image, True)
    assert assigner.assign("cat") == []


def test_second_reviews_are_assigned_among_the_open_photos_one_at_a_time(
    pipeline: Pipeline, assigner: ReviewAssigner
) -> None:
    for number in range(3):
        decided(pipeline, key=f"decided-{number}.png")
    for number in range(6):
        pipeline.waiting(pipeline.upload(key=f"open-{number}.png"), f"token-{number}")

    rows = assigner.assign("bob")

    assert [row.settled for row in rows] == [False, True, False, False, False, False]
    assert sum(row.settled for row in assigner.assign("bob")) == 1


def test_two_answers_that_agree_resolve_the_review(
    repositories: Repositories, pipeline: Pipeline, image: Image, assigner: ReviewAssigner, clock: Clock
) -> None:
    assigner.assign("bob")

    second = answer(repositories, image, Verdict.OK, answer_id=CLICK)

    row = pipeline.row(image)
    assert row.second_review == second
    assert (second.agrees, second.first_decided_by, second.first_verdict) == (True, "ann", Verdict.OK)
    assert (row.verdict, row.lease, row.revision) == (Verdict.OK, None, 1)
    assert queues(repositories) == {ReviewQueue.RESOLVED: 1}
    assert {(entry.action, entry.actor) for entry in pipeline.inspections.get_audit_trail(row.id)} == {
        ("decide", "ann"),
        ("second review", "bob"),
    }


def test_a_disagreement_waits_for_adjudication(
    repositories: Repositories, pipeline: Pipeline, image: Image, assigner: ReviewAssigner
) -> None:
    answer(repositories, image, Verdict.DEFECT, defect_class="crack")

    assert queues(repositories) == {ReviewQueue.DISAGREEMENT: 1}
    (item,) = assigner.list_items(ReviewQueue.DISAGREEMENT)
    assert item.second_review is not None
    assert (item.second_review.reviewer, item.second_review.defect_class) == ("bob", "crack")
    assert assigner.assign("cat") == []
    assert pipeline.row(image).verdict is Verdict.OK


def test_the_first_verdict_can_be_confirmed(
    repositories: Repositories, pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    answer(repositories, image, Verdict.DEFECT)
    clock.turn(1)

    row = adjudicate(repositories, pipeline, image, Verdict.OK)

    assert pipeline.row(image) == row
    assert row.second_review is not None
    assert (row.second_review.final_verdict, row.second_review.adjudicated_by, row.revision) == (
        Verdict.OK,
        "eve",
        1,
    )
    assert queues(repositories) == {ReviewQueue.RESOLVED: 1}
    assert [entry.action for entry in pipeline.inspections.get_audit_trail(row.id)][-1] == "confirm"


def test_the_first_verdict_can_be_overridden_without_another_review(
    repositories: Repositories, pipeline: Pipeline, image: Image, assigner: ReviewAssigner
) -> None:
    answer(repositories, image, Verdict.DEFECT)

    row = adjudicate(repositories, pipeline, image, Verdict.DEFECT)
    pipeline.deliver(image)
    pipeline.claim(image, row.owner, row.attempt)
    pipeline.move(image, row.owner, filing.FilingTarget.REVIEWED)
    pipeline.close(image, row.owner)

    row = pipeline.row(image)
    assert (row.verdict, row.revision) == (Verdict.DEFECT, 2)
    assert row.second_review is not None
    assert (row.second_review.final_verdict, row.second_review.first_verdict) == (Verdict.DEFECT, Verdict.OK)
    assert queues(repositories) == {ReviewQueue.RESOLVED: 1}
    assert assigner.assign("cat") == []


def test_a_dispute_ends_once(repositories: Repositories, pipeline: Pipeline, image: Image) -> None:
    with pytest.raises(Conflict, match="there is no disagreement"):
        adjudicate(repositories, pipeline, image, Verdict.OK)
    answer(repositories, image, Verdict.DEFECT)
    adjudicate(repositories, pipeline, image, Verdict.OK)

    with pytest.raises(Conflict, match="there is no disagreement"):
        adjudicate(repositories, pipeline, image, Verdict.DEFECT)


def test_the_same_answer_twice_counts_once(
    repositories: Repositories, pipeline: Pipeline, image: Image
) -> None:
    first = answer(repositories, image, Verdict.OK, answer_id=CLICK)

    assert answer(repositories, image, Verdict.OK, answer_id=CLICK) == first
    assert len(pipeline.inspections.entries) == 2


@pytest.mark.parametrize("reviewer", ["ann", "cat"])
def test_neither_the_first_nor_a_third_reviewer_can_answer(
    repositories: Repositories, image: Image, reviewer: str
) -> None:
    if reviewer == "cat":
        answer(repositories, image, Verdict.OK, "bob")

    with pytest.raises(Conflict, match=f"does not wait for a second review by {reviewer}"):
        answer(repositories, image, Verdict.OK, reviewer)


def test_an_answer_can_be_undone_until_it_is_adjudicated(
    repositories: Repositories, pipeline: Pipeline, image: Image, assigner: ReviewAssigner
) -> None:
    answer(repositories, image, Verdict.DEFECT, answer_id=CLICK)

    row = undo(repositories, image, CLICK, "bob")

    assert (row.second_review, row.undone_ids) == (None, (CLICK,))
    assert row.lease is not None
    assert queues(repositories) == {ReviewQueue.SECOND_REVIEW: 1}
    with pytest.raises(Conflict, match="was undone"):
        answer(repositories, image, Verdict.DEFECT, answer_id=CLICK)
    assert undo(repositories, image, CLICK, "bob") == row
    answer(repositories, image, Verdict.DEFECT, answer_id="another")
    adjudicate(repositories, pipeline, image, Verdict.OK)
    with pytest.raises(Conflict, match="eve adjudicated it"):
        undo(repositories, image, "another", "bob")


def test_an_answer_cannot_be_undone_after_a_minute(
    repositories: Repositories, image: Image, clock: Clock
) -> None:
    answer(repositories, image, Verdict.OK, answer_id=CLICK)
    clock.turn(61)

    with pytest.raises(Conflict, match="too late"):
        undo(repositories, image, CLICK, "bob")


def test_an_answer_about_an_overridden_verdict_cannot_be_undone(
    repositories: Repositories, pipeline: Pipeline, image: Image
) -> None:
    """An undo would leave a photo that waits for a second review which no reviewer can give."""
    answer(repositories, image, Verdict.OK, answer_id=CLICK)
    revision.override(
        repositories.inspections,
        pipeline.decisions,
        inspection_id(image),
        verdict=Verdict.DEFECT,
        reviewer="eve",
        reason="a crack",
    )

    with pytest.raises(Conflict, match="too late"):
        undo(repositories, image, CLICK, "bob")
    assert queues(repositories) == {ReviewQueue.RESOLVED: 1}


def test_a_reviewer_cannot_undo_anothers_answer(repositories: Repositories, image: Image) -> None:
    answer(repositories, image, Verdict.DEFECT, answer_id=CLICK)

    with pytest.raises(Conflict, match="cat has no such answer"):
        undo(repositories, image, CLICK, "cat")


def test_a_verdict_of_the_model_gets_a_second_review_by_the_policys_spot_check(
    repositories: Repositories, clock: Clock, assigner: ReviewAssigner
) -> None:
    pipeline = replace(repositories.pipeline(CLEARLY_OK), policy=replace(POLICY, spot_check_share=1.0))
    image = pipeline.upload()
    pipeline.inspected(image)
    (row,) = assigner.assign("bob")

    second = answer(repositories, image, Verdict.DEFECT)

    assert row.image == image
    assert (second.first_decided_by, second.first_verdict) == (second_review.MODEL, Verdict.OK)


@pytest.mark.parametrize(("prediction", "share"), [(DOUBTFUL, 0.05), (CLEAR, 0.1)])
def test_about_the_requested_share_is_sampled_and_always_the_same_photos(
    prediction: Prediction, share: float
) -> None:
    policy = replace(POLICY, spot_check_share=0.1, second_review_share=0.05)
    ids = [inspection_id(Image("b", f"part-{number}.png", "v")) for number in range(4000)]

    def sample() -> list[str]:
        return [row_id for row_id in ids if is_sampled(policy, row_id, prediction)]

    sampled = sample()

    assert sampled == sample()
    assert share * 0.8 < len(sampled) / len(ids) < share * 1.2


def test_a_larger_share_contains_the_photos_of_a_smaller_one() -> None:
    small, large = (replace(POLICY, second_review_share=share) for share in (0.05, 0.2))
    ids = [inspection_id(Image("b", f"part-{number}.png", "v")) for number in range(1000)]

    assert all(is_sampled(large, row_id, DOUBTFUL) for row_id in ids if is_sampled(small, row_id, DOUBTFUL))


def test_no_photo_is_sampled_with_a_share_of_zero(repositories: Repositories, clock: Clock) -> None:
    pipeline = replace(repositories.pipeline(), policy=replace(POLICY, second_review_share=0.0))
    decided(pipeline)

    assert queues(repositories) == {}
