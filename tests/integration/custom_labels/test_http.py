"""What the service answers to requests that no SDK would send, and what it listens on."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.custom_labels.running import Service, free_port

pytestmark = pytest.mark.xdist_group("custom_labels_http")
JSON_1_1 = "application/x-amz-json-1.1"


def call(service: Service, operation: str, content: Any) -> tuple[int, dict[str, Any]]:
    target = f"RekognitionService.{operation}"
    return service.post("/", content, X_Amz_Target=target, Content_Type=JSON_1_1)


def test_requests_that_make_no_sense_get_an_error_by_name(service: Service) -> None:
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


def test_the_admin_page_answers_only_those_who_mean_it(service: Service) -> None:
    json_type = {"Content_Type": "application/json"}
    assert service.post("/admin/rehearsal", {}, Content_Type="text/plain")[0] == 415
    assert service.post("/admin/rehearsal", {}, Host="evil.example", **json_type)[0] == 403
    for nonsense in (
        {"troubles": [{"operation": "DetectFaces", "error": "ThrottlingException"}]},
        {"troubles": [{"operation": "DescribeProjects", "error": "NoSuchException"}]},
        {"troubles": [{"operation": "DescribeProjects", "error": "ThrottlingException", "moon": 1}]},
        {"delays": {"moon": 1}},
        b"{",
        [],
    ):
        assert service.post("/admin/rehearsal", nonsense, **json_type)[0] == 400
    assert service.post("/admin/age", {"arn": "x", "status": "RUNNING"}, **json_type)[0] == 400
    service.script(delays={"start": 1.5})
    assert service.get("/admin/rehearsal")["delays"]["start"] == 1.5
    assert service.post("/admin/rehearsal", {}, "DELETE")[1]["delays"]["start"] == 0


def test_it_listens_on_this_machine_only_and_says_what_is_taken(service: Service, tmp_path: Path) -> None:
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    own = [row.split()[3] for row in listening.splitlines() if row.split()[3].endswith(f":{service.port}")]
    assert own == [f"127.0.0.1:{service.port}"]

    for port, state, sentence in (
        (service.port, tmp_path, f"Port {service.port} is taken"),
        (free_port(), service.state, f"Another service uses {service.state}"),
    ):
        command = [sys.executable, "-m", "local.custom_labels", "--port", str(port), "--state", str(state)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert second.stderr.startswith(sentence)
        assert len(second.stderr.splitlines()) == 1
    assert service.get("/health") == {"status": "ready"}


def test_an_answer_is_not_held_back_for_forty_milliseconds(service: Service) -> None:
    """Nagle's algorithm and delayed acknowledgements meet where the socket was made carelessly."""
    client = service.client()
    client.describe_projects()

    def answered() -> float:
        begun = time.perf_counter()
        client.describe_projects()
        return time.perf_counter() - begun

    assert min(answered() for _ in range(12)) < 0.035
