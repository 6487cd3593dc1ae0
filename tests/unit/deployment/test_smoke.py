"""The smoke test's cleanup deletes its own inspection and nothing else."""

import io
import json
from dataclasses import fields
from typing import Any

import pytest
from botocore.response import StreamingBody

from deployment import smoke_checks
from deployment.smoke_cleanup import delete_inspection, remove_message
from lambdas.catalog import FUNCTIONS
from local.resources import table_name
from tests.unit.pipeline import Pipeline
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.archive import object_key
from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values, to_inspection_item
from workflow.aws.search import DynamoInspectionSearch
from workflow.aws.stack_outputs import StackOutputs
from workflow.history.archiver import execution_names
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.tables import AUDIT, INSPECTIONS, NAME_INDEX, TASK_TOKENS

BUCKETS = ("inbound", "filed", "history")
OUTPUTS = StackOutputs(
    **{field.name: field.name for field in fields(StackOutputs)}
    | {f"{name}_bucket": name for name in BUCKETS}
    | {f"{name}_table": table_name(table) for name, table in (("inspections", INSPECTIONS), ("audit", AUDIT))}
    | {"task_tokens_table": table_name(TASK_TOKENS), "name_index_table": table_name(NAME_INDEX)}
)


def store_inspection(name: str) -> Inspection:
    """Store an inspection with everything that a stage keeps for it."""
    s3, tables = client("s3"), client("dynamodb")
    version = s3.put_object(Bucket="inbound", Key=name, Body=b"photo")["VersionId"]
    pipeline, image = Pipeline(), Image("inbound", name, version)
    pipeline.begin(image)
    row = pipeline.inspections.rows[inspection_id(image)]
    for _ in ("while it ran", "when it had ended"):
        s3.put_object(Bucket="history", Key=object_key(execution_names(row)[0]), Body=b"record")
    tables.put_item(TableName=OUTPUTS.inspections_table, Item=to_inspection_item(row))
    tables.put_item(
        TableName=OUTPUTS.audit_table, Item=to_attribute_values({"inspection_id": row.id, "at": "1"})
    )
    tables.put_item(TableName=OUTPUTS.task_tokens_table, Item=to_attribute_values({"inspection_id": row.id}))
    DynamoInspectionSearch(OUTPUTS.inspections_table, OUTPUTS.name_index_table).add_name(row)
    return row


def count_stored() -> dict[str, int]:
    s3, tables = client("s3"), client("dynamodb")
    names = (
        OUTPUTS.inspections_table,
        OUTPUTS.audit_table,
        OUTPUTS.task_tokens_table,
        OUTPUTS.name_index_table,
    )
    rows = {name: tables.scan(TableName=name)["Count"] for name in names}
    buckets = {name: s3.list_object_versions(Bucket=name) for name in BUCKETS}
    return rows | {
        name: len([*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())])
        for name, versions in buckets.items()
    }


def test_all_of_one_inspection_but_its_audit_entries_is_deleted_and_nothing_of_another(
    tables: Any,
) -> None:
    for name in BUCKETS:
        place = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    store_inspection("line 1/theirs.png")
    before = count_stored()
    ours = store_inspection("partcheck-smoke/partcheck-smoke-1-part.jpg")

    delete_inspection(OUTPUTS, ours)

    audit = OUTPUTS.audit_table
    assert count_stored() == {**before, audit: before[audit] + 1}
    assert all(count > 0 for name, count in before.items() if name != "filed")


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        (["ran"], ""),
        (["TooManyRequestsException", "TooManyRequestsException", "ran"], ""),
        (["failed"], "KeyError: 'MODEL_PARAMETER'"),
        (["ResourceNotFoundException"], "ResourceNotFoundException"),
    ],
)
def test_a_scheduled_function_runs_once_and_its_error_is_told(answers: list[str], fault: str) -> None:
    rests: list[float] = []
    error = json.dumps({"errorType": "KeyError", "errorMessage": "'MODEL_PARAMETER'"}).encode()
    with stubbed("lambda") as (client, stub):
        for answer in answers:
            if answer.endswith("Exception"):
                stub.add_client_error("invoke", answer)
                continue
            failed = {"FunctionError": "Unhandled"} if answer == "failed" else {}
            body = StreamingBody(io.BytesIO(error if failed else b"{}"), len(error if failed else b"{}"))
            request = {"FunctionName": "f", "InvocationType": "RequestResponse", "Payload": b"{}"}
            stub.add_response("invoke", {"StatusCode": 200, "Payload": body, **failed}, request)

        assert fault in smoke_checks.run_function("f", client, rests.append)

    assert len(rests) == answers.count("TooManyRequestsException")


def test_every_function_with_a_schedule_is_found_among_the_functions_of_the_stack() -> None:
    scheduled = [function for function in FUNCTIONS if function.schedule_minutes]
    names = {f"Functions{function.placeholder}1A2B3C4D": function.module for function in FUNCTIONS}

    assert smoke_checks.find_scheduled_functions(names) == {f.module: f.module for f in scheduled}


def test_a_metric_without_data_is_a_fault_if_nothing_can_write_it() -> None:
    def alarm(name: str, namespace: str, **dimensions: str) -> dict[str, Any]:
        listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        return {"AlarmName": name, "Namespace": namespace, "MetricName": "m", "Dimensions": listed}

    own = alarm("math", "partcheck-dev", service="reconcile")
    stat = {"Metric": {key: own[key] for key in ("Namespace", "MetricName", "Dimensions")}}
    math = {
        "AlarmName": "math",
        "Metrics": [{"Id": "e"}, {"Id": "m", "MetricStat": stat | {"Period": 60, "Stat": "Sum"}}],
    }
    alarms = [
        alarm("data", "partcheck-dev", service="reconcile"),
        math,
        alarm("renamed", "partcheck-dev", service="mend"),
        alarm("unused", "AWS/SQS", QueueName="failures"),
        alarm("gone", "AWS/SQS", QueueName="other"),
    ]
    with stubbed("cloudwatch") as (client, stub):
        stub.add_response("describe_alarms", {"MetricAlarms": alarms})
        stub.add_response("list_metrics", {"Metrics": [{"MetricName": "m"}]}, stat["Metric"])
        for _ in alarms[1:]:
            stub.add_response("list_metrics", {"Metrics": []})

        found = list(smoke_checks.find_metrics(["a"], ["failures"], client))

    assert [(name, fault) for name, _, fault in found] == [
        ("math", ""),
        ("renamed", "no function 'mend' writes it"),
        ("unused", ""),
        ("gone", "the stage has no other"),
    ]


def test_a_message_is_removed_and_the_others_stay_visible() -> None:
    expected_request = {
        "QueueUrl": "q",
        "MaxNumberOfMessages": 10,
        "VisibilityTimeout": 0,
        "WaitTimeSeconds": 1,
    }
    with stubbed("sqs") as (client, stub):
        messages = [{"Body": body, "ReceiptHandle": f"handle of {body}"} for body in ("theirs", "ours")]
        stub.add_response("receive_message", {"Messages": messages}, expected_request)
        stub.add_response("delete_message", {}, {"QueueUrl": "q", "ReceiptHandle": "handle of ours"})

        assert remove_message("q", "ours", client) is True


def test_a_message_that_is_already_received_is_not_found() -> None:
    with stubbed("sqs") as (client, stub):
        stub.add_response("receive_message", {})

        assert remove_message("q", "ours", client) is False
