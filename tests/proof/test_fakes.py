"""The in-memory services answer as AWS does where the product's guards depend on it."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from tests.proof.expressions import apply_update, parse_condition
from tests.proof.s3 import InMemoryS3
from tests.proof.simulation import Simulation
from tests.proof.step_functions import InMemoryStepFunctions
from workflow.tables import TABLES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEM = {"id": {"S": "a"}, "n": {"N": "2"}, "m": {"M": {"x": {"S": "y"}}}, "none": {"NULL": True}}
NAMES = {"#n": "n", "#m": "m"}
VALUES = {":two": {"N": "2.0"}, ":three": {"N": "3"}, ":y": {"S": "y"}, ":none": {"NULL": True}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attribute_exists(id) AND #n = :two", True),
        ("attribute_not_exists(id) OR #n < :three", True),
        ("attribute_not_exists(id) OR NOT #n < :three", False),
        ("#m.x = :y", True),
        ("#m.z = :y", False),
        ("missing <> :y", True),
        ("missing < :three", False),
        ("#n < :y", False),
        ("none = :none", True),
        ("missing = :none", False),
        ("(#n = :three OR #n = :two) AND begins_with(id, id)", True),
        ("#n BETWEEN :two AND :three", True),
        ("#n IN (:three, :two)", True),
        ("size(id) < :two", True),
    ],
)
def test_a_condition_is_evaluated_as_by_dynamodb(text: str, expected: bool) -> None:
    assert parse_condition(text)(ITEM, (NAMES, VALUES)) is expected


@pytest.mark.parametrize("text", ["id LIKE :y", "id =", "AND", "id = :y extra", "id = 'y'"])
def test_invalid_conditions_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_condition(text)


def test_an_update_reads_the_item_before_the_update() -> None:
    after = apply_update(ITEM, "SET #n = #n + :three, was = #n, #m.x = :none REMOVE none", (NAMES, VALUES))

    assert after == {"id": {"S": "a"}, "n": {"N": "5"}, "was": {"N": "2"}, "m": {"M": {"x": {"NULL": True}}}}
    assert ITEM["m"] == {"M": {"x": {"S": "y"}}}


def test_add_creates_an_attribute_or_adds_to_it() -> None:
    after = apply_update(ITEM, "ADD #n :three, new :three", (NAMES, VALUES))

    assert (after["n"], after["new"]) == ({"N": "5"}, {"N": "3"})


def test_a_batch_read_leaves_out_missing_items() -> None:
    table = InMemoryDynamoDB([InMemoryTable(TABLES[0])])
    table.put_item(TABLES[0].name, {"id": {"S": "a"}})

    answer = table.batch_get_item({TABLES[0].name: {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}]}})

    assert answer["Responses"] == {TABLES[0].name: [{"id": {"S": "a"}}]}


@pytest.fixture
def s3() -> InMemoryS3:
    return InMemoryS3(lambda: NOW)


def copy_error(s3: InMemoryS3, **call: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket="b", Key="copy", **call)
    return dict(caught.value.response["Error"])


def test_the_condition_of_a_failed_copy_names_its_guard(s3: InMemoryS3) -> None:
    version = s3.put_object("a", "k", b"one")["VersionId"]
    source = {"Bucket": "a", "Key": "k", "VersionId": version}
    s3.copy_object(Bucket="b", Key="copy", CopySource=source, IfNoneMatch="*")

    assert copy_error(s3, CopySource=source, IfNoneMatch="*")["Condition"] == "If-None-Match"
    assert (
        copy_error(s3, CopySource=source, CopySourceIfMatch='"x"')["Condition"]
        == "x-amz-copy-source-If-Match"
    )
    assert copy_error(s3, CopySource={**source, "VersionId": "v9"})["Code"] == "NoSuchVersion"


def test_a_deletion_by_key_hides_the_object_and_one_by_version_removes_it(s3: InMemoryS3) -> None:
    first, second = (s3.put_object("a", "k", content)["VersionId"] for content in (b"one", b"two"))

    s3.delete_object(Bucket="a", Key="k", VersionId=second)
    assert s3.head_object(Bucket="a", Key="k")["VersionId"] == first
    s3.delete_object(Bucket="a", Key="k")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="a", Key="k")
    assert s3.get_object(Bucket="a", Key="k", VersionId=first)["Body"].read() == b"one"


def test_a_transaction_applies_all_parts_or_none_and_names_the_failed_part() -> None:
    dynamodb = InMemoryDynamoDB(InMemoryTable(table) for table in TABLES)
    put = {"TableName": "inspections", "Item": {"id": {"S": "new"}}}
    check = {
        "TableName": "inspections",
        "Key": {"id": {"S": "a"}},
        "ConditionExpression": "attribute_exists(id)",
    }

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])

    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert dynamodb.get_item("inspections", {"id": {"S": "new"}}, ConsistentRead=True) == {}


def test_an_index_may_show_the_previous_item() -> None:
    dynamodb = InMemoryDynamoDB(
        (InMemoryTable(table) for table in TABLES), is_index_stale=lambda age: age < 3
    )
    item = {"id": {"S": "a"}, "state": {"S": "inspecting"}, "claimed_at": {"S": "2026"}}
    query: dict[str, Any] = {
        "TableName": "inspections",
        "IndexName": "by_state",
        "KeyConditionExpression": "#state = :state",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":state": {"S": "inspecting"}},
    }

    dynamodb.put_item(TableName="inspections", Item=item)
    assert dynamodb.query(**query)["Items"] == []
    dynamodb.put_item(TableName="inspections", Item={**item, "state": {"S": "closed"}})
    assert dynamodb.query(**query)["Items"] == [item]
    assert dynamodb.get_item("inspections", {"id": {"S": "a"}}, ConsistentRead=True)["Item"]["state"] == {
        "S": "closed"
    }


def test_an_empty_index_key_is_refused_as_by_dynamodb() -> None:
    dynamodb = InMemoryDynamoDB(InMemoryTable(table) for table in TABLES)

    for empty in ({"S": ""}, {"NULL": True}):
        with pytest.raises(ClientError, match="ValidationException"):
            dynamodb.put_item(TableName="inspections", Item={"id": {"S": "a"}, "state": empty})


def test_a_batch_write_has_at_most_25_items() -> None:
    dynamodb = InMemoryDynamoDB(InMemoryTable(table) for table in TABLES)
    puts = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(26)]

    dynamodb.batch_write_item({"inspections": puts[:25]})
    with pytest.raises(ClientError, match="Too many items"):
        dynamodb.batch_write_item({"inspections": puts})
    assert len(dynamodb.tables["inspections"].items) == 25


class FakeRuntime:
    """Functions with prepared results, and a clock."""

    def __init__(self, *results: tuple[Any, str]) -> None:
        self.rng, self.results, self.calls = random.Random(1), list(results), []
        self.scheduled: list[tuple[float, Any]] = []

    def schedule(self, seconds: float, action: Any) -> None:
        self.scheduled.append((seconds, action))

    def now(self) -> datetime:
        return NOW

    def invoke(self, function: str, payload: Any, done: Any) -> None:
        self.calls.append((function, payload))
        if self.results:
            done(*self.results.pop(0))

    def publish(self, queue: str, body: str, done: Any) -> None:
        done({}, "")

    def run_scheduled(self, at_least: float = 0) -> None:
        due, self.scheduled = self.scheduled, []
        for seconds, action in due:
            if seconds >= at_least:
                action()


RETRIER = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}
CALLBACK_DEFINITION = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}},
            "ResultPath": "$.decision",
            "TimeoutSeconds": 60,
            "Retry": [RETRIER],
            "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.overdue", "Next": "Ask"}],
            "End": True,
        }
    },
}


def tokens(runtime: FakeRuntime) -> list[str]:
    return [payload["token"] for _, payload in runtime.calls]


def test_a_retry_a_timeout_and_a_redrive_issue_new_tokens_and_invalidate_old_ones() -> None:
    runtime = FakeRuntime((None, "Crash"))
    engine = InMemoryStepFunctions(CALLBACK_DEFINITION, runtime)
    engine.start_execution(stateMachineArn="m", name="e", input="{}")
    runtime.run_scheduled()
    runtime.run_scheduled(at_least=60)
    engine.stop_execution("e")
    engine.redrive_execution("e")

    assert len(set(tokens(runtime))) == 4
    for expired in tokens(runtime)[:-1]:
        with pytest.raises(ClientError):
            engine.send_task_success(taskToken=expired, output="{}")
    engine.send_task_success(taskToken=tokens(runtime)[-1], output='{"verdict": "ok"}')
    assert engine.describe_execution("e")["status"] == "SUCCEEDED"
    assert engine.executions["e"].document["decision"] == {"verdict": "ok"}


def test_an_execution_name_is_unique_and_starting_a_running_execution_again_is_idempotent() -> None:
    runtime = FakeRuntime()
    engine = InMemoryStepFunctions(CALLBACK_DEFINITION, runtime)
    for _ in range(2):
        engine.start_execution(stateMachineArn="m", name="e", input="{}")
    assert len(runtime.calls) == 1
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.start_execution(stateMachineArn="m", name="e", input='{"other": 1}')
    engine.stop_execution("e")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.start_execution(stateMachineArn="m", name="e", input="{}")


def test_the_simulation_interprets_the_products_definition() -> None:
    simulation = Simulation(seed=0, fault_probability=0)

    assert set(simulation.step_functions._states) >= {"Claim upload", "Ask a reviewer", "Close inspection"}
