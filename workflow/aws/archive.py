"""Records of executions on S3, told by Step Functions, or asked of the function that may ask it."""

import base64
import json
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.errors import PartcheckError
from workflow.history import archive
from workflow.history.archive import Record, redacted


class S3Archive:
    """Implements workflow.history.archive.Archive: one object an execution, in a bucket of its own."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self._bucket = bucket
        self._s3 = s3 or client("s3")

    def get(self, execution: str) -> Record | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key(execution))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        with answer["Body"] as body:
            return archive.unpacked(body.read())

    def keep(self, record: Record) -> None:
        content = archive.packed(record)
        kinds = {"ContentType": "application/json", "ContentEncoding": "gzip"}
        self._s3.put_object(Bucket=self._bucket, Key=key(record.execution), Body=content, **kinds)


def key(execution: str) -> str:
    """Where an execution's record lies."""
    return f"{execution}.json.gz"


class StepFunctionsHistories:
    """Implements workflow.history.archive.Histories."""

    def __init__(self, executions: StepFunctionsExecutions, stepfunctions: Any = None) -> None:
        self._executions = executions
        self._sfn = stepfunctions or client("stepfunctions")
        self._definitions: dict[str, Any] = {}

    def told(self, execution: str) -> Record | None:
        described = self._executions.describe(execution)
        if described is None:
            return None
        definition = self._definition(described)
        # The events come last: whatever happens meanwhile is in them, or it is read another time.
        events = redacted(self._executions.history(execution))
        stopped = described.get("stopDate")
        return Record(
            execution,
            described["status"],
            timestamps.text(described["startDate"]),
            timestamps.text(stopped) if stopped else "",
            described.get("error", ""),
            described.get("cause", ""),
            timestamps.now(),
            definition,
            events,
        )

    def _definition(self, described: dict[str, Any]) -> Any:
        """What an execution ran: asked once a version, since AWS answers one such question a second."""
        version = described.get("stateMachineVersionArn", "")
        if version in self._definitions:
            return self._definitions[version]
        machine = self._sfn.describe_state_machine_for_execution(executionArn=described["executionArn"])
        definition = json.loads(machine["definition"])
        if version:
            self._definitions[version] = definition
        return definition


class InvokedHistories:
    """Implements workflow.history.archive.Histories for who may not ask Step Functions: a function does it."""

    def __init__(self, function: str, functions: Any = None) -> None:
        self._function = function
        self._lambda = functions or client("lambda")

    def told(self, execution: str) -> Record | None:
        answer = self._lambda.invoke(
            FunctionName=self._function, Payload=json.dumps({"execution": execution}).encode()
        )
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise PartcheckError(f"The history of {execution} could not be read: ask again in a moment.")
        return archive.unpacked(base64.b64decode(told["record"])) if told.get("record") else None
