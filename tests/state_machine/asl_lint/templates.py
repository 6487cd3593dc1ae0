"""Every string of a machine that reads a document, and the stage of the document that it reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.state_machine.asl_lint.choices import conditions
from tests.state_machine.asl_lint.documents import Documents, Fields, present
from tests.state_machine.asl_lint.machine import Machine, State
from tests.state_machine.asl_lint.paths import (
    Call,
    Path,
    UnreadableError,
    calls_in,
    parse_path,
    parse_value,
    paths_in,
)
from tests.state_machine.asl_lint.vocabulary import PATH_COMPARISONS

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
class Use:
    """One string that reads the document: where it stands, and which stage of the document it reads."""

    state: State
    place: Place
    text: Any
    stage: Stage
    may_be_absent: bool = False

    def parsed(self) -> Path | Call | None:
        try:
            return parse_value(self.text) if isinstance(self.text, str) else None
        except UnreadableError:
            return None


def uses(machine: Machine) -> Iterator[Use]:
    """Every string of the machine that reads a document, the functions' arguments included."""
    for state in machine.states:
        for name, stage in {**PATH_FIELDS, **REFERENCE_FIELDS}.items():
            if state.body.get(name) is not None:
                yield Use(state, (name,), state.body[name], stage)
        for place, value in objects_in_templates(state):
            for name, text in value.items():
                if name.endswith(".$"):
                    yield Use(state, (*place, name), text, TEMPLATES[str(place[0])])
        yield from _asked(state)


def _asked(state: State) -> Iterator[Use]:
    for place, condition, _ in conditions(state):
        # Presence that is tested in the same And can be relied upon there.
        outer = at(state.body, place[:-2]) if "And" in place else condition
        tested = list(present(outer)) if isinstance(outer, dict) else []
        for name, text in condition.items():
            path = quietly(text) if name == "Variable" or name in PATH_COMPARISONS else None
            if path:
                absent = path in tested or (name == "Variable" and "IsPresent" in condition)
                yield Use(state, (*place, name), text, lambda documents: documents.effective, absent)


def objects_in_templates(state: State) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every object in Parameters, ResultSelector and their like."""
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
    """Everything in a template that is sent as it stands."""
    for state in machine.states:
        for place, value in objects_in_templates(state):
            for name, inner in value.items():
                if not name.endswith(".$"):
                    yield (*place, name), state, name, inner


def calls(machine: Machine) -> Iterator[tuple[Use, Call]]:
    """Every intrinsic function of the machine, those inside others included."""
    for use in uses(machine):
        if parsed := use.parsed():
            yield from ((use, call) for call in calls_in(parsed))


def paths(machine: Machine) -> Iterator[tuple[Use, Path]]:
    """Every path of the machine, those inside functions included."""
    for use in uses(machine):
        if parsed := use.parsed():
            yield from ((use, path) for path in paths_in(parsed))


def quietly(text: Any) -> Path | None:
    """The path, or nothing if it is none: whoever asks has no business with its spelling."""
    try:
        return parse_path(text) if isinstance(text, str) else None
    except UnreadableError:
        return None


def at(value: Any, place: Place) -> Any:
    """What stands at a place, or nothing."""
    for step in place:
        inside = isinstance(value, dict) if isinstance(step, str) else isinstance(value, list)
        value = (value.get(step) if isinstance(step, str) else value[step]) if inside else None
    return value
