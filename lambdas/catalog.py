"""The deployed functions and queues as data: what infra/ and local/ read to create them."""

from collections.abc import Mapping
from dataclasses import dataclass

from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaFunction:
    """One deployed function: its placeholder, its module, and its required environment variables.

    `queue` is the queue that triggers it, at most `queue_calls` times at once, and `schedule_minutes` the
    interval of its schedule, if it has one. An `exclusive` function never runs twice at once. It has no
    queue: SQS would count refused calls as attempts at a message. A function that `decodes_photos` gets the
    bundle with the photo decoder and its packages. `memory_mb` is in MB. The default timeout is as long as
    a state's 60 seconds allow: a function that starts cold on a busy machine needs it.
    """

    placeholder: str
    module: str
    required_variables: frozenset[str] = frozenset()
    timeout_seconds: int = 55
    memory_mb: int = 256
    queue: str = ""
    batch_size: int = 1
    queue_calls: int = 10
    schedule_minutes: int = 0
    exclusive: bool = False
    decodes_photos: bool = False

    @property
    def handler(self) -> str:
        """Return the entry point in Lambda's notation."""
        return f"lambdas.{self.module}.handler"

    def validate_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment. Raise ConfigurationError if a variable is missing or not required."""
        if wrong := self.required_variables ^ environment.keys():
            raise ConfigurationError(f"{self.placeholder}: environment differs by {sorted(wrong)}")
        return dict(environment)


CLAIM_UPLOAD = LambdaFunction(
    placeholder="ClaimUploadFunction",
    module="claim_upload",
    required_variables=frozenset({"INSPECTIONS_TABLE"}),
    memory_mb=1024,
    decodes_photos=True,
)
_DETECTION_VARIABLES = frozenset(
    {
        "INSPECTIONS_TABLE",
        "AUDIT_TABLE",
        "POLICY_PARAMETER",
        "MODEL_PARAMETER",
        "TRAINING_BUCKET",
        "CAMERAS_TABLE",
    }
)
DETECT_LABELS = LambdaFunction(
    placeholder="DetectLabelsFunction",
    module="detect_labels",
    required_variables=_DETECTION_VARIABLES,
    memory_mb=1024,
    decodes_photos=True,
)
WAIT_FOR_MODEL = LambdaFunction(
    placeholder="WaitForModelFunction",
    module="wait_for_model",
    required_variables=_DETECTION_VARIABLES | {"WAKE_TOKENS_TABLE"},
    memory_mb=1024,
    decodes_photos=True,
)
MOVE_IMAGE = LambdaFunction(
    placeholder="MoveImageFunction",
    module="move_image",
    required_variables=frozenset({"INSPECTIONS_TABLE", "FILED_BUCKET"}),
)
ASK_REVIEWER = LambdaFunction(
    placeholder="AskReviewerFunction",
    module="ask_reviewer",
    required_variables=frozenset({"INSPECTIONS_TABLE", "TASK_TOKENS_TABLE", "DECISION_QUEUE_URL"}),
)
ESCALATE_REVIEW = LambdaFunction(
    placeholder="EscalateReviewFunction",
    module="escalate_review",
    required_variables=frozenset({"INSPECTIONS_TABLE", "ESCALATION_QUEUE_URL"}),
)
CLOSE_INSPECTION = LambdaFunction(
    placeholder="CloseInspectionFunction",
    module="close_inspection",
    required_variables=frozenset({"INSPECTIONS_TABLE"}),
)
START_INSPECTION = LambdaFunction(
    placeholder="StartInspectionFunction",
    module="start_inspection",
    required_variables=frozenset({"INSPECTIONS_TABLE", "STATE_MACHINE_ARN", "MAX_IN_FLIGHT"}),
    timeout_seconds=60,
    queue="intake",
    batch_size=10,
)
DELIVER_DECISION = LambdaFunction(
    placeholder="DeliverDecisionFunction",
    module="deliver_decision",
    required_variables=frozenset(
        {"INSPECTIONS_TABLE", "TASK_TOKENS_TABLE", "STATE_MACHINE_ARN", "DECISION_QUEUE_URL"}
    ),
    queue="decisions",
    batch_size=10,
)
RECONCILE = LambdaFunction(
    placeholder="ReconcileFunction",
    module="reconcile",
    required_variables=frozenset(
        {
            *("INSPECTIONS_TABLE", "INBOUND_BUCKET", "FILED_BUCKET", "HISTORY_BUCKET"),
            *("STATE_MACHINE_ARN", "DECISION_QUEUE_URL", "MAX_IN_FLIGHT", "WAKE_TOKENS_TABLE"),
        }
    ),
    timeout_seconds=300,
    memory_mb=512,
    schedule_minutes=1,
    exclusive=True,
)
MANAGE_MODEL_CAPACITY = LambdaFunction(
    placeholder="ManageModelCapacityFunction",
    module="manage_model_capacity",
    required_variables=frozenset(
        {
            *("INSPECTIONS_TABLE", "AUDIT_TABLE", "MODEL_PARAMETER", "POLICY_PARAMETER"),
            *("ESCALATION_QUEUE_URL", "WAKE_TOKENS_TABLE", "TRAINING_BUCKET"),
        }
    ),
    timeout_seconds=60,
    memory_mb=1024,
    decodes_photos=True,
    schedule_minutes=1,
)

ARCHIVE_EXECUTIONS = LambdaFunction(
    placeholder="ArchiveExecutionsFunction",
    module="archive_executions",
    required_variables=frozenset(
        {"INSPECTIONS_TABLE", "NAME_INDEX_TABLE", "METRICS_TABLE", "HISTORY_BUCKET", "STATE_MACHINE_ARN"}
    ),
    timeout_seconds=60,
    schedule_minutes=1,
)
GET_EXECUTION_HISTORY = LambdaFunction(
    placeholder="GetExecutionHistoryFunction",
    module="get_execution_history",
    required_variables=frozenset({"STATE_MACHINE_ARN", "LOG_GROUPS"}),
    memory_mb=512,
)

PROCESS_COMMANDS = LambdaFunction(
    placeholder="ProcessCommandsFunction",
    module="process_commands",
    required_variables=frozenset(
        {
            *(
                "COMMAND_LOG_TABLE",
                "AUDIT_TABLE",
                "INSPECTIONS_TABLE",
                "NAME_INDEX_TABLE",
                "STATE_MACHINE_ARN",
            ),
            "DECISION_QUEUE_URL",
        }
    ),
    timeout_seconds=120,
    queue="commands",
    batch_size=10,
    queue_calls=2,
    schedule_minutes=1,
)

WATCH_CAMERAS = LambdaFunction(
    placeholder="WatchCamerasFunction",
    module="watch_cameras",
    required_variables=frozenset(
        {
            *("CAMERAS_TABLE", "INSPECTIONS_TABLE", "AUDIT_TABLE", "TRAINING_BUCKET"),
            *("DECISION_QUEUE_URL", "ESCALATION_QUEUE_URL"),
        }
    ),
    timeout_seconds=60,
    schedule_minutes=1,
    exclusive=True,
)

FUNCTIONS = (
    CLAIM_UPLOAD,
    DETECT_LABELS,
    WAIT_FOR_MODEL,
    MOVE_IMAGE,
    ASK_REVIEWER,
    ESCALATE_REVIEW,
    CLOSE_INSPECTION,
    START_INSPECTION,
    DELIVER_DECISION,
    RECONCILE,
    MANAGE_MODEL_CAPACITY,
    ARCHIVE_EXECUTIONS,
    GET_EXECUTION_HISTORY,
    PROCESS_COMMANDS,
    WATCH_CAMERAS,
)

QUEUES = ("intake", "decisions", "verdicts", "escalations", "commands")
