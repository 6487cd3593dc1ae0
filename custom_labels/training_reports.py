"""The reports of a training in its output location, with AWS's file names."""

import json
from dataclasses import dataclass
from typing import Any

from custom_labels.errors import ServiceError
from custom_labels.manifest import ManifestEntry
from custom_labels.manifest_rules import Manifest, ManifestRejected, describe_problems
from custom_labels.s3_location import S3Location
from custom_labels.s3_storage import S3Storage
from custom_labels.training_job import TrainingInput

S3Object = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class ManifestProblems:
    """AWS's error names for the training set, for the test set, and for both together."""

    training: list[str]
    testing: list[str]
    across: list[str]

    @property
    def codes(self) -> list[str]:
        return [*self.training, *self.testing, *self.across]

    def raise_first(self) -> None:
        """Raise ManifestRejected with the first problem, if there is one."""
        if self.codes:
            raise ManifestRejected(self.codes[0])


@dataclass(frozen=True, slots=True)
class TrainingReports:
    """Files named after project and version, below the prefix of the OutputConfig.

    The methods raise ManifestRejected if the bucket cannot be written.
    """

    storage: S3Storage
    inputs: TrainingInput

    def write_json(self, name: str, content: dict[str, Any]) -> S3Object:
        return self._write(name, json.dumps(content, indent=2))

    def write_lines(self, name: str, text: str) -> S3Object:
        return self._write(name, text)

    def write_validation(
        self, training: Manifest, testing: Manifest, problems: ManifestProblems
    ) -> dict[str, Any]:
        """Write both manifests with their errors, and the summary.

        Return members of the model's description.
        """
        summary = self.write_json(
            "manifest_summary.json",
            {
                "statistics": {
                    "training": training.summarize(problems.training),
                    "testing": testing.summarize(problems.testing),
                },
                "errors": describe_problems(problems.across),
            },
        )
        return {
            "ManifestSummary": summary,
            "TrainingDataResult": {
                "Validation": _assets(self._write_validated("training", training.entries))
            },
            "TestingDataResult": {"Validation": _assets(self._write_validated("testing", testing.entries))},
        }

    def _write_validated(self, role: str, entries: list[ManifestEntry]) -> S3Object:
        text = "".join(f"{entry.to_validated_line()}\n" for entry in entries)
        return self.write_lines(f"{role}_manifest_with_validation.json", text)

    def summary_name(self) -> str:
        """Return the file name of the evaluation summary."""
        return f"EvaluationResultSummary-{self.inputs.project_name}-{self.inputs.version_name}.json"

    def _write(self, name: str, text: str) -> S3Object:
        is_summary = name == self.summary_name()
        folder = "" if is_summary else f"{self.inputs.project_name}-{self.inputs.version_name}/"
        prefix = self.inputs.prefix.strip("/")
        location = S3Location(self.inputs.bucket, f"{prefix}/{folder}{name}".lstrip("/"))
        try:
            self.storage.write(location, text.encode())
        except ServiceError as error:
            raise ManifestRejected("ERROR_CANNOT_WRITE_OUTPUT_S3_BUCKET") from error
        return {"S3Object": {"Bucket": location.bucket, "Name": location.key}}


def output_assets(manifest: S3Object) -> dict[str, Any]:
    """Return the Output member of a description."""
    return {"Output": _assets(manifest)}


def _assets(*manifests: S3Object) -> dict[str, Any]:
    return {"Assets": [{"GroundTruthManifest": manifest} for manifest in manifests]}
