"""The documents of the definition, against the types of the handlers: the input and output of each state."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints, is_typeddict

import pytest

from lambdas.catalog import FUNCTIONS
from workflow import state_machine_definition
from workflow.pipeline.executions import ExecutionInput

STATES: Mapping[str, Any] = json.loads(state_machine_definition.read_definition())["States"]
START = json.loads(state_machine_definition.read_definition())["StartAt"]
MODULES = {f"${{{function.placeholder}}}": function.module for function in FUNCTIONS}
TOKEN_WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def _module_of(state: Mapping[str, Any]) -> str | None:
    """Return the module of the function that a state calls, or None."""
    resource = state.get("Resource", "")
    return MODULES.get(state["Parameters"]["FunctionName"] if resource == TOKEN_WAIT else resource)


def _parameters_of(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters that the function of a state gets, or None if it gets the document."""
    parameters: Any = state.get("Parameters")
    return parameters["Payload"] if state["Resource"] == TOKEN_WAIT else parameters


def _types_of(module: str) -> tuple[Any, Any]:
    """Return the types of a handler's input and output."""
    hints = get_type_hints(import_module(f"lambdas.{module}").handler)
    return hints["event"], hints["return"]


TASKS = {name: module for name, state in STATES.items() if (module := _module_of(state))}


def _successors(state: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the next states, each with the part of the document that is written on the way."""
    written = state.get("ResultPath")
    yield from ((choice["Next"], None) for choice in state.get("Choices", ()))
    yield from ((state[field], written) for field in ("Next", "Default") if field in state)
    yield from ((catch["Next"], catch["ResultPath"]) for catch in state.get("Catch", ()))


def _guaranteed_parts() -> dict[str, frozenset[str]]:
    """Return the parts of the document that exist in each state, on every path."""
    parts = {START: frozenset(ExecutionInput.__required_keys__)}
    changed = [START]
    while changed:
        name = changed.pop()
        for following, written in _successors(STATES[name]):
            after = parts[name] | ({written.removeprefix("$.")} if written else set())
            known = parts.get(following, after)
            if following not in parts or known & after != known:
                parts[following] = known & after
                changed.append(following)
    return parts


GUARANTEED = _guaranteed_parts()


def _assert_document_suffices(expected: Any, name: str) -> None:
    """Assert that the document in a state has every key that a type requires."""
    assert is_typeddict(expected), f"{name}: {expected}"
    assert expected.__required_keys__ <= GUARANTEED[name], name


@pytest.mark.parametrize("name", TASKS)
def test_a_handler_gets_exactly_the_keys_of_its_input(name: str) -> None:
    expected, _ = _types_of(TASKS[name])
    parameters = _parameters_of(STATES[name])
    if parameters is None:
        _assert_document_suffices(expected, name)
        return
    assert {key.removesuffix(".$") for key in parameters} == set(get_type_hints(expected))
    for key, path in parameters.items():
        if path == "$":
            _assert_document_suffices(get_type_hints(expected)[key.removesuffix(".$")], name)


def _writers() -> dict[str, set[str]]:
    """Return the modules whose functions write each part of the document; a token's answer has no module."""
    written: dict[str, set[str]] = {}
    for name, module in TASKS.items():
        path = STATES[name].get("ResultPath")
        if path and STATES[name]["Resource"] != TOKEN_WAIT:
            written.setdefault(path.removeprefix("$."), set()).add(module)
    return written


def _read_fields() -> set[tuple[str, str]]:
    """Return each field of a part that a state of the definition or a handler reads."""
    fields = set(re.findall(r'"\$\.(\w+)\.(\w+)"', json.dumps(STATES)))
    for module in TASKS.values():
        source = Path(import_module(f"lambdas.{module}").__file__ or "").read_text(encoding="utf-8")
        fields |= set(re.findall(r'inspection\["(\w+)"\]\["(\w+)"\]', source))
    return fields


def test_every_field_that_is_read_is_one_of_the_writers_output() -> None:
    writers = _writers()
    assert set(writers) == {"upload", "detection", "filed", "escalation"}
    assert {part for part, _ in _read_fields()} == set(writers)
    for part, field in _read_fields():
        for module in writers[part]:
            _, output = _types_of(module)
            assert field in get_type_hints(output), f"{module} returns no {field}"


@pytest.mark.parametrize("module", sorted(set(TASKS.values())))
def test_every_state_has_a_typed_input_and_output(module: str) -> None:
    expected, output = _types_of(module)

    assert is_typeddict(expected)
    assert is_typeddict(output) or (output is type(None) and module in ("ask_reviewer", "wait_for_model"))


def test_a_part_that_only_some_paths_write_is_not_guaranteed() -> None:
    assert "detection" not in GUARANTEED["Detect labels"]
    assert "detection" in GUARANTEED["Ask a reviewer"]
    assert "escalation" not in GUARANTEED["Move to reviewed verdict"]
    assert "filed" in GUARANTEED["Announce verdict"]
