"""Execution records: the archive on S3, and sources on Step Functions or behind a Lambda function."""

import base64
import json
from typing import Any

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.object_store import read_object
from workflow.errors import PartcheckError
from workflow.history import archive
from workflow.history.archive import ExecutionRecord, redact_events


class S3ExecutionArchive:
    """Implements workflow.history.archive.ExecutionArchive: one object per execution in a bucket."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self._bucket = bucket
        self._s3 = s3 or client("s3")

    def get(self, execution: str) -> ExecutionRecord | None:
        content = read_object(self._s3, self._bucket, object_key(execution))
        return None if content is None else archive.from_gzip(content)

    def save(self, record: ExecutionRecord) -> None:
        content = archive.to_gzip(record)
        headers = {"ContentType": "application/json", "ContentEncoding": "gzip"}
        self._s3.put_object(Bucket=self._bucket, Key=object_key(record.execution), Body=content, **headers)


def object_key(execution: str) -> str:
    """Return the key of an execution's record."""
    return f"{execution}.json.gz"


class StepFunctionsHistorySource:
    """Implements workflow.history.archive.HistorySource."""

    def __init__(self, executions: StepFunctionsExecutions, stepfunctions: Any = None) -> None:
        self._executions = executions
        self._sfn = stepfunctions or client("stepfunctions")
        self._definitions: dict[str, Any] = {}

    def fetch(self, execution: str) -> ExecutionRecord | None:
        description = self._executions.describe(execution)
        if description is None:
            return None
        definition = self._get_definition(description)
        # Events are read last, so that they include all changes that the description shows.
        events = redact_events(self._executions.get_history(execution))
        stopped_at = description.get("stopDate")
        return ExecutionRecord(
            execution=execution,
            status=description["status"],
            started_at=timestamps.format_timestamp(description["startDate"]),
            stopped_at=timestamps.format_timestamp(stopped_at) if stopped_at else "",
            error=description.get("error", ""),
            cause=description.get("cause", ""),
            read_at=timestamps.now(),
            definition=definition,
            events=events,
        )

    def _get_definition(self, description: dict[str, Any]) -> Any:
        """Return the execution's definition, cached per version: AWS allows one such call a second."""
        version = description.get("stateMachineVersionArn", "")
        if version in self._definitions:
            return self._definitions[version]
        machine = self._sfn.describe_state_machine_for_execution(executionArn=description["executionArn"])
        definition = json.loads(machine["definition"])
        if version:
            self._definitions[version] = definition
        return definition


class LambdaHistorySource:
    """Implements workflow.history.archive.HistorySource by a Lambda function.

    For processes without permissions on Step Functions.
    """

    def __init__(self, function: str, functions: Any = None) -> None:
        self._function = function
        self._lambda = functions or client("lambda")

    def fetch(self, execution: str) -> ExecutionRecord | None:
        answer = self._lambda.invoke(
            FunctionName=self._function, Payload=json.dumps({"execution": execution}).encode()
        )
        document = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise PartcheckError(f"The history of {execution} could not be read. Try again in a moment.")
        return archive.from_gzip(base64.b64decode(document["record"])) if document.get("record") else None
