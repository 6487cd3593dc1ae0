"""Fakes of Step Functions, Custom Labels, Lambda and CloudWatch Logs for the permission tests."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.infra.permissions import ACCOUNT, REGION
from workflow import state_machine_definition

MODEL = f"arn:aws:rekognition:{REGION}:{ACCOUNT}:project/parts/version/first/1700000000000"
PROJECT = f"arn:aws:rekognition:{REGION}:{ACCOUNT}:project/parts/1700000000000"


class FakeServiceError(Exception):
    """An error of a service. The message is its code."""


@dataclass
class FakeStepFunctions:
    """Step Functions: executions with their statuses, and one history for all of them."""

    arn: str
    events: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    tokens_live: bool = True

    def start_execution(self, request: Mapping[str, Any]) -> Any:
        self.statuses[request["name"]] = "RUNNING"
        return {"executionArn": self._execution(request["name"]), "startDate": datetime.now(UTC)}

    def describe_execution(self, request: Mapping[str, Any]) -> Any:
        name = request["executionArn"].rpartition(":")[2]
        if name not in self.statuses:
            raise FakeServiceError("ExecutionDoesNotExist")
        end = {} if self.statuses[name] == "RUNNING" else {"stopDate": datetime.now(UTC)}
        return {
            "executionArn": request["executionArn"],
            "name": name,
            "status": self.statuses[name],
            "startDate": datetime(2026, 1, 1, tzinfo=UTC),
            "redriveStatus": "REDRIVABLE" if end else "NOT_REDRIVABLE",
            **end,
        }

    def list_executions(self, request: Mapping[str, Any]) -> Any:
        return {
            "executions": [
                {"name": n} for n, status in self.statuses.items() if status == request["statusFilter"]
            ]
        }

    def get_execution_history(self, _: Mapping[str, Any]) -> Any:
        return {"events": self.events}

    def describe_state_machine_for_execution(self, _: Mapping[str, Any]) -> Any:
        return {"definition": state_machine_definition.read_definition()}

    def stop_execution(self, request: Mapping[str, Any]) -> Any:
        self.statuses[request["executionArn"].rpartition(":")[2]] = "ABORTED"
        return {}

    def redrive_execution(self, request: Mapping[str, Any]) -> Any:
        self.statuses[request["executionArn"].rpartition(":")[2]] = "RUNNING"
        return {}

    def send_task_success(self, _: Mapping[str, Any]) -> Any:
        if not self.tokens_live:
            raise FakeServiceError("TaskDoesNotExist")
        return {}

    def _execution(self, name: str) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"


@dataclass
class FakeRekognition:
    """Custom Labels with one model."""

    status: str = "RUNNING"
    ok: float = 97.0
    refusal: str = ""

    def detect_custom_labels(self, _: Mapping[str, Any]) -> Any:
        if self.refusal:
            raise FakeServiceError(self.refusal)
        return {
            "CustomLabels": [
                {"Name": "ok", "Confidence": self.ok},
                {"Name": "defect", "Confidence": 100 - self.ok},
            ]
        }

    def describe_projects(self, _: Mapping[str, Any]) -> Any:
        return {"ProjectDescriptions": [{"ProjectArn": PROJECT, "Status": "CREATED"}]}

    def describe_project_versions(self, _: Mapping[str, Any]) -> Any:
        version = {"ProjectVersionArn": MODEL, "Status": self.status, "MinInferenceUnits": 1}
        created = {"CreationTimestamp": datetime(2026, 1, 1, tzinfo=UTC)}
        return {"ProjectVersionDescriptions": [version | created]}

    def start_project_version(self, _: Mapping[str, Any]) -> Any:
        return {"Status": "STARTING"}

    def stop_project_version(self, _: Mapping[str, Any]) -> Any:
        return {"Status": "STOPPING"}


class FakeLambdaAndLogs:
    """Lambda and CloudWatch Logs: answers of `get_execution_history`, and empty log searches."""

    def invoke(self, request: Mapping[str, Any]) -> Any:
        logs = "step" in json.loads(request["Payload"])
        answer = {"lines": [], "truncated": False, "empty_reason": ""} if logs else {"record": None}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    def filter_log_events(self, _: Mapping[str, Any]) -> Any:
        return {"events": []}
