"""Permissions of each function and of the review app. Tests compare them with the code's AWS calls."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas import catalog
from lambdas.catalog import LambdaFunction
from workflow import state_machine_definition
from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on one resource, under the resource's name in infra.stage_environment.StageEnvironment.arn."""

    resource: str
    actions: tuple[str, ...]


def build_grant(resource: str, *actions: str) -> Grant:
    """Build a grant. Only the first action needs the service's prefix."""
    service = actions[0].split(":")[0]
    return Grant(resource, tuple(name if ":" in name else f"{service}:{name}" for name in actions))


def build_inspections_grant(*actions: str) -> Grant:
    """Build a grant of DynamoDB actions on the inspections table."""
    return build_grant("inspections", *(f"dynamodb:{action}" for action in actions))


def build_index_grant(index: str) -> Grant:
    """Build a grant to query one index of the inspections table."""
    return build_grant(f"inspections/{index}", "dynamodb:Query")


# Reading a version that may be gone needs the permission to list: without it S3 answers 403, not 404.
LIST_INBOUND = build_grant("inbound", "s3:ListBucket", "ListBucketVersions")
LIST_FILED = build_grant("filed", "s3:ListBucket", "ListBucketVersions")
READ_INBOUND = build_grant("inbound/*", "s3:GetObjectVersion")
READ_FILED = build_grant("filed/*", "s3:GetObjectVersion")
# The model reads a photo with the permissions of its caller.
READ_FOR_MODEL = tuple(
    build_grant(f"{bucket}/*", "s3:GetObject", "GetObjectVersion") for bucket in ("inbound", "filed")
)
# A model may have no reference: without the permission to list, S3 answers 403, not 404.
READ_REFERENCES = (build_grant("training", "s3:ListBucket"), build_grant("references/*", "s3:GetObject"))
READ_ROUTING_POLICY = build_grant("policy", "ssm:GetParameter")
READ_MODEL_PARAMETER = build_grant("model", "ssm:GetParameter")
READ_CAPACITY_POLICY = build_grant("capacity", "ssm:GetParameter")
READ_EXECUTIONS = build_grant(
    "executions",
    *("states:DescribeExecution", "GetExecutionHistory", "DescribeStateMachineForExecution"),
)
# Log lines of a step come from the log groups of the functions that the state machine calls.
STATE_FUNCTIONS = state_machine_definition.placeholders() & {
    function.placeholder for function in catalog.FUNCTIONS
}
FILING_ACTIONS = (
    *("s3:GetObject", "GetObjectVersion", "GetObjectVersionTagging", "DeleteObjectVersion"),
    *("PutObject", "PutObjectTagging"),
)
START_EXECUTION = build_grant("state machine", "states:StartExecution")

DETECTION_GRANTS = (
    build_inspections_grant("GetItem", "UpdateItem", "PutItem"),
    build_grant("audit", "dynamodb:PutItem"),
    *(READ_ROUTING_POLICY, READ_MODEL_PARAMETER, READ_CAPACITY_POLICY),
    build_grant("models", "rekognition:DetectCustomLabels", "StartProjectVersion"),
    *(LIST_INBOUND, LIST_FILED, *READ_FOR_MODEL),
    *READ_REFERENCES,
    build_grant("own models/*", "s3:GetObject"),
    build_grant("cameras", "dynamodb:GetItem", "PutItem", "UpdateItem", "Query"),
)
WAKE = (
    build_grant("wake-tokens", "dynamodb:GetItem", "UpdateItem"),
    build_grant("state machine", "states:SendTaskSuccess"),
)

GRANTS: Mapping[str, tuple[Grant, ...]] = {
    "ClaimUploadFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        *(LIST_INBOUND, READ_INBOUND, LIST_FILED, READ_FILED),
    ),
    "DetectLabelsFunction": DETECTION_GRANTS,
    "WaitForModelFunction": (
        *DETECTION_GRANTS,
        build_grant("wake-tokens", "dynamodb:GetItem", "PutItem", "UpdateItem"),
        # The state machine needs this function first, so the grant names it by its generated name.
        build_grant("state machine by name", "states:SendTaskSuccess"),
    ),
    "MoveImageFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_index_grant("by_name"),
        *(LIST_INBOUND, LIST_FILED),
        build_grant("inbound/*", "s3:GetObjectVersion", "GetObjectVersionTagging", "DeleteObjectVersion"),
        build_grant("filed/*", *FILING_ACTIONS),
    ),
    "AskReviewerFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_grant("task-tokens", "dynamodb:PutItem", "UpdateItem"),
        build_grant("decisions", "sqs:SendMessage"),
    ),
    "EscalateReviewFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_grant("escalations", "sqs:SendMessage"),
    ),
    "CloseInspectionFunction": (build_inspections_grant("GetItem", "UpdateItem"),),
    "StartInspectionFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_index_grant("count_by_state"),
        build_grant("inbound", "s3:ListBucketVersions"),
        START_EXECUTION,
    ),
    "DeliverDecisionFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_grant("task-tokens", "dynamodb:GetItem", "UpdateItem"),
        build_grant("state machine", "states:SendTaskSuccess", "StartExecution"),
        build_grant("executions", "states:DescribeExecution", "RedriveExecution"),
        build_grant("decisions", "sqs:SendMessage"),
    ),
    "ReconcileFunction": (
        build_inspections_grant("GetItem", "BatchGetItem", "UpdateItem"),
        *(build_index_grant(index) for index in ("by_state", "count_by_state", "by_id")),
        *(LIST_INBOUND, READ_INBOUND, LIST_FILED, READ_FILED),
        build_grant("history", "s3:ListBucketVersions"),
        START_EXECUTION,
        *WAKE,
        build_grant("state machine", "states:ListExecutions"),
        build_grant("executions", "states:DescribeExecution"),
        build_grant("decisions", "sqs:SendMessage"),
    ),
    "ManageModelCapacityFunction": (
        build_inspections_grant("GetItem", "PutItem"),
        *(build_index_grant("by_state"), build_index_grant("count_by_state")),
        build_grant("audit", "dynamodb:PutItem"),
        *(READ_MODEL_PARAMETER, READ_CAPACITY_POLICY, READ_ROUTING_POLICY),
        build_grant("models", "rekognition:StartProjectVersion", "StopProjectVersion", "DetectCustomLabels"),
        *(*READ_FOR_MODEL, *WAKE, LIST_INBOUND, LIST_FILED),
        *(build_grant("own models/*", "s3:GetObject"), build_grant("training", "s3:ListBucket")),
        build_grant("projects", "rekognition:DescribeProjectVersions"),
        build_grant("everything", "rekognition:DescribeProjects"),
        build_grant("escalations", "sqs:SendMessage"),
    ),
    "ArchiveExecutionsFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_index_grant("unarchived"),
        build_grant("name-index", "dynamodb:BatchWriteItem"),
        build_grant("metrics", "dynamodb:GetItem", "UpdateItem", "PutItem"),
        build_grant("history", "s3:ListBucket"),
        build_grant("history/*", "s3:GetObject", "PutObject"),
        build_grant("state machine", "states:ListExecutions"),
        READ_EXECUTIONS,
    ),
    "GetExecutionHistoryFunction": (
        READ_EXECUTIONS,
        *(build_grant(f"log/{name}", "logs:FilterLogEvents") for name in sorted(STATE_FUNCTIONS)),
    ),
    "WatchCamerasFunction": (
        build_inspections_grant("GetItem", "UpdateItem"),
        build_grant("audit", "dynamodb:PutItem", "Query"),
        build_grant("audit/by_day", "dynamodb:Query"),
        build_grant("cameras", "dynamodb:GetItem", "PutItem", "DeleteItem", "Query"),
        build_grant("cameras/by_day", "dynamodb:Query"),
        *(build_grant(queue, "sqs:SendMessage") for queue in ("decisions", "escalations")),
        *READ_REFERENCES,
    ),
    "ProcessCommandsFunction": (
        build_inspections_grant("GetItem", "BatchGetItem", "UpdateItem"),
        *(build_index_grant(f"by_{attribute}") for attribute in ("verdict", "policy", "model")),
        build_index_grant("unarchived"),
        build_grant("name-index", "dynamodb:Query"),
        build_grant("audit", "dynamodb:PutItem", "Query"),
        build_grant("command-log", "dynamodb:GetItem", "PutItem"),
        build_grant("command-log/open", "dynamodb:Query"),
        build_grant("decisions", "sqs:SendMessage"),
        START_EXECUTION,
        build_grant("executions", "states:DescribeExecution", "RedriveExecution", "StopExecution"),
    ),
}

# The review app writes conditionally and sends hints to queues: no task token, no states:* action.
REVIEW_APP: tuple[Grant, ...] = (
    build_inspections_grant("GetItem", "BatchGetItem", "UpdateItem"),
    *(
        build_index_grant(f"by_{name}")
        for name in ("name", "review_queue", "state", "verdict", "reviewer", "policy", "model")
    ),
    *(build_index_grant("unarchived"), build_index_grant("count_by_state")),
    build_grant("audit", "dynamodb:Query", "PutItem"),
    build_grant("audit/by_day", "dynamodb:Query"),
    *(build_grant(table, "dynamodb:Query") for table in ("name-index", "metrics", "cameras")),
    build_grant("command-log", "dynamodb:GetItem", "PutItem"),
    build_grant("command-log/open", "dynamodb:Query"),
    build_grant("history", "s3:ListBucket"),
    build_grant("history/*", "s3:GetObject"),
    *(build_grant(queue, "sqs:SendMessage", "GetQueueAttributes") for queue in ("decisions", "commands")),
    *(build_grant(queue, "sqs:GetQueueAttributes") for queue in ("intake", "escalations")),
    *(LIST_INBOUND, LIST_FILED, READ_INBOUND, READ_FILED),
    READ_ROUTING_POLICY,
)


def grants_of(function: LambdaFunction) -> tuple[Grant, ...]:
    """Return the grants of one function. Raise ConfigurationError for a function without an entry."""
    if function.placeholder not in GRANTS:
        raise ConfigurationError(f"{function.placeholder} has no grants: add them to infra/grants.py")
    return GRANTS[function.placeholder]


def client_names(function: LambdaFunction) -> list[str]:
    """Return the names of the boto3 clients that a function uses: those of the services that it may call."""
    services = {action.partition(":")[0] for grant in grants_of(function) for action in grant.actions}
    return sorted("stepfunctions" if service == "states" else service for service in services)
