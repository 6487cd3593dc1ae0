"""The services in memory answer as AWS does where the product's guards depend on it."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.proof.dynamodb import MemoryDynamoDB, Stored
from tests.proof.expressions import condition, updated
from tests.proof.s3 import MemoryS3
from tests.proof.step_functions import MemoryStepFunctions
from tests.proof.world import World
from workflow.tables import TABLES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEM = {"id": {"S": "a"}, "n": {"N": "2"}, "m": {"M": {"x": {"S": "y"}}}, "none": {"NULL": True}}
NAMES = {"#n": "n", "#m": "m"}
VALUES = {":two": {"N": "2.0"}, ":three": {"N": "3"}, ":y": {"S": "y"}, ":none": {"NULL": True}}


@pytest.mark.parametrize(
    ("text", "answer"),
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
def test_a_condition_is_judged_as_dynamodb_judges_it(text: str, answer: bool) -> None:
    assert condition(text)(ITEM, (NAMES, VALUES)) is answer


@pytest.mark.parametrize("text", ["id LIKE :y", "id =", "AND", "id = :y extra", "id = 'y'"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        condition(text)


def test_an_update_reads_the_item_as_it_was() -> None:
    after = updated(ITEM, "SET #n = #n + :three, was = #n, #m.x = :none REMOVE none", (NAMES, VALUES))

    assert after == {"id": {"S": "a"}, "n": {"N": "5"}, "was": {"N": "2"}, "m": {"M": {"x": {"NULL": True}}}}
    assert ITEM["m"] == {"M": {"x": {"S": "y"}}}


def test_adding_begins_at_nothing_and_counts_on() -> None:
    once = updated(ITEM, "ADD #n :three, new :three", (NAMES, VALUES))

    assert (once["n"], once["new"]) == ({"N": "5"}, {"N": "3"})


def test_a_batch_is_read_and_what_is_missing_is_left_out() -> None:
    table = MemoryDynamoDB([Stored(TABLES[0])])
    table.put_item(TABLES[0].name, {"id": {"S": "a"}})

    answer = table.batch_get_item({TABLES[0].name: {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}]}})

    assert answer["Responses"] == {TABLES[0].name: [{"id": {"S": "a"}}]}


@pytest.fixture
def s3() -> MemoryS3:
    return MemoryS3(lambda: NOW)


def refused(s3: MemoryS3, **call: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket="b", Key="copy", **call)
    return dict(caught.value.response["Error"])


def test_a_copy_tells_by_its_condition_which_guard_refused_it(s3: MemoryS3) -> None:
    version = s3.put_object("a", "k", b"one")["VersionId"]
    source = {"Bucket": "a", "Key": "k", "VersionId": version}
    s3.copy_object(Bucket="b", Key="copy", CopySource=source, IfNoneMatch="*")

    assert refused(s3, CopySource=source, IfNoneMatch="*")["Condition"] == "If-None-Match"
    assert (
        refused(s3, CopySource=source, CopySourceIfMatch='"x"')["Condition"] == "x-amz-copy-source-If-Match"
    )
    assert refused(s3, CopySource={**source, "VersionId": "v9"})["Code"] == "NoSuchVersion"


def test_a_deletion_by_key_hides_and_one_by_version_removes(s3: MemoryS3) -> None:
    first, second = (s3.put_object("a", "k", content)["VersionId"] for content in (b"one", b"two"))

    s3.delete_object(Bucket="a", Key="k", VersionId=second)
    assert s3.head_object(Bucket="a", Key="k")["VersionId"] == first
    s3.delete_object(Bucket="a", Key="k")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="a", Key="k")
    assert s3.get_object(Bucket="a", Key="k", VersionId=first)["Body"].read() == b"one"


def test_a_transaction_is_all_or_nothing_and_says_which_part_refused() -> None:
    dynamodb = MemoryDynamoDB(Stored(table) for table in TABLES)
    put = {"TableName": "ledger", "Item": {"id": {"S": "new"}}}
    check = {"TableName": "ledger", "Key": {"id": {"S": "a"}}, "ConditionExpression": "attribute_exists(id)"}

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])

    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert dynamodb.get_item("ledger", {"id": {"S": "new"}}, ConsistentRead=True) == {}


def test_an_index_may_show_an_item_as_it_was() -> None:
    dynamodb = MemoryDynamoDB((Stored(table) for table in TABLES), lags=lambda age: age < 3)
    item = {"id": {"S": "a"}, "state": {"S": "inspecting"}, "claimed_at": {"S": "2026"}}
    query: dict[str, Any] = {
        "TableName": "ledger",
        "IndexName": "by_state",
        "KeyConditionExpression": "#state = :state",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":state": {"S": "inspecting"}},
    }

    dynamodb.put_item(TableName="ledger", Item=item)
    assert dynamodb.query(**query)["Items"] == []
    dynamodb.put_item(TableName="ledger", Item={**item, "state": {"S": "closed"}})
    assert dynamodb.query(**query)["Items"] == [item]
    assert dynamodb.get_item("ledger", {"id": {"S": "a"}}, ConsistentRead=True)["Item"]["state"] == {
        "S": "closed"
    }


def test_an_empty_index_key_is_refused_as_dynamodb_refuses_it() -> None:
    dynamodb = MemoryDynamoDB(Stored(table) for table in TABLES)

    for empty in ({"S": ""}, {"NULL": True}):
        with pytest.raises(ClientError, match="ValidationException"):
            dynamodb.put_item(TableName="ledger", Item={"id": {"S": "a"}, "state": empty})


def test_a_batch_has_at_most_25_puts_as_dynamodb_wants_it() -> None:
    dynamodb = MemoryDynamoDB(Stored(table) for table in TABLES)
    puts = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(26)]

    dynamodb.batch_write_item({"ledger": puts[:25]})
    with pytest.raises(ClientError, match="Too many items"):
        dynamodb.batch_write_item({"ledger": puts})
    assert len(dynamodb.tables["ledger"].items) == 25


class Surroundings:
    """Functions that answer what they are told to, and a clock."""

    def __init__(self, *answers: tuple[Any, str]) -> None:
        self.rng, self.answers, self.calls = random.Random(1), list(answers), []
        self.agenda: list[tuple[float, Any]] = []

    def after(self, seconds: float, act: Any) -> None:
        self.agenda.append((seconds, act))

    def now(self) -> datetime:
        return NOW

    def invoke(self, function: str, payload: Any, done: Any) -> None:
        self.calls.append((function, payload))
        if self.answers:
            done(*self.answers.pop(0))

    def publish(self, queue: str, body: str, done: Any) -> None:
        done({}, "")

    def pass_time(self, at_least: float = 0) -> None:
        due, self.agenda = self.agenda, []
        for seconds, act in due:
            if seconds >= at_least:
                act()


RETRIED = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}
WAITS = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}},
            "ResultPath": "$.decision",
            "TimeoutSeconds": 60,
            "Retry": [RETRIED],
            "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.overdue", "Next": "Ask"}],
            "End": True,
        }
    },
}


def tokens(around: Surroundings) -> list[str]:
    return [payload["token"] for _, payload in around.calls]


def test_a_retry_a_timeout_and_a_redrive_bring_a_new_token_and_the_old_one_is_dead() -> None:
    around = Surroundings((None, "Crash"))
    engine = MemoryStepFunctions(WAITS, around)
    engine.start_execution(stateMachineArn="m", name="e", input="{}")
    around.pass_time()
    around.pass_time(at_least=60)
    engine.stop_execution("e")
    engine.redrive_execution("e")

    assert len(set(tokens(around))) == 4
    for dead in tokens(around)[:-1]:
        with pytest.raises(ClientError):
            engine.send_task_success(taskToken=dead, output="{}")
    engine.send_task_success(taskToken=tokens(around)[-1], output='{"verdict": "ok"}')
    assert engine.describe_execution("e")["status"] == "SUCCEEDED"
    assert engine.executions["e"].document["decision"] == {"verdict": "ok"}


def test_a_name_is_used_once_and_starting_it_twice_while_it_runs_is_starting_it_once() -> None:
    around = Surroundings()
    engine = MemoryStepFunctions(WAITS, around)
    for _ in range(2):
        engine.start_execution(stateMachineArn="m", name="e", input="{}")
    assert len(around.calls) == 1
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.start_execution(stateMachineArn="m", name="e", input='{"other": 1}')
    engine.stop_execution("e")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.start_execution(stateMachineArn="m", name="e", input="{}")


def test_a_photo_goes_through_the_products_own_definition_in_peace() -> None:
    world = World(seed=0, chance=0)

    assert set(world.step_functions._states) >= {"Claim upload", "Ask a reviewer", "Close inspection"}
