"""Only photos that are missing or different are uploaded."""

import pytest

from datasets.labelled_photos import LabelledPhoto
from datasets.upload import upload_photos
from tests.unit.datasets.bucket_client import BucketClient
from workflow.errors import ConfigurationError


def photo(name: str, content: bytes, label: str = "ok") -> LabelledPhoto:
    return LabelledPhoto(name=name, label=label, read=lambda: content)


def uploaded_keys(bucket: BucketClient, *photos: LabelledPhoto) -> list[str]:
    bucket.puts.clear()
    upload_photos(photos, "b", "p/photos/", lambda _done, _unchanged: None)
    return sorted(bucket.puts)


@pytest.mark.parametrize("encrypted", [False, True])
def test_only_photos_that_are_missing_or_different_are_sent(bucket: BucketClient, encrypted: bool) -> None:
    bucket.encrypted = encrypted
    first, second = photo("ok/1.jpg", b"one"), photo("ok/2.jpg", b"two")

    assert uploaded_keys(bucket, first) == ["p/photos/ok/1.jpg"]
    assert uploaded_keys(bucket, first, second) == ["p/photos/ok/2.jpg"]
    assert uploaded_keys(bucket, first, photo("ok/2.jpg", b"TWO")) == ["p/photos/ok/2.jpg"]
    assert uploaded_keys(bucket, first) == []


@pytest.mark.parametrize("name", ["ok/Gr\udcf6\udcdfe.jpg", "ok/" + "x" * 1000 + ".jpg"])
def test_a_name_that_s3_refuses_is_found_before_the_first_upload(bucket: BucketClient, name: str) -> None:
    bucket.puts.clear()

    with pytest.raises(ConfigurationError, match="its name"):
        upload_photos(
            [photo("ok/1.jpg", b"one"), photo(name, b"two")], "b", "p/", lambda _done, _unchanged: None
        )

    assert bucket.puts == []


def test_photos_that_lie_in_a_bucket_stay_where_they_are(bucket: BucketClient) -> None:
    stored = LabelledPhoto(name="1.jpg", label="ok", read=lambda: b"", source="s3://other/1.jpg")

    assert uploaded_keys(bucket, stored) == []
