"""The TRAIN and TEST data sets of a project on Rekognition's control plane."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from workflow.aws.model_control_plane import RekognitionModelControlPlane
from workflow.errors import Conflict, PartcheckError

MAX_POLLS = 1200
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ProjectDatasets:
    """A project by name; `sleep` waits (seconds) between two polls."""

    models: RekognitionModelControlPlane
    name: str
    sleep: Callable[[float], None]

    def get_or_create_project_arn(self) -> str:
        """Return the project's ARN; create the project if it does not exist."""
        arn = self.models.get_project_arn(self.name)
        return arn or str(self.models.call("create_project", ProjectName=self.name)["ProjectArn"])

    def dataset_arns(self) -> dict[str, str]:
        """Return the ARNs of the project's data sets by TRAIN and TEST."""
        projects = self.models.call("describe_projects", ProjectNames=[self.name])["ProjectDescriptions"]
        if not projects:
            return {}
        return {row["DatasetType"]: row["DatasetArn"] for row in projects[0].get("Datasets", ())}

    def read_lines(self, dataset: str) -> set[str]:
        """Return the manifest lines of a data set."""
        pages = self.models.call_pages("list_dataset_entries", DatasetArn=dataset, MaxResults=100)
        return {line for page in pages for line in page["DatasetEntries"]}

    def create_dataset(self, project_arn: str, kind: str, bucket: str, manifest: str) -> None:
        """Create a data set from a manifest and wait until it is complete.

        Raise Conflict if the project has one of this kind, PartcheckError if the creation fails.
        """
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": manifest}}}
        try:
            arn = self.models.call(
                "create_dataset", ProjectArn=project_arn, DatasetType=kind, DatasetSource=source
            )["DatasetArn"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceAlreadyExistsException":
                raise Conflict(f"Project {self.name} has a {kind} data set already: use --replace") from error
            raise
        for _ in range(MAX_POLLS):
            state = self.models.call("describe_dataset", DatasetArn=arn)["DatasetDescription"]
            if state["Status"] == "CREATE_COMPLETE":
                return
            if state["Status"].endswith("FAILED"):
                raise PartcheckError(f"The {kind} data set was refused: {state.get('StatusMessage', '')}")
            self.sleep(POLL_SECONDS)
        raise PartcheckError(f"The {kind} data set is not ready after {MAX_POLLS * POLL_SECONDS / 60:g} min")

    def delete_datasets(self) -> None:
        """Delete both data sets and wait until they are gone; photos and manifests stay in S3.

        Raise PartcheckError if they still exist after ten minutes.
        """
        for arn in self.dataset_arns().values():
            self.models.call("delete_dataset", DatasetArn=arn)
        for _ in range(MAX_POLLS):
            if not self.dataset_arns():
                return
            self.sleep(POLL_SECONDS)
        raise PartcheckError(f"The data sets of project {self.name} are still being deleted")
