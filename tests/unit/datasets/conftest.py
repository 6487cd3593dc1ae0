"""A bucket in memory."""

import pytest

from datasets import s3_objects, upload
from tests.unit.datasets.bucket_client import BucketClient


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> BucketClient:
    bucket = BucketClient()
    for module in (upload, s3_objects):
        monkeypatch.setattr(module, "client", lambda _service: bucket)
    return bucket
