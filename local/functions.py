"""The line's Lambda functions, deployed from this source tree with exactly the settings they ask for."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdas import catalog
from lambdas.catalog import Function
from local.queues import queue_arn
from local.settings import ACCOUNT, REGION, Endpoints
from workflow.aws.clients import client

ROLE = f"arn:aws:iam::{ACCOUNT}:role/partcheck"
RUNTIME = "python3.13"
AT_ONCE = 2
# Beyond it Lambda says "too many requests" and Step Functions asks again. Without a bound, a hundred photos
# that wait for a model wake at once, and no function on a busy machine starts within its time any more.
AT_ONCE_IN_ALL = 14
_ROOT = Path(__file__).resolve().parent.parent
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def function_name(function: Function) -> str:
    """The deployed name, after the module: claim_upload becomes partcheck-claim-upload."""
    return f"partcheck-{function.module.replace('_', '-')}"


def function_arn(function: Function) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name(function)}"


def log_groups() -> str:
    """Where each function's log lines lie, as `read_history` is told."""
    names = map(function_name, catalog.FUNCTIONS)
    return ",".join(f"{name}=/aws/lambda/{name}" for name in names)


def package(root: Path = _ROOT) -> bytes:
    """The functions' sources as a zip, the same bytes for the same sources."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        sources = [source for folder in ("lambdas", "workflow") for source in (root / folder).rglob("*.py")]
        for source in sorted(sources):
            entry = zipfile.ZipInfo(source.relative_to(root).as_posix(), _LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, source.read_bytes())
    return buffer.getvalue()


def settings(function: Function, values: Mapping[str, str], endpoints: Endpoints) -> dict[str, str]:
    """A function's environment: what it insists on, where its services answer, how it logs."""
    needed = function.checked({name: values[name] for name in function.needs if name in values})
    return needed | {
        "AWS_ENDPOINT_URL": endpoints.aws,
        "AWS_ENDPOINT_URL_SFN": endpoints.step_functions,
        "AWS_ENDPOINT_URL_REKOGNITION": endpoints.custom_labels,
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "partcheck",
        "POWERTOOLS_SERVICE_NAME": function.module,
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def deploy_functions(values: Mapping[str, str], endpoints: Endpoints) -> None:
    """Create or update every function; return when all can be invoked."""
    code = package()
    there = {
        function["FunctionName"]
        for page in client("lambda").get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
    for function in catalog.FUNCTIONS:
        _deploy(function, settings(function, values, endpoints), code, function_name(function) in there)
    for function in catalog.FUNCTIONS:
        client("lambda").get_waiter("function_active_v2").wait(
            FunctionName=function_name(function), WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )


def _deploy(function: Function, variables: dict[str, str], code: bytes, exists: bool) -> None:
    configuration: dict[str, Any] = {
        "FunctionName": function_name(function),
        "Runtime": RUNTIME,
        "Role": ROLE,
        "Handler": function.handler,
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mb,
        "Environment": {"Variables": variables},
    }
    service = client("lambda")
    if exists:
        service.update_function_configuration(**configuration)
        service.update_function_code(FunctionName=function_name(function), ZipFile=code)
    else:
        service.create_function(**configuration, Code={"ZipFile": code})


def open_intake() -> None:
    """Let the queues feed their functions."""
    service = client("lambda")
    for function in catalog.FUNCTIONS:
        if not function.queue:
            continue
        reading = {
            "FunctionName": function_name(function),
            "BatchSize": function.batch_size,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": AT_ONCE},
            "Enabled": True,
        }
        mappings = _mappings(function)
        for mapping in mappings:
            service.update_event_source_mapping(UUID=mapping, **reading)
        if not mappings:
            service.create_event_source_mapping(EventSourceArn=queue_arn(function.queue), **reading)


def close_intake() -> None:
    """Stop the queues from feeding functions, so that no message is read by a line that is half stopped."""
    for function in catalog.FUNCTIONS:
        for mapping in _mappings(function):
            client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)


def _mappings(function: Function) -> list[str]:
    if not function.queue:
        return []
    answer = client("lambda").list_event_source_mappings(FunctionName=function_name(function))
    return [mapping["UUID"] for mapping in answer["EventSourceMappings"]]
