"""A saved decision is never overruled, and it arrives even if a process crashes on the way."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryInspectionRepository, InMemoryTaskTokenStore
from tests.unit.pipeline import UNSURE, Pipeline
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Inspection,
    InspectionState,
    Review,
)
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.recovery import decision_delivery
from workflow.review import decisions

TOKEN = "AQDEAAAAKgAAAAMA-secret"


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(detector=FakeDetector(UNSURE))


def deliver(pipeline: Pipeline, tokens: InMemoryTaskTokenStore, image: Image) -> str:
    """Deliver with another token store than the pipeline's."""
    return decision_delivery.deliver(
        pipeline.inspections, tokens, pipeline.executions, pipeline.decisions, inspection_id(image)
    )


def unclear(pipeline: Pipeline) -> tuple[Image, str]:
    """Move a photo to unclear, right before its review is opened."""
    image = pipeline.upload()
    owner = pipeline.start(image)
    pipeline.claim(image, owner)
    pipeline.detect(image, owner)
    pipeline.move(image, owner, "unclear")
    return image, owner


def test_asking_opens_the_review_and_stores_the_token(pipeline: Pipeline) -> None:
    image, owner = unclear(pipeline)

    pipeline.ask(image, owner, TOKEN)

    row = pipeline.row(image)
    assert (row.state, row.decision) == (InspectionState.WAITING, None)
    assert row.review is not None
    assert (row.review.round, row.review.escalated) == (1, False)
    assert row.review.deadline > row.review.opened_at
    assert pipeline.task_tokens.list_tokens(row.id) == [TOKEN]
    assert pipeline.decisions.sent == []


def test_asking_again_keeps_the_first_opening_and_every_token(pipeline: Pipeline) -> None:
    image, owner = unclear(pipeline)
    pipeline.ask(image, owner, "old")
    opened = pipeline.row(image).review

    pipeline.ask(image, owner, TOKEN)

    reopened = pipeline.row(image).review
    assert opened is not None
    assert reopened is not None
    assert (reopened.opened_at, reopened.round) == (opened.opened_at, 1)
    assert reopened.deadline >= opened.deadline
    assert pipeline.task_tokens.list_tokens(pipeline.row(image).id) == [TOKEN, "old"]


def test_an_execution_that_lost_its_ownership_does_not_replace_the_token(pipeline: Pipeline) -> None:
    image, owner = unclear(pipeline)
    pipeline.ask(image, owner, TOKEN)

    with pytest.raises(OwnershipLost):
        pipeline.ask(image, "another execution", "stale")
    assert pipeline.task_tokens.list_tokens(pipeline.row(image).id) == [TOKEN]


def test_a_decision_that_stands_is_delivered_when_asked_again(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    pipeline.decide(image, Verdict.OK)
    pipeline.decisions.sent.clear()
    pipeline.executions.live_tokens = {TOKEN}

    pipeline.ask(image, owner, TOKEN)

    assert pipeline.decisions.sent == [decisions.delivery_message(pipeline.row(image).id)]
    assert pipeline.deliver(image) == "delivered"
    assert pipeline.executions.answers[-1][0] == TOKEN


def test_a_decision_between_storing_the_token_and_reading_the_row_is_delivered() -> None:
    """The token is stored before the row is read. The other order would lose the delivery."""
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image, "dead by now")
    pipeline.executions.live_tokens = {TOKEN}

    class DecidingTokenStore(InMemoryTaskTokenStore):
        def put(self, inspection: str, token: str, attempt: int) -> None:
            super().put(inspection, token, attempt)
            pipeline.decide(image, Verdict.DEFECT)
            deliver(pipeline, self, image)

    decisions.open_review(
        pipeline.inspections,
        DecidingTokenStore(),
        pipeline.decisions,
        inspection_id=pipeline.row(image).id,
        owner=owner,
        token=TOKEN,
        seconds=60,
    )

    assert [token for token, _ in pipeline.executions.answers] == [TOKEN]


def test_a_decision_while_the_review_is_opened_never_waits_for_the_timeout() -> None:
    """The decision may overtake any call of `open_review`, and the newest token is answered."""
    for overtaken_call in range(3):
        pipeline = Pipeline(detector=FakeDetector(UNSURE))
        image = pipeline.upload()
        owner = pipeline.waiting(image, "dead by now")
        pipeline.executions.live_tokens = {TOKEN}
        calls: list[str] = []

        def decide_at(
            name: str,
            calls: list[str] = calls,
            pipeline: Pipeline = pipeline,
            image: Image = image,
            at: int = overtaken_call,
        ) -> None:
            calls.append(name)
            if len(calls) == at + 1:
                pipeline.decide(image, Verdict.DEFECT)
                pipeline.deliver(image)

        class OvertakenTokenStore(InMemoryTaskTokenStore):
            def put(
                self,
                inspection: str,
                token: str,
                attempt: int,
                on_call: Any = decide_at,
                pipeline: Pipeline = pipeline,
            ) -> None:
                pipeline.task_tokens.put(inspection, token, attempt)
                on_call("put")

        class OvertakenRepository(InMemoryInspectionRepository):
            def get(
                self, inspection: str, on_call: Any = decide_at, pipeline: Pipeline = pipeline
            ) -> Inspection | None:
                on_call("get")
                return pipeline.inspections.get(inspection)

            def record_review(
                self,
                inspection: str,
                owner: str,
                review: Review,
                priority: str,
                on_call: Any = decide_at,
                pipeline: Pipeline = pipeline,
            ) -> Inspection:
                on_call("record_review")
                return pipeline.inspections.record_review(inspection, owner, review, priority)

        decisions.open_review(
            OvertakenRepository(),
            OvertakenTokenStore(),
            pipeline.decisions,
            inspection_id=pipeline.row(image).id,
            owner=owner,
            token=TOKEN,
            seconds=60,
        )
        if pipeline.decisions.sent:
            pipeline.deliver(image)

        assert calls == ["get", "put", "record_review"]
        assert [token for token, _ in pipeline.executions.answers] == [TOKEN]


def test_escalating_starts_the_next_round_and_notifies_a_supervisor(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image)

    answer = pipeline.escalate(image, owner)

    row = pipeline.row(image)
    assert answer == {"decided": False, "round": 2}
    assert row.review is not None
    assert (row.review.round, row.review.escalated) == (2, True)
    assert json.loads(pipeline.escalations.sent[0]) == {
        "inspection_id": row.id,
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id},
        "waiting_since": row.review.opened_at,
        "round": 2,
    }


def test_an_escalated_review_keeps_its_round_when_it_is_opened_again(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    pipeline.escalate(image, owner)

    pipeline.ask(image, owner, TOKEN)

    review = pipeline.row(image).review
    assert review is not None
    assert (review.round, review.escalated) == (2, True)


def test_a_decision_that_came_before_the_timeout_wins(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    pipeline.decide(image, Verdict.DEFECT)
    before = pipeline.row(image)

    assert pipeline.escalate(image, owner) == {"decided": True}
    assert before.decision is not None
    assert pipeline.row(image) == replace(before, decision=replace(before.decision, finalized=True))
    assert pipeline.escalations.sent == []


def test_a_decision_between_the_read_and_the_escalation_wins(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image)

    class RacingRepository(InMemoryInspectionRepository):
        def get(self, inspection: str) -> Inspection | None:
            row = pipeline.inspections.get(inspection)
            pipeline.decide(image, Verdict.OK)
            return row

    racing = RacingRepository()
    racing.rows = pipeline.inspections.rows

    answer = decisions.escalate(racing, pipeline.escalations, pipeline.row(image).id, owner)

    assert answer == {"decided": True}
    assert pipeline.row(image).decision is not None
    assert pipeline.escalations.sent == []


def test_a_review_that_is_not_open_cannot_be_escalated(pipeline: Pipeline) -> None:
    image, owner = unclear(pipeline)

    with pytest.raises(Conflict, match="no review is open"):
        pipeline.escalate(image, owner)


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_a_decision_is_stored_with_its_audit_entry_and_its_delivery_is_requested(
    pipeline: Pipeline, verdict: Verdict
) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)

    decision = pipeline.decide(image, verdict, "ann", "a crack")

    row = pipeline.row(image)
    at = decision.decided_at
    assert (
        row.decision
        == decision
        == Decision(
            id=decision.id, verdict=verdict, reviewer="ann", decided_at=at, reason="a crack", effective_at=at
        )
    )
    assert pipeline.inspections.get_audit_trail(row.id) == [
        AuditEntry(
            inspection_id=row.id,
            at=decision.decided_at,
            actor="ann",
            action=AuditAction.DECIDE,
            before="unclear",
            after=verdict,
            reason="a crack",
            decision_id=decision.id,
        )
    ]
    assert pipeline.decisions.sent == [json.dumps({"inspection_id": row.id})]


@pytest.mark.parametrize("verdict", [Verdict.UNCLEAR, Verdict.REJECTED])
def test_a_reviewer_decides_ok_or_defect(pipeline: Pipeline, verdict: Verdict) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)

    with pytest.raises(ValueError, match="ok or defect"):
        pipeline.decide(image, verdict)


def test_a_reason_that_no_message_could_carry_is_refused(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)

    with pytest.raises(ValueError, match="at most 2,000 characters, not 2,001"):
        pipeline.decide(image, Verdict.OK, reason="x" * 2001)
    assert pipeline.decide(image, Verdict.OK, reason="x" * 2000)


def test_the_second_decision_is_refused_with_the_name_of_the_first_reviewer(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)
    first = pipeline.decide(image, Verdict.OK, "ann")

    with pytest.raises(Conflict, match=f"ann decided ok at {first.decided_at}"):
        pipeline.decide(image, Verdict.DEFECT, "bob")
    assert pipeline.row(image).decision == first
    assert [(entry.actor, entry.action) for entry in pipeline.inspections.entries] == [
        ("ann", "decide"),
        ("bob", "conflict"),
    ]


def test_of_two_decisions_at_once_the_slower_is_refused_with_the_name_of_the_faster(
    pipeline: Pipeline,
) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)

    class RacingRepository(InMemoryInspectionRepository):
        def record_decision(self, inspection: str, decision: Decision, entry: AuditEntry) -> None:
            if not self.entries:
                self.entries.append(entry)
                pipeline.decide(image, Verdict.OK, "ann")
            pipeline.inspections.record_decision(inspection, decision, entry)

    racing = RacingRepository()
    racing.rows = pipeline.inspections.rows

    with pytest.raises(Conflict, match="ann decided ok"):
        decisions.decide(racing, pipeline.decisions, pipeline.row(image).id, Verdict.DEFECT, "bob")
    assert [entry.actor for entry in pipeline.inspections.entries] == ["ann"]
    assert [(entry.actor, entry.action, entry.before) for entry in racing.entries[1:]] == [
        ("bob", "conflict", "ok")
    ]


def test_a_photo_that_does_not_wait_cannot_be_decided(pipeline: Pipeline) -> None:
    image, _ = unclear(pipeline)

    with pytest.raises(Conflict, match=r"does not wait for a decision \(it is inspecting\)"):
        pipeline.decide(image, Verdict.OK)
    with pytest.raises(NotFound):
        pipeline.decide(Image("b", "unknown", "v"), Verdict.OK)


def test_a_delivered_decision_carries_its_id_and_no_token_remains(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    decision = pipeline.decide(image, Verdict.DEFECT)

    assert pipeline.deliver(image) == "delivered"
    assert pipeline.executions.answers == [(TOKEN, {"decision_id": decision.id, "verdict": "defect"})]
    assert pipeline.task_tokens.tokens == {}


def test_a_decision_delivered_twice_is_answered_once(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    pipeline.decide(image, Verdict.OK)

    assert [pipeline.deliver(image), pipeline.deliver(image)] == [
        "delivered",
        "the execution continues by itself",
    ]
    assert len(pipeline.executions.answers) == 1


def test_without_a_decision_nothing_is_delivered(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)

    assert pipeline.deliver(image) == "nothing to deliver"
    assert pipeline.deliver(Image("b", "unknown", "v")) == "nothing to deliver"
    assert pipeline.task_tokens.list_tokens(inspection_id(image)) == [TOKEN]


def test_a_decision_without_a_token_waits_for_the_next_token(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    pipeline.decide(image, Verdict.OK)
    pipeline.task_tokens.tokens.clear()

    assert pipeline.deliver(image) == "the execution continues by itself"


def test_a_dead_token_is_removed(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    pipeline.decide(image, Verdict.OK)
    pipeline.executions.live_tokens.clear()

    assert pipeline.deliver(image) == "the execution continues by itself"
    assert pipeline.task_tokens.tokens == {}


def test_dead_tokens_do_not_block_the_live_token(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image, TOKEN)
    pipeline.decide(image, Verdict.OK)
    pipeline.task_tokens.tokens[pipeline.row(image).id] = ["dead", TOKEN, "dead too"]

    assert pipeline.deliver(image) == "delivered"
    assert pipeline.executions.answers[-1][0] == TOKEN
    assert pipeline.task_tokens.list_tokens(pipeline.row(image).id) == ["dead"]


def test_a_late_dead_token_does_not_block_the_delivery(pipeline: Pipeline) -> None:
    """A worker slept until its caller gave up. Meanwhile the retry stored its own token."""
    image = pipeline.upload()
    owner = pipeline.waiting(image, TOKEN)
    pipeline.ask(image, owner, "of the sleeping worker")

    pipeline.decide(image, Verdict.OK)

    assert pipeline.deliver(image) == "delivered"
    assert pipeline.executions.answers[-1][0] == TOKEN


def test_a_token_of_an_abandoned_attempt_is_never_answered() -> None:
    tokens = InMemoryTaskTokenStore()
    tokens.put("i1", "of attempt 1", 1)
    tokens.put("i1", "of attempt 2", 2)
    tokens.put("i1", "late, of attempt 1", 1)
    tokens.put("i1", "of attempt 2 again", 2)

    assert tokens.list_tokens("i1") == ["of attempt 2 again", "of attempt 2"]


def test_no_message_contains_a_token(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image, TOKEN)
    pipeline.escalate(image, owner)
    pipeline.decide(image, Verdict.OK)

    assert TOKEN not in "".join(pipeline.decisions.sent + pipeline.escalations.sent)


def test_an_escalation_whose_answer_was_lost_counts_its_round_once(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.waiting(image, TOKEN)

    first = decisions.escalate(pipeline.inspections, pipeline.escalations, pipeline.row(image).id, owner)
    again = decisions.escalate(pipeline.inspections, pipeline.escalations, pipeline.row(image).id, owner)

    assert first == again == {"decided": False, "round": 2}
