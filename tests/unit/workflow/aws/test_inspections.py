"""Every change of a row has its condition, and a failed condition differs from a service error."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from local import resources
from workflow import timestamps
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.items import derive_index_keys, to_attribute_values, to_audit_item, to_inspection_item
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Inspection,
    InspectionState,
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
KEY = {"id": {"S": "i1"}}
READ = {"TableName": "inspections", "Key": KEY, "ConsistentRead": True}
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
REFUSED = "ConditionalCheckFailedException"


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


@pytest.fixture
def dynamodb(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def repository(client: Any) -> DynamoInspectionRepository:
    return DynamoInspectionRepository("inspections", "audit", client)


def update(condition: str, sets: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Build the request that sets these attributes if the row has the expected values."""
    sets = {**sets, **derive_index_keys(sets)}
    return {
        "TableName": "inspections",
        "Key": KEY,
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in sets),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*sets, *expected)},
        "ExpressionAttributeValues": to_attribute_values(
            {f":{name}": value for name, value in sets.items()}
            | {f":was_{name}": value for name, value in expected.items()}
        ),
    }


OWNED = "#owner = :was_owner"
UNANSWERED = f"{OWNED} AND #prediction = :was_prediction AND #rejection = :was_rejection"
UNMOVED = f"{OWNED} AND #location = :was_location AND #announcement = :was_announcement"
FACTS = {"size": 5, "etag": '"e"', "sha256": "abc", "photo": {"width": 64}, "rejection": {}}
FILED = {
    "verdict": Verdict.OK,
    "location": PLACE.image,
    "pending_delete": IMAGE,
    "etag": '"copied"',
    "announcement": "told",
    "settled_at": "2026-03-01T12:01:00.000Z",
}
NO_ANSWER = {"owner": "i1-1", "prediction": None, "rejection": {}}

Call = Callable[[DynamoInspectionRepository], Any]
CHANGES: dict[str, tuple[Call, dict[str, Any]]] = {
    "record_upload": (
        lambda repository: repository.record_upload(
            "i1", "i1-1", StoredObject(image=IMAGE, size=5, etag='"e"'), "abc", {"width": 64}, {}
        ),
        update(
            f"{OWNED} AND #photo = :was_photo AND #rejection = :was_rejection",
            FACTS,
            {"owner": "i1-1", "photo": {}, "rejection": {}},
        ),
    ),
    "record_rejection": (
        lambda repository: repository.record_rejection("i1", "i1-1", {"code": "c", "detail": "d"}),
        update(UNANSWERED, {"rejection": {"code": "c", "detail": "d"}}, NO_ANSWER),
    ),
    "record_prediction": (
        lambda repository: repository.record_prediction("i1", "i1-1", PREDICTION),
        update(UNANSWERED, {"prediction": PREDICTION}, NO_ANSWER),
    ),
    "record_filing": (
        lambda repository: repository.record_filing(
            ROW, Verdict.OK, PLACE, "told", "2026-03-01T12:01:00.000Z"
        ),
        update(UNMOVED, FILED, {"owner": "i1-1", "location": IMAGE, "announcement": ""}),
    ),
    "record_filing as unclear": (
        lambda repository: repository.record_filing(
            ROW, Verdict.UNCLEAR, PLACE, "", "2026-03-01T12:01:00.000Z"
        ),
        update(
            UNMOVED,
            {**FILED, "verdict": Verdict.UNCLEAR, "announcement": "", "settled_at": ""},
            {"owner": "i1-1", "location": IMAGE, "announcement": ""},
        ),
    ),
    "close": (
        lambda repository: repository.close("i1", "i1-1", "2026-03-01T12:02:00.000Z"),
        update(
            f"{OWNED} AND #closed_at = :was_closed_at",
            {"state": InspectionState.CLOSED, "closed_at": "2026-03-01T12:02:00.000Z", "unarchived": "yes"},
            {"owner": "i1-1", "closed_at": ""},
        ),
    ),
    "transfer_ownership": (
        lambda repository: repository.transfer_ownership(ROW, "i1-2", 2, NOW),
        update(
            f"{OWNED} AND #state = :was_state",
            {"owner": "i1-2", "attempt": 2, "attempted_at": NOW},
            {"owner": "i1-1", "state": InspectionState.INSPECTING},
        ),
    ),
}
ASKING = {
    "TableName": "inspections",
    "Key": KEY,
    "UpdateExpression": "SET #state = :waiting, #review = :review, #priority = :priority,"
    " #review_queue = if_not_exists(#review_queue, :open), #unarchived = :yes",
    "ConditionExpression": "#owner = :owner AND #decision = :null"
    " AND (#review = :null OR #review.#round <= :round)",
    "ExpressionAttributeNames": {
        f"#{name}": name
        for name in (
            *("state", "review", "priority", "review_queue", "owner", "decision", "round"),
            "unarchived",
        )
    },
    "ExpressionAttributeValues": to_attribute_values(
        {
            ":waiting": InspectionState.WAITING,
            ":review": REVIEW,
            ":priority": "1-0",
            ":open": "open",
            ":owner": "i1-1",
            ":null": None,
            ":round": 1,
            ":yes": "yes",
        }
    ),
}
CLAIM_NAMES = [name for name in to_inspection_item(ROW) if name != "id"]
CLAIM = {
    "TableName": "inspections",
    "Key": KEY,
    "UpdateExpression": "SET "
    + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in CLAIM_NAMES),
    "ConditionExpression": "attribute_not_exists(#id) OR #owner = :owner",
    "ExpressionAttributeNames": {"#id": "id", **{f"#{name}": name for name in CLAIM_NAMES}},
    "ExpressionAttributeValues": {f":{name}": to_inspection_item(ROW)[name] for name in CLAIM_NAMES},
    "ReturnValues": "ALL_NEW",
}


def test_a_claim_makes_the_row_or_returns_the_owners(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    advanced = replace(ROW, prediction=PREDICTION, state=InspectionState.WAITING)
    dynamodb.add_response("update_item", {"Attributes": to_inspection_item(ROW)}, CLAIM)
    dynamodb.add_response("update_item", {"Attributes": to_inspection_item(advanced)}, CLAIM)

    assert [repository.claim(ROW), repository.claim(ROW)] == [ROW, advanced]


def test_a_claim_sets_nothing_that_is_set_already() -> None:
    assert CLAIM_NAMES
    assert {field.name for field in fields(Inspection)} - {"id"} <= set(CLAIM_NAMES)
    assert str(CLAIM["UpdateExpression"]).count("if_not_exists") == len(CLAIM_NAMES)


def test_a_row_of_another_owner_is_not_claimed(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    dynamodb.add_client_error("update_item", REFUSED, expected_params=CLAIM)

    assert repository.claim(ROW) is None


def test_rows_are_read_consistently(repository: DynamoInspectionRepository, dynamodb: Stubber) -> None:
    dynamodb.add_response("get_item", {"Item": to_inspection_item(ROW)}, READ)
    dynamodb.add_response("get_item", {}, READ)

    assert [repository.get("i1"), repository.get("i1")] == [ROW, None]


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_carries_its_condition(
    repository: DynamoInspectionRepository, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_response("update_item", {}, request)

    assert call(repository) in (None, True)


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"transfer_ownership"}))
def test_a_change_by_a_former_owner_is_refused(
    repository: DynamoInspectionRepository, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_client_error("update_item", REFUSED, expected_params=request)
    dynamodb.add_response("get_item", {"Item": to_inspection_item(replace(ROW, owner="i1-2"))}, READ)

    with pytest.raises(OwnershipLost, match="belongs to i1-2, not to i1-1"):
        call(repository)


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"transfer_ownership", "close"}))
def test_a_change_of_a_row_that_changed_meanwhile_is_a_conflict(
    repository: DynamoInspectionRepository, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_client_error("update_item", REFUSED, expected_params=request)
    dynamodb.add_response("get_item", {"Item": to_inspection_item(ROW)}, READ)

    with pytest.raises(Conflict, match="the row changed since it was read"):
        call(repository)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_row_that_does_not_exist_says_so(
    repository: DynamoInspectionRepository, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_client_error("update_item", REFUSED, expected_params=request)
    dynamodb.add_response("get_item", {}, READ)

    with pytest.raises(NotFound, match="inspection i1: the inspections table has no row"):
        call(repository)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TransactionConflictException", "ProvisionedThroughputExceededException"]
)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_the_service_could_not_make_is_a_fault(
    repository: DynamoInspectionRepository, dynamodb: Stubber, name: str, code: str
) -> None:
    dynamodb.add_client_error("update_item", code)

    with pytest.raises(ClientError, match=code):
        CHANGES[name][0](repository)


def test_closing_again_changes_nothing(repository: DynamoInspectionRepository, dynamodb: Stubber) -> None:
    dynamodb.add_client_error("update_item", REFUSED, expected_params=CHANGES["close"][1])
    dynamodb.add_response("get_item", {"Item": to_inspection_item(replace(ROW, closed_at="2026"))}, READ)

    CHANGES["close"][0](repository)


@pytest.mark.parametrize("now", [replace(ROW, owner="i1-2"), replace(ROW, state=InspectionState.CLOSED)])
def test_ownership_of_a_changed_row_is_not_transferred(
    repository: DynamoInspectionRepository, dynamodb: Stubber, now: Inspection
) -> None:
    dynamodb.add_client_error("update_item", REFUSED, expected_params=CHANGES["transfer_ownership"][1])
    dynamodb.add_response("get_item", {"Item": to_inspection_item(now)}, READ)

    assert repository.transfer_ownership(ROW, "i1-2", 2, NOW) is False


def test_a_review_opens_unless_there_is_a_decision(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    waiting = replace(ROW, state=InspectionState.WAITING, review=REVIEW)
    dynamodb.add_response("update_item", {}, ASKING)
    dynamodb.add_response("get_item", {"Item": to_inspection_item(waiting)}, READ)

    assert repository.record_review("i1", "i1-1", REVIEW, "1-0") == waiting


def test_an_existing_decision_is_returned_instead(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    decided = replace(ROW, state=InspectionState.WAITING, decision=DECISION)
    dynamodb.add_client_error("update_item", REFUSED, expected_params=ASKING)
    dynamodb.add_response("get_item", {"Item": to_inspection_item(decided)}, READ)

    assert repository.record_review("i1", "i1-1", REVIEW, "1-0") == decided


def test_a_review_of_a_row_that_vanished_is_a_fault(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    dynamodb.add_response("update_item", {}, ASKING)
    dynamodb.add_response("get_item", {}, READ)

    with pytest.raises(NotFound):
        repository.record_review("i1", "i1-1", REVIEW, "1-0")


DECIDING = {
    "TransactItems": [
        {
            "Update": {
                "TableName": "inspections",
                "Key": KEY,
                "UpdateExpression": "SET #decision = :decision, #decided_by = :reviewer, #lease = :null"
                " REMOVE #review_queue, #priority",
                "ConditionExpression": "#state = :waiting AND #decision = :null AND #review_queue = :open"
                " AND (attribute_not_exists(#lease) OR #lease = :null OR #lease.#reviewer = :reviewer"
                " OR #lease.#expires_at <= :now) AND NOT contains(#undone_ids, :id)",
                "ExpressionAttributeNames": {
                    f"#{name}": name
                    for name in (
                        *("decision", "decided_by", "state", "review_queue", "priority", "undone_ids"),
                        *("lease", "reviewer", "expires_at"),
                    )
                },
                "ExpressionAttributeValues": to_attribute_values(
                    {
                        ":decision": DECISION,
                        ":waiting": "waiting",
                        ":open": "open",
                        ":null": None,
                        ":id": "d1",
                        ":reviewer": "ann",
                        ":now": DECISION.decided_at,
                    }
                ),
            }
        },
        {"Put": {"TableName": "audit", "Item": to_audit_item(ENTRY)}},
    ],
}


def test_a_decision_and_its_audit_entry_are_one_transaction(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    dynamodb.add_response("transact_write_items", {}, DECIDING)

    repository.record_decision("i1", DECISION, ENTRY)


def test_the_sdk_makes_transactions_idempotent(client: Any) -> None:
    """The SDK adds the token by which DynamoDB recognises a retry after a lost answer."""
    operation = client.meta.service_model.operation_model("TransactWriteItems")

    assert operation.idempotent_members == ["ClientRequestToken"]


def cancelled(dynamodb: Stubber, *codes: str) -> None:
    dynamodb.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        expected_params=DECIDING,
        modeled_fields={"CancellationReasons": [{"Code": code} for code in codes]},
    )


def test_a_decision_that_is_not_open_any_more_is_a_conflict(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    cancelled(dynamodb, "ConditionalCheckFailed", "None")

    with pytest.raises(Conflict, match="changed meanwhile"):
        repository.record_decision("i1", DECISION, ENTRY)


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_decision_that_conflicts_with_another_writer_is_an_error(
    repository: DynamoInspectionRepository, dynamodb: Stubber, code: str
) -> None:
    for _ in range(4 if code == "TransactionConflict" else 1):
        cancelled(dynamodb, code, "None")

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        repository.record_decision("i1", DECISION, ENTRY)


def query(index: str, key: str, value: str, forward: bool) -> dict[str, Any]:
    return {
        "TableName": "inspections",
        "IndexName": index,
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": key},
        "ExpressionAttributeValues": {":value": {"S": value}},
        "ScanIndexForward": forward,
        "Limit": 1000,
    }


def test_rows_in_a_state_come_oldest_first_page_by_page(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    expected_request = query("by_state", "state", "waiting", forward=True)
    dynamodb.add_response(
        "query", {"Items": [to_inspection_item(ROW)], "LastEvaluatedKey": KEY}, expected_request
    )
    dynamodb.add_response(
        "query", {"Items": [to_inspection_item(ROW)]}, {**expected_request, "ExclusiveStartKey": KEY}
    )

    assert list(repository.list_by_state(InspectionState.WAITING)) == [ROW, ROW]


def test_rows_of_a_name_come_newest_first(repository: DynamoInspectionRepository, dynamodb: Stubber) -> None:
    expected_request = query("by_name", "name", "a b.png", forward=False)
    dynamodb.add_response("query", {"Items": [to_inspection_item(ROW)]}, {**expected_request, "Limit": 200})

    assert repository.list_by_name("a b.png") == [ROW]


def test_rows_of_a_name_until_a_time(repository: DynamoInspectionRepository, dynamodb: Stubber) -> None:
    expected_request = query("by_name", "name", "a.png", forward=False)
    until = {
        "KeyConditionExpression": "#key = :value AND #claimed_at <= :bound",
        "ExpressionAttributeNames": {"#key": "name", "#claimed_at": "claimed_at"},
        "ExpressionAttributeValues": {":value": {"S": "a.png"}, ":bound": {"S": "2026-01-01"}},
    }
    dynamodb.add_response(
        "query", {"Items": [to_inspection_item(ROW)]}, {**expected_request, **until, "Limit": 5}
    )

    assert repository.list_by_name("a.png", 5, "2026-01-01") == [ROW]


def test_of_a_name_that_a_camera_gives_every_photo_only_the_newest_are_read(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    expected_request = query("by_name", "name", "image.jpg", forward=False)
    page = {"Items": [to_inspection_item(ROW)] * 2, "LastEvaluatedKey": KEY}
    dynamodb.add_response("query", page, {**expected_request, "Limit": 2})

    assert repository.list_by_name("image.jpg", 2) == [ROW, ROW]


def test_the_oldest_row_is_a_page_of_one(repository: DynamoInspectionRepository, dynamodb: Stubber) -> None:
    expected_request = {**query("by_state", "state", "waiting", forward=True), "Limit": 1}
    dynamodb.add_response(
        "query", {"Items": [to_inspection_item(ROW)], "LastEvaluatedKey": KEY}, expected_request
    )
    dynamodb.add_response("query", {"Items": []}, expected_request)

    assert [
        repository.get_oldest(InspectionState.WAITING),
        repository.get_oldest(InspectionState.WAITING),
    ] == [
        ROW,
        None,
    ]


def test_an_item_of_the_capacity_manager_is_not_an_inspection(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    key = {"id": {"S": "model-power-meter"}}
    dynamodb.add_response("get_item", {"Item": {**key, "meter": {"S": "{}"}}}, {**READ, "Key": key})

    assert repository.get("model-power-meter") is None


def oldest(dynamodb: Stubber, row: Inspection | None) -> None:
    """Prescribe the index's answers about the oldest row in each state."""
    for state in InspectionState:
        found = [to_inspection_item(row)] if row is not None and row.state is state else []
        dynamodb.add_response("query", {"Items": found})


def test_the_newest_rows_are_found_day_by_day(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    today = timestamps.now()[:10]
    yesterday = timestamps.add_seconds(f"{today}T00:00:00Z", -1)[:10]
    row = replace(ROW, claimed_at=f"{yesterday}T12:00:00.000Z")
    oldest(dynamodb, row)
    for day, items in ((today, []), (yesterday, [to_inspection_item(row), to_inspection_item(row)])):
        expected_request = query("by_day", "day", day, forward=False)
        dynamodb.add_response("query", {"Items": items}, {**expected_request, "Limit": 1})

    assert repository.list_newest(1) == [row]


def test_the_search_for_new_rows_ends_with_the_oldest(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    row = replace(ROW, claimed_at=timestamps.now())
    oldest(dynamodb, row)
    dynamodb.add_response("query", {"Items": [to_inspection_item(row)]})

    assert repository.list_newest(100) == [row]


def test_an_empty_table_has_no_newest_row(repository: DynamoInspectionRepository, dynamodb: Stubber) -> None:
    oldest(dynamodb, None)

    assert repository.list_newest(1) == []


def first_sixteen(state: str, since: str, **how: str) -> dict[str, Any]:
    """Build the query for the oldest rows in a state."""
    return {
        "TableName": "inspections",
        "IndexName": "by_state",
        "KeyConditionExpression": "#state = :state AND #claimed_at >= :since",
        "ExpressionAttributeNames": {"#state": "state", "#claimed_at": "claimed_at"},
        "ExpressionAttributeValues": {":state": {"S": state}, ":since": {"S": since}},
        "Limit": 16,
        **how,
    }


def test_recent_rows_are_counted_up_to_a_limit(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    expected = first_sixteen("inspecting", "2026", Select="COUNT")
    dynamodb.add_response("query", {"Count": 7, "ScannedCount": 7}, expected)

    assert repository.count_recent(InspectionState.INSPECTING, "2026", 16) == 7

    dynamodb.add_response("query", {"Count": 7, "ScannedCount": 7, "LastEvaluatedKey": KEY}, expected)
    answer = {"Count": 9, "ScannedCount": 9}
    dynamodb.add_response("query", answer, {**expected, "Limit": 9, "ExclusiveStartKey": KEY})
    assert repository.count_recent(InspectionState.INSPECTING, "2026", 16) == 16


def test_decided_rows_are_filtered_by_dynamodb_among_the_oldest(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    expected = first_sixteen("waiting", "0", FilterExpression="attribute_exists(decision.decided_at)")
    nothing = {"Items": [], "ScannedCount": 7, "LastEvaluatedKey": KEY}
    dynamodb.add_response("query", nothing, expected)
    found = {"Items": [to_inspection_item(ROW)], "ScannedCount": 9, "LastEvaluatedKey": KEY}
    dynamodb.add_response("query", found, {**expected, "Limit": 9, "ExclusiveStartKey": KEY})

    assert list(repository.list_decided(16)) == [ROW]


def test_rows_with_and_without_decision_differ_on_dynamodb(tables: Any) -> None:
    repository = DynamoInspectionRepository(
        resources.table_name(INSPECTIONS), resources.table_name(AUDIT), tables
    )
    answered = replace(ROW, id="i2", state=InspectionState.WAITING, decision=DECISION)
    for row in (replace(ROW, state=InspectionState.WAITING, decision=None), answered):
        tables.put_item(TableName=resources.table_name(INSPECTIONS), Item=to_inspection_item(row))

    assert list(repository.list_decided(10)) == [answered]


def test_the_audit_trail_is_read_consistently(
    repository: DynamoInspectionRepository, dynamodb: Stubber
) -> None:
    expected = {
        "TableName": "audit",
        "KeyConditionExpression": "inspection_id = :id",
        "ExpressionAttributeValues": {":id": {"S": "i1"}},
        "ConsistentRead": True,
    }
    dynamodb.add_response("query", {"Items": [to_audit_item(ENTRY)]}, expected)

    assert repository.list_audit_entries("i1") == [ENTRY]
