"""A model's reference is one object in the training bucket, which a warm process reads once a minute."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.references import MODEL, small_reference
from workflow.aws.model_references import MAX_AGE_SECONDS, S3ReferenceRepository, object_key
from workflow.errors import ConfigurationError

OTHER = MODEL.replace("v1", "v2")


class Clock:
    """A clock that the test moves."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="training")
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def references(s3: Any, clock: Clock) -> S3ReferenceRepository:
    return S3ReferenceRepository("training", s3, clock)


def test_a_reference_is_read_as_it_was_stored(references: S3ReferenceRepository, s3: Any) -> None:
    references.put(small_reference())

    assert references.get(MODEL) == small_reference()
    assert references.get(OTHER) is None
    [stored] = s3.list_objects_v2(Bucket="training")["Contents"]
    assert stored["Key"] == object_key(MODEL) == f"references/{MODEL}.json"


def test_a_reference_is_read_once_a_minute(references: S3ReferenceRepository, s3: Any, clock: Clock) -> None:
    assert references.get(MODEL) is None
    S3ReferenceRepository("training", s3).put(small_reference())

    clock.seconds += MAX_AGE_SECONDS - 1
    assert references.get(MODEL) is None
    clock.seconds += 1
    assert references.get(MODEL) == small_reference()
    s3.delete_object(Bucket="training", Key=object_key(MODEL))
    assert references.get(MODEL) == small_reference()


def test_another_model_is_never_answered_from_the_cache(references: S3ReferenceRepository) -> None:
    references.put(small_reference())
    references.put(small_reference(model=OTHER, limit=7.0))

    assert [references.get(model) for model in (MODEL, OTHER, MODEL)] == [
        small_reference(),
        small_reference(model=OTHER, limit=7.0),
        small_reference(),
    ]


def test_a_new_reference_is_found_at_once_by_the_process_that_stores_it(
    references: S3ReferenceRepository,
) -> None:
    references.get(MODEL)
    references.put(small_reference())

    assert references.get(MODEL) == small_reference()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}"])
def test_another_document_is_refused_each_time(
    references: S3ReferenceRepository, s3: Any, content: bytes
) -> None:
    s3.put_object(Bucket="training", Key=object_key(MODEL), Body=content)

    for _ in range(2):
        with pytest.raises(ConfigurationError, match="model reference"):
            references.get(MODEL)


def test_a_bucket_that_does_not_answer_is_an_error_and_no_missing_reference(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        S3ReferenceRepository("elsewhere", s3).get(MODEL)
