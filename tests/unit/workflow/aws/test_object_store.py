"""Every condition of a copy reaches S3, and every failed condition is recognised."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.response import StreamingBody
from botocore.stub import Stubber

from workflow.aws.object_store import S3ObjectStore
from workflow.inspections.objects import CopyFailure, Image, StoredObject

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
IMAGE = Image("inbound", "line 1/a+b%2F'ö'.png", "v1")
SOURCE = StoredObject(image=IMAGE, size=5, etag='"etag"')
COPY = {
    "Bucket": "filed",
    "Key": "ok/1/a.png",
    "CopySource": {"Bucket": "inbound", "Key": IMAGE.key, "VersionId": "v1"},
    "CopySourceIfMatch": '"etag"',
    "IfNoneMatch": "*",
}
HEAD = {"Bucket": "filed", "Key": "ok/1/a.png"}


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


@pytest.fixture
def s3(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def objects(client: Any) -> S3ObjectStore:
    return S3ObjectStore(client)


def body(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))


def got(content: bytes) -> dict[str, Any]:
    facts = {"ContentLength": len(content), "ETag": '"etag"', "LastModified": WHEN}
    return {**facts, "Body": body(content)}


GET = {"Bucket": "inbound", "Key": IMAGE.key, "VersionId": "v1"}


@pytest.mark.parametrize(("limit", "content"), [(5, b"12345"), (4, None)])
def test_exactly_this_version_is_read_unless_it_is_too_large(
    objects: S3ObjectStore, s3: Stubber, limit: int, content: bytes | None
) -> None:
    s3.add_response("get_object", got(b"12345"), GET)

    assert objects.fetch(IMAGE, limit) == (
        StoredObject(image=IMAGE, size=5, etag='"etag"', modified_at="2026-03-01T12:00:00.000Z"),
        content,
    )


def test_the_connection_of_a_photo_that_is_too_large_is_closed(objects: S3ObjectStore, s3: Stubber) -> None:
    stream = io.BytesIO(b"12345")
    s3.add_response("get_object", {**got(b"12345"), "Body": StreamingBody(stream, 5)}, GET)

    objects.fetch(IMAGE, 4)

    assert stream.closed


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_a_missing_version_is_none(objects: S3ObjectStore, s3: Stubber, code: str) -> None:
    s3.add_client_error("get_object", code, http_status_code=404, expected_params=GET)

    assert objects.fetch(IMAGE, 5) is None


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InternalError", "SlowDown"])
@pytest.mark.parametrize("operation", ["get_object", "copy_object", "head_object"])
def test_an_error_is_not_taken_for_a_missing_object(
    objects: S3ObjectStore, s3: Stubber, operation: str, code: str
) -> None:
    s3.add_client_error(operation, code)
    call = {
        "get_object": lambda: objects.fetch(IMAGE, 5),
        "copy_object": lambda: objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png"),
        "head_object": lambda: objects.get_latest("filed", "ok/1/a.png"),
    }[operation]

    with pytest.raises(ClientError, match=code):
        call()


def test_a_copy_has_both_conditions_and_the_exact_version(objects: S3ObjectStore, s3: Stubber) -> None:
    s3.add_response("copy_object", {"VersionId": "v2", "CopyObjectResult": {"ETag": '"copied"'}}, COPY)

    place = objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png")

    assert place == StoredObject(image=Image("filed", "ok/1/a.png", "v2"), size=5, etag='"copied"')


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("If-None-Match", CopyFailure.DESTINATION_EXISTS),
        ("x-amz-copy-source-If-Match", CopyFailure.SOURCE_CHANGED),
        ("x-amz-copy-source-if-match", CopyFailure.SOURCE_CHANGED),
    ],
)
def test_the_condition_of_a_412_tells_which_condition_failed(
    objects: S3ObjectStore, s3: Stubber, condition: str, result: CopyFailure
) -> None:
    s3.add_client_error("copy_object", "PreconditionFailed", "", 412, {"Condition": condition}, COPY)

    assert objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png") is result


@pytest.mark.parametrize(
    ("exists", "result"), [(True, CopyFailure.DESTINATION_EXISTS), (False, CopyFailure.SOURCE_CHANGED)]
)
def test_a_412_without_a_condition_is_explained_by_the_destination(
    objects: S3ObjectStore, s3: Stubber, exists: bool, result: CopyFailure
) -> None:
    s3.add_client_error("copy_object", "PreconditionFailed", http_status_code=412)
    if exists:
        found = {"VersionId": "v2", "ContentLength": 5, "ETag": '"etag"', "LastModified": WHEN}
        s3.add_response("head_object", found, HEAD)
    else:
        s3.add_client_error("head_object", "404", http_status_code=404, expected_params=HEAD)

    assert objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png") is result


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_copy_is_repeated_while_another_writer_is_active(
    objects: S3ObjectStore, s3: Stubber, succeeds: bool
) -> None:
    """A 409 does not tell whether the destination exists afterwards."""
    for _ in range(3 if succeeds else 4):
        s3.add_client_error("copy_object", "ConditionalRequestConflict", http_status_code=409)
    if succeeds:
        s3.add_client_error(
            "copy_object", "PreconditionFailed", "", 412, {"Condition": "If-None-Match"}, COPY
        )
        assert objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png") is CopyFailure.DESTINATION_EXISTS
    else:
        with pytest.raises(ClientError, match="ConditionalRequestConflict"):
            objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png")


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_a_deleted_source_is_missing(objects: S3ObjectStore, s3: Stubber, code: str) -> None:
    s3.add_client_error("copy_object", code, http_status_code=404)

    assert objects.copy_if_unchanged(SOURCE, "filed", "ok/1/a.png") is CopyFailure.SOURCE_MISSING


def test_the_condition_of_a_412_survives_botocores_parser(client: Any) -> None:
    """S3's own answer. If the SDK dropped `Condition`, the two conditions could not be distinguished."""
    answer = (
        b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>PreconditionFailed</Code>'
        b"<Message>At least one of the pre-conditions you specified did not hold</Message>"
        b"<Condition>If-None-Match</Condition><RequestId>1</RequestId><HostId>2</HostId></Error>"
    )
    shape = client.meta.service_model.operation_model("CopyObject").output_shape
    parsed = create_parser("rest-xml").parse({"headers": {}, "status_code": 412, "body": answer}, shape)

    assert parsed["Error"]["Condition"] == "If-None-Match"


def test_the_newest_version_is_looked_up(objects: S3ObjectStore, s3: Stubber) -> None:
    found = {"VersionId": "v7", "ContentLength": 5, "ETag": '"etag"', "LastModified": WHEN}
    s3.add_response("head_object", found, HEAD)

    newest = objects.get_latest("filed", "ok/1/a.png")

    assert newest == StoredObject(
        image=Image("filed", "ok/1/a.png", "v7"),
        size=5,
        etag='"etag"',
        modified_at="2026-03-01T12:00:00.000Z",
    )


def test_an_empty_key_has_no_newest_version(objects: S3ObjectStore, s3: Stubber) -> None:
    s3.add_client_error("head_object", "404", http_status_code=404)

    assert objects.get_latest("filed", "ok/1/a.png") is None


def test_exactly_one_version_is_deleted(objects: S3ObjectStore, s3: Stubber) -> None:
    s3.add_response("delete_object", {}, {"Bucket": "inbound", "Key": IMAGE.key, "VersionId": "v1"})

    objects.delete(IMAGE)


def test_every_version_is_listed_page_by_page_and_delete_markers_are_not(
    objects: S3ObjectStore, s3: Stubber
) -> None:
    entry = {"Key": "a b.png", "VersionId": "v1", "Size": 5, "ETag": '"e"', "LastModified": WHEN}
    more = {"IsTruncated": True, "NextKeyMarker": "a b.png", "NextVersionIdMarker": "v1"}
    s3.add_response(
        "list_object_versions",
        {**more, "Versions": [entry], "DeleteMarkers": [{"Key": "gone.png", "VersionId": "v9"}]},
        {"Bucket": "inbound", "Prefix": "a"},
    )
    s3.add_response(
        "list_object_versions",
        {"IsTruncated": False, "Versions": [{**entry, "VersionId": "v0"}]},
        {
            "Bucket": "inbound",
            "Prefix": "a",
            "KeyMarker": "a b.png",
            "VersionIdMarker": "v1",
        },
    )

    listed = list(objects.list_versions("inbound", "a"))

    assert [stored.image for stored in listed] == [
        Image("inbound", "a b.png", "v1"),
        Image("inbound", "a b.png", "v0"),
    ]
    assert listed[0].modified_at == "2026-03-01T12:00:00.000Z"


def test_an_empty_bucket_lists_nothing(objects: S3ObjectStore, s3: Stubber) -> None:
    s3.add_response("list_object_versions", {"IsTruncated": False})

    assert list(objects.list_versions("inbound")) == []


@pytest.mark.parametrize(
    ("metadata", "camera"),
    [
        ({"partcheck-camera": " line 1 "}, "line 1"),
        ({}, ""),
        ({"partcheck-camera": "a\nb"}, ""),
        ({"partcheck-camera": "x" * 129}, ""),
        ({"camera": "line 1"}, ""),
    ],
)
def test_the_metadata_name_the_camera_of_a_photo(
    objects: S3ObjectStore, s3: Stubber, metadata: dict[str, str], camera: str
) -> None:
    s3.add_response("get_object", {**got(b"12345"), "Metadata": metadata}, GET)
    fetched = objects.fetch(IMAGE, 5)

    assert fetched is not None
    assert fetched[0].camera == camera
