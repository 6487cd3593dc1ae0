"""Every guard of a copy reaches S3, and every refusal of S3 is read right."""

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

from workflow.aws.shelf import S3Shelf
from workflow.inspections.objects import CopyResult, Image, Stored

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
IMAGE = Image("inbound", "line 1/a+b%2F'ö'.png", "v1")
SOURCE = Stored(IMAGE, 5, '"etag"')
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
def shelf(client: Any) -> S3Shelf:
    return S3Shelf(client)


def body(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))


def got(content: bytes) -> dict[str, Any]:
    facts = {"ContentLength": len(content), "ETag": '"etag"', "LastModified": WHEN}
    return {**facts, "Body": body(content)}


GET = {"Bucket": "inbound", "Key": IMAGE.key, "VersionId": "v1"}


@pytest.mark.parametrize(("limit", "content"), [(5, b"12345"), (4, None)])
def test_exactly_this_version_is_read_unless_it_is_too_large(
    shelf: S3Shelf, s3: Stubber, limit: int, content: bytes | None
) -> None:
    s3.add_response("get_object", got(b"12345"), GET)

    assert shelf.fetch(IMAGE, limit) == (Stored(IMAGE, 5, '"etag"', "2026-03-01T12:00:00.000Z"), content)


def test_the_connection_of_a_photo_that_is_too_large_is_closed(shelf: S3Shelf, s3: Stubber) -> None:
    stream = io.BytesIO(b"12345")
    s3.add_response("get_object", {**got(b"12345"), "Body": StreamingBody(stream, 5)}, GET)

    shelf.fetch(IMAGE, 4)

    assert stream.closed


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_a_version_that_is_gone_is_none(shelf: S3Shelf, s3: Stubber, code: str) -> None:
    s3.add_client_error("get_object", code, http_status_code=404, expected_params=GET)

    assert shelf.fetch(IMAGE, 5) is None


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InternalError", "SlowDown"])
@pytest.mark.parametrize("operation", ["get_object", "copy_object", "head_object"])
def test_a_fault_is_never_taken_for_absence(shelf: S3Shelf, s3: Stubber, operation: str, code: str) -> None:
    s3.add_client_error(operation, code)
    call = {
        "get_object": lambda: shelf.fetch(IMAGE, 5),
        "copy_object": lambda: shelf.copy(SOURCE, "filed", "ok/1/a.png"),
        "head_object": lambda: shelf.newest("filed", "ok/1/a.png"),
    }[operation]

    with pytest.raises(ClientError, match=code):
        call()


def test_a_copy_carries_both_guards_and_the_exact_version(shelf: S3Shelf, s3: Stubber) -> None:
    s3.add_response("copy_object", {"VersionId": "v2", "CopyObjectResult": {"ETag": '"copied"'}}, COPY)

    place = shelf.copy(SOURCE, "filed", "ok/1/a.png")

    assert place == Stored(Image("filed", "ok/1/a.png", "v2"), 5, '"copied"')


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("If-None-Match", CopyResult.DESTINATION_EXISTS),
        ("x-amz-copy-source-If-Match", CopyResult.SOURCE_CHANGED),
        ("x-amz-copy-source-if-match", CopyResult.SOURCE_CHANGED),
    ],
)
def test_a_412_tells_by_its_condition_which_guard_refused(
    shelf: S3Shelf, s3: Stubber, condition: str, result: CopyResult
) -> None:
    s3.add_client_error("copy_object", "PreconditionFailed", "", 412, {"Condition": condition}, COPY)

    assert shelf.copy(SOURCE, "filed", "ok/1/a.png") is result


@pytest.mark.parametrize(
    ("exists", "result"), [(True, CopyResult.DESTINATION_EXISTS), (False, CopyResult.SOURCE_CHANGED)]
)
def test_a_412_without_a_condition_is_told_by_a_look_at_the_destination(
    shelf: S3Shelf, s3: Stubber, exists: bool, result: CopyResult
) -> None:
    s3.add_client_error("copy_object", "PreconditionFailed", http_status_code=412)
    if exists:
        found = {"VersionId": "v2", "ContentLength": 5, "ETag": '"etag"', "LastModified": WHEN}
        s3.add_response("head_object", found, HEAD)
    else:
        s3.add_client_error("head_object", "404", http_status_code=404, expected_params=HEAD)

    assert shelf.copy(SOURCE, "filed", "ok/1/a.png") is result


def test_a_409_means_that_somebody_else_writes_there_now(shelf: S3Shelf, s3: Stubber) -> None:
    s3.add_client_error("copy_object", "ConditionalRequestConflict", http_status_code=409)

    assert shelf.copy(SOURCE, "filed", "ok/1/a.png") is CopyResult.DESTINATION_EXISTS


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_a_source_that_is_gone_is_missing(shelf: S3Shelf, s3: Stubber, code: str) -> None:
    s3.add_client_error("copy_object", code, http_status_code=404)

    assert shelf.copy(SOURCE, "filed", "ok/1/a.png") is CopyResult.SOURCE_MISSING


def test_the_condition_of_a_412_survives_botocores_parser(client: Any) -> None:
    """S3's own words; if the SDK stopped keeping `Condition`, both guards would look alike."""
    answer = (
        b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>PreconditionFailed</Code>'
        b"<Message>At least one of the pre-conditions you specified did not hold</Message>"
        b"<Condition>If-None-Match</Condition><RequestId>1</RequestId><HostId>2</HostId></Error>"
    )
    shape = client.meta.service_model.operation_model("CopyObject").output_shape
    parsed = create_parser("rest-xml").parse({"headers": {}, "status_code": 412, "body": answer}, shape)

    assert parsed["Error"]["Condition"] == "If-None-Match"


def test_the_newest_version_is_looked_up(shelf: S3Shelf, s3: Stubber) -> None:
    found = {"VersionId": "v7", "ContentLength": 5, "ETag": '"etag"', "LastModified": WHEN}
    s3.add_response("head_object", found, HEAD)

    newest = shelf.newest("filed", "ok/1/a.png")

    assert newest == Stored(Image("filed", "ok/1/a.png", "v7"), 5, '"etag"', "2026-03-01T12:00:00.000Z")


def test_where_nothing_lies_there_is_no_newest_version(shelf: S3Shelf, s3: Stubber) -> None:
    s3.add_client_error("head_object", "404", http_status_code=404)

    assert shelf.newest("filed", "ok/1/a.png") is None


def test_exactly_one_version_is_deleted(shelf: S3Shelf, s3: Stubber) -> None:
    s3.add_response("delete_object", {}, {"Bucket": "inbound", "Key": IMAGE.key, "VersionId": "v1"})

    shelf.delete(IMAGE)


def test_every_version_is_listed_page_by_page_and_delete_markers_are_not(shelf: S3Shelf, s3: Stubber) -> None:
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

    listed = list(shelf.everything("inbound", "a"))

    assert [stored.image for stored in listed] == [
        Image("inbound", "a b.png", "v1"),
        Image("inbound", "a b.png", "v0"),
    ]
    assert listed[0].modified_at == "2026-03-01T12:00:00.000Z"


def test_an_empty_bucket_lists_nothing(shelf: S3Shelf, s3: Stubber) -> None:
    s3.add_response("list_object_versions", {"IsTruncated": False})

    assert list(shelf.everything("inbound")) == []
