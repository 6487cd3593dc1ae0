"""A decision can be undone within its undo window, in which it has no effect, and not a moment longer."""

import uuid

import pytest

from tests.unit.pipeline import Pipeline
from tests.unit.workflow.conftest import Clock, Repositories
from workflow import timestamps
from workflow.errors import Conflict, NotFound
from workflow.inspections.inspection import Decision, Inspection, Lease
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.undo_window import DecisionStatus, decision_progress
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing
from workflow.recovery.decision_delivery import DeliveryOutcome
from workflow.review import decisions
from workflow.review.decisions import MAX_DEFECT_CLASS_LENGTH
from workflow.review.queue import LEASE_SECONDS

TOKEN = "AQDEAAAAKgAAAAMA-secret"
CLICK = str(uuid.uuid4())


@pytest.fixture
def pipeline(repositories: Repositories, clock: Clock) -> Pipeline:
    return repositories.pipeline()


@pytest.fixture
def image(pipeline: Pipeline) -> Image:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    return image


def decide(pipeline: Pipeline, image: Image, reviewer: str = "ann", click: str = CLICK) -> Decision:
    return pipeline.decide(image, Verdict.DEFECT, reviewer, decision_id=click, undo_seconds=8)


@pytest.fixture
def first(pipeline: Pipeline, image: Image) -> Decision:
    """The decision of ann, which can be undone for eight seconds."""
    return decide(pipeline, image)


def undo(pipeline: Pipeline, image: Image, reviewer: str = "ann", click: str = CLICK) -> Inspection:
    return decisions.undo(pipeline.inspections, inspection_id(image), click, reviewer)


def status(pipeline: Pipeline, image: Image) -> DecisionStatus | None:
    progress = decision_progress(pipeline.row(image))
    return progress.status if progress else None


def trail(pipeline: Pipeline) -> list[tuple[str, ...]]:
    return [(entry.action, entry.actor, entry.before, entry.after) for entry in pipeline.inspections.entries]


@pytest.mark.usefixtures("first")
def test_the_token_is_not_answered_while_the_decision_can_be_undone(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    for _ in range(8):
        assert pipeline.deliver(image) == DeliveryOutcome.UNDO_WINDOW_OPEN
        assert (pipeline.executions.answers, status(pipeline, image)) == ([], DecisionStatus.UNDOABLE)
        clock.turn(1)

    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
    assert [token for token, _ in pipeline.executions.answers] == [TOKEN]
    assert status(pipeline, image) is DecisionStatus.DELIVERED
    with pytest.raises(Conflict, match="too late to undo the decision: override the verdict"):
        undo(pipeline, image)
    assert not pipeline.row(image).awaits_decision


@pytest.mark.usefixtures("first")
def test_the_message_arrives_after_the_window_and_an_early_message_is_sent_again(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    clock.turn(2.5)
    pipeline.deliver(image)

    assert pipeline.decisions.delays == [8, 6]


@pytest.mark.usefixtures("first")
def test_an_undone_photo_is_open_again_and_leased_to_its_reviewer(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    clock.turn(7.9)

    row = undo(pipeline, image)

    assert row == pipeline.row(image) == undo(pipeline, image)
    assert (row.awaits_decision, row.undone_ids) == (True, (CLICK,))
    assert row.lease == Lease("ann", timestamps.add_seconds(clock.now, LEASE_SECONDS))
    assert trail(pipeline) == [("decide", "ann", "unclear", "defect"), ("undo", "ann", "defect", "unclear")]
    clock.turn(60)
    assert pipeline.deliver(image) == DeliveryOutcome.NOTHING
    assert pipeline.executions.answers == []


@pytest.mark.usefixtures("first")
def test_an_undone_click_that_arrives_again_decides_nothing_and_does_not_conflict_with_the_next_decision(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    undo(pipeline, image)

    with pytest.raises(Conflict, match="this decision was undone"):
        decide(pipeline, image)
    assert pipeline.row(image).awaits_decision
    clock.turn(1)
    pipeline.decide(image, Verdict.OK, "ann")
    with pytest.raises(Conflict, match="this decision was undone"):
        decide(pipeline, image)
    assert [action for action, *_ in trail(pipeline)] == ["decide", "undo", "decide"]


@pytest.mark.usefixtures("first")
def test_after_an_undo_the_photo_can_be_decided_again(pipeline: Pipeline, image: Image, clock: Clock) -> None:
    undo(pipeline, image)
    decision = pipeline.decide(image, Verdict.OK, "ann", undo_seconds=8)
    clock.turn(8)

    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
    assert pipeline.executions.answers == [(TOKEN, {"decision_id": decision.id, "verdict": "ok"})]


@pytest.mark.usefixtures("first")
def test_a_decision_whose_delivery_is_late_can_be_undone_until_then(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    clock.turn(3600)

    assert undo(pipeline, image).awaits_decision


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("reviewer", "click"), [("bob", CLICK), ("ann", str(uuid.uuid4()))], ids=["bob", "another"]
)
def test_a_reviewer_can_undo_only_their_own_decision(
    pipeline: Pipeline, image: Image, reviewer: str, click: str
) -> None:
    with pytest.raises(Conflict, match=f"{reviewer} has no such decision"):
        undo(pipeline, image, reviewer, click)
    assert not pipeline.row(image).awaits_decision


def test_finalize_and_undo_at_once_cannot_both_succeed(
    pipeline: Pipeline, image: Image, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of the two conditional writes is refused."""
    decide(pipeline, image)
    clock.turn(8)
    finalize = pipeline.inspections.finalize

    def overtaken(*arguments: str) -> bool:
        undo(pipeline, image)
        return bool(finalize(*arguments))

    monkeypatch.setattr(pipeline.inspections, "finalize", overtaken)

    assert pipeline.deliver(image) == DeliveryOutcome.UNDONE
    assert pipeline.row(image).awaits_decision
    assert pipeline.executions.answers == []


def test_the_same_click_is_one_decision_also_after_the_end(
    pipeline: Pipeline, image: Image, first: Decision, clock: Clock
) -> None:
    clock.turn(3)
    assert decide(pipeline, image) == first
    assert len(trail(pipeline)) == 1
    clock.turn(5)
    pipeline.deliver(image)
    pipeline.finish(image)

    repeated = decide(pipeline, image)

    assert (repeated.id, repeated.verdict, repeated.decided_at) == (first.id, first.verdict, first.decided_at)
    assert status(pipeline, image) is DecisionStatus.APPLIED


@pytest.mark.usefixtures("first")
def test_a_reviewer_cannot_use_the_id_of_anothers_decision(pipeline: Pipeline, image: Image) -> None:
    with pytest.raises(Conflict, match="this decision was made by ann"):
        decide(pipeline, image, "bob")


def test_an_assigned_photo_cannot_be_decided_by_another_reviewer_until_the_lease_expires(
    repositories: Repositories, pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    lease = Lease("ann", timestamps.add_seconds(clock.now, 300))
    repositories.reviews.lease(inspection_id(image), lease, clock.now)

    with pytest.raises(Conflict, match="assigned to ann"):
        decide(pipeline, image, "bob")
    assert trail(pipeline) == []
    clock.turn(301)
    assert decide(pipeline, image, "bob").reviewer == "bob"
    assert pipeline.row(image).lease is None


def test_an_assigned_photo_is_decided_by_its_reviewer(
    repositories: Repositories, pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    lease = Lease("ann", timestamps.add_seconds(clock.now, 300))
    repositories.reviews.lease(inspection_id(image), lease, clock.now)

    assert decide(pipeline, image, "ann").reviewer == "ann"
    assert pipeline.row(image).lease is None


def test_a_decision_that_lost_a_race_is_audited_and_names_the_winner(
    pipeline: Pipeline, image: Image, first: Decision, clock: Clock
) -> None:
    clock.turn(5)

    with pytest.raises(Conflict, match=f"ann decided defect at {first.decided_at}"):
        pipeline.decide(image, Verdict.OK, "bob", decision_id=str(uuid.uuid4()))
    assert trail(pipeline) == [("decide", "ann", "unclear", "defect"), ("conflict", "bob", "defect", "ok")]


def test_a_timeout_in_the_undo_window_neither_uses_nor_overrules_the_decision(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    owner = pipeline.row(image).owner
    decide(pipeline, image)
    pipeline.executions.live_tokens.clear()

    assert pipeline.escalate(image, owner) == {"decided": False, "round": 1}
    assert pipeline.escalations.sent == []
    pipeline.executions.live_tokens.add("next token")
    pipeline.ask(image, owner, "next token")

    assert pipeline.deliver(image) == DeliveryOutcome.UNDO_WINDOW_OPEN
    clock.turn(8)
    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
    assert [token for token, _ in pipeline.executions.answers] == ["next token"]


def test_an_undo_after_a_timeout_waits_for_the_next_decision(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    owner = pipeline.row(image).owner
    decide(pipeline, image)
    pipeline.escalate(image, owner)
    pipeline.executions.live_tokens.add("next token")
    pipeline.ask(image, owner, "next token")
    undo(pipeline, image)

    decision = pipeline.decide(image, Verdict.OK, "ann")

    assert pipeline.deliver(image) == DeliveryOutcome.DELIVERED
    assert pipeline.executions.answers == [("next token", {"decision_id": decision.id, "verdict": "ok"})]


def test_a_timeout_after_the_window_uses_the_decision_and_ends_the_window(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    decide(pipeline, image)
    clock.turn(8)

    assert pipeline.escalate(image, pipeline.row(image).owner) == {"decided": True}
    with pytest.raises(Conflict, match="too late"):
        undo(pipeline, image)


def test_asking_again_in_the_undo_window_sends_nothing_before_its_end(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    decide(pipeline, image)
    clock.turn(3)

    pipeline.ask(image, pipeline.row(image).owner, "next token")

    assert pipeline.decisions.delays == [8, 5]
    assert pipeline.executions.answers == []


def test_nothing_is_filed_by_a_decision_that_can_be_undone(
    pipeline: Pipeline, image: Image, clock: Clock
) -> None:
    """The token was answered from outside: the step is retried until the window ends."""
    owner = pipeline.row(image).owner
    decide(pipeline, image)

    with pytest.raises(Conflict, match="can still be undone"):
        pipeline.move(image, owner, filing.FilingTarget.REVIEWED)
    clock.turn(8)
    assert pipeline.move(image, owner, filing.FilingTarget.REVIEWED)["verdict"] == "defect"
    with pytest.raises(Conflict, match="too late"):
        undo(pipeline, image)


@pytest.mark.parametrize(
    ("verdict", "defect_class", "message"),
    [
        (Verdict.OK, "crack", "only a defect has a class"),
        (Verdict.DEFECT, "x" * (MAX_DEFECT_CLASS_LENGTH + 1), "at most 64 printable characters"),
        (Verdict.DEFECT, "a\nb", "at most 64 printable characters"),
    ],
)
def test_a_defect_class_is_a_short_name_for_a_defect(
    pipeline: Pipeline, image: Image, verdict: Verdict, defect_class: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pipeline.decide(image, verdict, defect_class=defect_class)


def test_the_class_is_stored_audited_and_announced(pipeline: Pipeline, image: Image) -> None:
    pipeline.decide(image, Verdict.DEFECT, defect_class="crack")
    pipeline.deliver(image)
    answer = pipeline.move(image, pipeline.row(image).owner, filing.FilingTarget.REVIEWED)

    assert '"defect_class":"crack"' in answer["announcement"]
    (entry,) = pipeline.inspections.get_audit_trail(inspection_id(image))
    assert entry.defect_class == "crack"


def test_a_decision_on_an_unknown_photo_cannot_be_undone(pipeline: Pipeline) -> None:
    with pytest.raises(NotFound):
        undo(pipeline, Image("b", "k", "v"))


def test_the_audit_day_lists_the_actions_of_people(pipeline: Pipeline, image: Image, clock: Clock) -> None:
    decide(pipeline, image)
    clock.turn(1)
    undo(pipeline, image)

    day = clock.now[:10]
    assert [entry.action for entry in pipeline.inspections.list_audit_day(day)] == ["decide", "undo"]
    assert [entry.action for entry in pipeline.inspections.list_audit_day(day, newest_first=True)] == [
        "undo",
        "decide",
    ]
    assert [entry.action for entry in pipeline.inspections.list_audit_day(day, since=clock.now)] == ["undo"]
    assert list(pipeline.inspections.list_audit_day("2026-03-01")) == []
