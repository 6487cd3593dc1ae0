"""Who may do what: the rights of each function, as data; tests hold them to the calls that the code makes."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas import catalog
from lambdas.catalog import Function
from workflow import definition
from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Grant:
    """Some actions on one resource, by the resource's name in infra.line.Line.arn."""

    on: str
    actions: tuple[str, ...]


def on(resource: str, *actions: str) -> Grant:
    """A grant; the service's prefix stands before its first action only."""
    service = actions[0].split(":")[0]
    return Grant(resource, tuple(name if ":" in name else f"{service}:{name}" for name in actions))


def ledger(*actions: str) -> Grant:
    return on("ledger", *(f"dynamodb:{action}" for action in actions))


def by(index: str) -> Grant:
    return on(f"ledger/{index}", "dynamodb:Query")


# Whoever reads a version that may be gone must be allowed to list: S3 tells nobody else that it is missing.
SEES_INBOUND = on("inbound", "s3:ListBucket", "ListBucketVersions")
SEES_FILED = on("filed", "s3:ListBucket", "ListBucketVersions")
READS_INBOUND = on("inbound/*", "s3:GetObjectVersion")
READS_FILED = on("filed/*", "s3:GetObjectVersion")
# The model reads a photo with the rights of whoever asks it.
SHOWS_THE_MODEL = tuple(
    on(f"{bucket}/*", "s3:GetObject", "GetObjectVersion") for bucket in ("inbound", "filed")
)
POLICY = on("policy", "ssm:GetParameter")
MODEL = on("model", "ssm:GetParameter")
POWER = on("power", "ssm:GetParameter")
TELLS = on(
    "executions",
    *("states:DescribeExecution", "GetExecutionHistory", "DescribeStateMachineForExecution"),
)
# What steps logged is read from the logs of the functions that the state machine calls.
CALLED = definition.placeholders() & {function.placeholder for function in catalog.FUNCTIONS}
STARTS = on("machine", "states:StartExecution")

GRANTS: Mapping[str, tuple[Grant, ...]] = {
    "ClaimUploadFunction": (
        ledger("GetItem", "UpdateItem"),
        *(SEES_INBOUND, READS_INBOUND, SEES_FILED, READS_FILED),
    ),
    "DetectLabelsFunction": (
        ledger("GetItem", "UpdateItem", "PutItem"),
        on("audit", "dynamodb:PutItem"),
        *(POLICY, MODEL, POWER),
        on("models", "rekognition:DetectCustomLabels", "StartProjectVersion"),
        *(SEES_INBOUND, SEES_FILED, *SHOWS_THE_MODEL),
    ),
    "MoveImageFunction": (
        ledger("GetItem", "UpdateItem"),
        *(SEES_INBOUND, SEES_FILED),
        on("inbound/*", "s3:GetObjectVersion", "GetObjectVersionTagging", "DeleteObjectVersion"),
        on(
            "filed/*",
            *("s3:GetObject", "GetObjectVersion", "GetObjectVersionTagging", "DeleteObjectVersion"),
            *("PutObject", "PutObjectTagging"),
        ),
    ),
    "AskReviewerFunction": (
        ledger("GetItem", "UpdateItem"),
        on("tokens", "dynamodb:PutItem", "UpdateItem"),
        on("decisions", "sqs:SendMessage"),
    ),
    "EscalateReviewFunction": (ledger("GetItem", "UpdateItem"), on("escalations", "sqs:SendMessage")),
    "CloseInspectionFunction": (ledger("GetItem", "UpdateItem"),),
    "StartInspectionFunction": (
        ledger("GetItem", "UpdateItem"),
        by("by_state"),
        on("inbound", "s3:ListBucketVersions"),
        STARTS,
    ),
    "DeliverDecisionFunction": (
        ledger("GetItem", "UpdateItem"),
        on("tokens", "dynamodb:GetItem", "UpdateItem"),
        on("machine", "states:SendTaskSuccess", "StartExecution"),
        on("executions", "states:DescribeExecution", "RedriveExecution"),
        on("decisions", "sqs:SendMessage"),
    ),
    "ReconcileFunction": (
        ledger("GetItem", "UpdateItem"),
        by("by_state"),
        on("inbound", "s3:ListBucketVersions"),
        STARTS,
        on("machine", "states:ListExecutions"),
        on("executions", "states:DescribeExecution"),
        on("decisions", "sqs:SendMessage"),
    ),
    "TendModelFunction": (
        ledger("GetItem", "PutItem"),
        by("by_state"),
        on("audit", "dynamodb:PutItem"),
        *(MODEL, POWER),
        on("models", "rekognition:StartProjectVersion", "StopProjectVersion"),
        on("projects", "rekognition:DescribeProjectVersions"),
        on("everything", "rekognition:DescribeProjects"),
        on("escalations", "sqs:SendMessage"),
    ),
    "KeepHistoryFunction": (
        ledger("GetItem", "UpdateItem"),
        by("unkept"),
        on("names", "dynamodb:BatchWriteItem"),
        on("figures", "dynamodb:GetItem", "UpdateItem", "PutItem"),
        on("history", "s3:ListBucket"),
        on("history/*", "s3:GetObject", "PutObject"),
        on("machine", "states:ListExecutions"),
        TELLS,
    ),
    "ReadHistoryFunction": (
        TELLS,
        *(on(f"log/{name}", "logs:FilterLogEvents") for name in sorted(CALLED)),
    ),
    "ObeyCommandsFunction": (
        ledger("GetItem", "BatchGetItem", "UpdateItem"),
        *(by(f"by_{attribute}") for attribute in ("verdict", "policy", "model")),
        by("unkept"),
        on("names", "dynamodb:Query"),
        on("audit", "dynamodb:PutItem", "Query"),
        on("command-log", "dynamodb:GetItem", "PutItem"),
        on("command-log/open", "dynamodb:Query"),
        on("decisions", "sqs:SendMessage"),
        STARTS,
        on("executions", "states:DescribeExecution", "RedriveExecution", "StopExecution"),
    ),
}

# The review app changes things by conditional writes, with hints on a queue: no token, no states:* right.
REVIEW_APP: tuple[Grant, ...] = (
    ledger("GetItem", "BatchGetItem", "UpdateItem"),
    *(by(f"by_{name}") for name in ("name", "pile", "state", "verdict", "decider", "policy", "model")),
    by("unkept"),
    on("audit", "dynamodb:Query", "PutItem"),
    on("audit/by_day", "dynamodb:Query"),
    *(on(table, "dynamodb:Query") for table in ("names", "figures")),
    on("command-log", "dynamodb:GetItem", "PutItem"),
    on("command-log/open", "dynamodb:Query"),
    on("history", "s3:ListBucket"),
    on("history/*", "s3:GetObject"),
    *(on(queue, "sqs:SendMessage", "GetQueueAttributes") for queue in ("decisions", "commands")),
    *(on(queue, "sqs:GetQueueAttributes") for queue in ("intake", "escalations")),
    *(SEES_INBOUND, SEES_FILED, READS_INBOUND, READS_FILED),
    POLICY,
)


def grants_of(function: Function) -> tuple[Grant, ...]:
    """The rights of one function; ConfigurationError when nobody said which it needs."""
    if function.placeholder not in GRANTS:
        raise ConfigurationError(f"{function.placeholder} has no rights: name them in infra/grants.py")
    return GRANTS[function.placeholder]
