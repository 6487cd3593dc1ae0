"""Every change of a row has its condition, and a failed condition differs from a service error."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import resources
from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow import timestamps
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.items import to_attribute_values, to_inspection_item
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Inspection,
    InspectionState,
    Lease,
    Review,
)
from workflow.inspections.objects import Image, StoredObject
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.tables import AUDIT, INSPECTIONS

IMAGE = Image("inbound", "line 1/a b.png", "v1")
PLACE = StoredObject(image=Image("filed", "ok/1/a b.png", "v2"), size=5, etag='"copied"')
NOW = "2026-03-01T12:00:00.000Z"
ROW = Inspection(
    id="i1",
    image=IMAGE,
    owner="i1-1",
    attempt=1,
    state=InspectionState.INSPECTING,
    uploaded_at="2026-03-01T11:59:59Z",
    claimed_at=NOW,
    attempted_at=NOW,
    location=IMAGE,
)
DECISION = Decision(
    id="d1", verdict=Verdict.OK, reviewer="ann", decided_at="2026-03-01T12:30:00.000Z", reason="a reflection"
)
ENTRY = AuditEntry(
    inspection_id="i1",
    at=DECISION.decided_at,
    actor="ann",
    action=AuditAction.DECIDE,
    before="unclear",
    after="ok",
    reason="a reflection",
    decision_id="d1",
)
REVIEW = Review(opened_at="2026-03-01T12:00:00.000Z", round=1, deadline="2026-03-08T12:00:00.000Z")
PREDICTION = Prediction(
    verdict=Verdict.OK,
    label="ok",
    confidence=0.97,
    threshold=0.9,
    scores=(Score("ok", 0.97),),
    model="arn",
    policy_version="1",
)
WAITING = replace(ROW, state=InspectionState.WAITING, review=REVIEW)
EARLIER, LATER = "2026-03-01T12:29:59.999Z", "2026-03-01T12:30:00.001Z"  # Than the decision.
Call = Callable[[DynamoInspectionRepository], Any]
REJECTION = {"code": "c", "detail": "d"}
AT = "2026-03-01T12:01:00.000Z"
FILED = {
    "verdict": Verdict.OK,
    "location": PLACE.image,
    "pending_delete": IMAGE,
    "etag": PLACE.etag,
    "announcement": "told",
    "settled_at": AT,
}
ANSWERED: list[dict[str, Any]] = [{"prediction": PREDICTION}, {"rejection": {"code": "x", "detail": "y"}}]
MOVED: list[dict[str, Any]] = [{"location": PLACE.image}, {"announcement": "another"}]

# For each change: the call, what it changes in the row, and what it may not overwrite.
CHANGES: dict[str, tuple[Call, dict[str, Any], list[dict[str, Any]]]] = {
    "record_upload": (
        lambda repository: repository.record_upload(
            "i1", "i1-1", StoredObject(image=IMAGE, size=5, etag='"e"'), "abc", {"width": 64}, {}
        ),
        {"size": 5, "etag": '"e"', "sha256": "abc", "photo": {"width": 64}},
        [{"photo": {"width": 1}}, {"rejection": REJECTION}],
    ),
    "record_rejection": (
        lambda repository: repository.record_rejection("i1", "i1-1", REJECTION),
        {"rejection": REJECTION},
        ANSWERED,
    ),
    "record_prediction": (
        lambda repository: repository.record_prediction("i1", "i1-1", PREDICTION),
        {"prediction": PREDICTION},
        ANSWERED,
    ),
    "record_filing": (
        lambda repository: repository.record_filing(ROW, Verdict.OK, PLACE, "told", AT),
        FILED,
        MOVED,
    ),
    "record_filing as unclear": (
        lambda repository: repository.record_filing(ROW, Verdict.UNCLEAR, PLACE, "", AT),
        {**FILED, "verdict": Verdict.UNCLEAR, "announcement": "", "settled_at": ""},
        MOVED,
    ),
    "close": (
        lambda repository: repository.close("i1", "i1-1", AT),
        {"state": InspectionState.CLOSED, "closed_at": AT},
        [],
    ),
    "transfer_ownership": (
        lambda repository: repository.transfer_ownership(ROW, "i1-2", 2, NOW),
        {"owner": "i1-2", "attempt": 2, "attempted_at": NOW},
        [],
    ),
    "record_review": (
        lambda repository: repository.record_review("i1", "i1-1", REVIEW, "1-0"),
        {"state": InspectionState.WAITING, "review": REVIEW},
        [],
    ),
}


@pytest.fixture
def dynamodb() -> InMemoryDynamoDB:
    return InMemoryDynamoDB([InMemoryTable(INSPECTIONS), InMemoryTable(AUDIT)])


@pytest.fixture
def repository(dynamodb: InMemoryDynamoDB) -> DynamoInspectionRepository:
    return DynamoInspectionRepository(INSPECTIONS.name, AUDIT.name, dynamodb)


def add(dynamodb: InMemoryDynamoDB, row: Inspection, **marks: str) -> Inspection:
    """Store a row, with attributes that only indexes have."""
    item = {**to_inspection_item(row), **to_attribute_values(marks)}
    dynamodb.put_item(TableName=INSPECTIONS.name, Item=item)
    return row


def stored_item(dynamodb: InMemoryDynamoDB) -> dict[str, Any]:
    return dynamodb.tables[INSPECTIONS.name].items["i1",]


def test_a_claim_makes_the_row_in_one_call_or_returns_the_owners_unchanged(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(dynamodb, "get_item", None)
        assert repository.claim(ROW) == ROW
    assert repository.get("i1") == ROW
    repository.record_prediction("i1", "i1-1", PREDICTION)
    before = dict(stored_item(dynamodb))
    del before["unarchived"]
    dynamodb.put_item(TableName=INSPECTIONS.name, Item=before)

    assert repository.claim(ROW) == repository.get("i1") == replace(ROW, prediction=PREDICTION)
    assert stored_item(dynamodb) == before


def test_a_row_of_another_owner_is_not_claimed(repository: DynamoInspectionRepository) -> None:
    repository.claim(ROW)

    assert repository.claim(replace(ROW, owner="i1-2", attempt=2)) is None
    assert [repository.get("i1"), repository.get("i2")] == [ROW, None]


def test_rows_and_audit_entries_are_read_consistently(dynamodb: InMemoryDynamoDB) -> None:
    stale = InMemoryDynamoDB(dynamodb.tables.values(), is_index_stale=lambda _age: True)
    repository = DynamoInspectionRepository(INSPECTIONS.name, AUDIT.name, stale)
    repository.claim(ROW)
    repository.append_audit_entry(ENTRY)

    assert (repository.get("i1"), repository.get_audit_trail("i1")) == (ROW, [ENTRY])


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_sets_its_attributes_and_those_of_the_indexes(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, name: str
) -> None:
    call, changed, _ = CHANGES[name]
    add(dynamodb, ROW)
    if name in ("close", "record_review"):  # The archived execution is no longer complete.
        del stored_item(dynamodb)["unarchived"]

    assert call(repository) in (None, True, replace(ROW, **changed))

    marks = {"review_queue": "open", "priority": "1-0"} if name == "record_review" else {}
    assert stored_item(dynamodb) == to_inspection_item(replace(ROW, **changed)) | to_attribute_values(marks)


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"transfer_ownership"}))
def test_a_change_by_a_former_owner_is_refused(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, name: str
) -> None:
    row = add(dynamodb, replace(ROW, owner="i1-2"))

    with pytest.raises(OwnershipLost, match="belongs to i1-2, not to i1-1"):
        CHANGES[name][0](repository)
    assert repository.get("i1") == row


@pytest.mark.parametrize(
    ("name", "meanwhile"), [(name, change) for name, (*_, changes) in CHANGES.items() for change in changes]
)
def test_a_change_of_a_row_that_changed_meanwhile_is_a_conflict(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, name: str, meanwhile: dict[str, Any]
) -> None:
    row = add(dynamodb, replace(ROW, **meanwhile))

    with pytest.raises(Conflict, match="the row changed since it was read"):
        CHANGES[name][0](repository)
    assert repository.get("i1") == row


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_row_that_does_not_exist_says_so(
    repository: DynamoInspectionRepository, name: str
) -> None:
    with pytest.raises(NotFound, match="inspection i1: the inspections table has no row"):
        CHANGES[name][0](repository)


def fail(dynamodb: Any, code: str, *reasons: str) -> list[str]:
    """Let every write fail; return the list of the failures so far."""
    calls: list[str] = []

    def write(**_: Any) -> None:
        calls.append(code)
        response: Any = {"Error": {"Code": code}, "CancellationReasons": [{"Code": name} for name in reasons]}
        raise ClientError(response, "Write")

    dynamodb.update_item = dynamodb.transact_write_items = write
    return calls


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TransactionConflictException", "ProvisionedThroughputExceededException"]
)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_the_service_could_not_make_is_a_fault(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, name: str, code: str
) -> None:
    add(dynamodb, ROW)
    fail(dynamodb, code)

    with pytest.raises(ClientError, match=code):
        CHANGES[name][0](repository)


def test_closing_again_changes_nothing(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB
) -> None:
    row = add(dynamodb, replace(ROW, closed_at="2026"))

    repository.close("i1", "i1-1", AT)

    assert repository.get("i1") == row


@pytest.mark.parametrize("now", [{"owner": "i1-2"}, {"state": InspectionState.CLOSED}])
def test_ownership_of_a_changed_row_is_not_transferred(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, now: dict[str, Any]
) -> None:
    row = add(dynamodb, replace(ROW, **now))

    assert repository.transfer_ownership(ROW, "i1-3", 3, NOW) is False
    assert repository.get("i1") == row


@pytest.mark.parametrize("now", [{"decision": DECISION}, {"review": replace(REVIEW, round=2)}])
def test_a_decision_or_a_later_round_is_returned_instead_of_a_review(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, now: dict[str, Any]
) -> None:
    row = add(dynamodb, replace(WAITING, **now))

    review = replace(REVIEW, deadline="2026-03-09T12:00:00.000Z")
    assert repository.record_review("i1", "i1-1", review, "1-0") == row == repository.get("i1")


def test_a_review_that_is_opened_again_stays_on_hold(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB
) -> None:
    add(dynamodb, WAITING, review_queue="on_hold")

    repository.record_review("i1", "i1-1", replace(REVIEW, round=2), "1-0")

    assert stored_item(dynamodb)["review_queue"] == {"S": "on_hold"}


@pytest.mark.parametrize("lease", [None, Lease("ann", LATER), Lease("ann", EARLIER), Lease("bob", EARLIER)])
def test_a_decision_and_its_audit_entry_are_one_transaction(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, lease: Lease | None
) -> None:
    add(dynamodb, replace(WAITING, lease=lease), review_queue="open", priority="1-0")

    repository.record_decision("i1", DECISION, ENTRY)

    assert stored_item(dynamodb) == to_inspection_item(replace(WAITING, decision=DECISION))
    assert repository.get_audit_trail("i1") == [ENTRY]


@pytest.mark.parametrize(
    ("now", "queue"),
    [
        ({"state": InspectionState.INSPECTING}, "open"),
        ({"decision": replace(DECISION, id="d0")}, "open"),
        ({"lease": Lease("bob", LATER)}, "open"),
        ({"undone_ids": ("d1",)}, "open"),
        ({}, "on_hold"),
    ],
)
def test_a_decision_that_is_not_open_any_more_is_a_conflict(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, now: dict[str, Any], queue: str
) -> None:
    row = add(dynamodb, replace(WAITING, **now), review_queue=queue, priority="1-0")

    with pytest.raises(Conflict, match="changed meanwhile"):
        repository.record_decision("i1", DECISION, ENTRY)
    assert (repository.get("i1"), repository.get_audit_trail("i1")) == (row, [])


@pytest.mark.parametrize(
    ("code", "writes"),
    [("TransactionConflict", 4), ("ThrottlingError", 1), ("ProvisionedThroughputExceeded", 1)],
)
def test_a_decision_that_conflicts_with_another_writer_is_an_error(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, code: str, writes: int
) -> None:
    calls = fail(dynamodb, "TransactionCanceledException", code, "None")

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        repository.record_decision("i1", DECISION, ENTRY)
    assert len(calls) == writes


def test_the_sdk_makes_transactions_idempotent() -> None:
    """The SDK adds the token by which DynamoDB recognises a retry after a lost answer."""
    with stubbed("dynamodb") as (client, _):
        operation = client.meta.service_model.operation_model("TransactWriteItems")

    assert operation.idempotent_members == ["ClientRequestToken"]


@pytest.fixture
def rows(dynamodb: InMemoryDynamoDB) -> list[Inspection]:
    """Store seven rows, one a minute, and answer queries with pages of two."""
    dynamodb.page_size = 2
    times = [f"2026-03-01T12:0{minute}:00.000Z" for minute in range(7)]
    return [add(dynamodb, replace(ROW, id=f"i{at}", claimed_at=at)) for at in times]


def test_rows_in_a_state_come_oldest_first_page_by_page(
    repository: DynamoInspectionRepository, rows: list[Inspection]
) -> None:
    assert list(repository.list_by_state(InspectionState.INSPECTING)) == rows
    assert list(repository.list_by_state(InspectionState.WAITING)) == []
    assert repository.get_oldest(InspectionState.INSPECTING) == rows[0]
    assert repository.get_oldest(InspectionState.WAITING) is None


def test_rows_of_a_name_come_newest_first_up_to_a_limit_and_a_time(
    repository: DynamoInspectionRepository, rows: list[Inspection]
) -> None:
    assert repository.list_by_name("a b.png") == rows[::-1]
    assert repository.list_by_name("a b.png", 3) == rows[:3:-1]
    assert repository.list_by_name("a b.png", 3, rows[4].claimed_at) == rows[4:1:-1]
    assert repository.list_by_name("b.png") == []


def test_a_page_is_no_longer_than_the_rows_that_are_asked_for(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, rows: list[Inspection]
) -> None:
    limits: list[int] = []
    answer = dynamodb.query
    dynamodb.query = lambda **call: (limits.append(call["Limit"]), answer(**call))[1]  # type: ignore[method-assign]

    repository.get_oldest(InspectionState.INSPECTING)
    repository.list_by_name("a b.png", 2)

    assert limits == [1, 2]


def test_an_item_of_the_capacity_manager_is_not_an_inspection(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB
) -> None:
    meter = {"id": {"S": "model-power-meter"}, "meter": {"S": "{}"}}
    dynamodb.put_item(TableName=INSPECTIONS.name, Item=meter)

    assert repository.get("model-power-meter") is None


def test_the_newest_rows_are_found_day_by_day_back_to_the_oldest(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB
) -> None:
    assert repository.list_newest(1) == []
    now = timestamps.now()
    days = [timestamps.add_seconds(now, -86_400 * number) for number in (0, 1, 3)]
    stored = [add(dynamodb, replace(ROW, id=day, claimed_at=day)) for day in days]

    assert [repository.list_newest(limit) for limit in (1, 2, 100)] == [stored[:1], stored[:2], stored]


def test_recent_rows_are_counted_up_to_a_limit(
    repository: DynamoInspectionRepository, rows: list[Inspection]
) -> None:
    asked = [("2026", 16), ("2026", 5), (rows[5].claimed_at, 16)]

    counts = [repository.count_recent(InspectionState.INSPECTING, since, limit) for since, limit in asked]

    assert counts == [7, 5, 2]
    assert repository.count_recent(InspectionState.WAITING, "2026", 16) == 0


def test_decided_rows_are_filtered_by_dynamodb_among_the_oldest(
    repository: DynamoInspectionRepository, dynamodb: InMemoryDynamoDB, rows: list[Inspection]
) -> None:
    waiting = [add(dynamodb, replace(row, state=InspectionState.WAITING)) for row in rows]
    decided = [add(dynamodb, replace(waiting[number], decision=DECISION)) for number in (1, 4)]

    assert list(repository.list_decided(16)) == decided
    assert list(repository.list_decided(4)) == decided[:1]


def test_rows_with_and_without_decision_differ_on_dynamodb(tables: Any) -> None:
    repository = DynamoInspectionRepository(
        resources.table_name(INSPECTIONS), resources.table_name(AUDIT), tables
    )
    answered = replace(ROW, id="i2", state=InspectionState.WAITING, decision=DECISION)
    for row in (replace(ROW, state=InspectionState.WAITING, decision=None), answered):
        tables.put_item(TableName=resources.table_name(INSPECTIONS), Item=to_inspection_item(row))

    assert list(repository.list_decided(10)) == [answered]
