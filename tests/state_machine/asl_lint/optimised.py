"""The services that Step Functions calls in ways of its own, as AWS documents them."""

from dataclasses import dataclass

CALLBACK = ".waitForTaskToken"


@dataclass(frozen=True, slots=True)
class Optimised:
    """A service that Step Functions calls in its own way: its prefix in error names, what it supports."""

    service: str
    error_prefix: str
    base_error: str
    actions: frozenset[str]
    patterns: frozenset[str] = frozenset({"", CALLBACK})
    json_arguments: frozenset[str] = frozenset()
    other_errors: frozenset[str] = frozenset()


LAMBDA_ERRORS = frozenset({"AWSLambdaException", "ClientExecutionTimeoutException", "Unknown"})
FUNCTION_CRASHES = frozenset(
    {
        "Runtime.ExitError",
        "Runtime.HandlerNotFound",
        "Runtime.ImportModuleError",
        "Runtime.MarshalError",
        "Runtime.UserCodeSyntaxError",
        "Sandbox.Timedout",
    }
)
OPTIMISED = {
    "lambda": Optimised(
        "lambda",
        "Lambda",
        "AWSLambdaException",
        frozenset({"invoke"}),
        json_arguments=frozenset({"Payload"}),
        other_errors=LAMBDA_ERRORS,
    ),
    "sqs": Optimised(
        "sqs",
        "SQS",
        "AmazonSQSException",
        frozenset({"sendMessage"}),
        json_arguments=frozenset({"MessageBody"}),
    ),
    "dynamodb": Optimised(
        "dynamodb",
        "DynamoDB",
        "AmazonDynamoDBException",
        frozenset({"getItem", "putItem", "updateItem", "deleteItem"}),
        patterns=frozenset({""}),
    ),
    "states": Optimised(
        "stepfunctions",
        "StepFunctions",
        "AWSStepFunctionsException",
        frozenset({"startExecution"}),
        patterns=frozenset({"", ".sync", ".sync:2", CALLBACK}),
        json_arguments=frozenset({"Input"}),
    ),
    "sns": Optimised(
        "sns",
        "SNS",
        "AmazonSNSException",
        frozenset({"publish"}),
        json_arguments=frozenset({"Message"}),
    ),
    "events": Optimised(
        "events",
        "EventBridge",
        "AmazonEventBridgeException",
        frozenset({"putEvents"}),
        json_arguments=frozenset({"Detail"}),
        other_errors=frozenset({"FailedEntry"}),
    ),
}
