"""A failed condition is an outcome, a service error is raised."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from workflow.aws.items import to_inspection_item
from workflow.aws.reviews import DynamoReviewRepository
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditAction, AuditEntry, Hold, Inspection, InspectionState, Lease
from workflow.inspections.objects import Image

AT = "2026-03-01T12:00:00.000Z"
ENTRY = AuditEntry(inspection_id="i1", at=AT, actor="ann", action=AuditAction.HOLD)
IMAGE = Image("inbound", "a.png", "v1")
ROW = Inspection(
    id="i1",
    image=IMAGE,
    owner="i1-1",
    attempt=1,
    state=InspectionState.WAITING,
    uploaded_at=AT,
    claimed_at=AT,
    attempted_at=AT,
    location=IMAGE,
)
LEASE, HOLD = Lease("ann", "2026-03-01T12:05:00.000Z"), Hold("ann", AT, "why")


class Refusing:
    """A DynamoDB client that fails with one error."""

    def __init__(self, code: str, *reasons: str) -> None:
        self.answer: dict[str, Any] = {"Error": {"Code": code, "Message": ""}}
        self.answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]

        self.calls, self.gives_way_after = 0, 1_000

    def update_item(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.calls > self.gives_way_after:
            return {"Attributes": to_inspection_item(ROW)}
        raise ClientError(self.answer, "UpdateItem")  # type: ignore[arg-type]

    transact_write_items = update_item


def reviews(code: str, *reasons: str) -> DynamoReviewRepository:
    return DynamoReviewRepository("inspections", "audit", Refusing(code, *reasons))


@pytest.mark.parametrize(
    "refusal",
    [
        ("TransactionConflictException",),
        ("TransactionCanceledException", "TransactionConflict", "None"),
    ],
)
def test_a_write_that_conflicts_with_a_transaction_is_retried(refusal: tuple[str, ...]) -> None:
    dynamodb = Refusing(*refusal)
    dynamodb.gives_way_after = 3
    busy = DynamoReviewRepository("inspections", "audit", dynamodb)

    assert busy.lease("i1", LEASE, AT) == ROW
    dynamodb.calls = 0
    busy.hold("i1", HOLD, ENTRY)
    assert dynamodb.calls == 4


def test_a_failed_condition_is_not_retried() -> None:
    dynamodb = Refusing("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed")

    with pytest.raises(Conflict):
        DynamoReviewRepository("inspections", "audit", dynamodb).hold("i1", HOLD, ENTRY)
    assert dynamodb.calls == 1


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TransactionConflictException", "InternalServerError"]
)
def test_a_service_error_is_raised(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        reviews(code).lease("i1", LEASE, AT)
    with pytest.raises(ClientError, match=code):
        reviews(code).release_lease("i1", "ann")


def test_a_transaction_conflict_is_not_a_conflict_between_reviewers() -> None:
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        reviews("TransactionCanceledException", "TransactionConflict", "None").release_hold("i1", ENTRY)
