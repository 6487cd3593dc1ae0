"""Executions of the state machine: their port, their names, and their input."""

from typing import Any, Protocol, TypedDict

from workflow.inspections.objects import Image, inspection_id

ACTIVE_STATUSES = ("RUNNING", "PENDING_REDRIVE")


class ImageDocument(TypedDict):
    """An image version in the document of an execution."""

    bucket: str
    key: str
    version_id: str


class ExecutionInput(TypedDict):
    """The input of an execution. `execution` is its own name, the owner that the states act for."""

    inspection_id: str
    execution: str
    image: ImageDocument
    uploaded_at: str
    attempt: int


class Executions(Protocol):
    """The executions of the state machine."""

    def start(self, name: str, document: ExecutionInput) -> bool:
        """Start an execution. Return False if one of this name exists or existed."""

    def get_status(self, name: str) -> str | None:
        """Return RUNNING, PENDING_REDRIVE, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None if it is unknown."""

    def list_running(self) -> set[str]:
        """Return the names of all running executions."""

    def complete_task(self, token: str, output: dict[str, Any]) -> bool:
        """Answer a task token. Return False if it is used, expired or unknown: AWS does not say which."""


def execution_name(inspection: str, attempt: int) -> str:
    """Return the name of an attempt: the inspection id (64 hex) and the number, at most 80 characters."""
    return f"{inspection}-{attempt}"


def execution_input(image: Image, uploaded_at: str, attempt: int) -> ExecutionInput:
    """Build the input of an execution."""
    return {
        "inspection_id": inspection_id(image),
        "execution": execution_name(inspection_id(image), attempt),
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id},
        "uploaded_at": uploaded_at,
        "attempt": attempt,
    }
