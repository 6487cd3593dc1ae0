"""A project's TRAIN and TEST data sets on the control plane."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from workflow.aws.models import RekognitionModels
from workflow.errors import Conflict, PartcheckError

LOOKS = 1200
PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Project:
    """One project by name; `sleep` lets time pass between two looks."""

    models: RekognitionModels
    name: str
    sleep: Callable[[float], None]

    def create(self) -> str:
        """The project's ARN; it is created if there is none of this name."""
        found = self.models.project_arn(self.name)
        return found or str(self.models.call("create_project", ProjectName=self.name)["ProjectArn"])

    def sets(self) -> dict[str, str]:
        """The ARNs of its data sets by TRAIN and TEST."""
        found = self.models.call("describe_projects", ProjectNames=[self.name])["ProjectDescriptions"]
        return (
            {one["DatasetType"]: one["DatasetArn"] for one in found[0].get("Datasets", ())} if found else {}
        )

    def entries(self, dataset: str) -> set[str]:
        """The lines that a data set holds."""
        pages = self.models.pages("list_dataset_entries", DatasetArn=dataset, MaxResults=100)
        return {line for page in pages for line in page["DatasetEntries"]}

    def create_set(self, project_arn: str, kind: str, bucket: str, manifest: str) -> None:
        """Create a data set from a manifest and wait for it; PartcheckError says why it cannot be."""
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": manifest}}}
        try:
            arn = self.models.call(
                "create_dataset", ProjectArn=project_arn, DatasetType=kind, DatasetSource=source
            )["DatasetArn"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceAlreadyExistsException":
                raise Conflict(f"Project {self.name} has a {kind} data set already: use --replace") from error
            raise
        for _ in range(LOOKS):
            state = self.models.call("describe_dataset", DatasetArn=arn)["DatasetDescription"]
            if state["Status"] == "CREATE_COMPLETE":
                return
            if state["Status"].endswith("FAILED"):
                raise PartcheckError(f"The {kind} data set was refused: {state.get('StatusMessage', '')}")
            self.sleep(PAUSE)
        raise PartcheckError(f"The {kind} data set is not ready after {LOOKS * PAUSE / 60:g} min")

    def drop_sets(self) -> None:
        """Delete both data sets and wait until they are gone; photos and manifests stay in S3."""
        for arn in self.sets().values():
            self.models.call("delete_dataset", DatasetArn=arn)
        for _ in range(LOOKS):
            if not self.sets():
                return
            self.sleep(PAUSE)
        raise PartcheckError(f"The data sets of project {self.name} are still being deleted")
