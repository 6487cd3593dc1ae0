"""Rekognition's control plane of models, limited to five calls a second per process."""

from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.rate_limiter import RateLimiter
from workflow.models.model import ModelStatus, ModelVersion, RequestResult, project_name, version_name

CALLS_PER_SECOND = 5.0

_RESULTS = {
    "ResourceInUseException": RequestResult.IN_USE,
    "LimitExceededException": RequestResult.LIMIT,
    "ThrottlingException": RequestResult.BUSY,
    "ProvisionedThroughputExceededException": RequestResult.BUSY,
    "InternalServerError": RequestResult.BUSY,
    "ResourceNotFoundException": RequestResult.GONE,
}


_RATE_LIMITER = RateLimiter(CALLS_PER_SECOND)


class RekognitionModelControlPlane:
    """Implements workflow.models.model.ModelControlPlane, with the calls that training and deletion need."""

    def __init__(self, rekognition: Any = None, rate_limiter: RateLimiter = _RATE_LIMITER) -> None:
        self._rekognition = rekognition or client("rekognition")
        self._rate_limiter = rate_limiter

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Make one call within the rate limit. Raise ClientError if it fails."""
        self._rate_limiter.acquire()
        answer: dict[str, Any] = getattr(self._rekognition, operation)(**request)
        return answer

    def call_pages(self, operation: str, **request: Any) -> list[dict[str, Any]]:
        """Return all pages of a paginated operation, each within the rate limit."""
        pages = [self.call(operation, **request)]
        while token := pages[-1].get("NextToken"):
            pages.append(self.call(operation, NextToken=token, **request))
        return pages

    def get_project_arn(self, name: str) -> str | None:
        """Return the ARN of the project with this name, or None."""
        projects = self.call("describe_projects", ProjectNames=[name])["ProjectDescriptions"]
        return str(projects[0]["ProjectArn"]) if projects else None

    def list_projects(self) -> list[str]:
        """Return the names of all projects."""
        pages = self.call_pages("describe_projects")
        return [
            project_name(f"{project['ProjectArn']}//")
            for page in pages
            for project in page["ProjectDescriptions"]
        ]

    def describe(self, arn: str) -> ModelVersion | None:
        project = self.get_project_arn(project_name(arn)) if project_name(arn) else None
        if project is None:
            return None
        answer = self.call("describe_project_versions", ProjectArn=project, VersionNames=[version_name(arn)])
        versions = map(_to_model_version, answer["ProjectVersionDescriptions"])
        return next((version for version in versions if version.arn == arn), None)

    def list_versions(self, project: str) -> list[ModelVersion]:
        arn = self.get_project_arn(project) if project else None
        pages = self.call_pages("describe_project_versions", ProjectArn=arn) if arn else []
        return [
            _to_model_version(description)
            for page in pages
            for description in page["ProjectVersionDescriptions"]
        ]

    def start(self, arn: str, units: int = 1) -> RequestResult:
        return self._request("start_project_version", ProjectVersionArn=arn, MinInferenceUnits=units)

    def stop(self, arn: str) -> RequestResult:
        return self._request("stop_project_version", ProjectVersionArn=arn)

    def delete(self, arn: str) -> RequestResult:
        """Request the deletion of a model."""
        return self._request("delete_project_version", ProjectVersionArn=arn)

    def train(self, project: str, version: str, bucket: str, prefix: str) -> str:
        """Start training on the project's datasets. Reports go below the prefix. Return the model's ARN."""
        answer = self.call(
            "create_project_version",
            ProjectArn=project,
            VersionName=version,
            OutputConfig={"S3Bucket": bucket, "S3KeyPrefix": prefix},
        )
        return str(answer["ProjectVersionArn"])

    def _request(self, operation: str, **request: Any) -> RequestResult:
        try:
            self.call(operation, **request)
        except ClientError as error:
            result = _RESULTS.get(str(error.response["Error"]["Code"]))
            if result is None:
                raise
            return result
        return RequestResult.ACCEPTED


def _to_model_version(description: dict[str, Any]) -> ModelVersion:
    summary = description.get("EvaluationResult", {}).get("Summary", {})
    created = description.get("CreationTimestamp")
    return ModelVersion(
        arn=str(description["ProjectVersionArn"]),
        status=ModelStatus(description["Status"]),
        message=str(description.get("StatusMessage", "")),
        created_at=timestamps.format_timestamp(created) if created else "",
        units=int(description.get("MinInferenceUnits", 0)),
        training_seconds=int(description.get("BillableTrainingTimeInSeconds", 0)),
        summary_uri=_s3_uri(summary),
        training_uri=_training_uri(description.get("TrainingDataResult", {})),
    )


def _training_uri(result: dict[str, Any]) -> str:
    """Return the URI of the manifest of the photos that a model learned from, empty without one.

    The output lists the photos that were used, the validation all photos of the data set with their errors.
    """
    roles = (result.get(role, {}).get("Assets", ()) for role in ("Output", "Validation", "Input"))
    manifests = (asset.get("GroundTruthManifest", {}) for assets in roles for asset in assets)
    return next(filter(None, map(_s3_uri, manifests)), "")


def _s3_uri(location: dict[str, Any]) -> str:
    """Return the URI of a location as the service gives it, empty without one."""
    found = location.get("S3Object")
    return f"s3://{found['Bucket']}/{found['Name']}" if found else ""
