"""Requests that no SDK sends, and the port on which the service listens."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.custom_labels.running import ServiceProcess, free_port

pytestmark = pytest.mark.xdist_group("custom_labels_http")
JSON_1_1 = "application/x-amz-json-1.1"


def call(service: ServiceProcess, operation: str, content: Any) -> tuple[int, dict[str, Any]]:
    target = f"RekognitionService.{operation}"
    return service.post("/", content, X_Amz_Target=target, Content_Type=JSON_1_1)


def test_invalid_requests_get_an_error_by_name(service: ServiceProcess) -> None:
    for operation, content, error in (
        ("DetectFaces", {}, "UnknownOperationException"),
        ("", {}, "UnknownOperationException"),
        ("CreateProject", b"{", "SerializationException"),
        ("CreateProject", b"\xff\xfe", "SerializationException"),
        ("CreateProject", [], "InvalidParameterException"),
        ("CreateProject", {"ProjectName": "x" * 9_000_000}, "InvalidParameterException"),
        ("CreateProject", b"[" * 100_000, "SerializationException"),
    ):
        status, answer = call(service, operation, content)
        assert (status, answer["__type"]) == (400, error), operation
    assert service.get("/health") == {"status": "ready"}


def test_the_admin_page_rejects_requests_that_a_web_page_could_send(service: ServiceProcess) -> None:
    json_type = {"Content_Type": "application/json"}
    assert service.post("/admin/fault-injection", {}, Content_Type="text/plain")[0] == 415
    assert service.post("/admin/fault-injection", {}, Host="evil.example", **json_type)[0] == 403
    for invalid in (
        {"errors": [{"operation": "DetectFaces", "error": "ThrottlingException"}]},
        {"errors": [{"operation": "DescribeProjects", "error": "NoSuchException"}]},
        {"errors": [{"operation": "DescribeProjects", "error": "ThrottlingException", "moon": 1}]},
        {"delays": {"moon": 1}},
        b"{",
        [],
    ):
        assert service.post("/admin/fault-injection", invalid, **json_type)[0] == 400
    assert service.post("/admin/retire", {"arn": "x", "status": "RUNNING"}, **json_type)[0] == 400
    service.inject_faults(delays={"start": 1.5})
    assert service.get("/admin/fault-injection")["delays"]["start"] == 1.5
    assert service.post("/admin/fault-injection", {}, "DELETE")[1]["delays"]["start"] == 0


def test_it_listens_on_this_machine_only_and_names_a_port_or_folder_in_use(
    service: ServiceProcess, tmp_path: Path
) -> None:
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    own = [row.split()[3] for row in listening.splitlines() if row.split()[3].endswith(f":{service.port}")]
    assert own == [f"127.0.0.1:{service.port}"]

    for port, state, sentence in (
        (service.port, tmp_path, f"Port {service.port} is taken"),
        (free_port(), service.state, f"Another service uses {service.state}"),
    ):
        command = [sys.executable, "-m", "custom_labels", "--port", str(port), "--state", str(state)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert second.returncode == 1
        assert second.stderr.startswith(sentence)
        assert len(second.stderr.splitlines()) == 1
    assert service.get("/health") == {"status": "ready"}


def test_a_response_is_not_delayed_by_forty_milliseconds(service: ServiceProcess) -> None:
    """Nagle's algorithm together with delayed acknowledgements would cause that delay."""
    client = service.client()
    client.describe_projects()

    def seconds_per_call() -> float:
        began = time.perf_counter()
        client.describe_projects()
        return time.perf_counter() - began

    assert any(seconds_per_call() < 0.035 for _ in range(300))
