"""An upload becomes an object version, or an error with its reason."""

import pytest
from botocore.exceptions import EndpointConnectionError, UnauthorizedSSOTokenError

from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.uploads import S3Uploader
from workflow.errors import UploadFailed
from workflow.inspections.objects import Image


def test_an_upload_becomes_an_object_version_or_an_error_with_the_reason() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("put_object", {"VersionId": "v1"}, {"Bucket": "in", "Key": "a.jpg", "Body": b"x"})
        stub.add_client_error("put_object", "AccessDenied", "Not allowed.")
        inbox = S3Uploader("in", client)

        assert inbox.put("a.jpg", b"x") == Image("in", "a.jpg", "v1")
        with pytest.raises(UploadFailed, match=r"AccessDenied.*Not allowed$"):
            inbox.put("a.jpg", b"x")


def test_an_unreachable_endpoint_is_an_error_with_the_reason() -> None:
    class Silent:
        def put_object(self, **_asked: object) -> None:
            raise EndpointConnectionError(endpoint_url="http://nowhere")

    with pytest.raises(UploadFailed, match="http://nowhere"):
        S3Uploader("in", Silent()).put("a.jpg", b"x")


def test_credentials_that_ran_out_during_uploads_name_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Expired:
        def put_object(self, **_asked: object) -> None:
            raise UnauthorizedSSOTokenError

    monkeypatch.setenv("AWS_PROFILE", "works")
    with pytest.raises(UploadFailed, match="run `aws sso login --profile works`"):
        S3Uploader("in", Expired()).put("a.jpg", b"x")
