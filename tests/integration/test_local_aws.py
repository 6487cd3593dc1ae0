import json
import time
from typing import Any

import pytest

from lambdas import catalog
from local import functions, machine, queues, resources
from local.line import Line
from workflow import definition
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.site import Site
from workflow.inspections import routing_policy
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.intake import execution_name
from workflow.tables import LEDGER

PATIENCE = 90


def upload(site: Site, key: str, body: bytes = b"not a photo") -> Image:
    answer = client("s3").put_object(Bucket=site.inbound_bucket, Key=key, Body=body)
    return Image(site.inbound_bucket, key, answer["VersionId"])


def execution_of(site: Site, image: Image) -> dict[str, Any] | None:
    return StepFunctionsExecutions(site.state_machine_arn).describe(execution_name(inspection_id(image), 1))


def awaited_execution(site: Site, image: Image) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := execution_of(site, image):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{image.key}: no execution was started")


@pytest.mark.parametrize("bucket", ["partcheck-inbound", "partcheck-filed", "partcheck-training"])
def test_buckets_keep_every_version(line: Line, bucket: str) -> None:
    assert client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_the_ledger_has_its_indexes(line: Line) -> None:
    table = client("dynamodb").describe_table(TableName=line.site.ledger_table)["Table"]

    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in table["GlobalSecondaryIndexes"]
    }
    assert indexes == {index.name: list(index.key) for index in LEDGER.indexes}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["id"]


def test_the_other_tables_have_their_keys(line: Line) -> None:
    def keys(table: str) -> list[str]:
        schema = client("dynamodb").describe_table(TableName=table)["Table"]["KeySchema"]
        return [key["AttributeName"] for key in schema]

    assert keys(line.site.audit_table) == ["inspection_id", "at"]
    assert keys(line.site.token_table) == ["inspection_id"]


@pytest.mark.parametrize(
    "function", [each for each in catalog.FUNCTIONS if each.queue], ids=lambda each: each.queue
)
def test_a_queue_that_feeds_a_function_waits_for_it_and_has_a_last_resort(
    line: Line, function: catalog.Function
) -> None:
    url = client("sqs").get_queue_url(QueueName=f"partcheck-{function.queue}")["QueueUrl"]

    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    assert int(found["VisibilityTimeout"]) >= 6 * function.timeout_seconds
    assert json.loads(found["RedrivePolicy"]) == {
        "deadLetterTargetArn": queues.queue_arn(f"{function.queue}-dlq"),
        "maxReceiveCount": 20,
    }


def test_the_first_policy_can_be_read_and_no_model_is_chosen(line: Line) -> None:
    text = client("ssm").get_parameter(Name=line.site.policy_parameter)["Parameter"]["Value"]

    assert routing_policy.parse(text).version


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_functions_have_the_settings_they_insist_on(line: Line, function: catalog.Function) -> None:
    found = client("lambda").get_function_configuration(FunctionName=functions.function_name(function))

    variables = found["Environment"]["Variables"]
    assert function.needs <= variables.keys()
    assert "" not in variables.values()
    assert (found["Timeout"], found["MemorySize"]) == (function.timeout_seconds, function.memory_mb)


def test_queues_feed_their_functions_and_hear_of_each_failure(line: Line) -> None:
    for function in catalog.FUNCTIONS:
        found = client("lambda").list_event_source_mappings(FunctionName=functions.function_name(function))
        mappings = found["EventSourceMappings"]
        assert [mapping["EventSourceArn"] for mapping in mappings] == (
            [queues.queue_arn(function.queue)] if function.queue else []
        )
        for mapping in mappings:
            assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert mapping["BatchSize"] == function.batch_size


def test_the_state_machine_is_the_one_in_the_repository(line: Line) -> None:
    found = client("stepfunctions").describe_state_machine(stateMachineArn=line.site.state_machine_arn)

    states = json.loads(found["definition"])["States"]
    assert states.keys() == json.loads(definition.text())["States"].keys()
    assert states["Claim upload"]["Resource"] == functions.function_arn(catalog.CLAIM_UPLOAD)
    assert line.site.state_machine_arn == machine.ARN


def test_an_upload_starts_an_execution_named_after_the_image_version(line: Line) -> None:
    image = upload(line.site, "wired/part+1 ü%2F.jpg")

    started = awaited_execution(line.site, image)

    document = json.loads(started["input"])
    assert document["image"] == {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}


def test_a_folder_marker_starts_nothing(line: Line) -> None:
    marker = upload(line.site, "wired/folder/", b"")
    after = upload(line.site, "wired/folder/part.jpg")

    awaited_execution(line.site, after)

    assert execution_of(line.site, marker) is None


def test_what_exists_is_left_as_it_is(line: Line) -> None:
    resources.create_buckets()
    resources.create_tables()
    resources.create_parameters()

    again = queues.create_queues()

    assert (again.intake, again.verdicts) == (line.site.intake_queue_url, line.site.verdict_queue_url)
