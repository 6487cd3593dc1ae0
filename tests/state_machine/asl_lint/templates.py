"""The strings of a machine that read a document, and the stage of the document that each one reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.state_machine.asl_lint.choices import conditions
from tests.state_machine.asl_lint.document_flow import Documents, Fields, fields_tested_present
from tests.state_machine.asl_lint.language_schema import PATH_COMPARISONS
from tests.state_machine.asl_lint.machine import Machine, State
from tests.state_machine.asl_lint.paths import (
    IntrinsicCall,
    ParseError,
    Path,
    calls_in,
    parse_path,
    parse_value,
    paths_in,
)

Place = tuple[str | int, ...]
Stage = Callable[[Documents], Fields]
TEMPLATES: dict[str, Stage] = {
    "Parameters": lambda documents: documents.effective,
    "ItemSelector": lambda documents: documents.effective,
    "ItemReader": lambda documents: documents.effective,
    "ItemBatcher": lambda documents: documents.effective,
    "ResultWriter": lambda documents: documents.effective,
    "Credentials": lambda documents: documents.effective,
    "ResultSelector": lambda documents: documents.result,
}
PATH_FIELDS: dict[str, Stage] = {
    "InputPath": lambda documents: documents.raw,
    "OutputPath": lambda documents: documents.combined,
    "ItemsPath": lambda documents: documents.effective,
    "ErrorPath": lambda documents: documents.raw,
    "CausePath": lambda documents: documents.raw,
}
REFERENCE_FIELDS: dict[str, Stage] = {
    "SecondsPath": lambda documents: documents.effective,
    "TimestampPath": lambda documents: documents.effective,
    "TimeoutSecondsPath": lambda documents: documents.effective,
    "HeartbeatSecondsPath": lambda documents: documents.effective,
    "MaxConcurrencyPath": lambda documents: documents.effective,
    "ToleratedFailureCountPath": lambda documents: documents.effective,
    "ToleratedFailurePercentagePath": lambda documents: documents.effective,
}


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """One string that reads the document: its place, and the stage of the document that it reads."""

    state: State
    place: Place
    text: Any
    stage: Stage
    may_be_absent: bool = False

    def parsed(self) -> Path | IntrinsicCall | None:
        try:
            return parse_value(self.text) if isinstance(self.text, str) else None
        except ParseError:
            return None


def document_reads(machine: Machine) -> Iterator[DocumentRead]:
    """Yield every string of the machine that reads a document."""
    for state in machine.states:
        for name, stage in {**PATH_FIELDS, **REFERENCE_FIELDS}.items():
            if state.body.get(name) is not None:
                yield DocumentRead(state, (name,), state.body[name], stage)
        for place, value in objects_in_templates(state):
            for name, text in value.items():
                if name.endswith(".$"):
                    yield DocumentRead(state, (*place, name), text, TEMPLATES[str(place[0])])
        yield from _choice_reads(state)


def _choice_reads(state: State) -> Iterator[DocumentRead]:
    for place, condition, _ in conditions(state):
        # A field whose presence is tested in the same And exists there.
        outer = value_at(state.body, place[:-2]) if "And" in place else condition
        tested = list(fields_tested_present(outer)) if isinstance(outer, dict) else []
        for name, text in condition.items():
            path = parse_path_or_none(text) if name == "Variable" or name in PATH_COMPARISONS else None
            if path:
                absent = path in tested or (name == "Variable" and "IsPresent" in condition)
                yield DocumentRead(state, (*place, name), text, lambda documents: documents.effective, absent)


def objects_in_templates(state: State) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield every object in Parameters, ResultSelector and similar fields."""
    for name in TEMPLATES:
        if name in state.body:
            yield from _objects((name,), state.body[name])


def _objects(place: Place, value: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    if isinstance(value, dict):
        yield place, value
        for name, inner in value.items():
            yield from _objects((*place, name), inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _objects((*place, i), inner)


def literals(machine: Machine) -> Iterator[tuple[Place, State, str, Any]]:
    """Yield every template value that is sent unchanged."""
    for state in machine.states:
        for place, value in objects_in_templates(state):
            for name, inner in value.items():
                if not name.endswith(".$"):
                    yield (*place, name), state, name, inner


def intrinsic_calls(machine: Machine) -> Iterator[tuple[DocumentRead, IntrinsicCall]]:
    """Yield every intrinsic function of the machine, with nested ones."""
    for use in document_reads(machine):
        if parsed := use.parsed():
            yield from ((use, call) for call in calls_in(parsed))


def document_paths(machine: Machine) -> Iterator[tuple[DocumentRead, Path]]:
    """Yield every path of the machine, with those in function arguments."""
    for use in document_reads(machine):
        if parsed := use.parsed():
            yield from ((use, path) for path in paths_in(parsed))


def parse_path_or_none(text: Any) -> Path | None:
    """Return the parsed path, or None for other values."""
    try:
        return parse_path(text) if isinstance(text, str) else None
    except ParseError:
        return None


def value_at(value: Any, place: Place) -> Any:
    """Return the value at a place, or None."""
    for step in place:
        is_container = isinstance(value, dict) if isinstance(step, str) else isinstance(value, list)
        value = (value.get(step) if isinstance(step, str) else value[step]) if is_container else None
    return value
