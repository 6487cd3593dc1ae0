"""The flow of the document: the fields that every path to a state has produced."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from botocore.model import Shape as ServiceShape
from botocore.model import StructureShape

from tests.state_machine.asl_lint.machine import Edge, Json, Machine, Scope, State, object_or_empty, objects
from tests.state_machine.asl_lint.paths import ParseError, Path, parse_path, parse_value
from tests.state_machine.asl_lint.services import members, parse_resource

# The known fields of a JSON value, or None if it may have any.
Fields: TypeAlias = "dict[str, Fields] | None"
TaskResults: TypeAlias = Mapping[str, Collection[str]]
ERROR_OUTPUT: dict[str, Fields] = {"Error": None, "Cause": None}
MAX_RESULT_DEPTH = 4
MAX_ITERATIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The document of a state at each stage of its processing."""

    raw: Fields
    effective: Fields
    result: Fields
    combined: Fields
    output: Fields


def intersect_fields(first: Fields, second: Fields) -> Fields:
    """Return the fields that both documents have."""
    if first is None or second is None:
        return second if first is None else first
    return {name: intersect_fields(first[name], second[name]) for name in first if name in second}


def resolve_path(document: Fields, steps: tuple[str | int, ...]) -> tuple[bool, Fields]:
    """Return whether the document has a value at these steps, and the value's known fields."""
    for step in steps:
        if document is None or isinstance(step, int):
            return True, None
        if step not in document:
            return False, None
        document = document[step]
    return True, document


def set_path(document: Fields, steps: tuple[str | int, ...], value: Fields) -> Fields:
    """Return the document with a value set at these steps."""
    if not steps or isinstance(steps[0], int):
        return value if not steps else None
    first = steps[0]
    inner = (document or {}).get(first, {})
    return None if document is None else {**document, first: set_path(inner, steps[1:], value)}


def document_stages(state: State, raw: Fields, results: TaskResults) -> Documents:
    """Return the document at each stage of one state."""
    body = state.body
    effective = _fields_at(raw, body.get("InputPath", "$"))
    result = combined = effective
    if state.type in ("Task", "Pass", "Parallel", "Map"):
        result = _result(state, effective, results)
        selected = template_fields(body["ResultSelector"], result) if "ResultSelector" in body else result
        combined = _apply_result_path(raw, body.get("ResultPath", "$"), selected)
    output = _fields_at(combined, body.get("OutputPath", "$"))
    return Documents(raw=raw, effective=effective, result=result, combined=combined, output=output)


def template_fields(value: Any, source: Fields) -> Fields:
    """Return the known fields of an object built by Parameters or ResultSelector."""
    if not isinstance(value, dict):
        return None if isinstance(value, list) else {}
    return {
        name.removesuffix(".$"): _value(inner, source)
        if name.endswith(".$")
        else template_fields(inner, source)
        for name, inner in value.items()
    }


def compute_documents(machine: Machine) -> dict[State, Documents]:
    """Return the documents of every reachable state."""
    documents: dict[State, Documents] = {}
    for scope in machine.scopes:
        first: Fields = dict.fromkeys(machine.input_fields)
        if scope.owner:
            first = (
                _inner_input(scope.owner, documents[scope.owner].effective)
                if scope.owner in documents
                else None
            )
        for name, raw in _propagate(scope, first, machine.results).items():
            documents[scope.states[name]] = document_stages(scope.states[name], raw, machine.results)
    return documents


def _propagate(scope: Scope, first: Fields, results: TaskResults) -> dict[str, Fields]:
    known: dict[str, Fields] = {scope.start: first} if scope.start else {}
    for _ in range(MAX_ITERATIONS):
        before = dict(known)
        for state in scope.states.values():
            if state.name not in known:
                continue
            stage = document_stages(state, known[state.name], results)
            for edge in state.edges():
                if edge.target in scope.states:
                    incoming = _edge_document(edge, stage)
                    known[edge.target] = (
                        intersect_fields(known[edge.target], incoming) if edge.target in known else incoming
                    )
        if known == before:
            break
    return known


def _edge_document(edge: Edge, stage: Documents) -> Fields:
    if edge.kind == "catch":
        catcher = edge.source.body["Catch"][edge.index]
        return _apply_result_path(stage.raw, catcher.get("ResultPath", "$"), ERROR_OUTPUT)
    output = stage.output
    if edge.source.type == "Choice":
        for path in _tested_paths(edge):
            output = set_path(output, path.steps, None)
    return output


def _tested_paths(edge: Edge) -> Iterator[Path]:
    """Yield the fields whose presence is tested on the way to this edge."""
    choices = dict(objects(edge.source.body.get("Choices")))
    if edge.kind == "choice":
        yield from fields_tested_present(choices[edge.index])
    for i, choice in choices.items():
        if choice.get("IsPresent") is False and (edge.kind == "default" or i < edge.index):
            yield from _paths([choice.get("Variable")])


def fields_tested_present(rule: Json) -> Iterator[Path]:
    """Yield the fields that are present if a choice rule matches."""
    parts = [rule, *(part for _, part in objects(rule.get("And")))]
    return _paths([part.get("Variable") for part in parts if part.get("IsPresent") is True])


def _paths(texts: list[Any]) -> Iterator[Path]:
    for text in texts:
        try:
            path = parse_path(text) if isinstance(text, str) else None
        except ParseError:
            continue
        if path and path.root == "$" and path.is_reference:
            yield path


def _result(state: State, effective: Fields, results: TaskResults) -> Fields:
    if state.name in results:
        return dict.fromkeys(results[state.name])
    if state.type == "Pass":
        if "Result" in state.body:
            return _literal(state.body["Result"])
        return (
            template_fields(state.body["Parameters"], effective) if "Parameters" in state.body else effective
        )
    call = parse_resource(state.body.get("Resource")) if state.type == "Task" else None
    if not call or call.is_callback or call.pattern == ".sync:2" or not call.operation:
        return None
    shape = call.operation.output_shape
    known = _shape(shape, MAX_RESULT_DEPTH) if shape else {}
    if call.kind == "optimized" and known is not None:
        known = {**known, "SdkHttpMetadata": None, "SdkResponseMetadata": None, "ExecutedVersion": None}
    return known


def _inner_input(owner: State, effective: Fields) -> Fields:
    key = "ItemSelector" if "ItemSelector" in owner.body else "Parameters"
    if key in owner.body:
        return template_fields(owner.body[key], effective)
    return effective if owner.type == "Parallel" else None


def _shape(shape: ServiceShape, depth: int) -> Fields:
    if not isinstance(shape, StructureShape) or depth == 0:
        return None
    return {name: _shape(member, depth - 1) for name, member in members(shape).items()}


def _literal(value: Any) -> Fields:
    if isinstance(value, list):
        return None
    return {name: _literal(inner) for name, inner in object_or_empty(value).items()}


def _value(text: Any, source: Fields) -> Fields:
    try:
        value = parse_value(text) if isinstance(text, str) else None
    except ParseError:
        return None
    if isinstance(value, Path) and value.root == "$" and value.is_reference:
        return resolve_path(source, value.steps)[1]
    return None


def _fields_at(document: Fields, text: Any) -> Fields:
    return {} if text is None else _value(text, document)


def _apply_result_path(raw: Fields, text: Any, value: Fields) -> Fields:
    if text is None:
        return raw
    try:
        path = parse_path(text) if isinstance(text, str) else None
    except ParseError:
        path = None
    return set_path(raw, path.steps, value) if path and path.is_reference else None
