"""The catalog is true: each function reads exactly its required settings, and an import does nothing."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lambdas import container
from lambdas.catalog import FUNCTIONS, LambdaFunction
from tests.fakes import FakeDetector
from tests.model_world import (
    InMemoryCapacityStore,
    InMemoryControlPlane,
    InMemoryEventLog,
    InMemoryModelSettings,
)
from tests.unit.pipeline import CLEARLY_OK, POLICY, Pipeline
from workflow.aws.container import AwsContainer
from workflow.errors import ConfigurationError
from workflow.inspections.objects import Image
from workflow.models.capacity_manager import CapacityPorts
from workflow.pipeline.executions import execution_input

ROOT = Path(__file__).resolve().parents[3]
MODULES = [function.module for function in FUNCTIONS]


def settings_of(source: str, known: dict[str, set[str]]) -> set[str]:
    """Return the settings that code reads: by `setting`, `message_queue`, or an adapter of the container."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "production()"):
            found |= known.get(node.attr, set())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_setting = node.func.attr in ("setting", "message_queue")
            if is_setting and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


@cache
def settings_of_container() -> dict[str, set[str]]:
    """Return the settings of each adapter, also through the adapters that it uses."""
    (body,) = ast.parse(inspect.getsource(AwsContainer)).body
    assert isinstance(body, ast.ClassDef)
    methods = [node for node in body.body if isinstance(node, ast.FunctionDef)]
    known: dict[str, set[str]] = {}
    for _ in methods:
        known = {method.name: settings_of(ast.unparse(method), known) for method in methods}
    return known


@pytest.mark.parametrize("function", FUNCTIONS, ids=MODULES)
def test_a_function_needs_exactly_the_settings_that_it_reads(function: LambdaFunction) -> None:
    source = read_handler(function.module)
    for imported in re.findall(r"^from lambdas\.(\w+) import", source, re.MULTILINE):
        source += read_handler(imported) if imported in MODULES else ""

    assert settings_of(source, settings_of_container()) == function.required_variables


def read_handler(module: str) -> str:
    """Return the source of a function."""
    return (ROOT / "lambdas" / f"{module}.py").read_text(encoding="utf-8")


def test_every_handler_is_in_the_catalog() -> None:
    files = {path.stem for path in (ROOT / "lambdas").glob("*.py")}

    shared = {
        *("__init__", "batch_processor", "catalog", "container", "observability"),
        *("detectors", "own_model_detector", "photo_meter"),
    }
    assert files - shared == set(MODULES)
    assert len({function.placeholder for function in FUNCTIONS}) == len(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS, ids=MODULES)
def test_a_placeholder_is_its_modules_name(function: LambdaFunction) -> None:
    words = "".join(word.capitalize() for word in function.module.split("_"))

    assert function.placeholder == f"{words}Function"
    assert callable(importlib.import_module(f"lambdas.{function.module}").handler)
    assert function.handler == f"lambdas.{function.module}.handler"


def test_importing_a_function_reads_no_setting_and_makes_no_client() -> None:
    script = (
        "import importlib, sys\n"
        f"modules = [importlib.import_module('lambdas.' + name) for name in {MODULES!r}]\n"
        "from lambdas import container\n"
        "from workflow.aws import clients\n"
        "created = sum(port.cache_info().currsize for port in (container.production, clients.client))\n"
        "adapters = [name for name in sys.modules if name.startswith('workflow.aws.')]\n"
        "sys.exit(bool(created) or sorted(adapters) != ['workflow.aws.clients', 'workflow.aws.container',\n"
        "                                               'workflow.aws.credentials'])\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=ROOT, env={}, capture_output=True, text=True
    )

    assert (run.returncode, run.stderr) == (0, "")


def test_a_token_is_not_logged_even_where_powertools_is_told_to_log_events() -> None:
    script = (
        "from lambdas import ask_reviewer\n"
        "from tests.fakes import FakeDetector\n"
        "from tests.unit.lambdas.conftest import FakeContext\n"
        "from tests.unit.pipeline import UNSURE, Pipeline, inspection_id\n"
        "pipeline = Pipeline(detector=FakeDetector(UNSURE))\n"
        "image = pipeline.upload()\n"
        "owner = pipeline.waiting(image)\n"
        "inspection = {'inspection_id': inspection_id(image), 'execution': owner,\n"
        "              'detection': {'review_seconds': 60}}\n"
        "event = {'inspection': inspection, 'token': 'AQDE-secret'}\n"
        "ports = {'inspections': pipeline.inspections, 'task_tokens': pipeline.task_tokens}\n"
        "ports['decisions'] = pipeline.decisions\n"
        "ask_reviewer.handler(event, FakeContext(), **ports)\n"
    )
    told = {"POWERTOOLS_LOGGER_LOG_EVENT": "true", "POWERTOOLS_LOG_LEVEL": "DEBUG"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=told, capture_output=True, text=True, check=True
    )

    assert "asked a reviewer" in run.stdout
    assert "AQDE-secret" not in run.stdout + run.stderr


LEFT_OUT = [
    (function.module, port, setting)
    for function in FUNCTIONS
    for port, setting in {
        "inspections": "INSPECTIONS_TABLE",
        "task_tokens": "TASK_TOKENS_TABLE",
        "wake_tokens": "WAKE_TOKENS_TABLE",
        "executions": "STATE_MACHINE_ARN",
        "decisions": "DECISION_QUEUE_URL",
        "escalations": "ESCALATION_QUEUE_URL",
        "detector": "MODEL_PARAMETER",
        "policy": "POLICY_PARAMETER",
        "": "FILED_BUCKET MAX_IN_FLIGHT INBOUND_BUCKET HISTORY_BUCKET",
    }.items()
    for setting in setting.split()
    if setting in function.required_variables
]


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
@pytest.mark.parametrize(("module", "port", "setting"), LEFT_OUT)
def test_a_missing_setting_is_named(
    module: str, port: str, setting: str, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = next(function for function in FUNCTIONS if function.module == module)
    for name in function.required_variables - {setting}:
        monkeypatch.setenv(name, "1")
    handler = importlib.import_module(f"lambdas.{module}").handler
    pipeline = Pipeline(detector=FakeDetector(CLEARLY_OK))
    ports = {**vars(pipeline), "policy": POLICY, "tasks": pipeline.executions}
    store = InMemoryCapacityStore()
    ports |= {"capacity_store": store, "settings": InMemoryModelSettings()}
    ports["capacity_ports"] = CapacityPorts(InMemoryControlPlane(), store, InMemoryEventLog())
    if port == "detector":
        del ports["settings"]
    taken = {
        name: ports[name] for name in inspect.signature(handler).parameters if name in ports and name != port
    }

    with pytest.raises(Exception, match=rf"^(.*\n)*.*the environment variable {setting} is not set") as told:
        handler(EVENT, context, **taken)
    assert isinstance(told.value, ConfigurationError) or "ConfigurationError" in str(told.value)


DOCUMENT: dict[str, Any] = {
    **execution_input(Image("b", "k", "v"), "2026-03-01T12:00:00Z", 1),
    "detection": {"review_seconds": 60, "timeout_seconds": 60, "reason": "stopped"},
}
EVENT: dict[str, Any] = {
    **DOCUMENT,
    "upload": DOCUMENT,
    "inspection": DOCUMENT,
    "verdict": "ok",
    "token": "t",
    "Records": [
        {
            "messageId": "1",
            "body": '{"inspection_id": "i1", "time": "2026-03-01T12:00:00Z", "detail": '
            '{"bucket": {"name": "b"}, "object": {"key": "k", "version-id": "v"}}}',
            "attributes": {},
            "eventSource": "aws:sqs",
        }
    ],
}


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_setting_is_a_missing_setting(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is not None:
        monkeypatch.setenv("INSPECTIONS_TABLE", value)

    with pytest.raises(ConfigurationError, match="INSPECTIONS_TABLE is not set"):
        container.production().setting("INSPECTIONS_TABLE")


def test_a_complete_environment_is_accepted_and_a_wrong_one_named() -> None:
    function = LambdaFunction(placeholder="F", module="f", required_variables=frozenset({"A", "B"}))

    assert function.validate_environment({"A": "1", "B": "2"}) == {"A": "1", "B": "2"}
    with pytest.raises(ConfigurationError, match=r"F: environment differs by \['B'\]"):
        function.validate_environment({"A": "1"})
    with pytest.raises(ConfigurationError, match=r"F: environment differs by \['C'\]"):
        function.validate_environment({"A": "1", "B": "2", "C": "3"})


@pytest.mark.parametrize("function", FUNCTIONS, ids=MODULES)
def test_a_step_ends_before_the_state_machine_gives_it_up(function: LambdaFunction) -> None:
    if not function.queue and not function.schedule_minutes:
        assert function.timeout_seconds < 60
