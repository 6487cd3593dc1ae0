"""Lambda's part in every function call: a context, an environment, and a log."""

import inspect
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lambdas import container, observability
from lambdas.catalog import FUNCTIONS
from tests.unit.pipeline import Pipeline
from workflow.aws import clients


@dataclass
class FakeContext:
    """The attributes of Lambda's context that the functions use."""

    function_name: str = "partcheck-test"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:partcheck-test"
    aws_request_id: str = "6f7a1a2b-5c57-4c7e-9a37-0d4e1f0e6f11"
    milliseconds_left: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds_left


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.fixture
def invoke(context: FakeContext) -> Callable[..., Any]:
    """Return a caller of functions that passes the adapters of a pipeline, or others by their names."""

    def call(pipeline: Pipeline, module: Any, event: Any, **others: Any) -> Any:
        parameters = inspect.signature(module.handler).parameters
        adapters = {name: getattr(pipeline, name) for name in parameters if hasattr(pipeline, name)}
        return module.handler(event, context, **{**adapters, **others})

    return call


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set only Lambda's own variables, and clear the adapters of other tests."""
    for name in sorted(frozenset().union(*(function.required_variables for function in FUNCTIONS))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    yield
    container.production.cache_clear()
    clients.client.cache_clear()


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the log entries of the functions so far."""
    stream = io.StringIO()
    handler = observability.logger.registered_handler
    before = handler.setStream(stream)  # type: ignore[attr-defined]
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)  # type: ignore[attr-defined]
