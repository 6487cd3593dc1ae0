"""The lint accepts definitions that AWS accepts, and handles malformed files."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.state_machine.asl_lint import lint
from tests.state_machine.asl_lint.documents import Path, parse_path
from tests.state_machine.asl_lint.services import parse_resource

Json = dict[str, Any]

RETRY = [{"ErrorEquals": ["States.TaskFailed"], "JitterStrategy": "FULL"}]
JUNK: tuple[Any, ...] = (None, True, -1, "", "$", "${", [], {}, [None], {"": None}, {"a.$": []})


def task(resource: str, parameters: Json, **more: Any) -> Json:
    """Return a Task. It ends the execution if it has no Next."""
    body = {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": "$.done"}
    end: Json = {} if "Next" in more else {"End": True}
    return {**body, "Retry": RETRY, "TimeoutSeconds": 60, **end, **more}


def machine(**states: Json) -> Json:
    """Return a machine with these states in order. In names `_` is a space and a final `Q` is `?`."""
    named = {re.sub("Q$", "?", name.replace("_", " ")): state for name, state in states.items()}
    return {"StartAt": next(iter(named)), "States": named}


def rules(definition: Json, **context: Any) -> set[str]:
    return {finding.rule for finding in lint(definition, **context)}


@pytest.mark.parametrize(
    ("resource", "parameters"),
    [
        ("${Function}", {"anything": {"goes": [1, None]}}),
        ("arn:aws:lambda:eu-west-1:123456789012:function:name:live", {}),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "a", "Payload": [1, "two"]}),
        ("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "a", "MessageBody": "text"}),
        ("arn:aws:states:::aws-sdk:sfn:startExecution", {"StateMachineArn": "a", "Input": "{}"}),
        ("arn:aws:states:::aws-sdk:rekognition:detectLabels", {"Image.$": "$.id", "MinConfidence": 0}),
        ("arn:aws:states:::aws-sdk:eventbridge:putEvents", {"Entries.$": "$.id"}),
        ("arn:aws:states:::aws-sdk:s3:copyObject", {"Bucket": "a", "Key": "b", "CopySource": "c"}),
    ],
)
def test_an_integration_that_aws_offers_is_accepted(resource: str, parameters: Json) -> None:
    assert rules(machine(Do_it=task(resource, parameters)), input_fields={"id"}) == set()


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        ("arn:aws:states:::aws-sdk:sfn:startExecution", "Sfn.ExecutionAlreadyExistsException"),
        ("arn:aws:states:::aws-sdk:dynamodb:putItem", "DynamoDb.ConditionalCheckFailedException"),
        ("arn:aws:states:::aws-sdk:s3:getObject", "S3.NoSuchKeyException"),
        ("arn:aws:states:::aws-sdk:rekognition:detectLabels", "Rekognition.InternalServerErrorException"),
        ("arn:aws:states:::aws-sdk:sqs:sendMessage", "Sqs.SqsException"),
        ("arn:aws:states:::lambda:invoke", "Lambda.ClientExecutionTimeoutException"),
        ("${Function}", "Lambda.SdkClientException"),
        ("${Function}", "Runtime.ExitError"),
    ],
)
def test_a_service_error_has_the_spelling_of_its_integration(resource: str, error: str) -> None:
    call = parse_resource(resource)

    assert call is not None
    assert error in call.errors


def test_a_field_that_only_one_branch_produces_does_not_exist_after_they_join() -> None:
    definition = machine(
        Is_it_newQ={
            "Type": "Choice",
            "Choices": [{"Variable": "$.new", "BooleanEquals": True, "Next": "Read it"}],
            "Default": "Use it",
        },
        Read_it=task("${F}", {}, Next="Use it"),
        Use_it=task("${F}", {"read.$": "$.done"}),
    )
    assert rules(definition, input_fields={"new"}) == {"field-is-produced"}

    definition["States"]["Is it new?"]["Default"] = "Read it"
    assert rules(definition, input_fields={"new"}) == set()


def test_a_declared_result_has_only_its_declared_fields() -> None:
    definition = machine(Do_it=task("${F}", {}, Next="Go on"), Go_on=task("${F}", {"a.$": "$.done.answer"}))

    assert rules(definition) == set()
    assert rules(definition, results={"Do it": {"answer"}}) == set()
    assert rules(definition, results={"Do it": {"answers"}}) == {"field-is-produced"}
    with pytest.raises(ValueError, match="Do this"):
        lint(definition, results={"Do this": {"answer"}})


@pytest.mark.parametrize(
    "mistake",
    [
        {"Type": "Parallel", "Branches": [machine(Do_it=task("${F}", {}))], "ResultPath": None, "End": True},
        {"Type": "Map", "ItemProcessor": machine(Do_it=task("${F}", {})), "ResultPath": None, "End": True},
        {
            "Type": "Choice",
            "Choices": [{"Variable": "$.id", "IsPresent": True, "Next": "Do it"}],
            "Default": "Do it",
        },
        {"Type": "Pass", "InputPath": "$.id", "End": True},
    ],
    ids=lambda state: state["Type"],
)
def test_what_the_tests_cannot_run_is_refused(mistake: Json) -> None:
    definition = machine(Do_it=task("${F}", {}, Next="Go on"), Go_on=mistake)

    assert rules(definition) == {"language-is-the-subset"}


def test_a_name_may_contain_an_abbreviation() -> None:
    for name in ("Read_EXIF_data", "Send_to_DLQ_again", "Copy_within_S3", "Move_to_ok"):
        assert rules(machine(**{name: {"Type": "Succeed"}})) == set()


@pytest.mark.parametrize(
    ("text", "steps", "is_reference"),
    [
        ("$", (), True),
        ("$.a.b_c['d e'][0]", ("a", "b_c", "d e", 0), True),
        ("$.a[*].b", ("a",), False),
        ("$..b", (), False),
        ("$.a[?(@.b > 1)]", ("a",), False),
        ("$.a[1:3]", ("a",), False),
    ],
)
def test_a_path_is_parsed_into_steps(text: str, steps: tuple[str | int, ...], is_reference: bool) -> None:
    assert parse_path(text) == Path("$", steps, is_reference)


def test_no_malformed_file_stops_the_lint() -> None:
    good = machine(
        Do_it=task(
            "arn:aws:states:::lambda:invoke", {"FunctionName": "a", "Payload": {"x.$": "$.id"}}, Next="Ok?"
        ),
        OkQ={
            "Type": "Choice",
            "Choices": [{"And": [{"Variable": "$.id", "IsNull": True}], "Next": "Stop"}],
            "Default": "Wait",
        },
        Wait={"Type": "Wait", "SecondsPath": "$.id", "Next": "Ok?"},
        Stop={"Type": "Succeed"},
    )
    good["States"]["Do it"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Wait"}]
    assert rules(good, input_fields={"id"}) == set()

    for place in _places(good):
        for junk in JUNK:
            broken = copy.deepcopy(good)
            at: Any = broken
            for step in place[:-1]:
                at = at[step]
            at[place[-1]] = junk
            assert isinstance(lint(broken, input_fields={"id"}), list)


def _places(value: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield (*place, name)
        yield from _places(part, *place, name)
