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
        *("outcome", "code", "reason", "wait_seconds"),
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
                    "object.$": "$.image['version-id']",
                    "execution.$": "$$.Execution.Name",
                    "first.$": "$$.Execution.Input.attempt",
                },
            },
            "ResultSelector": {
                "outcome.$": "$.Payload.outcome",
                "folder.$": "States.Format('{}/{}', $.Payload.kind, States.ArrayGetItem($.Payload.parts, 0))",
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
                        {"Variable": "$.upload.reason", "IsPresent": True},
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
    ("next-exists", ESCALATE, put("Catch", [to("Nowhere", "States.ALL")])),
    ("next-exists", READABLE, put("Choices|2", {**TRUE_IF, "Next": "Nowhere"})),
    ("state-has-next-or-end", CLOSE, put("End", DELETED)),
    ("state-has-not-next-and-end", NOTE, put("End", True)),
    ("state-has-not-next-and-end", CLOSE, put("End", False)),
    ("type-is-known", NOTE, put("Type", "pass")),
    ("type-is-known", VANISHED, put("Type", DELETED)),
    ("field-is-known", CLAIM, put("TimeoutSecond", 5)),
    ("field-is-known", CLAIM, put("Retry|0|MaxAttempt", 5)),
    ("field-is-known", CLAIM, put("Catch|0|Default", "Note the failure")),
    ("field-belongs-to-its-state", READABLE, put("Next", "Upload vanished")),
    ("field-belongs-to-its-state", VANISHED, put("End", True)),
    ("field-belongs-to-its-state", WAIT, put("Retry", [retry("States.ALL")])),
    ("field-belongs-to-its-state", DETECT, put("Arguments", {})),
    ("field-has-its-type", DETECT, put("TimeoutSeconds", "${DetectTimeout}")),
    ("field-has-its-type", DETECT, put("Comment", 5)),
    ("field-has-its-type", CLOSE, put("Parameters", "$.closed")),
    ("field-has-its-type", ESCALATE, put("Catch", [{**to(NOTE, "States.ALL"), "ResultPath": 5}])),
    ("field-has-its-type", ESCALATE, put("Catch", [{"ErrorEquals": ["States.ALL"], "ResultPath": None}])),
    ("field-has-its-type", ESCALATE, put("Catch", [{**to(NOTE, "States.ALL"), "Next": 5}])),
    ("field-has-its-type", DETECT, put("Retry|2", "States.ALL")),
    ("seconds-are-valid", DETECT, put("TimeoutSeconds", 0)),
    ("wait-has-one-duration", WAIT, put("SecondsPath", DELETED)),
    ("wait-has-one-duration", WAIT, put("Seconds", 5)),
    # Choices.
    ("choice-has-a-default", READABLE, put("Default", DELETED)),
    ("choice-has-a-next", READABLE, put("Choices|2", TRUE_IF)),
    ("choice-has-a-next", READABLE, put("Choices|1|And|0|Next", "Upload vanished")),
    ("choice-compares-once", CLEAR, put("Choices|1|NumericEquals", 1)),
    ("choice-compares-once", CLEAR, put("Choices|1|NumericGreaterThan", DELETED)),
    ("choice-compares-once", CLEAR, put("Choices|1|Variable", DELETED)),
    ("choice-compares-once", READABLE, put("Choices|1|Variable", "$.upload")),
    ("choice-compares-once", READABLE, put("Choices|1|And", [])),
    (
        "choice-operator-is-known",
        CLEAR,
        put("Choices|2", {"Variable": "$.attempt", "NumericAtLeast": 1, "Next": REJECT}),
    ),
    ("choice-operand-has-its-type", CLEAR, put("Choices|1|NumericGreaterThan", "0.5")),
    ("choice-operand-has-its-type", CLEAR, put("Choices|1|NumericGreaterThan", True)),
    ("choice-operand-has-its-type", READABLE, put("Choices|1|And|0|IsPresent", "yes")),
    ("choice-paths-are-references", CLEAR, put("Choices|0|NumericLessThanPath", 50)),
    ("choice-paths-are-references", CLEAR, put("Choices|0|NumericLessThanPath", "$.detection[*].threshold")),
    ("choice-paths-are-references", CLEAR, put("Choices|0|Variable", "$.detection..confidence")),
    ("choice-condition-is-unique", READABLE, put("Choices|2", {**VALID["States"][READABLE]["Choices"][0]})),
    # Service integrations.
    ("resource-is-valid", CLAIM, put("Resource", "lambda:invoke")),
    ("resource-is-valid", CLAIM, put("Resource", DELETED)),
    ("service-exists", CLAIM, put("Resource", "arn:aws:states:::lamda:invoke")),
    ("action-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:sendMesage")),
    ("action-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:SendMessage")),
    ("action-exists", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:receiveMessage")),
    ("pattern-is-supported", ESCALATE, put("Resource", "arn:aws:states:::aws-sdk:dynamodb:putItem.sync")),
    ("pattern-is-supported", ANNOUNCE, put("Resource", "arn:aws:states:::sqs:sendMessage.sync")),
    ("argument-exists", ANNOUNCE, put("Parameters|MessageGroup", "a")),
    ("argument-exists", ANNOUNCE, put("Parameters|queueUrl", "a")),
    ("argument-exists", ANNOUNCE, put("Parameters|DelaySecond.$", "$.attempt")),
    ("argument-exists", ANNOUNCE, put(f"{ARGUMENTS}BinValue", "a")),
    ("argument-exists", ESCALATE, put("Parameters|Item|overdue|Bool", True)),
    ("required-argument-exists", ANNOUNCE, put("Parameters|QueueUrl", DELETED)),
    ("required-argument-exists", ANNOUNCE, put("Parameters", DELETED)),
    ("required-argument-exists", ANNOUNCE, put(f"{ARGUMENTS}DataType", DELETED)),
    ("argument-has-its-type", ANNOUNCE, put("Parameters|DelaySeconds", "5")),
    ("argument-has-its-type", ANNOUNCE, put(f"{ARGUMENTS}StringValue", 5)),
    ("argument-has-its-type", ESCALATE, put("Parameters|Item|overdue|BOOL", "true")),
    ("argument-has-its-type", ESCALATE, put("Parameters|Item", [])),
    ("argument-is-in-enumeration", ESCALATE, put("Parameters|ReturnValues", "NOTHING")),
    ("argument-is-in-enumeration", CLAIM, put("Parameters|InvocationType", "Sync")),
    # Waits.
    ("task-has-a-timeout", DETECT, put("TimeoutSeconds", DELETED)),
    ("task-has-a-timeout", DETECT, put("TimeoutSecondsPath", "$.upload.folder")),
    ("heartbeat-is-shorter-than-timeout", ASK, put("HeartbeatSeconds", 3600)),
    ("heartbeat-is-shorter-than-timeout", ASK, put("HeartbeatSecondsPath", "$.attempt")),
    ("callback-passes-its-token", ASK, put("Parameters|Payload|token.$", "$$.Execution.Id")),
    ("callback-passes-its-token", ASK, put("Parameters|Payload|token.$", DELETED)),
    ("token-belongs-to-a-callback", DETECT, put("Parameters|token.$", "$$.Task.Token")),
    ("token-belongs-to-a-callback", ANNOUNCE, put(f"{BODY}t.$", "States.Format('{}', $$.Task.Token)")),
    ("callback-catches-its-timeouts", ASK, put("Catch|0|ErrorEquals", ["States.Timeout"])),
    ("callback-catches-its-timeouts", ASK, put("Catch|0|ErrorEquals", ["States.ALL"])),
    # Errors.
    ("errors-are-named", CLAIM, put("Retry|0|ErrorEquals", [])),
    ("errors-are-named", CLAIM, put("Catch|0|ErrorEquals", "States.ALL")),
    ("reserved-error-exists", CLAIM, put("Retry|0|ErrorEquals|0", "States.TimedOut")),
    ("reserved-error-can-occur", CLAIM, put("Retry|0|ErrorEquals|0", "States.Runtime")),
    ("reserved-error-can-occur", CLAIM, put("Retry|0|ErrorEquals|0", "States.BranchFailed")),
    ("service-error-exists", CLAIM, put("Retry|0|ErrorEquals|0", "Lambda.TooManyRequestException")),
    ("service-error-exists", ANNOUNCE, put("Retry|0|ErrorEquals|0", "Lambda.ServiceException")),
    ("service-error-exists", ESCALATE, put("Retry|0|ErrorEquals|0", "DynamoDB.RequestLimitExceeded")),
    ("service-error-exists", ESCALATE, put("Retry|0|ErrorEquals|0", "Runtime.ExitError")),
    ("custom-error-is-declared", DETECT, put("Retry|0|ErrorEquals|0", "ModelBusyError")),
    ("custom-error-is-declared", ANNOUNCE, put("Retry|0|ErrorEquals|0", "ModelBusy")),
    ("states-all-is-alone", CLAIM, put("Catch|0|ErrorEquals", ["States.Timeout", "States.ALL"])),
    ("states-all-is-last", CLAIM, put("Catch|1", to(NOTE, "States.Timeout"))),
    ("error-is-not-shadowed", CLAIM, put("Retry|2", retry("Lambda.AWSLambdaException", "States.Timeout"))),
    ("error-name-is-unique", DETECT, put("Retry|0|ErrorEquals|0", "States.Timeout")),
    ("error-name-is-unique", CLAIM, put("Retry|0|ErrorEquals|1", "Lambda.ServiceException")),
    ("task-is-retried", DETECT, put("Retry", DELETED)),
    ("task-is-retried", DETECT, put("Retry", [])),
    ("retry-numbers-are-valid", CLAIM, put("Retry|0|IntervalSeconds", 0)),
    ("retry-numbers-are-valid", CLAIM, put("Retry|0|IntervalSeconds", 1.5)),
    ("retry-numbers-are-valid", CLAIM, put("Retry|0|MaxAttempts", -1)),
    ("retry-numbers-are-valid", CLAIM, put("Retry|0|BackoffRate", 0.5)),
    ("retry-numbers-are-valid", CLAIM, put("Retry|0|MaxDelaySeconds", 1)),
    ("retry-is-jittered", CLAIM, put("Retry|0|JitterStrategy", "NONE")),
    ("retry-is-jittered", CLAIM, put("Retry|0|JitterStrategy", DELETED)),
    # References.
    ("value-is-valid", DETECT, put("Parameters|folder.$", "upload.folder")),
    ("value-is-valid", DETECT, put("Parameters|folder.$", "$.upload.")),
    ("value-is-valid", DETECT, put("Parameters|folder.$", 5)),
    ("value-is-valid", DETECT, put("Parameters|folder.$", "States.Format('{}', $.upload")),
    ("value-is-valid", WAIT, put("SecondsPath", "detection.wait_seconds")),
    ("path-is-a-reference", CLOSE, put("ResultPath", "$.closed[*]")),
    ("path-is-a-reference", CLOSE, put("ResultPath", "$$.Execution.Name")),
    ("path-is-a-reference", CLAIM, put("Catch|0|ResultPath", "failure")),
    ("path-is-a-reference", WAIT, put("SecondsPath", "$.detection..wait_seconds")),
    ("function-exists", DETECT, put("Parameters|folder.$", "States.Fromat('{}', $.upload.folder)")),
    ("function-exists", DETECT, put("Parameters|folder.$", "States.Format('{}', States.format('{}', 1))")),
    ("function-has-its-arguments", DETECT, put("Parameters|folder.$", "States.JsonToString()")),
    ("function-has-its-arguments", DETECT, put("Parameters|folder.$", "States.MathAdd(1, 2, 3)")),
    ("function-has-its-arguments", DETECT, put("Parameters|folder.$", "States.Format('{}/{}', $.image)")),
    ("context-path-exists", DETECT, put("Parameters|started_at.$", "$$.Execution.StartedAt")),
    ("context-path-exists", DETECT, put("Parameters|started_at.$", "$$.Step.Name")),
    ("input-field-exists", DETECT, put("Parameters|started_at.$", "$$.Execution.Input.uploaded")),
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
    ("field-is-produced", NOTE, put("Parameters|what.$", "States.JsonToString($.failure.error)")),
    ("path-has-the-suffix", DETECT, put("Parameters|image", "$.image")),
    ("path-has-the-suffix", DETECT, put("Parameters|image", "States.UUID()")),
    ("name-is-unique", DETECT, put("Parameters|folder", "a")),
    # Project rules.
    ("query-language-is-jsonpath", NOTE, put("QueryLanguage", "JSONata")),
    ("no-variables-are-assigned", NOTE, put("Assign", {"failure": 1})),
    ("result-path-is-set", CLOSE, put("ResultPath", DELETED)),
    ("result-path-is-set", CLOSE, put("ResultPath", "$")),
    ("result-path-is-set", ESCALATE, put("Catch", [{**to(VANISHED, "States.ALL"), "ResultPath": "$"}])),
    ("fail-has-error-and-cause", VANISHED, put("Error", DELETED)),
    ("fail-has-error-and-cause", VANISHED, put("Cause", DELETED)),
    ("fail-has-error-and-cause", VANISHED, put("ErrorPath", "$.inspection_id")),
    ("placeholder-is-valid", DETECT, put("Comment", "${Detect-Function}")),
    ("placeholder-is-valid", DETECT, put("Parameters|queue", "${Queue")),
    ("placeholder-is-valid", DETECT, put("Parameters|${Name}", "a")),
]
DUPLICATE: Json = {"StartAt": CLOSE, "States": {CLOSE: {"Type": "Succeed"}}}
BUSY_LOOP: Json = {**VALID["States"][ESCALATE], "Catch": [to(VANISHED, "States.ALL")]}
EMPTY_CHOICE: Json = {"Type": "Choice", "Default": VANISHED}
IN_THE_MACHINE: list[tuple[str, str | None, Plant]] = [
    ("states-are-objects", None, put("States", {})),
    ("states-are-objects", None, put("States|Close inspection", "End")),
    ("start-exists", None, put("StartAt", "Claim uplaod")),
    ("start-exists", None, put("StartAt", DELETED)),
    ("field-is-known", None, put("Timeout", 5)),
    ("seconds-are-valid", None, put("TimeoutSeconds", 100_000_000)),
    ("query-language-is-jsonpath", None, put("QueryLanguage", "JSONata")),
    ("state-is-reachable", "Rest a while", put("States|Rest a while", {"Type": "Succeed"})),
    ("state-is-reachable", "Rest a while", put("States|Rest a while", {"Type": "Pass", "Next": CLOSE})),
    ("end-is-reachable", "Turn", after_the_failure("Turn", {"Type": "Wait", "Seconds": 5, "Next": "Turn"})),
    (
        "choice-has-choices",
        "Go?",
        after_the_failure("Go?", {**EMPTY_CHOICE, "Choices": []}),
    ),
    ("choice-has-choices", "Go?", after_the_failure("Go?", EMPTY_CHOICE)),
    (
        "state-name-is-unique",
        CLOSE,
        after_the_failure(
            "Fork", {"Type": "Parallel", "Branches": [DUPLICATE], "ResultPath": None, "Next": VANISHED}
        ),
    ),
    ("name-is-short", "A" * 81, rename(CLOSE, "A" * 81)),
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

    assert finding == Finding(
        rule="service-error-exists",
        state="Claim upload",
        path="/States/Claim upload/Retry/0/ErrorEquals/1",
        message="Lambda.Unkown does not come from Lambda",
    )


def test_findings_are_in_document_order() -> None:
    machine = planted(put("TimeoutSeconds", DELETED), DETECT)
    machine["States"][CLAIM]["JitterStrategy"] = "FULL"
    machine["States"][CLOSE]["End"] = False
    machine["StartAt"] = "Claim"

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
