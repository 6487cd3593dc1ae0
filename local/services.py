"""The services of the local environment: the specification that starts each of them."""

import http.client
import json
import os
import secrets
from pathlib import Path

from local import functions
from local.ports import HOST, Ports
from local.processes import ServiceSpec
from local.settings import ACCOUNT, PATIENT, REGION, Endpoints, sdk_environment
from review_app import settings as review_settings
from workflow.aws.stack_outputs import StackOutputs
from workflow.errors import PartcheckError

# Starting a worker takes a second of CPU time. A function that is invoked every minute keeps its worker.
WARM_WORKER_SECONDS = 150


def backing_services(state_dir: Path, ports: Ports) -> tuple[ServiceSpec, ServiceSpec, ServiceSpec]:
    """Return the specifications of the local AWS, Step Functions and Custom Labels, in the order of use."""
    return _aws(state_dir, ports), _step_functions(ports), _custom_labels(state_dir, ports)


def _aws(state_dir: Path, ports: Ports) -> ServiceSpec:
    """Return MiniStack's specification: loopback only, no side ports, state saved at a clean stop."""
    settings = {
        "GATEWAY_PORT": str(ports.aws),
        "BIND_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state_dir / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state_dir / "photos"),
        "LAMBDA_WARM_TTL_SECONDS": str(WARM_WORKER_SECONDS),
        "LAMBDA_ACCOUNT_CONCURRENCY": str(functions.ACCOUNT_CONCURRENCY),
        "LOG_LEVEL": "WARNING",
    }
    return ServiceSpec(
        name="aws",
        module="local.ministack",
        arguments=(HOST, str(ports.aws)),
        environment=sdk_environment(Endpoints.from_ports(ports)) | settings,
        port=ports.aws,
        health_path="/_ministack/health",
        grace_seconds=30,
    )


def _step_functions(ports: Ports) -> ServiceSpec:
    """Return moto's specification. MOTO_PORT is the local AWS, where moto sends calls to other services."""
    settings = {"MOTO_PORT": str(ports.aws), "MOTO_ACCOUNT_ID": ACCOUNT}
    return ServiceSpec(
        name="step-functions",
        module="local.step_functions",
        arguments=("--host", HOST, "--port", str(ports.step_functions)),
        environment=sdk_environment(Endpoints.from_ports(ports)) | settings,
        port=ports.step_functions,
        health_path="/moto-api/data.json",
        grace_seconds=0.2,
    )


def _custom_labels(state_dir: Path, ports: Ports) -> ServiceSpec:
    endpoints = Endpoints.from_ports(ports)
    return ServiceSpec(
        name="custom-labels",
        module="custom_labels",
        arguments=(
            *("--port", str(ports.custom_labels)),
            *("--state", str(state_dir / "custom-labels")),
            *("--aws-endpoint", endpoints.aws),
        ),
        environment=sdk_environment(endpoints) | PATIENT,
        port=ports.custom_labels,
        health_path="/health",
        grace_seconds=10,
    )


def review_app_service(state_dir: Path, ports: Ports, outputs: StackOutputs) -> ServiceSpec:
    """Return the review app's specification. Any user of this machine may sign in."""
    endpoints = Endpoints.from_ports(ports)
    settings = {
        "INSPECTIONS_TABLE": outputs.inspections_table,
        "AUDIT_TABLE": outputs.audit_table,
        "NAME_INDEX_TABLE": outputs.name_index_table,
        "METRICS_TABLE": outputs.metrics_table,
        "COMMAND_LOG_TABLE": outputs.command_log_table,
        "CAMERAS_TABLE": outputs.cameras_table,
        "HISTORY_BUCKET": outputs.history_bucket,
        "GET_EXECUTION_HISTORY_FUNCTION": outputs.get_execution_history_function,
        "COMMAND_QUEUE_URL": outputs.command_queue_url,
        "INTAKE_QUEUE_URL": outputs.intake_queue_url,
        "ESCALATION_QUEUE_URL": outputs.escalation_queue_url,
        "DECISION_QUEUE_URL": outputs.decision_queue_url,
        "POLICY_PARAMETER": outputs.policy_parameter,
        "PUBLIC_URL": endpoints.review_app,
        "SESSION_SECRET": _session_secret(state_dir / "session-secret"),
        "SIGN_IN": "development",
    }
    review_settings.from_environment(settings)
    return ServiceSpec(
        name="review-app",
        module="review_app",
        arguments=("--host", HOST, "--port", str(ports.review_app)),
        environment=sdk_environment(endpoints) | settings,
        port=ports.review_app,
        health_path="/health",
        grace_seconds=5,
    )


def _session_secret(file: Path) -> str:
    """Return the secret that signs sessions. It is created once, so a restart keeps users signed in."""
    if not file.exists():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as secret:  # noqa: PTH123
            secret.write(secrets.token_urlsafe(48))
    return file.read_text(encoding="utf-8")


def enable_state_machine_execution(ports: Ports) -> None:
    """Make moto execute state machines. By default it only records executions."""
    config = json.dumps({"stepfunctions": {"execute_state_machine": True}})
    connection = http.client.HTTPConnection(HOST, ports.step_functions, timeout=30)
    try:
        connection.request("POST", "/moto-api/config", config, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise PartcheckError(f"Step Functions refused its configuration: {response.read().decode()}")
    finally:
        connection.close()
