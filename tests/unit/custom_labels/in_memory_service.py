"""The service with buckets in memory, and trainings that end when the test ends them."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from botocore.model import Shape
from PIL import Image

from custom_labels.account import CustomLabelsAccount
from custom_labels.app import execute_operation
from custom_labels.errors import ServiceError
from custom_labels.request_validation import load_service_model
from custom_labels.s3_location import S3Location
from custom_labels.s3_storage import UNREACHABLE_MESSAGE, S3Storage
from custom_labels.training_job import TrainingInput, TrainingOutcome, write_input
from custom_labels.training_pool import TrainingPool
from vision.calibration import ScoreCalibration
from vision.classifier import FeatureScaler, PhotoClassifier
from vision.features import extract_features
from vision.photo_decoding import decode_photo

UNITS = {"MinInferenceUnits": 1}
OUTPUT = {"S3Bucket": "parts", "S3KeyPrefix": "out"}


class InMemoryS3Storage(S3Storage):
    """Buckets as a dictionary."""

    def __init__(self) -> None:
        super().__init__("eu-central-1")
        self.objects: dict[S3Location, bytes] = {}

    def read(self, location: S3Location, max_bytes: int) -> bytes:
        if location not in self.objects:
            raise ServiceError("InvalidS3ObjectException", UNREACHABLE_MESSAGE)
        if len(self.objects[location]) > max_bytes:
            raise ServiceError("ImageTooLargeException", "too large")
        return self.objects[location]

    def write(self, location: S3Location, data: bytes) -> None:
        if location.bucket == "locked":
            raise ServiceError("InvalidS3ObjectException", "locked")
        self.objects[location] = data


class IdleTrainingPool(TrainingPool):
    """A pool that starts no process; a test ends the training."""

    def start(self, arn: str, folder: Path, inputs: TrainingInput) -> None:
        write_input(folder, inputs)


class InMemoryService:
    """The service without HTTP; it checks every response against botocore's output shapes."""

    def __init__(self, state_dir: Path) -> None:
        self.account = CustomLabelsAccount(state_dir=state_dir, region="eu-central-1")
        self.storage = InMemoryS3Storage()
        self.account.storage = self.storage
        self.account.training_pool = IdleTrainingPool(self.account.record_training_outcome)
        self.account.recover()

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Execute an operation and return its response."""
        response = json.loads(json.dumps(execute_operation(self.account, operation, request)))
        shape = load_service_model().operation_model(operation).output_shape
        assert shape is None or list(find_violations(shape, response, operation)) == []
        assert isinstance(response, dict)
        return response

    def expect_error(self, operation: str, **request: Any) -> str:
        """Return the error's name, which must be one of the operation's modelled errors."""
        code = self.try_call(operation, **request)
        shapes = load_service_model().operation_model(operation).error_shapes
        assert code in {shape.name for shape in shapes}, f"{operation} answers {code or 'no error'}"
        return code

    def try_call(self, operation: str, **request: Any) -> str:
        """Return the error's name, or an empty string if the call succeeds."""
        try:
            self.call(operation, **request)
        except ServiceError as error:
            return error.code
        return ""

    def create_project(self, name: str = "pump") -> str:
        return str(self.call("CreateProject", ProjectName=name)["ProjectArn"])

    def start_training(self, project: str, name: str = "v1", **more: Any) -> str:
        data = {"TrainingData": manifest_asset("train.manifest"), "TestingData": {"AutoCreate": True}} | more
        response = self.call(
            "CreateProjectVersion", ProjectArn=project, VersionName=name, OutputConfig=OUTPUT, **data
        )
        return str(response["ProjectVersionArn"])

    def create_trained_model(self, project: str, name: str = "v1") -> str:
        arn = self.start_training(project, name)
        build_small_model().save(self.account.model_file(arn))
        outcome = TrainingOutcome(True, "done", {"BillableTrainingTimeInSeconds": 3})
        self.account.record_training_outcome(arn, outcome)
        return arn

    def create_running_model(self, project: str, name: str = "v1") -> str:
        arn = self.create_trained_model(project, name)
        self.call("StartProjectVersion", ProjectVersionArn=arn, **UNITS)
        self.wait_until_idle()
        assert self.status_of(arn) == "RUNNING"
        return arn

    def status_of(self, arn: str) -> str:
        return str(self.account.versions.get(arn).status)

    def wait_until_idle(self) -> None:
        """Wait for the background threads."""
        self.account.model_runner.wait()
        self.account.wait_for_background_work()


def find_violations(shape: Shape, value: Any, where: str) -> list[str]:
    """Return unknown members, wrong types and values outside an enumeration."""
    if shape.type_name == "structure":
        unknown = [f"{where}.{name} is unknown" for name in value if name not in shape.members]  # type: ignore[attr-defined]
        members = shape.members.items()  # type: ignore[attr-defined]
        found = [
            find_violations(member, value[name], f"{where}.{name}")
            for name, member in members
            if name in value
        ]
        return unknown + [problem for problems in found for problem in problems]
    if shape.type_name == "list":
        found = [find_violations(shape.member, item, f"{where}[]") for item in value]  # type: ignore[attr-defined]
        return [problem for problems in found for problem in problems]
    types: dict[str, Any] = {"string": str, "integer": int, "long": int, "map": dict, "boolean": bool}
    if not isinstance(value, types.get(shape.type_name, (int, float))):
        return [f"{where} is no {shape.type_name}"]
    allowed = getattr(shape, "enum", [])
    return [f"{where} is {value}"] if allowed and value not in allowed else []


def manifest_asset(name: str) -> dict[str, Any]:
    return {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "parts", "Name": name}}}]}


def manifest_line(source: str, *labels: str) -> str:
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


def plate_photo(seed: int, defect: bool, size: int = 72, colour: bool = False) -> Image.Image:
    """Return a grey plate, sound or with a dark pit: enough to train on."""
    random = np.random.default_rng(seed)
    plate = 150 + 8 * random.standard_normal((size, size))
    if defect:
        down, across = random.integers(10, size - 20, 2)
        plate[down : down + 7, across : across + 7] -= 90
    grey = plate.clip(0, 255).astype(np.uint8)
    if not colour:
        return Image.fromarray(grey)
    return Image.fromarray(np.stack([grey, grey // 2, grey // 3], axis=2))


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def build_small_model(labels: tuple[str, ...] = ("defect", "ok")) -> PhotoClassifier:
    """Build a model that uses one filter map of the finest level only; its scores are valid, not good."""
    width = len(extract_features(decode_photo(encode(plate_photo(1, False))).planes(False)))
    zeros, ones = np.zeros(width), np.ones(width)
    weights = np.zeros((len(labels), width))
    weights[0, :8] = 1.0
    return PhotoClassifier(
        labels=labels,
        colour=False,
        scaler=FeatureScaler(median=zeros, spread=ones, mean=zeros, deviation=ones),
        weights=weights,
        bias=np.zeros(len(labels)),
        calibration=ScoreCalibration(1.0, np.zeros(len(labels))),
        thresholds=(0.6,) * len(labels),
    )
