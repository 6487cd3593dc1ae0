import json
import time
from typing import Any

import pytest

from lambdas import catalog
from local import functions, queues, resources, state_machine
from local.environment import LocalEnvironment
from workflow import state_machine_definition
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.stack_outputs import StackOutputs
from workflow.inspections import routing_policy
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.executions import execution_name
from workflow.tables import INSPECTIONS

TIMEOUT_SECONDS = 240


def upload(outputs: StackOutputs, key: str, body: bytes = b"not a photo") -> Image:
    response = client("s3").put_object(Bucket=outputs.inbound_bucket, Key=key, Body=body)
    return Image(outputs.inbound_bucket, key, response["VersionId"])


def find_execution(outputs: StackOutputs, image: Image) -> dict[str, Any] | None:
    return StepFunctionsExecutions(outputs.state_machine_arn).describe(
        execution_name(inspection_id(image), 1)
    )


def wait_for_execution(outputs: StackOutputs, image: Image) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if execution := find_execution(outputs, image):
            return execution
        time.sleep(0.1)
    raise AssertionError(f"{image.key}: no execution was started")


@pytest.mark.parametrize("bucket", ["partcheck-inbound", "partcheck-filed", "partcheck-training"])
def test_buckets_are_versioned(environment: LocalEnvironment, bucket: str) -> None:
    assert client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_the_inspections_table_has_its_indexes(environment: LocalEnvironment) -> None:
    table = client("dynamodb").describe_table(TableName=environment.outputs.inspections_table)["Table"]

    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in table["GlobalSecondaryIndexes"]
    }
    assert indexes == {index.name: list(index.key) for index in INSPECTIONS.indexes}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["id"]


def test_the_other_tables_have_their_keys(environment: LocalEnvironment) -> None:
    def keys(table: str) -> list[str]:
        schema = client("dynamodb").describe_table(TableName=table)["Table"]["KeySchema"]
        return [key["AttributeName"] for key in schema]

    assert keys(environment.outputs.audit_table) == ["inspection_id", "at"]
    assert keys(environment.outputs.task_tokens_table) == ["inspection_id"]


@pytest.mark.parametrize(
    "function",
    [function for function in catalog.FUNCTIONS if function.queue],
    ids=lambda function: function.queue,
)
def test_a_queue_that_feeds_a_function_has_a_visibility_timeout_and_a_dead_letter_queue(
    environment: LocalEnvironment, function: catalog.LambdaFunction
) -> None:
    url = client("sqs").get_queue_url(QueueName=f"partcheck-{function.queue}")["QueueUrl"]

    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    assert int(attributes["VisibilityTimeout"]) >= 6 * function.timeout_seconds
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": queues.queue_arn(f"{function.queue}-dlq"),
        "maxReceiveCount": 20,
    }


def test_the_default_policy_is_valid(environment: LocalEnvironment) -> None:
    text = client("ssm").get_parameter(Name=environment.outputs.policy_parameter)["Parameter"]["Value"]

    assert routing_policy.parse(text).version


@pytest.mark.parametrize("function", catalog.FUNCTIONS, ids=lambda function: function.module)
def test_functions_have_their_required_settings(
    environment: LocalEnvironment, function: catalog.LambdaFunction
) -> None:
    configuration = client("lambda").get_function_configuration(
        FunctionName=functions.function_name(function)
    )

    variables = configuration["Environment"]["Variables"]
    assert function.required_variables <= variables.keys()
    assert "" not in variables.values()
    assert (configuration["Timeout"], configuration["MemorySize"]) == (
        function.timeout_seconds,
        function.memory_mb,
    )


def test_queues_feed_their_functions_and_get_partial_batch_failures(environment: LocalEnvironment) -> None:
    for function in catalog.FUNCTIONS:
        response = client("lambda").list_event_source_mappings(FunctionName=functions.function_name(function))
        mappings = response["EventSourceMappings"]
        assert [mapping["EventSourceArn"] for mapping in mappings] == (
            [queues.queue_arn(function.queue)] if function.queue else []
        )
        for mapping in mappings:
            assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert mapping["BatchSize"] == function.batch_size


def test_the_state_machine_is_the_one_in_the_repository(environment: LocalEnvironment) -> None:
    response = client("stepfunctions").describe_state_machine(
        stateMachineArn=environment.outputs.state_machine_arn
    )

    states = json.loads(response["definition"])["States"]
    assert states.keys() == json.loads(state_machine_definition.read_definition())["States"].keys()
    assert states["Claim upload"]["Resource"] == functions.function_arn(catalog.CLAIM_UPLOAD)
    assert environment.outputs.state_machine_arn == state_machine.ARN


def test_an_upload_starts_an_execution_named_after_the_image_version(environment: LocalEnvironment) -> None:
    image = upload(environment.outputs, "intake/part+1 ü%2F.jpg")

    execution = wait_for_execution(environment.outputs, image)

    document = json.loads(execution["input"])
    assert document["image"] == {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}


def test_folder_markers_and_names_that_are_still_written_start_nothing(
    environment: LocalEnvironment,
) -> None:
    names = ("", ".part.jpg", "~part.jpg", "part.jpg.tmp", "part.jpg.part", ".hidden/part.jpg")
    left_alone = [upload(environment.outputs, f"intake/folder/{name}", b"") for name in names]
    after = upload(environment.outputs, "intake/folder/part.jpg")

    wait_for_execution(environment.outputs, after)

    assert [find_execution(environment.outputs, image) for image in left_alone] == [None] * len(names)


def test_existing_resources_are_kept(environment: LocalEnvironment) -> None:
    resources.create_buckets()
    resources.create_tables()
    resources.create_parameters()

    urls = queues.create_queues()

    assert (urls.intake, urls.verdicts) == (
        environment.outputs.intake_queue_url,
        environment.outputs.verdict_queue_url,
    )
