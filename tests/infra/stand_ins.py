"""Step Functions, Custom Labels and the rest as far as rights go: they answer, and remember a little."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.infra.rights import ACCOUNT, REGION
from workflow import definition

MODEL = f"arn:aws:rekognition:{REGION}:{ACCOUNT}:project/parts/version/first/1700000000000"
PROJECT = f"arn:aws:rekognition:{REGION}:{ACCOUNT}:project/parts/1700000000000"


class Refused(Exception):
    """A service's error, by its code."""


@dataclass
class Executions:
    """Step Functions as far as rights go: names with their states, and one history for all."""

    arn: str
    events: list[dict[str, Any]] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)
    tokens_live: bool = True

    def start_execution(self, told: Mapping[str, Any]) -> Any:
        self.status[told["name"]] = "RUNNING"
        return {"executionArn": self._execution(told["name"]), "startDate": datetime.now(UTC)}

    def describe_execution(self, told: Mapping[str, Any]) -> Any:
        name = told["executionArn"].rpartition(":")[2]
        if name not in self.status:
            raise Refused("ExecutionDoesNotExist")
        ended = {} if self.status[name] == "RUNNING" else {"stopDate": datetime.now(UTC)}
        return {
            "executionArn": told["executionArn"],
            "name": name,
            "status": self.status[name],
            "startDate": datetime(2026, 1, 1, tzinfo=UTC),
            "redriveStatus": "REDRIVABLE" if ended else "NOT_REDRIVABLE",
            **ended,
        }

    def list_executions(self, told: Mapping[str, Any]) -> Any:
        return {"executions": [{"name": n} for n, one in self.status.items() if one == told["statusFilter"]]}

    def get_execution_history(self, _: Mapping[str, Any]) -> Any:
        return {"events": self.events}

    def describe_state_machine_for_execution(self, _: Mapping[str, Any]) -> Any:
        return {"definition": definition.text()}

    def stop_execution(self, told: Mapping[str, Any]) -> Any:
        self.status[told["executionArn"].rpartition(":")[2]] = "ABORTED"
        return {}

    def redrive_execution(self, told: Mapping[str, Any]) -> Any:
        self.status[told["executionArn"].rpartition(":")[2]] = "RUNNING"
        return {}

    def send_task_success(self, _: Mapping[str, Any]) -> Any:
        if not self.tokens_live:
            raise Refused("TaskDoesNotExist")
        return {}

    def _execution(self, name: str) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"


@dataclass
class Model:
    """Custom Labels with one model."""

    status: str = "RUNNING"
    ok: float = 97.0
    refusal: str = ""

    def detect_custom_labels(self, _: Mapping[str, Any]) -> Any:
        if self.refusal:
            raise Refused(self.refusal)
        return {
            "CustomLabels": [
                {"Name": "ok", "Confidence": self.ok},
                {"Name": "defect", "Confidence": 100 - self.ok},
            ]
        }

    def describe_projects(self, _: Mapping[str, Any]) -> Any:
        return {"ProjectDescriptions": [{"ProjectArn": PROJECT, "Status": "CREATED"}]}

    def describe_project_versions(self, _: Mapping[str, Any]) -> Any:
        described = {"ProjectVersionArn": MODEL, "Status": self.status, "MinInferenceUnits": 1}
        created = {"CreationTimestamp": datetime(2026, 1, 1, tzinfo=UTC)}
        return {"ProjectVersionDescriptions": [described | created]}

    def start_project_version(self, _: Mapping[str, Any]) -> Any:
        return {"Status": "STARTING"}

    def stop_project_version(self, _: Mapping[str, Any]) -> Any:
        return {"Status": "STOPPING"}


class Answers:
    """What the review app hears from the function that tells histories, and who looks for log lines."""

    def invoke(self, told: Mapping[str, Any]) -> Any:
        logs = "step" in json.loads(told["Payload"])
        answer = {"lines": [], "more": False, "why_none": ""} if logs else {"record": None}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    def filter_log_events(self, _: Mapping[str, Any]) -> Any:
        return {"events": []}
