"""Permissions of each function and of the review app. Tests compare them with the code's AWS calls."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas import catalog
from lambdas.catalog import LambdaFunction
from workflow import definition
from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on one resource, under the resource's name in infra.stage_environment.StageEnvironment.arn."""

    resource: str
    actions: tuple[str, ...]


def grant(resource: str, *actions: str) -> Grant:
    """Build a grant. Only the first action needs the service's prefix."""
    service = actions[0].split(":")[0]
    return Grant(resource, tuple(name if ":" in name else f"{service}:{name}" for name in actions))


def inspections_table(*actions: str) -> Grant:
    """Build a grant of DynamoDB actions on the inspections table."""
    return grant("inspections", *(f"dynamodb:{action}" for action in actions))


def query_index(index: str) -> Grant:
    """Build a grant to query one index of the inspections table."""
    return grant(f"inspections/{index}", "dynamodb:Query")


# Reading a version that may be gone needs the permission to list: without it S3 answers 403, not 404.
LIST_INBOUND = grant("inbound", "s3:ListBucket", "ListBucketVersions")
LIST_FILED = grant("filed", "s3:ListBucket", "ListBucketVersions")
READ_INBOUND = grant("inbound/*", "s3:GetObjectVersion")
READ_FILED = grant("filed/*", "s3:GetObjectVersion")
# The model reads a photo with the permissions of its caller.
READ_FOR_MODEL = tuple(
    grant(f"{bucket}/*", "s3:GetObject", "GetObjectVersion") for bucket in ("inbound", "filed")
)
READ_ROUTING_POLICY = grant("policy", "ssm:GetParameter")
READ_MODEL_PARAMETER = grant("model", "ssm:GetParameter")
READ_CAPACITY_POLICY = grant("capacity", "ssm:GetParameter")
READ_EXECUTIONS = grant(
    "executions",
    *("states:DescribeExecution", "GetExecutionHistory", "DescribeStateMachineForExecution"),
)
# Log lines of a step come from the log groups of the functions that the state machine calls.
STATE_FUNCTIONS = definition.placeholders() & {function.placeholder for function in catalog.FUNCTIONS}
FILING_ACTIONS = (
    *("s3:GetObject", "GetObjectVersion", "GetObjectVersionTagging", "DeleteObjectVersion"),
    *("PutObject", "PutObjectTagging"),
)
START_EXECUTION = grant("state machine", "states:StartExecution")

GRANTS: Mapping[str, tuple[Grant, ...]] = {
    "ClaimUploadFunction": (
        inspections_table("GetItem", "UpdateItem"),
        *(LIST_INBOUND, READ_INBOUND, LIST_FILED, READ_FILED),
    ),
    "DetectLabelsFunction": (
        inspections_table("GetItem", "UpdateItem", "PutItem"),
        grant("audit", "dynamodb:PutItem"),
        *(READ_ROUTING_POLICY, READ_MODEL_PARAMETER, READ_CAPACITY_POLICY),
        grant("models", "rekognition:DetectCustomLabels", "StartProjectVersion"),
        *(LIST_INBOUND, LIST_FILED, *READ_FOR_MODEL),
    ),
    "MoveImageFunction": (
        inspections_table("GetItem", "UpdateItem"),
        query_index("by_name"),
        *(LIST_INBOUND, LIST_FILED),
        grant("inbound/*", "s3:GetObjectVersion", "GetObjectVersionTagging", "DeleteObjectVersion"),
        grant("filed/*", *FILING_ACTIONS),
    ),
    "AskReviewerFunction": (
        inspections_table("GetItem", "UpdateItem"),
        grant("task-tokens", "dynamodb:PutItem", "UpdateItem"),
        grant("decisions", "sqs:SendMessage"),
    ),
    "EscalateReviewFunction": (
        inspections_table("GetItem", "UpdateItem"),
        grant("escalations", "sqs:SendMessage"),
    ),
    "CloseInspectionFunction": (inspections_table("GetItem", "UpdateItem"),),
    "StartInspectionFunction": (
        inspections_table("GetItem", "UpdateItem"),
        query_index("by_state"),
        grant("inbound", "s3:ListBucketVersions"),
        START_EXECUTION,
    ),
    "DeliverDecisionFunction": (
        inspections_table("GetItem", "UpdateItem"),
        grant("task-tokens", "dynamodb:GetItem", "UpdateItem"),
        grant("state machine", "states:SendTaskSuccess", "StartExecution"),
        grant("executions", "states:DescribeExecution", "RedriveExecution"),
        grant("decisions", "sqs:SendMessage"),
    ),
    "ReconcileFunction": (
        inspections_table("GetItem", "UpdateItem"),
        query_index("by_state"),
        grant("inbound", "s3:ListBucketVersions"),
        START_EXECUTION,
        grant("state machine", "states:ListExecutions"),
        grant("executions", "states:DescribeExecution"),
        grant("decisions", "sqs:SendMessage"),
    ),
    "ManageModelCapacityFunction": (
        inspections_table("GetItem", "PutItem"),
        query_index("by_state"),
        grant("audit", "dynamodb:PutItem"),
        *(READ_MODEL_PARAMETER, READ_CAPACITY_POLICY),
        grant("models", "rekognition:StartProjectVersion", "StopProjectVersion"),
        grant("projects", "rekognition:DescribeProjectVersions"),
        grant("everything", "rekognition:DescribeProjects"),
        grant("escalations", "sqs:SendMessage"),
    ),
    "ArchiveExecutionsFunction": (
        inspections_table("GetItem", "UpdateItem"),
        query_index("unarchived"),
        grant("name-index", "dynamodb:BatchWriteItem"),
        grant("metrics", "dynamodb:GetItem", "UpdateItem", "PutItem"),
        grant("history", "s3:ListBucket"),
        grant("history/*", "s3:GetObject", "PutObject"),
        grant("state machine", "states:ListExecutions"),
        READ_EXECUTIONS,
    ),
    "GetExecutionHistoryFunction": (
        READ_EXECUTIONS,
        *(grant(f"log/{name}", "logs:FilterLogEvents") for name in sorted(STATE_FUNCTIONS)),
    ),
    "ProcessCommandsFunction": (
        inspections_table("GetItem", "BatchGetItem", "UpdateItem"),
        *(query_index(f"by_{attribute}") for attribute in ("verdict", "policy", "model")),
        query_index("unarchived"),
        grant("name-index", "dynamodb:Query"),
        grant("audit", "dynamodb:PutItem", "Query"),
        grant("command-log", "dynamodb:GetItem", "PutItem"),
        grant("command-log/open", "dynamodb:Query"),
        grant("decisions", "sqs:SendMessage"),
        START_EXECUTION,
        grant("executions", "states:DescribeExecution", "RedriveExecution", "StopExecution"),
    ),
}

# The review app writes conditionally and sends hints to queues: no task token, no states:* action.
REVIEW_APP: tuple[Grant, ...] = (
    inspections_table("GetItem", "BatchGetItem", "UpdateItem"),
    *(
        query_index(f"by_{name}")
        for name in ("name", "review_queue", "state", "verdict", "reviewer", "policy", "model")
    ),
    query_index("unarchived"),
    grant("audit", "dynamodb:Query", "PutItem"),
    grant("audit/by_day", "dynamodb:Query"),
    *(grant(table, "dynamodb:Query") for table in ("name-index", "metrics")),
    grant("command-log", "dynamodb:GetItem", "PutItem"),
    grant("command-log/open", "dynamodb:Query"),
    grant("history", "s3:ListBucket"),
    grant("history/*", "s3:GetObject"),
    *(grant(queue, "sqs:SendMessage", "GetQueueAttributes") for queue in ("decisions", "commands")),
    *(grant(queue, "sqs:GetQueueAttributes") for queue in ("intake", "escalations")),
    *(LIST_INBOUND, LIST_FILED, READ_INBOUND, READ_FILED),
    READ_ROUTING_POLICY,
)


def grants_of(function: LambdaFunction) -> tuple[Grant, ...]:
    """Return the grants of one function. Raise ConfigurationError for a function without an entry."""
    if function.placeholder not in GRANTS:
        raise ConfigurationError(f"{function.placeholder} has no grants: add them to infra/grants.py")
    return GRANTS[function.placeholder]
