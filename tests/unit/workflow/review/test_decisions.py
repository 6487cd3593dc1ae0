"""A saved decision is never overruled, and it arrives even if a process crashes on the way."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryInspectionRepository
from tests.unit.pipeline import UNSURE, Pipeline
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Inspection,
    InspectionState,
)
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.review import decisions

TOKEN = "AQDEAAAAKgAAAAMA-secret"


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(detector=FakeDetector(UNSURE))


@pytest.fixture
def asked(pipeline: Pipeline) -> tuple[Image, str]:
    """A photo whose review is open with one token, and the execution that waits."""
    image = pipeline.upload()
    return image, pipeline.waiting(image, TOKEN)


def open_review(pipeline: Pipeline, image: Image, **ports: Any) -> None:
    """Open a review again with other ports than the pipeline's."""
    replace(pipeline, **ports).ask(image, pipeline.row(image).owner, TOKEN)


def unclear(pipeline: Pipeline) -> tuple[Image, str]:
    """Move a photo to unclear, right before its review is opened."""
    image = pipeline.upload()
    owner = pipeline.begin(image)
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


def test_a_decision_that_stands_is_delivered_when_asked_again(
    pipeline: Pipeline, asked: tuple[Image, str]
) -> None:
    image, owner = asked
    pipeline.decide(image, Verdict.OK)
    pipeline.decisions.sent.clear()

    pipeline.ask(image, owner, TOKEN)

    assert pipeline.decisions.sent == [decisions.delivery_message(pipeline.row(image).id)]
    assert pipeline.deliver(image) == "delivered"
    assert pipeline.executions.answers[-1][0] == TOKEN


class Overtaken:
    """A port whose calls are counted; a decision overtakes one of them and is delivered at once."""

    def __init__(self, port: Any, names: set[str], on_call: Callable[[str], None]) -> None:
        self._port, self._names, self._on_call = port, names, on_call

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name == "put":  # The decision comes after the token is stored, but before any read.
                self._port.put(*arguments)
            self._on_call(name)
            return None if name == "put" else getattr(self._port, name)(*arguments)

        return call if name in self._names else getattr(self._port, name)


@pytest.mark.parametrize("overtaken_call", ["get", "put", "record_review"])
def test_a_decision_while_the_review_is_opened_never_waits_for_the_timeout(
    pipeline: Pipeline, overtaken_call: str
) -> None:
    """The token is stored before the row is read again. The other order would lose the delivery."""
    image = pipeline.upload()
    pipeline.waiting(image, "dead by now")
    pipeline.executions.live_tokens = {TOKEN}
    calls: list[str] = []

    def decide(name: str) -> None:
        calls.append(name)
        if name == overtaken_call:
            pipeline.decide(image, Verdict.DEFECT)
            pipeline.deliver(image)

    open_review(
        pipeline,
        image,
        inspections=Overtaken(pipeline.inspections, {"get", "record_review"}, decide),
        task_tokens=Overtaken(pipeline.task_tokens, {"put"}, decide),
    )
    if pipeline.decisions.sent:
        pipeline.deliver(image)

    assert calls == ["get", "put", "record_review"]
    assert [token for token, _ in pipeline.executions.answers] == [TOKEN]


def test_escalating_starts_the_next_round_once_and_notifies_a_supervisor(
    pipeline: Pipeline, asked: tuple[Image, str]
) -> None:
    image, owner = asked

    answers = [pipeline.escalate(image, owner) for _ in range(2)]  # The first answer was lost.
    pipeline.ask(image, owner, TOKEN)

    row = pipeline.row(image)
    assert answers == [{"decided": False, "round": 2}] * 2
    assert row.review is not None
    assert (row.review.round, row.review.escalated) == (2, True)
    assert json.loads(pipeline.escalations.sent[0]) == {
        "inspection_id": row.id,
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id},
        "waiting_since": row.review.opened_at,
        "round": 2,
    }


def test_a_decision_that_came_before_the_timeout_wins(pipeline: Pipeline, asked: tuple[Image, str]) -> None:
    image, owner = asked
    pipeline.decide(image, Verdict.DEFECT)
    before = pipeline.row(image)

    assert pipeline.escalate(image, owner) == {"decided": True}
    assert before.decision is not None
    assert pipeline.row(image) == replace(before, decision=replace(before.decision, finalized=True))
    assert pipeline.escalations.sent == []


def test_a_decision_between_the_read_and_the_escalation_wins(
    pipeline: Pipeline, asked: tuple[Image, str]
) -> None:
    image, owner = asked

    class RacingRepository(InMemoryInspectionRepository):
        def get(self, inspection: str) -> Inspection | None:
            row = pipeline.inspections.get(inspection)
            if row is not None and row.decision is None:
                pipeline.decide(image, Verdict.OK)
            return row

    racing = replace(pipeline, inspections=RacingRepository(pipeline.inspections.dynamodb))

    assert racing.escalate(image, owner) == {"decided": True}
    assert pipeline.row(image).decision is not None
    assert pipeline.escalations.sent == []


def test_a_review_that_is_not_open_cannot_be_escalated(pipeline: Pipeline) -> None:
    image, owner = unclear(pipeline)

    with pytest.raises(Conflict, match="no review is open"):
        pipeline.escalate(image, owner)


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_a_decision_is_stored_with_its_audit_entry_and_its_delivery_is_requested(
    pipeline: Pipeline, asked: tuple[Image, str], verdict: Verdict
) -> None:
    decision = pipeline.decide(asked[0], verdict, "ann", "a crack")

    row, at = pipeline.row(asked[0]), decision.decided_at
    facts = {"verdict": verdict, "reviewer": "ann", "reason": "a crack"}
    assert row.decision == decision == Decision(id=decision.id, decided_at=at, effective_at=at, **facts)
    assert pipeline.inspections.entries == [
        AuditEntry(
            inspection_id=row.id,
            at=at,
            actor="ann",
            action=AuditAction.DECIDE,
            before="unclear",
            after=verdict,
            reason="a crack",
            decision_id=decision.id,
        )
    ]
    assert pipeline.decisions.sent == [json.dumps({"inspection_id": row.id})]


@pytest.mark.parametrize(
    ("verdict", "reason", "refusal"),
    [
        (Verdict.UNCLEAR, "", "ok or defect"),
        (Verdict.REJECTED, "", "ok or defect"),
        (Verdict.OK, "x" * 2001, "at most 2,000 characters, not 2,001"),
    ],
)
def test_a_reviewer_decides_ok_or_defect_with_a_reason_that_a_message_can_carry(
    pipeline: Pipeline, asked: tuple[Image, str], verdict: Verdict, reason: str, refusal: str
) -> None:
    with pytest.raises(ValueError, match=refusal):
        pipeline.decide(asked[0], verdict, reason=reason)
    assert pipeline.decide(asked[0], Verdict.OK, reason="x" * 2000)


def test_the_second_decision_is_refused_with_the_name_of_the_first_reviewer(
    pipeline: Pipeline, asked: tuple[Image, str]
) -> None:
    first = pipeline.decide(asked[0], Verdict.OK, "ann")

    with pytest.raises(Conflict, match=f"ann decided ok at {first.decided_at}"):
        pipeline.decide(asked[0], Verdict.DEFECT, "bob")
    assert pipeline.row(asked[0]).decision == first
    actions = [(entry.actor, entry.action) for entry in pipeline.inspections.entries]
    assert actions == [("ann", "decide"), ("bob", "conflict")]


def test_of_two_decisions_at_once_the_slower_is_refused_with_the_name_of_the_faster(
    pipeline: Pipeline, asked: tuple[Image, str]
) -> None:
    class RacingRepository(InMemoryInspectionRepository):
        def record_decision(self, inspection: str, decision: Decision, entry: AuditEntry) -> None:
            pipeline.decide(asked[0], Verdict.OK, "ann")
            super().record_decision(inspection, decision, entry)

    racing = replace(pipeline, inspections=RacingRepository(pipeline.inspections.dynamodb))

    with pytest.raises(Conflict, match="ann decided ok"):
        racing.decide(asked[0], Verdict.DEFECT, "bob")
    assert [(entry.actor, entry.action, entry.before) for entry in pipeline.inspections.entries] == [
        ("ann", "decide", "unclear"),
        ("bob", "conflict", "ok"),
    ]


def test_a_photo_that_does_not_wait_cannot_be_decided(pipeline: Pipeline) -> None:
    image, _ = unclear(pipeline)

    with pytest.raises(Conflict, match=r"does not wait for a decision \(it is inspecting\)"):
        pipeline.decide(image, Verdict.OK)
    with pytest.raises(NotFound):
        pipeline.decide(Image("b", "unknown", "v"), Verdict.OK)


def test_a_delivered_decision_carries_its_id_is_answered_once_and_no_token_remains(
    pipeline: Pipeline, asked: tuple[Image, str]
) -> None:
    decision = pipeline.decide(asked[0], Verdict.DEFECT)

    deliveries = [pipeline.deliver(asked[0]), pipeline.deliver(asked[0])]

    assert deliveries == ["delivered", "the execution continues by itself"]
    assert pipeline.executions.answers == [(TOKEN, {"decision_id": decision.id, "verdict": "defect"})]
    assert pipeline.task_tokens.tokens == {}


def test_without_a_decision_nothing_is_delivered(pipeline: Pipeline, asked: tuple[Image, str]) -> None:
    assert pipeline.deliver(asked[0]) == "nothing to deliver"
    assert pipeline.deliver(Image("b", "unknown", "v")) == "nothing to deliver"
    assert pipeline.task_tokens.list_tokens(inspection_id(asked[0])) == [TOKEN]


@pytest.mark.parametrize("lost", ["token", "execution"])
def test_a_decision_without_a_live_token_waits_for_the_next_token(
    pipeline: Pipeline, asked: tuple[Image, str], lost: str
) -> None:
    pipeline.decide(asked[0], Verdict.OK)
    pipeline.task_tokens.clear() if lost == "token" else pipeline.executions.live_tokens.clear()

    assert pipeline.deliver(asked[0]) == "the execution continues by itself"
    assert pipeline.task_tokens.tokens == {}


def test_dead_tokens_do_not_block_the_live_token(pipeline: Pipeline, asked: tuple[Image, str]) -> None:
    """A worker may sleep until its caller gives up, and store its token after the retry stored its own."""
    inspection = pipeline.row(asked[0]).id
    pipeline.decide(asked[0], Verdict.OK)
    pipeline.task_tokens.clear()
    for token in ("dead", TOKEN, "dead too"):
        pipeline.task_tokens.put(inspection, token, 1)

    assert pipeline.deliver(asked[0]) == "delivered"
    assert pipeline.executions.answers[-1][0] == TOKEN
    assert pipeline.task_tokens.list_tokens(inspection) == ["dead"]


def test_no_message_contains_a_token(pipeline: Pipeline, asked: tuple[Image, str]) -> None:
    pipeline.escalate(*asked)
    pipeline.decide(asked[0], Verdict.OK)

    assert TOKEN not in "".join(pipeline.decisions.sent + pipeline.escalations.sent)
