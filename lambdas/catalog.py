"""The deployed functions and queues as data: what infra/ and local/ read to create them."""

from collections.abc import Mapping
from dataclasses import dataclass

from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Function:
    """One deployed function: its placeholder, its entry point, what its environment must hold.

    `queue` names the queue that feeds it, if one does; `schedule_minutes` how often it runs by the clock, if
    it does; `alone` that no two calls of it may run at once. Memory is in MB. The usual time is as long as a
    state's 60 seconds allow: a function that starts cold on a busy machine needs it.
    """

    placeholder: str
    module: str
    needs: frozenset[str] = frozenset()
    timeout_seconds: int = 55
    memory_mb: int = 256
    queue: str = ""
    batch_size: int = 1
    schedule_minutes: int = 0
    alone: bool = False

    @property
    def handler(self) -> str:
        """The entry point in Lambda's notation."""
        return f"lambdas.{self.module}.handler"

    def checked(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Refuse to deploy a function with a variable missing or misspelt."""
        if wrong := self.needs ^ environment.keys():
            raise ConfigurationError(f"{self.placeholder}: environment differs by {sorted(wrong)}")
        return dict(environment)


CLAIM_UPLOAD = Function("ClaimUploadFunction", "claim_upload", frozenset({"LEDGER_TABLE"}), memory_mb=1024)
DETECT_LABELS = Function(
    "DetectLabelsFunction",
    "detect_labels",
    frozenset({"LEDGER_TABLE", "AUDIT_TABLE", "POLICY_PARAMETER", "MODEL_PARAMETER"}),
)
MOVE_IMAGE = Function("MoveImageFunction", "move_image", frozenset({"LEDGER_TABLE", "FILED_BUCKET"}))
ASK_REVIEWER = Function(
    "AskReviewerFunction",
    "ask_reviewer",
    frozenset({"LEDGER_TABLE", "TOKEN_TABLE", "DECISION_QUEUE_URL"}),
)
ESCALATE_REVIEW = Function(
    "EscalateReviewFunction", "escalate_review", frozenset({"LEDGER_TABLE", "ESCALATION_QUEUE_URL"})
)
CLOSE_INSPECTION = Function("CloseInspectionFunction", "close_inspection", frozenset({"LEDGER_TABLE"}))
START_INSPECTION = Function(
    "StartInspectionFunction",
    "start_inspection",
    frozenset({"LEDGER_TABLE", "STATE_MACHINE_ARN", "MAX_IN_FLIGHT"}),
    timeout_seconds=60,
    queue="intake",
    batch_size=10,
)
DELIVER_DECISION = Function(
    "DeliverDecisionFunction",
    "deliver_decision",
    frozenset({"LEDGER_TABLE", "TOKEN_TABLE", "STATE_MACHINE_ARN", "DECISION_QUEUE_URL"}),
    queue="decisions",
    batch_size=10,
)
RECONCILE = Function(
    "ReconcileFunction",
    "reconcile",
    frozenset({"LEDGER_TABLE", "INBOUND_BUCKET", "STATE_MACHINE_ARN", "DECISION_QUEUE_URL", "MAX_IN_FLIGHT"}),
    timeout_seconds=300,
    memory_mb=512,
    schedule_minutes=1,
    alone=True,
)
TEND_MODEL = Function(
    "TendModelFunction",
    "tend_model",
    frozenset({"LEDGER_TABLE", "AUDIT_TABLE", "MODEL_PARAMETER", "ESCALATION_QUEUE_URL"}),
    timeout_seconds=60,
    schedule_minutes=1,
)

KEEP_HISTORY = Function(
    "KeepHistoryFunction",
    "keep_history",
    frozenset({"LEDGER_TABLE", "NAMES_TABLE", "FIGURES_TABLE", "HISTORY_BUCKET", "STATE_MACHINE_ARN"}),
    timeout_seconds=60,
    schedule_minutes=1,
)
READ_HISTORY = Function(
    "ReadHistoryFunction", "read_history", frozenset({"STATE_MACHINE_ARN", "LOG_GROUPS"}), memory_mb=512
)

OBEY_COMMANDS = Function(
    "ObeyCommandsFunction",
    "obey_commands",
    frozenset(
        {
            *("COMMAND_TABLE", "AUDIT_TABLE", "LEDGER_TABLE", "NAMES_TABLE", "STATE_MACHINE_ARN"),
            "DECISION_QUEUE_URL",
        }
    ),
    timeout_seconds=120,
    queue="commands",
    batch_size=10,
    schedule_minutes=1,
    alone=True,
)

FUNCTIONS = (
    CLAIM_UPLOAD,
    DETECT_LABELS,
    MOVE_IMAGE,
    ASK_REVIEWER,
    ESCALATE_REVIEW,
    CLOSE_INSPECTION,
    START_INSPECTION,
    DELIVER_DECISION,
    RECONCILE,
    TEND_MODEL,
    KEEP_HISTORY,
    READ_HISTORY,
    OBEY_COMMANDS,
)

QUEUES = ("intake", "decisions", "verdicts", "escalations", "commands")
