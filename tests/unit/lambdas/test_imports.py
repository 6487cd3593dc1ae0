"""A function that starts cold loads only what it uses."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from lambdas import container
from lambdas.catalog import FUNCTIONS, LambdaFunction
from workflow.aws import clients

ROOT = Path(__file__).parents[3]
SETTINGS = {
    "AWS_REGION": "eu-central-1",
    "POWERTOOLS_METRICS_NAMESPACE": "test",
    "POWERTOOLS_SERVICE_NAME": "t",
}


def loaded_modules(module: str, **settings: str) -> set[str]:
    """Import a function in a process of its own, and return the names of all loaded modules."""
    script = f"import sys, lambdas.{module}; print('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=SETTINGS | settings, capture_output=True, check=True
    )
    return set(run.stdout.decode().split())


@pytest.mark.parametrize("function", FUNCTIONS, ids=[function.module for function in FUNCTIONS])
def test_without_tracing_a_function_loads_no_tracer_and_only_queues_load_batches(
    function: LambdaFunction,
) -> None:
    modules = loaded_modules(function.module, POWERTOOLS_TRACE_DISABLED="true")

    assert not {"aws_xray_sdk", "aws_xray_sdk.core"} & modules
    assert ({"numpy", "PIL"} <= modules) is (function.module == "claim_upload"), "only it measures photos"
    reads_batches = function.module in ("start_inspection", "deliver_decision")
    assert ("aws_lambda_powertools.utilities.batch" in modules) is reads_batches


def test_with_tracing_a_function_loads_the_tracer() -> None:
    assert "aws_xray_sdk.core" in loaded_modules("close_inspection")


def test_a_function_makes_its_clients_while_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    clients.client.cache_clear()
    monkeypatch.setenv("CLIENTS", "dynamodb sqs")

    runpy.run_path(container.__file__)

    assert clients.client.cache_info().currsize == 2
