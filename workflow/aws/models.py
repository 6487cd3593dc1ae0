"""Models on Rekognition's control plane, at five calls a second in all."""

import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.models.model import Asked, ModelVersion, Status, name_of, project_of

CALLS_PER_SECOND = 5.0

_ASKED = {
    "ResourceInUseException": Asked.IN_USE,
    "LimitExceededException": Asked.LIMIT,
    "ThrottlingException": Asked.BUSY,
    "ProvisionedThroughputExceededException": Asked.BUSY,
    "InternalServerError": Asked.BUSY,
    "ResourceNotFoundException": Asked.GONE,
}


class Pace:
    """Spaces calls evenly; who comes too early sleeps until it is its turn."""

    def __init__(
        self,
        per_second: float = CALLS_PER_SECOND,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap, self._seconds, self._sleep = 1 / per_second, seconds, sleep
        self._lock, self._next = threading.Lock(), 0.0

    def keep(self) -> None:
        with self._lock:
            now = self._seconds()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._sleep(turn - now)


_PACE = Pace()


class RekognitionModels:
    """Implements workflow.models.model.Models, and what else a model's life needs of the control plane."""

    def __init__(self, rekognition: Any = None, pace: Pace = _PACE) -> None:
        self._rekognition = rekognition or client("rekognition")
        self._pace = pace

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """One call of the control plane, when its turn has come; ClientError when it is refused."""
        self._pace.keep()
        answer: dict[str, Any] = getattr(self._rekognition, operation)(**request)
        return answer

    def pages(self, operation: str, **request: Any) -> list[dict[str, Any]]:
        """All pages of an operation that has several, each in its turn."""
        found = [self.call(operation, **request)]
        while token := found[-1].get("NextToken"):
            found.append(self.call(operation, NextToken=token, **request))
        return found

    def project_arn(self, name: str) -> str | None:
        """The ARN of the project with this name, or None."""
        found = self.call("describe_projects", ProjectNames=[name])["ProjectDescriptions"]
        return str(found[0]["ProjectArn"]) if found else None

    def projects(self) -> list[str]:
        """The names of all projects."""
        pages = self.pages("describe_projects")
        return [project_of(f"{one['ProjectArn']}//") for page in pages for one in page["ProjectDescriptions"]]

    def describe(self, arn: str) -> ModelVersion | None:
        project = self.project_arn(project_of(arn)) if project_of(arn) else None
        if project is None:
            return None
        answer = self.call("describe_project_versions", ProjectArn=project, VersionNames=[name_of(arn)])
        found = [_version(one) for one in answer["ProjectVersionDescriptions"]]
        return next((one for one in found if one.arn == arn), None)

    def of_project(self, project: str) -> list[ModelVersion]:
        arn = self.project_arn(project) if project else None
        pages = self.pages("describe_project_versions", ProjectArn=arn) if arn else []
        return [_version(one) for page in pages for one in page["ProjectVersionDescriptions"]]

    def start(self, arn: str, units: int = 1) -> Asked:
        return self._ask("start_project_version", ProjectVersionArn=arn, MinInferenceUnits=units)

    def stop(self, arn: str) -> Asked:
        return self._ask("stop_project_version", ProjectVersionArn=arn)

    def delete(self, arn: str) -> Asked:
        """Ask for a model's deletion."""
        return self._ask("delete_project_version", ProjectVersionArn=arn)

    def train(self, project: str, version: str, bucket: str, prefix: str) -> str:
        """Train on the project's data sets, with the reports below a prefix; returns the model's ARN."""
        answer = self.call(
            "create_project_version",
            ProjectArn=project,
            VersionName=version,
            OutputConfig={"S3Bucket": bucket, "S3KeyPrefix": prefix},
        )
        return str(answer["ProjectVersionArn"])

    def _ask(self, operation: str, **request: Any) -> Asked:
        try:
            self.call(operation, **request)
        except ClientError as error:
            answer = _ASKED.get(str(error.response["Error"]["Code"]))
            if answer is None:
                raise
            return answer
        return Asked.ACCEPTED


def _version(one: dict[str, Any]) -> ModelVersion:
    summary = one.get("EvaluationResult", {}).get("Summary", {}).get("S3Object", {})
    created = one.get("CreationTimestamp")
    return ModelVersion(
        arn=str(one["ProjectVersionArn"]),
        status=Status(one["Status"]),
        message=str(one.get("StatusMessage", "")),
        created_at=timestamps.text(created) if created else "",
        units=int(one.get("MinInferenceUnits", 0)),
        training_seconds=int(one.get("BillableTrainingTimeInSeconds", 0)),
        summary=f"s3://{summary['Bucket']}/{summary['Name']}" if summary else "",
    )
