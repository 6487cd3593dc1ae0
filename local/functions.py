"""The Lambda functions, deployed from this source tree with exactly their required settings."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdas import catalog
from lambdas.catalog import LambdaFunction
from local.queues import queue_arn
from local.settings import ACCOUNT, REGION, Endpoints
from workflow.aws.clients import client

ROLE = f"arn:aws:iam::{ACCOUNT}:role/partcheck"
RUNTIME = "python3.13"
MAX_QUEUE_CONCURRENCY = 2
# Above this limit Lambda answers "too many requests" and Step Functions retries. Without it, a hundred photos
# that wait for a model resume at once, and on a busy machine no function starts within its timeout.
ACCOUNT_CONCURRENCY = 14
_ROOT = Path(__file__).resolve().parent.parent
_ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)


def function_name(function: LambdaFunction) -> str:
    """Return the deployed name: the module claim_upload becomes partcheck-claim-upload."""
    return f"partcheck-{function.module.replace('_', '-')}"


def function_arn(function: LambdaFunction) -> str:
    """Return the ARN of a deployed function."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name(function)}"


def log_groups() -> str:
    """Return each function's log group as `name=group,…`, the setting of `get_execution_history`."""
    names = map(function_name, catalog.FUNCTIONS)
    return ",".join(f"{name}=/aws/lambda/{name}" for name in names)


def build_package(root: Path = _ROOT, decodes_photos: bool = False) -> bytes:
    """Return the functions' sources as a zip, with the decoder's if asked for.

    The same sources give the same bytes.
    """
    folders = ("lambdas", "workflow", *(("vision",) if decodes_photos else ()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        sources = [source for folder in folders for source in (root / folder).rglob("*.py")]
        for source in sorted(sources):
            entry = zipfile.ZipInfo(source.relative_to(root).as_posix(), _ARCHIVE_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, source.read_bytes())
    return buffer.getvalue()


def function_environment(
    function: LambdaFunction, values: Mapping[str, str], endpoints: Endpoints
) -> dict[str, str]:
    """Return a function's environment: required variables, service endpoints and logging settings."""
    required = function.validate_environment(
        {name: values[name] for name in function.required_variables if name in values}
    )
    return required | {
        "AWS_ENDPOINT_URL": endpoints.aws,
        "AWS_ENDPOINT_URL_SFN": endpoints.step_functions,
        "AWS_ENDPOINT_URL_REKOGNITION": endpoints.custom_labels,
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "partcheck",
        "POWERTOOLS_SERVICE_NAME": function.module,
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def deploy_functions(values: Mapping[str, str], endpoints: Endpoints) -> None:
    """Create or update every function, and return when all can be invoked."""
    packages = {
        decodes_photos: build_package(decodes_photos=decodes_photos) for decodes_photos in (False, True)
    }
    deployed = {
        function["FunctionName"]
        for page in client("lambda").get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
    for function in catalog.FUNCTIONS:
        _deploy(
            function,
            function_environment(function, values, endpoints),
            packages[function.decodes_photos],
            function_name(function) in deployed,
        )
    for function in catalog.FUNCTIONS:
        client("lambda").get_waiter("function_active_v2").wait(
            FunctionName=function_name(function), WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )


def _deploy(function: LambdaFunction, variables: dict[str, str], code: bytes, exists: bool) -> None:
    configuration: dict[str, Any] = {
        "FunctionName": function_name(function),
        "Runtime": RUNTIME,
        "Role": ROLE,
        "Handler": function.handler,
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mb,
        "Environment": {"Variables": variables},
    }
    lambda_client = client("lambda")
    if exists:
        lambda_client.update_function_configuration(**configuration)
        lambda_client.update_function_code(FunctionName=function_name(function), ZipFile=code)
    else:
        lambda_client.create_function(**configuration, Code={"ZipFile": code})


def enable_intake() -> None:
    """Enable the event source mappings of all functions with a queue."""
    lambda_client = client("lambda")
    for function in catalog.FUNCTIONS:
        if not function.queue:
            continue
        settings = {
            "FunctionName": function_name(function),
            "BatchSize": function.batch_size,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": MAX_QUEUE_CONCURRENCY},
            "Enabled": True,
        }
        mappings = _mappings(function)
        for mapping in mappings:
            lambda_client.update_event_source_mapping(UUID=mapping, **settings)
        if not mappings:
            lambda_client.create_event_source_mapping(EventSourceArn=queue_arn(function.queue), **settings)


def disable_intake() -> None:
    """Disable the event source mappings, so that a stopping environment reads no more messages."""
    for function in catalog.FUNCTIONS:
        for mapping in _mappings(function):
            client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)


def _mappings(function: LambdaFunction) -> list[str]:
    if not function.queue:
        return []
    answer = client("lambda").list_event_source_mappings(FunctionName=function_name(function))
    return [mapping["UUID"] for mapping in answer["EventSourceMappings"]]
