"""A refused condition is an answer, a service that could not answer is a fault."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from workflow.aws.items import to_item
from workflow.aws.reviews import DynamoReviews
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditEntry, Hold, Inspection, Lease, State
from workflow.inspections.objects import Image

AT = "2026-03-01T12:00:00.000Z"
ENTRY = AuditEntry("i1", AT, "ann", "hold")
IMAGE = Image("inbound", "a.png", "v1")
ROW = Inspection("i1", IMAGE, "i1-1", 1, State.WAITING, AT, AT, AT, IMAGE)
LEASE, HOLD = Lease("ann", "2026-03-01T12:05:00.000Z"), Hold("ann", AT, "why")


class Refusing:
    """A DynamoDB that says no, for one reason."""

    def __init__(self, code: str, *reasons: str) -> None:
        self.answer: dict[str, Any] = {"Error": {"Code": code, "Message": ""}}
        self.answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]

        self.calls, self.gives_way_after = 0, 1_000

    def update_item(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.calls > self.gives_way_after:
            return {"Attributes": to_item(ROW)}
        raise ClientError(self.answer, "UpdateItem")  # type: ignore[arg-type]

    transact_write_items = update_item


def reviews(code: str, *reasons: str) -> DynamoReviews:
    return DynamoReviews("ledger", "audit", Refusing(code, *reasons))


@pytest.mark.parametrize(
    "refusal",
    [
        ("TransactionConflictException",),
        ("TransactionCanceledException", "TransactionConflict", "None"),
    ],
)
def test_a_write_that_met_a_transaction_is_tried_again(refusal: tuple[str, ...]) -> None:
    dynamodb = Refusing(*refusal)
    dynamodb.gives_way_after = 3
    busy = DynamoReviews("ledger", "audit", dynamodb)

    assert busy.lease("i1", LEASE, AT) == ROW
    dynamodb.calls = 0
    busy.hold("i1", HOLD, ENTRY)
    assert dynamodb.calls == 4


def test_what_is_refused_is_not_tried_again() -> None:
    dynamodb = Refusing("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed")

    with pytest.raises(Conflict):
        DynamoReviews("ledger", "audit", dynamodb).hold("i1", HOLD, ENTRY)
    assert dynamodb.calls == 1


def test_what_is_not_to_be_had_is_no_fault() -> None:
    refused = reviews("ConditionalCheckFailedException")

    assert refused.lease("i1", LEASE, AT) is None
    assert refused.free("i1", "ann") is False


def test_a_hold_that_came_too_late_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="i1: it changed meanwhile"):
        reviews("TransactionCanceledException", "ConditionalCheckFailed", "None").hold("i1", HOLD, ENTRY)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TransactionConflictException", "InternalServerError"]
)
def test_a_service_that_could_not_answer_is_a_fault(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        reviews(code).lease("i1", LEASE, AT)
    with pytest.raises(ClientError, match=code):
        reviews(code).free("i1", "ann")


def test_a_transaction_that_met_another_is_no_conflict_of_people() -> None:
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        reviews("TransactionCanceledException", "TransactionConflict", "None").unhold("i1", ENTRY)
