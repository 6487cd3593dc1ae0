"""Log lines in CloudWatch Logs, or asked of the function that may read them."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.history import logs
from workflow.history.logs import LogLine, LogLines


class CloudWatchLogs:
    """Implements workflow.history.logs.Logs. `groups` names the log group of each function."""

    def __init__(
        self, executions: StepFunctionsExecutions, groups: Mapping[str, str], cloudwatch: Any = None
    ) -> None:
        self._executions = executions
        self._groups = groups
        self._logs = cloudwatch or client("logs")

    def of(self, execution: str, step: int) -> LogLines:
        return logs.lines_of(self._executions.history(execution), execution, step, self._written)

    def _written(
        self, function: str, about: str, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, str]]:
        if function not in self._groups:
            return
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._groups[function],
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000),
            filterPattern=f'"{about}"',
        )
        try:
            for page in pages:
                for event in page["events"]:
                    yield datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"].rstrip()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


class InvokedLogs:
    """Implements workflow.history.logs.Logs for who may not read them: a function does it."""

    def __init__(self, function: str, functions: Any = None) -> None:
        self._function = function
        self._lambda = functions or client("lambda")

    def of(self, execution: str, step: int) -> LogLines:
        wish = json.dumps({"execution": execution, "step": step}).encode()
        answer = self._lambda.invoke(FunctionName=self._function, Payload=wish)
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return LogLines(why_none=logs.NOT_NOW)
        return LogLines(tuple(LogLine(**line) for line in told["lines"]), told["more"], told["why_none"])


def groups(setting: str) -> dict[str, str]:
    """The log groups by function, as the setting `function=group,function=group` names them."""
    return dict(pair.split("=", 1) for pair in setting.split(",") if "=" in pair)
