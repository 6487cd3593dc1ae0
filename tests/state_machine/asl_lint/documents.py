"""What the document holds when it comes to a state: the fields that every way there has produced."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from botocore.model import Shape as ServiceShape
from botocore.model import StructureShape

from tests.state_machine.asl_lint.machine import Edge, Json, Machine, Scope, State, an_object, objects
from tests.state_machine.asl_lint.paths import Path, UnreadableError, parse_path, parse_value
from tests.state_machine.asl_lint.services import members, parse_resource

# What is known of a JSON value: its fields, or None for a value that may have any.
Fields: TypeAlias = "dict[str, Fields] | None"
Promised: TypeAlias = Mapping[str, Collection[str]]
ERROR_OUTPUT: dict[str, Fields] = {"Error": None, "Cause": None}
DEPTH_OF_RESULTS = 4
ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Documents:
    """A state's document at each stage of its processing."""

    raw: Fields
    effective: Fields
    result: Fields
    combined: Fields
    output: Fields


def both(one: Fields, other: Fields) -> Fields:
    """What holds whichever of two ways was taken."""
    if one is None or other is None:
        return other if one is None else one
    return {name: both(one[name], other[name]) for name in one if name in other}


def find(document: Fields, steps: tuple[str | int, ...]) -> tuple[bool, Fields]:
    """Whether the steps lead to something in the document, and what is known of it."""
    for step in steps:
        if document is None or isinstance(step, int):
            return True, None
        if step not in document:
            return False, None
        document = document[step]
    return True, document


def put(document: Fields, steps: tuple[str | int, ...], value: Fields) -> Fields:
    """The document with a value at the end of the steps."""
    if not steps or isinstance(steps[0], int):
        return value if not steps else None
    first = steps[0]
    inner = (document or {}).get(first, {})
    return None if document is None else {**document, first: put(inner, steps[1:], value)}


def stages(state: State, raw: Fields, promised: Promised) -> Documents:
    """Follow a document through one state."""
    body = state.body
    effective = _at_path(raw, body.get("InputPath", "$"))
    result = combined = effective
    if state.type in ("Task", "Pass", "Parallel", "Map"):
        result = _result(state, effective, promised)
        selected = template(body["ResultSelector"], result) if "ResultSelector" in body else result
        combined = _combined(raw, body.get("ResultPath", "$"), selected)
    return Documents(raw, effective, result, combined, _at_path(combined, body.get("OutputPath", "$")))


def template(value: Any, source: Fields) -> Fields:
    """What is known of an object built by Parameters or ResultSelector."""
    if not isinstance(value, dict):
        return None if isinstance(value, list) else {}
    return {
        name.removesuffix(".$"): _value(inner, source) if name.endswith(".$") else template(inner, source)
        for name, inner in value.items()
    }


def documents_of(machine: Machine) -> dict[State, Documents]:
    """The documents of every state that can be reached."""
    found: dict[State, Documents] = {}
    for scope in machine.scopes:
        first: Fields = dict.fromkeys(machine.input_fields)
        if scope.owner:
            first = _inside(scope.owner, found[scope.owner].effective) if scope.owner in found else None
        for name, raw in _flow(scope, first, machine.results).items():
            found[scope.states[name]] = stages(scope.states[name], raw, machine.results)
    return found


def _flow(scope: Scope, first: Fields, promised: Promised) -> dict[str, Fields]:
    known: dict[str, Fields] = {scope.start: first} if scope.start else {}
    for _ in range(ROUNDS):
        before = dict(known)
        for state in scope.states.values():
            if state.name not in known:
                continue
            stage = stages(state, known[state.name], promised)
            for edge in state.edges():
                if edge.target in scope.states:
                    sent = _sent(edge, stage)
                    known[edge.target] = both(known[edge.target], sent) if edge.target in known else sent
        if known == before:
            break
    return known


def _sent(edge: Edge, stage: Documents) -> Fields:
    if edge.kind == "catch":
        catcher = edge.source.body["Catch"][edge.index]
        return _combined(stage.raw, catcher.get("ResultPath", "$"), ERROR_OUTPUT)
    output = stage.output
    if edge.source.type == "Choice":
        for path in _shown(edge):
            output = put(output, path.steps, None)
    return output


def _shown(edge: Edge) -> Iterator[Path]:
    """The fields whose presence was tested on the way to this edge."""
    choices = dict(objects(edge.source.body.get("Choices")))
    if edge.kind == "choice":
        yield from present(choices[edge.index])
    for i, choice in choices.items():
        if choice.get("IsPresent") is False and (edge.kind == "default" or i < edge.index):
            yield from _paths([choice.get("Variable")])


def present(rule: Json) -> Iterator[Path]:
    """The fields that a choice rule finds present when it matches."""
    parts = [rule, *(part for _, part in objects(rule.get("And")))]
    return _paths([part.get("Variable") for part in parts if part.get("IsPresent") is True])


def _paths(texts: list[Any]) -> Iterator[Path]:
    for text in texts:
        try:
            path = parse_path(text) if isinstance(text, str) else None
        except UnreadableError:
            continue
        if path and path.root == "$" and path.is_reference:
            yield path


def _result(state: State, effective: Fields, promised: Promised) -> Fields:
    if state.name in promised:
        return dict.fromkeys(promised[state.name])
    if state.type == "Pass":
        if "Result" in state.body:
            return _literal(state.body["Result"])
        return template(state.body["Parameters"], effective) if "Parameters" in state.body else effective
    call = parse_resource(state.body.get("Resource")) if state.type == "Task" else None
    if not call or call.is_callback or call.pattern == ".sync:2" or not call.operation:
        return None
    shape = call.operation.output_shape
    known = _shape(shape, DEPTH_OF_RESULTS) if shape else {}
    if call.kind == "optimised" and known is not None:
        known = {**known, "SdkHttpMetadata": None, "SdkResponseMetadata": None, "ExecutedVersion": None}
    return known


def _inside(owner: State, effective: Fields) -> Fields:
    key = "ItemSelector" if "ItemSelector" in owner.body else "Parameters"
    if key in owner.body:
        return template(owner.body[key], effective)
    return effective if owner.type == "Parallel" else None


def _shape(shape: ServiceShape, depth: int) -> Fields:
    if not isinstance(shape, StructureShape) or depth == 0:
        return None
    return {name: _shape(member, depth - 1) for name, member in members(shape).items()}


def _literal(value: Any) -> Fields:
    if isinstance(value, list):
        return None
    return {name: _literal(inner) for name, inner in an_object(value).items()}


def _value(text: Any, source: Fields) -> Fields:
    try:
        value = parse_value(text) if isinstance(text, str) else None
    except UnreadableError:
        return None
    if isinstance(value, Path) and value.root == "$" and value.is_reference:
        return find(source, value.steps)[1]
    return None


def _at_path(document: Fields, text: Any) -> Fields:
    return {} if text is None else _value(text, document)


def _combined(raw: Fields, text: Any, value: Fields) -> Fields:
    if text is None:
        return raw
    try:
        path = parse_path(text) if isinstance(text, str) else None
    except UnreadableError:
        path = None
    return put(raw, path.steps, value) if path and path.is_reference else None
