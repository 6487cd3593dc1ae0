"""The optimized integrations of Step Functions, as AWS documents them."""

from dataclasses import dataclass

CALLBACK = ".waitForTaskToken"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizedIntegration:
    """One optimized integration: its error prefix, actions, patterns and errors."""

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
OPTIMIZED_INTEGRATIONS = {
    "lambda": OptimizedIntegration(
        service="lambda",
        error_prefix="Lambda",
        base_error="AWSLambdaException",
        actions=frozenset({"invoke"}),
        json_arguments=frozenset({"Payload"}),
        other_errors=LAMBDA_ERRORS,
    ),
    "sqs": OptimizedIntegration(
        service="sqs",
        error_prefix="SQS",
        base_error="AmazonSQSException",
        actions=frozenset({"sendMessage"}),
        json_arguments=frozenset({"MessageBody"}),
    ),
    "dynamodb": OptimizedIntegration(
        service="dynamodb",
        error_prefix="DynamoDB",
        base_error="AmazonDynamoDBException",
        actions=frozenset({"getItem", "putItem", "updateItem", "deleteItem"}),
        patterns=frozenset({""}),
    ),
    "states": OptimizedIntegration(
        service="stepfunctions",
        error_prefix="StepFunctions",
        base_error="AWSStepFunctionsException",
        actions=frozenset({"startExecution"}),
        patterns=frozenset({"", ".sync", ".sync:2", CALLBACK}),
        json_arguments=frozenset({"Input"}),
    ),
    "sns": OptimizedIntegration(
        service="sns",
        error_prefix="SNS",
        base_error="AmazonSNSException",
        actions=frozenset({"publish"}),
        json_arguments=frozenset({"Message"}),
    ),
    "events": OptimizedIntegration(
        service="events",
        error_prefix="EventBridge",
        base_error="AmazonEventBridgeException",
        actions=frozenset({"putEvents"}),
        json_arguments=frozenset({"Detail"}),
        other_errors=frozenset({"FailedEntry"}),
    ),
}
