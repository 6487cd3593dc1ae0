"""The service as a separate process, and clients as programs on AWS have them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.unit.custom_labels.in_memory_service import encode, manifest_line, plate_photo

REGION = "eu-central-1"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
NO_RETRIES = Config(retries={"total_max_attempts": 1}, connect_timeout=120, read_timeout=120)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
STARTUP_TIMEOUT_SECONDS = 120
STATUS_TIMEOUT_SECONDS = 120
_PORT_HOLDERS: list[socket.socket] = []


def free_port() -> int:
    """Return a port that no other test gets: a bound socket without listening reserves it."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _PORT_HOLDERS.append(holder)
    return int(holder.getsockname()[1])


class ServiceProcess:
    """A service that a test starts, stops and kills; its state survives."""

    def __init__(self, state: Path, s3: str, *options: str) -> None:
        self.state = state
        self._s3 = s3
        self._options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "ServiceProcess":
        command = [sys.executable, "-P", "-m", "custom_labels", "--port", str(self.port)]
        command += [
            "--state",
            str(self.state),
            "--aws-endpoint",
            self._s3,
            "--region",
            REGION,
            *self._options,
        ]
        self.process = subprocess.Popen(command, env=os.environ | ENVIRONMENT)
        deadline = time.monotonic() + STARTUP_TIMEOUT_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, "the service ended at once"
            assert time.monotonic() < deadline, "the service did not get ready"
            time.sleep(0.02)
        return self

    def _is_ready(self) -> bool:
        try:
            return bool(self.get("/health"))
        except OSError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STARTUP_TIMEOUT_SECONDS)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=120) as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
        return content

    def post(
        self, path: str, content: Any, method: str = "POST", **headers: str
    ) -> tuple[int, dict[str, Any]]:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, named, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def inject_faults(self, **faults: Any) -> None:
        status, answer = self.post("/admin/fault-injection", faults, Content_Type="application/json")
        assert status == 200, answer

    def client(self) -> Any:
        return boto3.Session(region_name=REGION, **CREDENTIALS).client(
            "rekognition", endpoint_url=self.url, config=NO_RETRIES
        )

    def process_ids(self) -> list[int]:
        """Return the service and its child processes, which have the state folder in their command lines."""
        pids = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.state).encode() in entry.read_bytes():
                    pids.append(int(entry.parent.name))
            except OSError:
                continue
        return pids


def describe_version(client: Any, model: str) -> dict[str, Any]:
    project, version = model.split("/version/")[0], model.split("/")[3]
    for row in client.describe_projects()["ProjectDescriptions"]:
        if row["ProjectArn"].startswith(project + "/"):
            arn = row["ProjectArn"]
    [description] = client.describe_project_versions(ProjectArn=arn, VersionNames=[version])[
        "ProjectVersionDescriptions"
    ]
    details: dict[str, Any] = description
    return details


def wait_for_status(
    client: Any, model: str, *statuses: str, seconds: float = STATUS_TIMEOUT_SECONDS
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (description := describe_version(client, model))["Status"] not in statuses:
        assert time.monotonic() < deadline, description
        time.sleep(0.05)
    return description


def upload_parts(s3: Any, bucket: str, name: str, count: int, seed: int = 0) -> list[str]:
    """Upload photos and their manifest; returns the lines of the manifest."""
    lines = []
    for number in range(count):
        label, key = ("ok", "defect")[number % 2], f"{name}/{number}.jpg"
        s3.put_object(Bucket=bucket, Key=key, Body=encode(plate_photo(seed + number, label == "defect")))
        lines.append(manifest_line(f"s3://{bucket}/{key}", label))
    s3.put_object(Bucket=bucket, Key=f"{name}.manifest", Body="\n".join(lines).encode())
    return lines


def manifest_source(bucket: str, name: str) -> dict[str, Any]:
    return {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": f"{name}.manifest"}}}
