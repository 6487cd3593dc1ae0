"""Executions of the state machine: their port, their names, and their input."""

from typing import Any, NewType, Protocol, TypedDict

from workflow.inspections.inspection import ExecutionName
from workflow.inspections.objects import Image, InspectionId, inspection_id

ACTIVE_STATUSES = ("RUNNING", "PENDING_REDRIVE")

TaskToken = NewType("TaskToken", str)


class ImageDocument(TypedDict):
    """An image version in the document of an execution."""

    bucket: str
    key: str
    version_id: str


class ExecutionInput(TypedDict):
    """The input of an execution. `execution` is its own name, the owner that the states act for."""

    inspection_id: InspectionId
    execution: ExecutionName
    image: ImageDocument
    uploaded_at: str
    attempt: int


class TaskCompleter(Protocol):
    """The answers to task tokens."""

    def complete_task(self, token: TaskToken, output: dict[str, Any]) -> bool:
        """Answer a task token. Return False if it is used, expired or unknown: AWS does not say which."""


class Executions(TaskCompleter, Protocol):
    """The executions of the state machine."""

    def start(self, name: ExecutionName, document: ExecutionInput) -> bool:
        """Start an execution. Return False if one of this name exists or existed."""

    def get_status(self, name: ExecutionName) -> str | None:
        """Return RUNNING, PENDING_REDRIVE, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None if it is unknown."""

    def list_running(self) -> set[ExecutionName]:
        """Return the names of all running executions."""


class TaskTokenStore(Protocol):
    """The task tokens of waiting executions: one store for reviews, another for waits for the model."""

    def put(self, inspection_id: InspectionId, token: TaskToken, attempt: int) -> None:
        """Store a token beside the others of its attempt, since it is unknown which call was the last.

        A later attempt's token replaces those of earlier attempts, and never the other way round.
        """

    def list_tokens(self, inspection_id: InspectionId) -> list[TaskToken]:
        """List the tokens of an inspection's newest attempt that are not known to be dead, newest first."""

    def remove(self, inspection_id: InspectionId, token: TaskToken) -> None:
        """Remove a token that was answered or is dead."""


def execution_name(inspection: str, attempt: int) -> ExecutionName:
    """Return the name of an attempt: the inspection id (64 hex) and the number, at most 80 characters."""
    return ExecutionName(f"{inspection}-{attempt}")


def execution_input(image: Image, uploaded_at: str, attempt: int) -> ExecutionInput:
    """Build the input of an execution."""
    return {
        "inspection_id": inspection_id(image),
        "execution": execution_name(inspection_id(image), attempt),
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id},
        "uploaded_at": uploaded_at,
        "attempt": attempt,
    }
