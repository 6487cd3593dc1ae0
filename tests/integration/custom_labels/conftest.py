"""One S3 for the whole run, one service for each test."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.custom_labels.running import CREDENTIALS, REGION, ServiceProcess, upload_parts


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3(s3_url: str) -> Any:
    client = boto3.Session(region_name=REGION, **CREDENTIALS).client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket="parts", CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_versioning(Bucket="parts", VersioningConfiguration={"Status": "Enabled"})
    upload_parts(client, "parts", "train", 40)
    upload_parts(client, "parts", "test", 10, seed=700)
    return client


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory, s3_url: str, s3: Any) -> Iterator[ServiceProcess]:
    service = ServiceProcess(tmp_path_factory.mktemp("custom-labels"), s3_url).start()
    yield service
    service.kill()
