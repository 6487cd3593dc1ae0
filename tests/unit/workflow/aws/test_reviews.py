"""A refused condition is an answer, a service that could not answer is a fault."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from workflow.aws.reviews import DynamoReviews
from workflow.errors import Conflict
from workflow.inspection import AuditEntry, Hold, Lease

AT = "2026-03-01T12:00:00.000Z"
ENTRY = AuditEntry("i1", AT, "ann", "hold")
LEASE, HOLD = Lease("ann", "2026-03-01T12:05:00.000Z"), Hold("ann", AT, "why")


class Refusing:
    """A DynamoDB that says no, for one reason."""

    def __init__(self, code: str, *reasons: str) -> None:
        self.answer: dict[str, Any] = {"Error": {"Code": code, "Message": ""}}
        self.answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]

    def update_item(self, **_: Any) -> None:
        raise ClientError(self.answer, "UpdateItem")  # type: ignore[arg-type]

    def transact_write_items(self, **_: Any) -> None:
        raise ClientError(self.answer, "TransactWriteItems")  # type: ignore[arg-type]


def reviews(code: str, *reasons: str) -> DynamoReviews:
    return DynamoReviews("ledger", "audit", Refusing(code, *reasons))


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
