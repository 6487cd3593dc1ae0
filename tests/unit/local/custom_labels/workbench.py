"""An account with buckets in memory and trainings that end when the test says so."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from botocore.model import Shape
from PIL import Image

from local.custom_labels.account import Account
from local.custom_labels.app import perform
from local.custom_labels.classifier import Calibration, Classifier, Scaling
from local.custom_labels.contract import service_model
from local.custom_labels.faults import Fault
from local.custom_labels.features import fault_statistics
from local.custom_labels.jobs import Job, Outcome, write_job
from local.custom_labels.objects import UNREACHABLE, Objects, Place
from local.custom_labels.photos import read_photo
from local.custom_labels.workshop import Workshop

UNITS = {"MinInferenceUnits": 1}
OUTPUT = {"S3Bucket": "parts", "S3KeyPrefix": "out"}


class FakeObjects(Objects):
    """Buckets as a dictionary."""

    def __init__(self) -> None:
        super().__init__("eu-central-1")
        self.kept: dict[Place, bytes] = {}

    def read(self, place: Place, most: int) -> bytes:
        if place not in self.kept:
            raise Fault("InvalidS3ObjectException", UNREACHABLE)
        if len(self.kept[place]) > most:
            raise Fault("ImageTooLargeException", "too large")
        return self.kept[place]

    def write(self, place: Place, data: bytes) -> None:
        if place.bucket == "locked":
            raise Fault("InvalidS3ObjectException", "locked")
        self.kept[place] = data


class FakeWorkshop(Workshop):
    """Trains nobody; a test ends the training."""

    def begin(self, arn: str, folder: Path, job: Job) -> None:
        write_job(folder, job)


class Workbench:
    """Speaks to the service as the protocol does, and holds every answer against botocore's output shapes."""

    def __init__(self, state: Path) -> None:
        self.account = Account(state, "eu-central-1")
        self.objects = FakeObjects()
        self.account.objects = self.objects
        self.account.workshop = FakeWorkshop(self.account.training_ended)
        self.account.recover()

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        answer = json.loads(json.dumps(perform(self.account, operation, request)))
        shape = service_model().operation_model(operation).output_shape
        assert shape is None or list(violations(shape, answer, operation)) == []
        assert isinstance(answer, dict)
        return answer

    def refusal(self, operation: str, **request: Any) -> str:
        """The error's name, which must be one that the operation is known to have."""
        code = self.attempt(operation, **request)
        shapes = service_model().operation_model(operation).error_shapes
        assert code in {shape.name for shape in shapes}, f"{operation} answers {code or 'no error'}"
        return code

    def attempt(self, operation: str, **request: Any) -> str:
        """The error's name, empty when all went well."""
        try:
            self.ask(operation, **request)
        except Fault as fault:
            return fault.code
        return ""

    def project(self, name: str = "pump") -> str:
        return str(self.ask("CreateProject", ProjectName=name)["ProjectArn"])

    def training(self, project: str, name: str = "v1", **more: Any) -> str:
        data = {"TrainingData": asset("train.manifest"), "TestingData": {"AutoCreate": True}} | more
        answer = self.ask(
            "CreateProjectVersion", ProjectArn=project, VersionName=name, OutputConfig=OUTPUT, **data
        )
        return str(answer["ProjectVersionArn"])

    def trained(self, project: str, name: str = "v1") -> str:
        arn = self.training(project, name)
        small_model().save(self.account.model_file(arn))
        self.account.training_ended(arn, Outcome(True, "done", {"BillableTrainingTimeInSeconds": 3}))
        return arn

    def running(self, project: str, name: str = "v1") -> str:
        arn = self.trained(project, name)
        self.ask("StartProjectVersion", ProjectVersionArn=arn, **UNITS)
        self.settle()
        assert self.status(arn) == "RUNNING"
        return arn

    def status(self, arn: str) -> str:
        return str(self.account.versions.find(arn).status)

    def settle(self) -> None:
        """Wait for what goes on behind the answers."""
        self.account.power.join()
        self.account.join()


def violations(shape: Shape, value: Any, where: str) -> list[str]:
    """Unknown members, wrong types and values outside an enumeration."""
    if shape.type_name == "structure":
        unknown = [f"{where}.{name} is unknown" for name in value if name not in shape.members]  # type: ignore[attr-defined]
        members = shape.members.items()  # type: ignore[attr-defined]
        found = [
            violations(member, value[name], f"{where}.{name}") for name, member in members if name in value
        ]
        return unknown + [problem for problems in found for problem in problems]
    if shape.type_name == "list":
        found = [violations(shape.member, item, f"{where}[]") for item in value]  # type: ignore[attr-defined]
        return [problem for problems in found for problem in problems]
    types: dict[str, Any] = {"string": str, "integer": int, "long": int, "map": dict, "boolean": bool}
    if not isinstance(value, types.get(shape.type_name, (int, float))):
        return [f"{where} is no {shape.type_name}"]
    allowed = getattr(shape, "enum", [])
    return [f"{where} is {value}"] if allowed and value not in allowed else []


def asset(name: str) -> dict[str, Any]:
    return {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "parts", "Name": name}}}]}


def line(source: str, *labels: str) -> str:
    record: dict[str, Any] = {"source-ref": source}
    for number, label in enumerate(labels):
        record[f"part{number}"] = number
        record[f"part{number}-metadata"] = {
            "confidence": 1,
            "class-name": label,
            "human-annotated": "yes",
            "creation-date": "2026-01-01T00:00:00",
            "type": "groundtruth/image-classification",
        }
    return json.dumps(record)


def part(seed: int, defect: bool, size: int = 72, colour: bool = False) -> Image.Image:
    """A grey plate, or one with a dark pit: enough to learn from."""
    random = np.random.default_rng(seed)
    plate = 150 + 8 * random.standard_normal((size, size))
    if defect:
        down, across = random.integers(10, size - 20, 2)
        plate[down : down + 7, across : across + 7] -= 90
    grey = plate.clip(0, 255).astype(np.uint8)
    if not colour:
        return Image.fromarray(grey)
    return Image.fromarray(np.stack([grey, grey // 2, grey // 3], axis=2))


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def small_model(labels: tuple[str, ...] = ("defect", "ok")) -> Classifier:
    """Answers by the spots of the finest level alone; good enough to be asked."""
    width = len(fault_statistics(read_photo(encoded(part(1, False))).planes(False)))
    zeros, ones = np.zeros(width), np.ones(width)
    weights = np.zeros((len(labels), width))
    weights[0, :8] = 1.0
    return Classifier(
        labels=labels,
        colour=False,
        scaling=Scaling(zeros, ones, zeros, ones),
        weights=weights,
        bias=np.zeros(len(labels)),
        calibration=Calibration(1.0, np.zeros(len(labels))),
        thresholds=(0.6,) * len(labels),
    )
