"""Executions on Step Functions."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.inspections.inspection import ExecutionName
from workflow.pipeline.executions import ExecutionInput

FAILED_PAGE_SIZE = 50
MAX_FAILED = 2000
_FAILED_STATUSES = ("FAILED", "TIMED_OUT", "ABORTED")
ARN_PARTS_OF_STATE_MACHINE = 7
_EXPIRED_TOKEN_CODES = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
_NOT_REDRIVABLE_CODES = ("ExecutionNotRedrivable", "ExecutionDoesNotExist")


class StepFunctionsTasks:
    """Implements workflow.pipeline.executions.TaskCompleter."""

    def __init__(self, stepfunctions: Any = None) -> None:
        self._sfn = stepfunctions or client("stepfunctions")

    def complete_task(self, token: str, output: dict[str, Any]) -> bool:
        try:
            self._sfn.send_task_success(taskToken=token, output=json.dumps(output))
        except ClientError as error:
            if error.response["Error"]["Code"] in _EXPIRED_TOKEN_CODES:
                return False
            raise
        return True


class StepFunctionsExecutions(StepFunctionsTasks):
    """Implements workflow.recovery.redrive.RedrivableExecutions, and reads histories.

    The ARN may name an alias. It is used to start executions. Reads use the state machine's own ARN.
    """

    def __init__(self, state_machine_arn: str, stepfunctions: Any = None) -> None:
        self._arn = state_machine_arn
        self._machine = ":".join(state_machine_arn.split(":")[:ARN_PARTS_OF_STATE_MACHINE])
        super().__init__(stepfunctions)

    def arn(self, name: str) -> str:
        """Return the ARN of the execution with this name."""
        return self._machine.replace(":stateMachine:", ":execution:") + f":{name}"

    def start(self, name: str, document: ExecutionInput) -> bool:
        try:
            self._sfn.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(document))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return the answer of DescribeExecution, or None if the execution is unknown."""
        try:
            answer: dict[str, Any] = self._sfn.describe_execution(executionArn=self.arn(name))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
        return answer

    def get_status(self, name: str) -> str | None:
        description = self.describe(name)
        return str(description["status"]) if description else None

    def redrive(self, name: str) -> str:
        """Redrive if Step Functions offers it. An emulator without redrive never offers it."""
        description = self.describe(name) or {}
        if description.get("redriveStatus") != "REDRIVABLE":
            reason = description.get("redriveStatusReason")
            return str(reason or "Step Functions does not offer to redrive it")
        try:
            # The token makes the client's own retries of this call one redrive.
            self._sfn.redrive_execution(executionArn=self.arn(name), clientToken=str(uuid.uuid4()))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_REDRIVABLE_CODES:
                raise
            return str(error.response["Error"]["Message"])
        return ""

    def list_running(self) -> set[ExecutionName]:
        pages = self._sfn.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING", PaginationConfig={"PageSize": 1000}
        )
        return {ExecutionName(execution["name"]) for page in pages for execution in page["executions"]}

    def list_failed(self, known: Callable[[str], bool]) -> Iterator[str]:
        """Yield failed, timed-out and stopped executions, per status, up to a page of known ones.

        The oldest come first: if a caller stops early, the next call finds the rest before a known page.
        """
        for status in _FAILED_STATUSES:
            pages = self._sfn.get_paginator("list_executions").paginate(
                stateMachineArn=self._machine,
                statusFilter=status,
                PaginationConfig={"PageSize": FAILED_PAGE_SIZE, "MaxItems": MAX_FAILED},
            )
            unknown: list[str] = []
            for page in pages:
                new = [execution["name"] for execution in page["executions"] if not known(execution["name"])]
                if not new:
                    break
                unknown += new
            yield from reversed(unknown)

    def stop(self, name: str, reason: str) -> bool:
        """Stop a running execution. Return False if it is unknown."""
        try:
            self._sfn.stop_execution(executionArn=self.arn(name), error="Stopped", cause=reason)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return False
            raise
        return True

    def get_history(self, name: str) -> list[dict[str, Any]]:
        """Return all events of an execution, oldest first. Return an empty list if it is unknown."""
        pages = self._sfn.get_paginator("get_execution_history").paginate(
            executionArn=self.arn(name), PaginationConfig={"PageSize": 1000}
        )
        try:
            return [event for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return []
            raise
