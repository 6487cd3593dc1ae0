"""The programs of a line on this machine: what each is started with."""

import http.client
import json
import os
import secrets
from pathlib import Path

from local import functions
from local.ports import HOST, Ports
from local.processes import Program
from local.settings import ACCOUNT, REGION, Endpoints, environment
from review_app import settings as review_settings
from workflow.aws.site import Site
from workflow.errors import PartcheckError

# A new worker costs a second of a processor: one that the clock calls every minute must not go meanwhile.
SECONDS_WARM = 150


def programs(home: Path, ports: Ports) -> tuple[Program, Program, Program]:
    """The local AWS, Step Functions and Custom Labels, in the order in which they may be used."""
    return _aws(home, ports), _step_functions(ports), _custom_labels(home, ports)


def _aws(home: Path, ports: Ports) -> Program:
    """MiniStack on this machine's own address only, without its side ports, remembering over a clean stop."""
    settings = {
        "GATEWAY_PORT": str(ports.aws),
        "BIND_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "photos"),
        "LAMBDA_WARM_TTL_SECONDS": str(SECONDS_WARM),
        "LAMBDA_ACCOUNT_CONCURRENCY": str(functions.AT_ONCE_IN_ALL),
        "LOG_LEVEL": "WARNING",
    }
    shared = environment(Endpoints.at(ports))
    where = (HOST, str(ports.aws))
    return Program("aws", "local.aws", where, shared | settings, ports.aws, "/_ministack/health", 30)


def _step_functions(ports: Ports) -> Program:
    """moto, whose calls to other services go to the port that MOTO_PORT names: the local AWS."""
    settings = {"MOTO_PORT": str(ports.aws), "MOTO_ACCOUNT_ID": ACCOUNT}
    return Program(
        "step-functions",
        "local.step_functions",
        ("--host", HOST, "--port", str(ports.step_functions)),
        environment(Endpoints.at(ports)) | settings,
        ports.step_functions,
        "/moto-api/data.json",
        0.2,
    )


def _custom_labels(home: Path, ports: Ports) -> Program:
    endpoints = Endpoints.at(ports)
    return Program(
        "custom-labels",
        "local.custom_labels",
        (
            *("--port", str(ports.custom_labels)),
            *("--state", str(home / "custom-labels")),
            *("--aws-endpoint", endpoints.aws),
        ),
        environment(endpoints),
        ports.custom_labels,
        "/health",
        10,
    )


def review_app(home: Path, ports: Ports, site: Site) -> Program:
    """The review app of a line whose resources are there; whoever is on this machine may sign in."""
    endpoints = Endpoints.at(ports)
    settings = {
        "LEDGER_TABLE": site.ledger_table,
        "AUDIT_TABLE": site.audit_table,
        "NAMES_TABLE": site.names_table,
        "FIGURES_TABLE": site.figures_table,
        "COMMAND_TABLE": site.command_table,
        "HISTORY_BUCKET": site.history_bucket,
        "READ_HISTORY_FUNCTION": site.read_history_function,
        "COMMAND_QUEUE_URL": site.command_queue_url,
        "INTAKE_QUEUE_URL": site.intake_queue_url,
        "ESCALATION_QUEUE_URL": site.escalation_queue_url,
        "DECISION_QUEUE_URL": site.decision_queue_url,
        "POLICY_PARAMETER": site.policy_parameter,
        "PUBLIC_URL": endpoints.review_app,
        "SESSION_SECRET": _session_secret(home / "session-secret"),
        "SIGN_IN": "development",
    }
    review_settings.from_environment(settings)
    return Program(
        "review-app",
        "review_app",
        ("--host", HOST, "--port", str(ports.review_app)),
        environment(endpoints) | settings,
        ports.review_app,
        "/health",
        5,
    )


def _session_secret(file: Path) -> str:
    """The secret that signs sessions, made with the state directory, so that a restart signs nobody out."""
    if not file.exists():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as secret:  # noqa: PTH123
            secret.write(secrets.token_urlsafe(48))
    return file.read_text(encoding="utf-8")


def execute_state_machines(ports: Ports) -> None:
    """Tell moto to run state machines instead of only remembering them."""
    wish = json.dumps({"stepfunctions": {"execute_state_machine": True}})
    connection = http.client.HTTPConnection(HOST, ports.step_functions, timeout=30)
    try:
        connection.request("POST", "/moto-api/config", wish, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise PartcheckError(f"Step Functions refused its configuration: {answer.read().decode()}")
    finally:
        connection.close()
