"""An own model answers like any other model: by its ARN, from its file, loaded once."""

from typing import Any

import pytest

from lambdas import own_model_detector
from lambdas.detectors import build_detector
from tests.crafted import noisy_png
from tests.fakes import InMemoryObjectStore
from tests.unit.custom_labels.in_memory_service import build_small_model, encode, plate_photo
from tests.unit.datasets.bucket_client import BucketClient
from vision import classifier
from workflow.aws.own_models import S3OwnModels, describe_training
from workflow.inspections.objects import Image
from workflow.models.model import ModelKind, ModelStatus, kind_of
from workflow.photos.validation_result import MAX_BYTES
from workflow.pipeline.detection import ImageRefused, ImageUnreadable, ModelAnswer, ModelNotReady

ABOUT = describe_training("", "", 7)
PHOTO = encode(plate_photo(1, False))


@pytest.fixture
def own() -> S3OwnModels:
    own_model_detector.load_model.cache_clear()
    return S3OwnModels("training", BucketClient())


def detect(own: S3OwnModels, arn: str, content: bytes = PHOTO) -> Any:
    objects = InMemoryObjectStore()
    return build_detector(arn, own, objects).detect_labels(objects.upload("inbound", "a.jpg", content))


def test_an_own_model_answers_with_its_labels_and_its_name(own: S3OwnModels) -> None:
    model = build_small_model()
    arn = own.put("parts", "winter", model.to_bytes(), ABOUT)

    answer = detect(own, arn)

    assert isinstance(answer, ModelAnswer)
    assert answer.model == arn
    assert {score.label: score.confidence for score in answer.scores} == pytest.approx(
        dict(zip(model.labels, model.score_photo(PHOTO), strict=True)), abs=1e-7
    )


def test_a_process_loads_a_model_once(own: S3OwnModels, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = own.put("parts", "winter", build_small_model().to_bytes(), ABOUT)
    for _ in range(3):
        detect(own, arn)
    monkeypatch.setattr(own, "read", lambda _arn: None)

    assert isinstance(detect(own, arn), ModelAnswer)
    assert own_model_detector.load_model.cache_info().misses == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "is gone"), (b"no model", "is damaged"), ("version 1", "is a model file of version 1")],
)
def test_a_model_that_cannot_be_used_is_refused_by_name_and_photos_wait(
    own: S3OwnModels, content: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content == "version 1":
        with monkeypatch.context() as earlier:
            earlier.setattr(classifier, "MODEL_FILE_VERSION", 1)
            content = build_small_model().to_bytes()
    arn = own.put("parts", "winter", content or b"", ABOUT)
    if content is None:
        own.delete(arn)

    answer = detect(own, arn)

    assert isinstance(answer, ModelNotReady)
    assert answer.broken
    assert arn in answer.reason
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"text", "model_invalid_format"),
        (noisy_png("wide", 4097, 64), "model_image_too_large"),
        (bytes(MAX_BYTES + 1), "model_image_too_large"),
    ],
    ids=["text", "wide", "large"],
)
def test_a_photo_that_the_model_cannot_read_is_refused(own: S3OwnModels, content: bytes, code: str) -> None:
    arn = own.put("parts", "winter", build_small_model().to_bytes(), ABOUT)

    answer = detect(own, arn, content)

    assert isinstance(answer, ImageRefused)
    assert answer.code == code


def test_a_deleted_photo_is_unreadable(own: S3OwnModels) -> None:
    arn = own.put("parts", "winter", build_small_model().to_bytes(), ABOUT)
    detector = build_detector(arn, own, InMemoryObjectStore())

    assert isinstance(detector.detect_labels(Image("inbound", "gone.jpg", "1")), ImageUnreadable)


def test_own_models_are_described_listed_newest_first_and_deleted(own: S3OwnModels) -> None:
    arns = [own.put(project, name, b"", ABOUT) for name, project in (("a", "x"), ("b", "x"), ("c", "y"))]
    version = own.describe(arns[0])

    assert version is not None
    assert (version.kind, version.status, version.needs_capacity) == (
        ModelKind.OWN,
        ModelStatus.RUNNING,
        False,
    )
    assert (version.project, version.name, version.training_seconds) == ("x", "a", 7)
    assert {version.arn for version in own.list_versions("x")} == set(arns[:2])
    own.delete(arns[0])
    assert own.describe(arns[0]) is None
    assert [version.arn for version in own.list_versions("x")] == arns[1:2]


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:s3:::training/parts/version/winter/17.npz", ModelKind.OWN),
        ("arn:aws-cn:s3:::training/parts/version/winter/17.npz", ModelKind.OWN),
        ("arn:aws:rekognition:eu-west-1:1:project/s3/version/s3/17", ModelKind.CUSTOM_LABELS),
        ("none", ModelKind.CUSTOM_LABELS),
        ("", ModelKind.CUSTOM_LABELS),
    ],
)
def test_the_arn_of_a_model_tells_its_kind(arn: str, kind: ModelKind) -> None:
    assert kind_of(arn) is kind
