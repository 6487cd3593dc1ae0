"""What a training writes to the output location, where AWS's users look for it."""

import json
from dataclasses import dataclass
from typing import Any

from local.custom_labels.faults import Fault
from local.custom_labels.jobs import Job
from local.custom_labels.manifest import Entry
from local.custom_labels.manifest_rules import Manifest, ManifestRefused, described
from local.custom_labels.objects import Objects, Place

S3Object = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Reports:
    """Files named after project and version, below the prefix of the OutputConfig."""

    objects: Objects
    job: Job

    def write_json(self, name: str, content: dict[str, Any]) -> S3Object:
        return self._write(name, json.dumps(content, indent=2))

    def write_lines(self, name: str, text: str) -> S3Object:
        return self._write(name, text)

    def write_validation(self, training: Manifest, testing: Manifest, verdict: "Verdict") -> dict[str, Any]:
        """Both manifests with their errors and the summary of them, as members of the model's description."""
        summary = self.write_json(
            "manifest_summary.json",
            {
                "statistics": {
                    "training": training.statistics(verdict.training),
                    "testing": testing.statistics(verdict.testing),
                },
                "errors": described(verdict.across),
            },
        )
        return {
            "ManifestSummary": summary,
            "TrainingDataResult": {"Validation": _assets(self._annotated("training", training.entries))},
            "TestingDataResult": {"Validation": _assets(self._annotated("testing", testing.entries))},
        }

    def _annotated(self, role: str, entries: list[Entry]) -> S3Object:
        text = "".join(f"{entry.annotated()}\n" for entry in entries)
        return self.write_lines(f"{role}_manifest_with_validation.json", text)

    def summary_name(self) -> str:
        return f"EvaluationResultSummary-{self.job.project_name}-{self.job.version_name}.json"

    def _write(self, name: str, text: str) -> S3Object:
        at_top = name == self.summary_name()
        folder = "" if at_top else f"{self.job.project_name}-{self.job.version_name}/"
        prefix = self.job.prefix.strip("/")
        place = Place(self.job.bucket, f"{prefix}/{folder}{name}".lstrip("/"))
        try:
            self.objects.write(place, text.encode())
        except Fault as fault:
            raise ManifestRefused("ERROR_CANNOT_WRITE_OUTPUT_S3_BUCKET") from fault
        return {"S3Object": {"Bucket": place.bucket, "Name": place.key}}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with the training set, the test set, and the two together."""

    training: list[str]
    testing: list[str]
    across: list[str]

    @property
    def codes(self) -> list[str]:
        return [*self.training, *self.testing, *self.across]

    def insist(self) -> None:
        if self.codes:
            raise ManifestRefused(self.codes[0])


def _assets(*manifests: S3Object) -> dict[str, Any]:
    return {"Assets": [{"GroundTruthManifest": manifest} for manifest in manifests]}


def outputs(manifest: S3Object) -> dict[str, Any]:
    return {"Output": _assets(manifest)}
