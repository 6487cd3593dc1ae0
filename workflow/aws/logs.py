"""Log lines of steps, from CloudWatch Logs or from a Lambda function."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.history import logs
from workflow.history.logs import LogLine, LogLines


class CloudWatchStepLogs:
    """Implements workflow.history.logs.StepLogs. `groups` maps a function's name to its log group."""

    def __init__(
        self, executions: StepFunctionsExecutions, groups: Mapping[str, str], cloudwatch: Any = None
    ) -> None:
        self._executions = executions
        self._groups = groups
        self._logs = cloudwatch or client("logs")

    def fetch(self, execution: str, step: int) -> LogLines:
        return logs.collect_step_lines(self._executions.get_history(execution), execution, step, self._search)

    def _search(
        self, function: str, text: str, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, str]]:
        if function not in self._groups:
            return
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._groups[function],
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000),
            filterPattern=f'"{text}"',
        )
        try:
            for page in pages:
                for event in page["events"]:
                    yield datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"].rstrip()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


class LambdaStepLogs:
    """Implements workflow.history.logs.StepLogs by a Lambda function.

    For processes without permissions on CloudWatch Logs.
    """

    def __init__(self, function: str, functions: Any = None) -> None:
        self._function = function
        self._lambda = functions or client("lambda")

    def fetch(self, execution: str, step: int) -> LogLines:
        payload = json.dumps({"execution": execution, "step": step}).encode()
        answer = self._lambda.invoke(FunctionName=self._function, Payload=payload)
        document = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return LogLines(empty_reason=logs.UNAVAILABLE)
        return LogLines(
            tuple(LogLine(**line) for line in document["lines"]),
            document["truncated"],
            document["empty_reason"],
        )


def parse_log_groups(setting: str) -> dict[str, str]:
    """Parse the setting `function=group,function=group` to log groups by function."""
    return dict(pair.split("=", 1) for pair in setting.split(",") if "=" in pair)
