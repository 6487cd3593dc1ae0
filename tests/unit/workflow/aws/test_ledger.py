"""Every change of a row carries its condition, and a refused one is told apart from a fault."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from local import resources
from workflow import timestamps
from workflow.aws.items import audit_item, index_keys, to_item, values
from workflow.aws.ledger import DynamoLedger
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.inspection import AuditEntry, Decision, Inspection, Review, State
from workflow.inspections.objects import Image, Stored
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.tables import AUDIT, LEDGER

IMAGE = Image("inbound", "line 1/a b.png", "v1")
PLACE = Stored(Image("filed", "ok/1/a b.png", "v2"), 5, '"copied"')
NOW = "2026-03-01T12:00:00.000Z"
ROW = Inspection("i1", IMAGE, "i1-1", 1, State.INSPECTING, "2026-03-01T11:59:59Z", NOW, NOW, IMAGE)
KEY = {"id": {"S": "i1"}}
READ = {"TableName": "ledger", "Key": KEY, "ConsistentRead": True}
DECISION = Decision("d1", Verdict.OK, "ann", "2026-03-01T12:30:00.000Z", "a reflection")
ENTRY = AuditEntry("i1", DECISION.decided_at, "ann", "decide", "unclear", "ok", "a reflection", "d1")
REVIEW = Review("2026-03-01T12:00:00.000Z", 1, "2026-03-08T12:00:00.000Z")
PREDICTION = Prediction(Verdict.OK, "ok", 0.97, 0.9, (Score("ok", 0.97),), "arn", "1")
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
def ledger(client: Any) -> DynamoLedger:
    return DynamoLedger("ledger", "audit", client)


def update(condition: str, sets: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """The request that sets these attributes if the row still holds what is expected of it."""
    sets = {**sets, **index_keys(sets)}
    return {
        "TableName": "ledger",
        "Key": KEY,
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in sets),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*sets, *expected)},
        "ExpressionAttributeValues": values(
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
    "leftover": IMAGE,
    "etag": '"copied"',
    "announcement": "told",
    "settled_at": "2026-03-01T12:01:00.000Z",
}
NO_ANSWER = {"owner": "i1-1", "prediction": None, "rejection": {}}

Call = Callable[[DynamoLedger], Any]
CHANGES: dict[str, tuple[Call, dict[str, Any]]] = {
    "record_upload": (
        lambda ledger: ledger.record_upload("i1", "i1-1", Stored(IMAGE, 5, '"e"'), "abc", {"width": 64}, {}),
        update(
            f"{OWNED} AND #photo = :was_photo AND #rejection = :was_rejection",
            FACTS,
            {"owner": "i1-1", "photo": {}, "rejection": {}},
        ),
    ),
    "record_rejection": (
        lambda ledger: ledger.record_rejection("i1", "i1-1", {"code": "c", "detail": "d"}),
        update(UNANSWERED, {"rejection": {"code": "c", "detail": "d"}}, NO_ANSWER),
    ),
    "record_prediction": (
        lambda ledger: ledger.record_prediction("i1", "i1-1", PREDICTION),
        update(UNANSWERED, {"prediction": PREDICTION}, NO_ANSWER),
    ),
    "record_filing": (
        lambda ledger: ledger.record_filing(ROW, Verdict.OK, PLACE, "told", "2026-03-01T12:01:00.000Z"),
        update(UNMOVED, FILED, {"owner": "i1-1", "location": IMAGE, "announcement": ""}),
    ),
    "record_filing as unclear": (
        lambda ledger: ledger.record_filing(ROW, Verdict.UNCLEAR, PLACE, "", "2026-03-01T12:01:00.000Z"),
        update(
            UNMOVED,
            {**FILED, "verdict": Verdict.UNCLEAR, "announcement": "", "settled_at": ""},
            {"owner": "i1-1", "location": IMAGE, "announcement": ""},
        ),
    ),
    "close": (
        lambda ledger: ledger.close("i1", "i1-1", "2026-03-01T12:02:00.000Z"),
        update(
            f"{OWNED} AND #closed_at = :was_closed_at",
            {"state": State.CLOSED, "closed_at": "2026-03-01T12:02:00.000Z", "unkept": "yes"},
            {"owner": "i1-1", "closed_at": ""},
        ),
    ),
    "hand_over": (
        lambda ledger: ledger.hand_over(ROW, "i1-2", 2, NOW),
        update(
            f"{OWNED} AND #state = :was_state",
            {"owner": "i1-2", "attempt": 2, "attempted_at": NOW},
            {"owner": "i1-1", "state": State.INSPECTING},
        ),
    ),
}
ASKING = {
    "TableName": "ledger",
    "Key": KEY,
    "UpdateExpression": "SET #state = :waiting, #review = :review, #rank = :rank,"
    " #pile = if_not_exists(#pile, :open)",
    "ConditionExpression": "#owner = :owner AND #decision = :null"
    " AND (#review = :null OR #review.#round <= :round)",
    "ExpressionAttributeNames": {
        f"#{name}": name for name in ("state", "review", "rank", "pile", "owner", "decision", "round")
    },
    "ExpressionAttributeValues": values(
        {
            ":waiting": State.WAITING,
            ":review": REVIEW,
            ":rank": "1-0",
            ":open": "open",
            ":owner": "i1-1",
            ":null": None,
            ":round": 1,
        }
    ),
}
CLAIM_NAMES = [name for name in to_item(ROW) if name != "id"]
CLAIM = {
    "TableName": "ledger",
    "Key": KEY,
    "UpdateExpression": "SET "
    + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in CLAIM_NAMES),
    "ConditionExpression": "attribute_not_exists(#id) OR #owner = :owner",
    "ExpressionAttributeNames": {"#id": "id", **{f"#{name}": name for name in CLAIM_NAMES}},
    "ExpressionAttributeValues": {f":{name}": to_item(ROW)[name] for name in CLAIM_NAMES},
    "ReturnValues": "ALL_NEW",
}


def test_a_claim_makes_the_row_or_returns_the_owners(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    advanced = replace(ROW, prediction=PREDICTION, state=State.WAITING)
    dynamodb.add_response("update_item", {"Attributes": to_item(ROW)}, CLAIM)
    dynamodb.add_response("update_item", {"Attributes": to_item(advanced)}, CLAIM)

    assert [ledger.claim(ROW), ledger.claim(ROW)] == [ROW, advanced]


def test_a_claim_sets_nothing_that_is_set_already() -> None:
    assert CLAIM_NAMES
    assert {field.name for field in fields(Inspection)} - {"id"} <= set(CLAIM_NAMES)
    assert CLAIM["UpdateExpression"].count("if_not_exists") == len(CLAIM_NAMES)


def test_a_row_of_another_owner_is_not_claimed(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    dynamodb.add_client_error("update_item", REFUSED, expected_params=CLAIM)

    assert ledger.claim(ROW) is None


def test_rows_are_read_consistently(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    dynamodb.add_response("get_item", {"Item": to_item(ROW)}, READ)
    dynamodb.add_response("get_item", {}, READ)

    assert [ledger.get("i1"), ledger.get("i1")] == [ROW, None]


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_carries_its_condition(ledger: DynamoLedger, dynamodb: Stubber, name: str) -> None:
    call, request = CHANGES[name]
    dynamodb.add_response("update_item", {}, request)

    assert call(ledger) in (None, True)


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"hand_over"}))
def test_a_change_by_somebody_who_lost_the_row_is_refused(
    ledger: DynamoLedger, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_client_error("update_item", REFUSED, expected_params=request)
    dynamodb.add_response("get_item", {"Item": to_item(replace(ROW, owner="i1-2"))}, READ)

    with pytest.raises(OwnershipLost, match="belongs to i1-2, not to i1-1"):
        call(ledger)


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"hand_over", "close"}))
def test_a_change_of_a_row_that_changed_meanwhile_is_a_conflict(
    ledger: DynamoLedger, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_client_error("update_item", REFUSED, expected_params=request)
    dynamodb.add_response("get_item", {"Item": to_item(ROW)}, READ)

    with pytest.raises(Conflict, match="the row changed since it was read"):
        call(ledger)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_row_that_does_not_exist_says_so(
    ledger: DynamoLedger, dynamodb: Stubber, name: str
) -> None:
    call, request = CHANGES[name]
    dynamodb.add_client_error("update_item", REFUSED, expected_params=request)
    dynamodb.add_response("get_item", {}, READ)

    with pytest.raises(NotFound, match="inspection i1: the ledger has no row"):
        call(ledger)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TransactionConflictException", "ProvisionedThroughputExceededException"]
)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_the_service_could_not_make_is_a_fault(
    ledger: DynamoLedger, dynamodb: Stubber, name: str, code: str
) -> None:
    dynamodb.add_client_error("update_item", code)

    with pytest.raises(ClientError, match=code):
        CHANGES[name][0](ledger)


def test_closing_again_changes_nothing(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    dynamodb.add_client_error("update_item", REFUSED, expected_params=CHANGES["close"][1])
    dynamodb.add_response("get_item", {"Item": to_item(replace(ROW, closed_at="2026"))}, READ)

    CHANGES["close"][0](ledger)


@pytest.mark.parametrize("now", [replace(ROW, owner="i1-2"), replace(ROW, state=State.CLOSED)])
def test_a_row_that_moved_on_is_not_handed_over(
    ledger: DynamoLedger, dynamodb: Stubber, now: Inspection
) -> None:
    dynamodb.add_client_error("update_item", REFUSED, expected_params=CHANGES["hand_over"][1])
    dynamodb.add_response("get_item", {"Item": to_item(now)}, READ)

    assert ledger.hand_over(ROW, "i1-2", 2, NOW) is False


def test_a_review_opens_unless_a_decision_stands(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    waiting = replace(ROW, state=State.WAITING, review=REVIEW)
    dynamodb.add_response("update_item", {}, ASKING)
    dynamodb.add_response("get_item", {"Item": to_item(waiting)}, READ)

    assert ledger.record_review("i1", "i1-1", REVIEW, "1-0") == waiting


def test_the_decision_that_stands_is_returned_instead(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    decided = replace(ROW, state=State.WAITING, decision=DECISION)
    dynamodb.add_client_error("update_item", REFUSED, expected_params=ASKING)
    dynamodb.add_response("get_item", {"Item": to_item(decided)}, READ)

    assert ledger.record_review("i1", "i1-1", REVIEW, "1-0") == decided


def test_a_review_of_a_row_that_vanished_is_a_fault(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    dynamodb.add_response("update_item", {}, ASKING)
    dynamodb.add_response("get_item", {}, READ)

    with pytest.raises(NotFound):
        ledger.record_review("i1", "i1-1", REVIEW, "1-0")


DECIDING = {
    "TransactItems": [
        {
            "Update": {
                "TableName": "ledger",
                "Key": KEY,
                "UpdateExpression": "SET #decision = :decision, #decided_by = :who, #lease = :null"
                " REMOVE #pile, #rank",
                "ConditionExpression": "#state = :waiting AND #decision = :null AND #pile = :open"
                " AND (attribute_not_exists(#lease) OR #lease = :null OR #lease.#reviewer = :who"
                " OR #lease.#until <= :now) AND NOT contains(#undone, :id)",
                "ExpressionAttributeNames": {
                    f"#{name}": name
                    for name in (
                        *("decision", "decided_by", "state", "pile", "rank", "undone"),
                        *("lease", "reviewer", "until"),
                    )
                },
                "ExpressionAttributeValues": values(
                    {
                        ":decision": DECISION,
                        ":waiting": "waiting",
                        ":open": "open",
                        ":null": None,
                        ":id": "d1",
                        ":who": "ann",
                        ":now": DECISION.decided_at,
                    }
                ),
            }
        },
        {"Put": {"TableName": "audit", "Item": audit_item(ENTRY)}},
    ],
}


def test_a_decision_and_its_audit_entry_are_one_transaction(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    dynamodb.add_response("transact_write_items", {}, DECIDING)

    ledger.decide("i1", DECISION, ENTRY)


def test_the_sdk_makes_a_repeated_transaction_the_same_as_one(client: Any) -> None:
    """It fills in the token by which DynamoDB knows a retry after a lost answer."""
    operation = client.meta.service_model.operation_model("TransactWriteItems")

    assert operation.idempotent_members == ["ClientRequestToken"]


def cancelled(dynamodb: Stubber, *codes: str) -> None:
    dynamodb.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        expected_params=DECIDING,
        modeled_fields={"CancellationReasons": [{"Code": code} for code in codes]},
    )


def test_a_decision_that_is_not_open_any_more_is_a_conflict(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    cancelled(dynamodb, "ConditionalCheckFailed", "None")

    with pytest.raises(Conflict, match="changed meanwhile"):
        ledger.decide("i1", DECISION, ENTRY)


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_decision_that_met_another_writer_is_not_called_decided(
    ledger: DynamoLedger, dynamodb: Stubber, code: str
) -> None:
    for _ in range(4 if code == "TransactionConflict" else 1):
        cancelled(dynamodb, code, "None")

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        ledger.decide("i1", DECISION, ENTRY)


def query(index: str, key: str, value: str, forward: bool) -> dict[str, Any]:
    return {
        "TableName": "ledger",
        "IndexName": index,
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": key},
        "ExpressionAttributeValues": {":value": {"S": value}},
        "ScanIndexForward": forward,
        "Limit": 1000,
    }


def test_rows_in_a_state_come_oldest_first_page_by_page(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    asked = query("by_state", "state", "waiting", forward=True)
    dynamodb.add_response("query", {"Items": [to_item(ROW)], "LastEvaluatedKey": KEY}, asked)
    dynamodb.add_response("query", {"Items": [to_item(ROW)]}, {**asked, "ExclusiveStartKey": KEY})

    assert list(ledger.in_state(State.WAITING)) == [ROW, ROW]


def test_rows_of_a_name_come_newest_first(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    asked = query("by_name", "name", "a b.png", forward=False)
    dynamodb.add_response("query", {"Items": [to_item(ROW)]}, {**asked, "Limit": 200})

    assert ledger.by_name("a b.png") == [ROW]


def test_of_a_name_that_a_camera_gives_every_photo_only_the_newest_are_read(
    ledger: DynamoLedger, dynamodb: Stubber
) -> None:
    asked = query("by_name", "name", "image.jpg", forward=False)
    page = {"Items": [to_item(ROW)] * 2, "LastEvaluatedKey": KEY}
    dynamodb.add_response("query", page, {**asked, "Limit": 2})

    assert ledger.by_name("image.jpg", 2) == [ROW, ROW]


def test_the_oldest_row_is_a_page_of_one(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    asked = {**query("by_state", "state", "waiting", forward=True), "Limit": 1}
    dynamodb.add_response("query", {"Items": [to_item(ROW)], "LastEvaluatedKey": KEY}, asked)
    dynamodb.add_response("query", {"Items": []}, asked)

    assert [ledger.oldest(State.WAITING), ledger.oldest(State.WAITING)] == [ROW, None]


def test_an_item_of_the_power_manager_is_no_row(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    key = {"id": {"S": "model-power-meter"}}
    dynamodb.add_response("get_item", {"Item": {**key, "meter": {"S": "{}"}}}, {**READ, "Key": key})

    assert ledger.get("model-power-meter") is None


def oldest(dynamodb: Stubber, row: Inspection | None) -> None:
    """What the index says of the oldest row in each state."""
    for state in State:
        found = [to_item(row)] if row is not None and row.state is state else []
        dynamodb.add_response("query", {"Items": found})


def test_the_newest_rows_are_found_day_by_day(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    today = timestamps.now()[:10]
    yesterday = timestamps.later(f"{today}T00:00:00Z", -1)[:10]
    row = replace(ROW, claimed_at=f"{yesterday}T12:00:00.000Z")
    oldest(dynamodb, row)
    for day, items in ((today, []), (yesterday, [to_item(row), to_item(row)])):
        asked = query("by_day", "day", day, forward=False)
        dynamodb.add_response("query", {"Items": items}, {**asked, "Limit": 1})

    assert ledger.newest(1) == [row]


def test_the_search_for_new_rows_ends_with_the_oldest(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    row = replace(ROW, claimed_at=timestamps.now())
    oldest(dynamodb, row)
    dynamodb.add_response("query", {"Items": [to_item(row)]})

    assert ledger.newest(100) == [row]


def test_an_empty_ledger_has_no_newest_row(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    oldest(dynamodb, None)

    assert ledger.newest(1) == []


def first_sixteen(state: str, since: str, **how: str) -> dict[str, Any]:
    """The query for the oldest rows in a state."""
    return {
        "TableName": "ledger",
        "IndexName": "by_state",
        "KeyConditionExpression": "#state = :state AND #claimed_at >= :since",
        "ExpressionAttributeNames": {"#state": "state", "#claimed_at": "claimed_at"},
        "ExpressionAttributeValues": {":state": {"S": state}, ":since": {"S": since}},
        "Limit": 16,
        **how,
    }


def test_recent_rows_are_counted_up_to_a_limit(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    expected = first_sixteen("inspecting", "2026", Select="COUNT")
    dynamodb.add_response("query", {"Count": 7, "ScannedCount": 7}, expected)

    assert ledger.count_recent(State.INSPECTING, "2026", 16) == 7

    dynamodb.add_response("query", {"Count": 7, "ScannedCount": 7, "LastEvaluatedKey": KEY}, expected)
    answer = {"Count": 9, "ScannedCount": 9}
    dynamodb.add_response("query", answer, {**expected, "Limit": 9, "ExclusiveStartKey": KEY})
    assert ledger.count_recent(State.INSPECTING, "2026", 16) == 16


def test_decided_rows_are_filtered_by_dynamodb_among_the_oldest(
    ledger: DynamoLedger, dynamodb: Stubber
) -> None:
    expected = first_sixteen("waiting", "0", FilterExpression="attribute_exists(decision.decided_at)")
    nothing = {"Items": [], "ScannedCount": 7, "LastEvaluatedKey": KEY}
    dynamodb.add_response("query", nothing, expected)
    found = {"Items": [to_item(ROW)], "ScannedCount": 9, "LastEvaluatedKey": KEY}
    dynamodb.add_response("query", found, {**expected, "Limit": 9, "ExclusiveStartKey": KEY})

    assert list(ledger.decided(16)) == [ROW]


def test_a_decision_and_none_are_told_apart_on_dynamodb(tables: Any) -> None:
    ledger = DynamoLedger(resources.table_name(LEDGER), resources.table_name(AUDIT), tables)
    answered = replace(ROW, id="i2", state=State.WAITING, decision=DECISION)
    for row in (replace(ROW, state=State.WAITING, decision=None), answered):
        tables.put_item(TableName=resources.table_name(LEDGER), Item=to_item(row))

    assert list(ledger.decided(10)) == [answered]


def test_the_audit_trail_is_read_consistently(ledger: DynamoLedger, dynamodb: Stubber) -> None:
    expected = {
        "TableName": "audit",
        "KeyConditionExpression": "inspection_id = :id",
        "ExpressionAttributeValues": {":id": {"S": "i1"}},
        "ConsistentRead": True,
    }
    dynamodb.add_response("query", {"Items": [audit_item(ENTRY)]}, expected)

    assert ledger.audit_trail("i1") == [ENTRY]
