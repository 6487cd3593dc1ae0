"""The lint finds every planted defect and its place, and finds nothing in a valid machine."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.state_machine.asl_lint import RULES, Finding, lint, load, placeholders
from workflow.errors import Conflict, OwnershipLost

Json = dict[str, Any]

SHIPPED = Path(__file__).resolve().parents[2] / "state_machine.asl.json"
SHIPPED_INPUT_FIELDS = {"inspection_id", "image", "uploaded_at", "attempt"}
SHIPPED_CUSTOM_ERRORS = {OwnershipLost.__name__, Conflict.__name__, "Exception"}
# The result fields of the functions in all outcomes. States that are absent here may return any field.
SHIPPED_RESULTS = {
    "Claim upload": {"outcome"},
    "Detect labels": {
        *("outcome", "code", "reason", "wait_seconds", "timeout_seconds"),
        *("verdict", "label", "confidence", "threshold", "note", "review_seconds"),
    },
    **{
        f"Move to {verdict}": {"verdict", "bucket", "key", "announcement"}
        for verdict in ("ok", "defect", "rejected", "unclear", "reviewed verdict")
    },
    "Escalate review": {"decided", "round"},
    "Close inspection": {"at"},
}

INPUT_FIELDS = {"inspection_id", "image", "attempt"}
CUSTOM_ERRORS = {"ModelBusy"}


def retry(*errors: str) -> Json:
    return {
        "ErrorEquals": [*errors],
        "IntervalSeconds": 1,
        "BackoffRate": 2,
        "MaxAttempts": 6,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }


def move(verdict: str, then: str) -> Json:
    return {
        "Type": "Task",
        "Resource": "${MoveImageFunction}",
        "Parameters": {"inspection_id.$": "$.inspection_id", "verdict": verdict},
        "ResultPath": "$.filed",
        "TimeoutSeconds": 60,
        "Retry": [retry("Lambda.TooManyRequestsException", "States.TaskFailed", "States.Timeout")],
        "Next": then,
    }


VALID: Json = {
    "Comment": "A small machine with one state of each kind in the real one.",
    "StartAt": "Claim upload",
    "States": {
        "Claim upload": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": "${ClaimUploadFunction}",
                "InvocationType": "RequestResponse",
                "Payload": {
                    "inspection_id.$": "$.inspection_id",
                    "object.$": "$.image.version",
                    "execution.$": "$$.Execution.Name",
                    "first.$": "$$.Execution.Input.attempt",
                },
            },
            "ResultSelector": {
                "outcome.$": "$.Payload.outcome",
                "folder.$": "$.Payload.folder",
            },
            "ResultPath": "$.upload",
            "TimeoutSeconds": 60,
            "Retry": [retry("Lambda.ServiceException", "Lambda.Unknown"), retry("States.TaskFailed")],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Note the failure"}],
            "Next": "Is the upload readable?",
        },
        "Note the failure": {
            "Type": "Pass",
            "Parameters": {"what.$": "$.failure.Error", "why.$": "$.failure.Cause"},
            "ResultPath": "$.note",
            "Next": "Upload vanished",
        },
        "Is the upload readable?": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.upload.outcome", "StringEquals": "readable", "Next": "Detect labels"},
                {
                    "And": [
                        {"Variable": "$.upload.outcome", "IsString": True},
                        {"Not": {"Variable": "$.upload.outcome", "StringMatches": "lost*"}},
                    ],
                    "Next": "Move to rejected",
                },
            ],
            "Default": "Upload vanished",
        },
        "Upload vanished": {
            "Type": "Fail",
            "Error": "UploadVanished",
            "Cause": "Nothing is left to inspect.",
        },
        "Detect labels": {
            "Type": "Task",
            "Resource": "${DetectLabelsFunction}",
            "Parameters": {"folder.$": "$.upload.folder", "started_at.$": "$$.State.EnteredTime"},
            "ResultPath": "$.detection",
            "TimeoutSeconds": 60,
            "Retry": [retry("ModelBusy"), retry("States.TaskFailed", "States.Timeout")],
            "Next": "Did the model answer?",
        },
        "Did the model answer?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.detection.answered",
                    "BooleanEquals": True,
                    "Next": "Is the prediction clear?",
                }
            ],
            "Default": "Wait for model",
        },
        "Wait for model": {
            "Type": "Wait",
            "SecondsPath": "$.detection.wait_seconds",
            "Next": "Detect labels",
        },
        "Is the prediction clear?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.detection.confidence",
                    "NumericLessThanPath": "$.detection.threshold",
                    "Next": "Move to unclear",
                },
                {"Variable": "$.detection.confidence", "NumericGreaterThan": 0.5, "Next": "Move to ok"},
            ],
            "Default": "Move to unclear",
        },
        "Move to ok": move("ok", "Announce verdict"),
        "Move to rejected": move("rejected", "Announce verdict"),
        "Move to unclear": move("unclear", "Ask a reviewer"),
        "Ask a reviewer": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {
                "FunctionName": "${AskReviewerFunction}",
                "Payload": {"inspection_id.$": "$.inspection_id", "token.$": "$$.Task.Token"},
            },
            "ResultPath": "$.decision",
            "TimeoutSeconds": 3600,
            "HeartbeatSeconds": 600,
            "Retry": [retry("Lambda.TooManyRequestsException")],
            "Catch": [
                {
                    "ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"],
                    "ResultPath": "$.overdue",
                    "Next": "Escalate review",
                }
            ],
            "Next": "Move to reviewed verdict",
        },
        "Escalate review": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem",
            "Parameters": {
                "TableName": "${InspectionsTable}",
                "Item": {"id": {"S.$": "$.inspection_id"}, "overdue": {"BOOL": True}},
                "ReturnValues": "NONE",
            },
            "ResultPath": None,
            "TimeoutSeconds": 60,
            "Retry": [
                retry("DynamoDb.ProvisionedThroughputExceededException", "DynamoDb.SdkClientException")
            ],
            "Next": "Ask a reviewer",
        },
        "Move to reviewed verdict": move("reviewed", "Announce verdict"),
        "Announce verdict": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {
                "QueueUrl": "${VerdictQueueUrl}",
                "DelaySeconds": 5,
                "MessageBody": {"inspection_id.$": "$.inspection_id", "filed.$": "$.filed.key"},
                "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "verdict"}},
            },
            "ResultPath": "$.announced",
            "TimeoutSeconds": 60,
            "Retry": [retry("SQS.AmazonSQSException", "SQS.SdkClientException"), retry("States.Timeout")],
            "Next": "Close inspection",
        },
        "Close inspection": {
            "Type": "Task",
            "Resource": "${CloseInspectionFunction}",
            "Parameters": {"inspection_id.$": "$.inspection_id", "message.$": "$.announced.MessageId"},
            "ResultPath": "$.closed",
            "TimeoutSeconds": 60,
            "Retry": [retry("States.TaskFailed")],
            "End": True,
        },
    },
}
CLAIM, READABLE, VANISHED = "Claim upload", "Is the upload readable?", "Upload vanished"
DETECT, WAIT, CLEAR, ASK = "Detect labels", "Wait for model", "Is the prediction clear?", "Ask a reviewer"
ESCALATE, ANNOUNCE, CLOSE, NOTE = (
    "Escalate review",
    "Announce verdict",
    "Close inspection",
    "Note the failure",
)
ANSWERED, REJECT = "Did the model answer?", "Move to rejected"
DELETED = object()

Plant = Callable[[Json], object]


def put(place: str, value: Any) -> Plant:
    """Return a mutation that sets a place such as `Retry|0|MaxAttempts`, or deletes it with DELETED."""

    def plant(body: Json) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in place.split("|")]
        at: Any = body
        for step in steps:
            at = at[step]
        if value is DELETED:
            del at[last]
        elif isinstance(at, list) and last == len(at):
            at.append(value)
        else:
            at[last] = value

    return plant


def rename(old: str, new: str) -> Plant:
    """Return a mutation that renames a state and all references to it."""
    return lambda machine: machine.update(json.loads(json.dumps(machine).replace(f'"{old}"', f'"{new}"')))


def after_the_failure(name: str, state: Json) -> Plant:
    """Return a mutation that appends a state after `Note the failure`."""

    def plant(machine: Json) -> None:
        machine["States"][NOTE]["Next"] = name
        machine["States"][name] = state

    return plant


def planted(plant: Plant, state: str | None = None) -> Json:
    machine = copy.deepcopy(VALID)
    plant(machine["States"][state] if state else machine)
    return machine


def check(machine: Json) -> list[Finding]:
    return lint(machine, input_fields=INPUT_FIELDS, custom_errors=CUSTOM_ERRORS)


def to(target: str, *errors: str) -> Json:
    return {"ErrorEquals": [*errors], "ResultPath": "$.failure", "Next": target}


TRUE_IF = {"Variable": "$.upload.outcome", "StringEquals": "x"}
ARGUMENTS = "Parameters|MessageAttributes|kind|"
BODY = "Parameters|MessageBody|"

IN_A_STATE: list[tuple[str, str, Plant]] = [
    # Structure.
    ("language-is-valid", ESCALATE, put("Catch", [to("Nowhere", "States.ALL")])),
    ("language-is-valid", READABLE, put("Choices|2", {**TRUE_IF, "Next": "Nowhere"})),
    ("language-is-valid", CLOSE, put("End", DELETED)),
    ("language-is-valid", NOTE, put("End", True)),
    ("language-is-valid", CLOSE, put("End", False)),
    ("language-is-valid", NOTE, put("Type", "pass")),
    ("language-is-valid", VANISHED, put("Type", DELETED)),
    ("language-is-valid", CLAIM, put("TimeoutSecond", 5)),
    ("language-is-valid", CLAIM, put("Retry|0|MaxAttempt", 5)),
    ("language-is-valid", CLAIM, put("Catch|0|Default", "Note the failure")),
    ("language-is-valid", READABLE, put("Next", "Upload vanished")),
    ("language-is-valid", VANISHED, put("End", True)),
    ("language-is-valid", WAIT, put("Retry", [retry("States.ALL")])),
    ("language-is-valid", DETECT, put("Arguments", {})),
    ("language-is-valid", DETECT, put("TimeoutSeconds", "${DetectTimeout}")),
    ("language-is-valid", DETECT, put("Comment", 5)),
    ("language-is-valid", CLOSE, put("Parameters", "$.closed")),
    ("language-is-valid", ESCALATE, put("Catch", [{**to(NOTE, "States.ALL"), "ResultPath": 5}])),
    ("language-is-valid", ESCALATE, put("Catch", [{"ErrorEquals": ["States.ALL"], "ResultPath": None}])),
    ("definition-is-well-formed", ESCALATE, put("Catch", [{**to(NOTE, "States.ALL"), "Next": 5}])),
    ("language-is-valid", DETECT, put("Retry|2", "States.ALL")),
    ("language-is-valid", DETECT, put("TimeoutSeconds", 0)),
    ("language-is-valid", WAIT, put("SecondsPath", DELETED)),
    ("language-is-valid", WAIT, put("Seconds", 5)),
    # Choices.
    ("choice-has-a-default", READABLE, put("Default", DELETED)),
    ("language-is-valid", READABLE, put("Choices|2", TRUE_IF)),
    ("language-is-valid", READABLE, put("Choices|1|And|0|Next", "Upload vanished")),
    ("language-is-valid", CLEAR, put("Choices|1|NumericEquals", 1)),
    ("choice-compares-once", CLEAR, put("Choices|1|NumericGreaterThan", DELETED)),
    ("language-is-valid", CLEAR, put("Choices|1|Variable", DELETED)),
    ("language-is-valid", READABLE, put("Choices|1|Variable", "$.upload")),
    ("language-is-valid", READABLE, put("Choices|1|And", [])),
    (
        "language-is-valid",
        CLEAR,
        put("Choices|2", {"Variable": "$.attempt", "NumericAtLeast": 1, "Next": REJECT}),
    ),
    ("language-is-valid", CLEAR, put("Choices|1|NumericGreaterThan", "0.5")),
    ("language-is-valid", CLEAR, put("Choices|1|NumericGreaterThan", True)),
    ("language-is-valid", READABLE, put("Choices|1|And|0|IsString", "yes")),
    ("language-is-valid", CLEAR, put("Choices|0|NumericLessThanPath", 50)),
    ("language-is-valid", CLEAR, put("Choices|0|NumericLessThanPath", "$.detection[*].threshold")),
    ("path-is-a-reference", CLOSE, put("ResultPath", "$..closed")),
    ("path-is-a-reference", CLEAR, put("Choices|0|Variable", 5)),
    ("path-is-a-reference", CLEAR, put("Choices|0|Variable", "$.detection..confidence")),
    ("choice-compares-once", READABLE, put("Choices|2", {**VALID["States"][READABLE]["Choices"][0]})),
    # Service integrations.
    ("resource-exists", CLAIM, put("Resource", "lambda:invoke")),
    ("resource-exists", CLAIM, put("Resource", DELETED)),
    ("resource-exists", CLAIM, put("Resource", "arn:aws:states:::lamda:invoke")),
    ("resource-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:sendMesage")),
    ("resource-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:SendMessage")),
    ("resource-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:receiveMessage")),
    ("resource-exists", ESCALATE, put("Resource", "arn:aws:states:::aws-sdk:dynamodb:putItem.sync")),
    ("resource-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:sendMessage.sync")),
    ("argument-exists", ANNOUNCE, put("Parameters|MessageGroup", "a")),
    ("argument-exists", ANNOUNCE, put("Parameters|queueUrl", "a")),
    ("argument-exists", ANNOUNCE, put("Parameters|DelaySecond.$", "$.attempt")),
    ("argument-exists", ANNOUNCE, put(f"{ARGUMENTS}BinValue", "a")),
    ("argument-exists", ESCALATE, put("Parameters|Item|overdue|Bool", True)),
    ("argument-exists", ANNOUNCE, put("Parameters|QueueUrl", DELETED)),
    ("argument-exists", ANNOUNCE, put("Parameters", DELETED)),
    ("argument-exists", ANNOUNCE, put(f"{ARGUMENTS}DataType", DELETED)),
    ("argument-has-its-type", ANNOUNCE, put("Parameters|DelaySeconds", "5")),
    ("argument-has-its-type", ANNOUNCE, put(f"{ARGUMENTS}StringValue", 5)),
    ("argument-has-its-type", ESCALATE, put("Parameters|Item|overdue|BOOL", "true")),
    ("argument-has-its-type", ESCALATE, put("Parameters|Item", [])),
    ("argument-has-its-type", ESCALATE, put("Parameters|ReturnValues", "NOTHING")),
    ("argument-has-its-type", CLAIM, put("Parameters|InvocationType", "Sync")),
    # Waits.
    ("task-has-a-timeout", DETECT, put("TimeoutSeconds", DELETED)),
    ("language-is-valid", DETECT, put("TimeoutSecondsPath", "$.upload.folder")),
    ("task-has-a-timeout", ASK, put("HeartbeatSeconds", 3600)),
    ("language-is-valid", ASK, put("HeartbeatSecondsPath", "$.attempt")),
    ("token-is-passed-by-its-callback", ASK, put("Parameters|Payload|token.$", "$$.Execution.Id")),
    ("token-is-passed-by-its-callback", ASK, put("Parameters|Payload|token.$", DELETED)),
    ("token-is-passed-by-its-callback", DETECT, put("Parameters|token.$", "$$.Task.Token")),
    ("language-is-the-subset", ANNOUNCE, put(f"{BODY}t.$", "States.Format('{}', $$.Task.Token)")),
    ("callback-catches-its-timeouts", ASK, put("Catch|0|ErrorEquals", ["States.Timeout"])),
    ("callback-catches-its-timeouts", ASK, put("Catch|0|ErrorEquals", ["States.ALL"])),
    # Errors.
    ("language-is-valid", CLAIM, put("Retry|0|ErrorEquals", [])),
    ("language-is-valid", CLAIM, put("Catch|0|ErrorEquals", "States.ALL")),
    ("reserved-error-can-occur", CLAIM, put("Retry|0|ErrorEquals|0", "States.TimedOut")),
    ("reserved-error-can-occur", CLAIM, put("Retry|0|ErrorEquals|0", "States.Runtime")),
    ("reserved-error-can-occur", CLAIM, put("Retry|0|ErrorEquals|0", "States.BranchFailed")),
    ("service-error-exists", CLAIM, put("Retry|0|ErrorEquals|0", "Lambda.TooManyRequestException")),
    ("service-error-exists", ANNOUNCE, put("Retry|0|ErrorEquals|0", "Lambda.ServiceException")),
    ("service-error-exists", ESCALATE, put("Retry|0|ErrorEquals|0", "DynamoDB.RequestLimitExceeded")),
    ("service-error-exists", ESCALATE, put("Retry|0|ErrorEquals|0", "Runtime.ExitError")),
    ("service-error-exists", DETECT, put("Retry|0|ErrorEquals|0", "ModelBusyError")),
    ("service-error-exists", ANNOUNCE, put("Retry|0|ErrorEquals|0", "ModelBusy")),
    ("language-is-valid", CLAIM, put("Catch|0|ErrorEquals", ["States.Timeout", "States.ALL"])),
    ("language-is-valid", CLAIM, put("Catch|1", to(NOTE, "States.Timeout"))),
    ("error-reaches-its-entry", CLAIM, put("Retry|2", retry("Lambda.AWSLambdaException", "States.Timeout"))),
    ("error-reaches-its-entry", DETECT, put("Retry|0|ErrorEquals|0", "States.Timeout")),
    ("error-reaches-its-entry", CLAIM, put("Retry|0|ErrorEquals|1", "Lambda.ServiceException")),
    ("task-is-retried", DETECT, put("Retry", DELETED)),
    ("task-is-retried", DETECT, put("Retry", [])),
    ("language-is-valid", CLAIM, put("Retry|0|IntervalSeconds", 0)),
    ("language-is-valid", CLAIM, put("Retry|0|IntervalSeconds", 1.5)),
    ("language-is-valid", CLAIM, put("Retry|0|MaxAttempts", -1)),
    ("language-is-valid", CLAIM, put("Retry|0|BackoffRate", 0.5)),
    ("retry-is-jittered", CLAIM, put("Retry|0|MaxDelaySeconds", 1)),
    ("retry-is-jittered", CLAIM, put("Retry|0|BackoffRate", "2")),
    ("retry-is-jittered", CLAIM, put("Retry|0|BackoffRate", 0)),
    ("retry-is-jittered", CLAIM, put("Retry|0|JitterStrategy", "NONE")),
    ("retry-is-jittered", CLAIM, put("Retry|0|JitterStrategy", DELETED)),
    # References.
    ("language-is-valid", DETECT, put("Parameters|folder.$", "upload.folder")),
    ("language-is-valid", DETECT, put("Parameters|folder.$", "$.upload.")),
    ("language-is-valid", DETECT, put("Parameters|folder.$", 5)),
    ("language-is-the-subset", DETECT, put("Parameters|folder.$", "States.Format('{}', $.upload")),
    ("language-is-valid", WAIT, put("SecondsPath", "detection.wait_seconds")),
    ("language-is-valid", CLOSE, put("ResultPath", "$.closed[*]")),
    ("language-is-valid", CLOSE, put("ResultPath", "$$.Execution.Name")),
    ("language-is-valid", CLAIM, put("Catch|0|ResultPath", "failure")),
    ("path-is-a-reference", WAIT, put("SecondsPath", "$.detection..wait_seconds")),
    ("language-is-the-subset", DETECT, put("Parameters|folder.$", "States.Fromat('{}', $.upload.folder)")),
    (
        "language-is-the-subset",
        DETECT,
        put("Parameters|folder.$", "States.Format('{}', States.format('{}', 1))"),
    ),
    ("language-is-the-subset", DETECT, put("Parameters|folder.$", "States.JsonToString()")),
    ("language-is-the-subset", DETECT, put("Parameters|folder.$", "States.MathAdd(1, 2, 3)")),
    ("language-is-the-subset", DETECT, put("Parameters|folder.$", "States.Format('{}/{}', $.image)")),
    ("context-path-exists", DETECT, put("Parameters|started_at.$", "$$.Execution.StartedAt")),
    ("context-path-exists", DETECT, put("Parameters|started_at.$", "$$.Step.Name")),
    ("context-path-exists", DETECT, put("Parameters|started_at.$", "$$.Execution.Input.uploaded")),
    ("field-is-produced", DETECT, put("Parameters|folder.$", "$.uplaod.folder")),
    ("field-is-produced", DETECT, put("Parameters|folder.$", "$.upload.foldr")),
    ("field-is-produced", CLAIM, put("ResultSelector|outcome.$", "$.PayLoad.outcome")),
    ("field-is-produced", WAIT, put("SecondsPath", "$.detection_seconds")),
    ("field-is-produced", READABLE, put("Choices|0|Variable", "$.upload.reason")),
    ("field-is-produced", READABLE, put("Choices|0|Variable", "$.detection.outcome")),
    ("field-is-produced", ASK, put("Parameters|Payload|last.$", "$.overdue")),
    ("field-is-produced", ANNOUNCE, put(f"{BODY}decision.$", "$.decision.verdict")),
    ("field-is-produced", CLOSE, put("Parameters|message.$", "$.announced.MessageID")),
    ("field-is-produced", NOTE, put("Parameters|what.$", "$.upload.outcome")),
    ("language-is-the-subset", NOTE, put("Parameters|what.$", "States.JsonToString($.failure.error)")),
    ("path-has-the-suffix", DETECT, put("Parameters|image", "$.image")),
    ("path-has-the-suffix", DETECT, put("Parameters|image", "States.UUID()")),
    ("path-has-the-suffix", DETECT, put("Parameters|folder", "a")),
    # Project rules.
    ("language-is-the-subset", NOTE, put("QueryLanguage", "JSONata")),
    ("language-is-the-subset", NOTE, put("Assign", {"failure": 1})),
    ("result-path-is-set", CLOSE, put("ResultPath", DELETED)),
    ("result-path-is-set", CLOSE, put("ResultPath", "$")),
    ("result-path-is-set", ESCALATE, put("Catch", [{**to(VANISHED, "States.ALL"), "ResultPath": "$"}])),
    ("fail-has-error-and-cause", VANISHED, put("Error", DELETED)),
    ("fail-has-error-and-cause", VANISHED, put("Cause", DELETED)),
    ("language-is-valid", VANISHED, put("ErrorPath", "$.inspection_id")),
    ("placeholder-is-valid", DETECT, put("Comment", "${Detect-Function}")),
    ("placeholder-is-valid", DETECT, put("Parameters|queue", "${Queue")),
    ("placeholder-is-valid", DETECT, put("Parameters|${Name}", "a")),
]
DUPLICATE: Json = {"StartAt": CLOSE, "States": {CLOSE: {"Type": "Succeed"}}}
BUSY_LOOP: Json = {**VALID["States"][ESCALATE], "Catch": [to(VANISHED, "States.ALL")]}
EMPTY_CHOICE: Json = {"Type": "Choice", "Default": VANISHED}
IN_THE_MACHINE: list[tuple[str, str | None, Plant]] = [
    ("definition-is-well-formed", None, put("States", {})),
    ("definition-is-well-formed", None, put("States|Close inspection", "End")),
    ("language-is-valid", None, put("StartAt", "Claim uplaod")),
    ("language-is-valid", None, put("StartAt", DELETED)),
    ("language-is-valid", None, put("Timeout", 5)),
    ("language-is-valid", None, put("TimeoutSeconds", 100_000_000)),
    ("language-is-the-subset", None, put("QueryLanguage", "JSONata")),
    ("language-is-valid", "Rest a while", put("States|Rest a while", {"Type": "Succeed"})),
    ("language-is-valid", "Rest a while", put("States|Rest a while", {"Type": "Pass", "Next": CLOSE})),
    ("graph-is-connected", DETECT, put(f"States|{READABLE}|Choices|0|Next", REJECT)),
    ("graph-is-connected", "Turn", after_the_failure("Turn", {"Type": "Wait", "Seconds": 5, "Next": "Turn"})),
    ("language-is-valid", "Go?", after_the_failure("Go?", {**EMPTY_CHOICE, "Choices": []})),
    ("language-is-valid", "Go?", after_the_failure("Go?", EMPTY_CHOICE)),
    (
        "language-is-the-subset",
        "Fork",
        after_the_failure(
            "Fork", {"Type": "Parallel", "Branches": [DUPLICATE], "ResultPath": None, "Next": VANISHED}
        ),
    ),
    ("name-is-in-sentence-case", "A" * 81, rename(CLOSE, "A" * 81)),
    ("name-is-in-sentence-case", "Close Inspection", rename(CLOSE, "Close Inspection")),
    ("name-is-in-sentence-case", "closeInspection", rename(CLOSE, "closeInspection")),
    ("name-is-in-sentence-case", "CloseInspection", rename(CLOSE, "CloseInspection")),
    ("name-is-in-sentence-case", "Close_inspection", rename(CLOSE, "Close_inspection")),
    ("choice-name-is-a-question", "Judge the prediction", rename(CLEAR, "Judge the prediction")),
    ("choice-name-is-a-question", "Close inspection?", rename(CLOSE, "Close inspection?")),
    ("loop-contains-a-wait", DETECT, put(f"States|{WAIT}", {"Type": "Pass", "Next": DETECT})),
    ("loop-contains-a-wait", "Spin", after_the_failure("Spin", {**BUSY_LOOP, "Next": "Spin"})),
]
DEFECTS: list[tuple[str, str | None, Json]] = [
    *((rule, state, planted(plant, state)) for rule, state, plant in IN_A_STATE),
    *((rule, state, planted(plant)) for rule, state, plant in IN_THE_MACHINE),
]


def test_a_valid_machine_has_no_findings() -> None:
    assert check(VALID) == []


@pytest.mark.parametrize(("rule", "state", "machine"), DEFECTS, ids=[rule for rule, _, _ in DEFECTS])
def test_a_planted_defect_breaks_its_rule_and_no_other(rule: str, state: str | None, machine: Json) -> None:
    findings = check(machine)

    assert {finding.rule for finding in findings} == {rule}
    assert state in {finding.state for finding in findings}
    assert all(finding.message and str(finding) for finding in findings)


def test_every_rule_has_a_planted_defect() -> None:
    assert RULES.keys() == {rule for rule, _, _ in DEFECTS}


def test_every_rule_has_a_docstring() -> None:
    assert [name for name, check in RULES.items() if not (check.__doc__ or "").strip()] == []


def test_a_finding_has_its_place() -> None:
    machine = planted(put("Retry|0|ErrorEquals|1", "Lambda.Unkown"), CLAIM)

    (finding,) = check(machine)

    assert str(finding) == (
        "/States/Claim upload/Retry/0/ErrorEquals/1: Lambda.Unkown does not come from "
        "arn:aws:states:::lambda:invoke [service-error-exists]"
    )


def test_findings_are_in_document_order() -> None:
    machine = planted(put("TimeoutSeconds", DELETED), DETECT)
    machine["States"][CLOSE]["Comment"] = "${Not valid}"
    del machine["States"][CLAIM]["Retry"]
    machine["Comment"] = "${"

    assert [finding.state for finding in check(machine)] == [None, CLAIM, DETECT, CLOSE]
    assert check(machine) == check(copy.deepcopy(machine))


def test_placeholders_are_found_in_the_text() -> None:
    assert placeholders('{"a": "${One}", "b": "${Two}-${One}", "c": "${no-name}"}') == {"One", "Two"}


def test_a_duplicate_name_is_refused() -> None:
    with pytest.raises(ValueError, match="Move to ok"):
        load('{"States": {"Move to ok": {}, "Move to ok": {}}}')


def test_the_shipped_state_machine_has_no_findings() -> None:
    definition = load(SHIPPED.read_text(encoding="utf-8"))

    findings = lint(
        definition,
        input_fields=SHIPPED_INPUT_FIELDS,
        custom_errors=SHIPPED_CUSTOM_ERRORS,
        results=SHIPPED_RESULTS,
    )

    assert [str(finding) for finding in findings] == []
