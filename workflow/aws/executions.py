"""Executions on Step Functions."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client

NEWEST = 50
MOST = 2000
_BAD = ("FAILED", "TIMED_OUT", "ABORTED")
MACHINE_PARTS = 7
_TOKEN_IS_DEAD = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
_NOT_REDRIVABLE = ("ExecutionNotRedrivable", "ExecutionDoesNotExist")


class StepFunctionsExecutions:
    """Implements workflow.recovery.redrive.Redrivable, and reads histories.

    The ARN may name an alias: through it executions are started, while what is read is the state machine's.
    """

    def __init__(self, state_machine_arn: str, stepfunctions: Any = None) -> None:
        self._arn = state_machine_arn
        self._machine = ":".join(state_machine_arn.split(":")[:MACHINE_PARTS])
        self._sfn = stepfunctions or client("stepfunctions")

    def arn(self, name: str) -> str:
        """The ARN of the execution with this name."""
        return self._machine.replace(":stateMachine:", ":execution:") + f":{name}"

    def start(self, name: str, document: dict[str, Any]) -> bool:
        try:
            self._sfn.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(document))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def describe(self, name: str) -> dict[str, Any] | None:
        """What DescribeExecution says, or None when nobody remembers the execution."""
        try:
            answer: dict[str, Any] = self._sfn.describe_execution(executionArn=self.arn(name))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
        return answer

    def status(self, name: str) -> str | None:
        description = self.describe(name)
        return str(description["status"]) if description else None

    def redrive(self, name: str) -> str:
        """Ask only where Step Functions offers it: an engine without redrive never does."""
        description = self.describe(name) or {}
        if description.get("redriveStatus") != "REDRIVABLE":
            reason = description.get("redriveStatusReason")
            return str(reason or "Step Functions does not offer to redrive it")
        try:
            # The token makes the client's own retries of this call one redrive.
            self._sfn.redrive_execution(executionArn=self.arn(name), clientToken=str(uuid.uuid4()))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_REDRIVABLE:
                raise
            return str(error.response["Error"]["Message"])
        return ""

    def running(self) -> set[str]:
        pages = self._sfn.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING", PaginationConfig={"PageSize": 1000}
        )
        return {execution["name"] for page in pages for execution in page["executions"]}

    def ended_badly(self, known: Callable[[str], bool]) -> Iterator[str]:
        """What failed, timed out or was stopped, back to a page of known ones; oldest first of each.

        Whoever gets only half way begins with the oldest, so that the rest is found before a known page.
        """
        for status in _BAD:
            pages = self._sfn.get_paginator("list_executions").paginate(
                stateMachineArn=self._machine,
                statusFilter=status,
                PaginationConfig={"PageSize": NEWEST, "MaxItems": MOST},
            )
            unknown: list[str] = []
            for page in pages:
                new = [one["name"] for one in page["executions"] if not known(one["name"])]
                if not new:
                    break
                unknown += new
            yield from reversed(unknown)

    def stop(self, name: str, why: str) -> bool:
        """End a running execution; False if nobody remembers it."""
        try:
            self._sfn.stop_execution(executionArn=self.arn(name), error="Stopped", cause=why)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return False
            raise
        return True

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every event of an execution, oldest first; empty when nobody remembers it."""
        pages = self._sfn.get_paginator("get_execution_history").paginate(
            executionArn=self.arn(name), PaginationConfig={"PageSize": 1000}
        )
        try:
            return [event for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return []
            raise

    def succeed(self, token: str, output: dict[str, Any]) -> bool:
        try:
            self._sfn.send_task_success(taskToken=token, output=json.dumps(output))
        except ClientError as error:
            if error.response["Error"]["Code"] in _TOKEN_IS_DEAD:
                return False
            raise
        return True
