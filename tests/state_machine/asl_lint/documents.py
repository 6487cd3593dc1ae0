"""The flow of the document: what reads it, and the fields that every path to a state has produced."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from botocore.model import Shape, StructureShape

from tests.state_machine.asl_lint.machine import Edge, Machine, Place, State, walk
from tests.state_machine.asl_lint.services import members, parse_resource

# The known fields of a JSON value, or None if it may have any.
Fields: TypeAlias = "dict[str, Fields] | None"
Results: TypeAlias = Mapping[str, Collection[str]]
TEMPLATES = ("Parameters", "ResultSelector")
PATH_FIELDS = (
    *("SecondsPath", "TimestampPath", "TimeoutSecondsPath", "HeartbeatSecondsPath"),
    *("ErrorPath", "CausePath"),
)
ERROR_OUTPUT: dict[str, Fields] = {"Error": None, "Cause": None}
MAX_RESULT_DEPTH = 4
_STEP = re.compile(r"\.(\w+)|\['([^']+)'\]|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path: its root, and its steps up to a wildcard, a filter or a slice."""

    root: str
    steps: tuple[str | int, ...]
    is_reference: bool

    @property
    def reads_token(self) -> bool:
        """Return whether the path leads to the task token, or to an object that contains it."""
        return self.root == "$$" and self.steps[:2] == ("Task", "Token")[: len(self.steps)]


def parse_path(text: Any) -> Path | None:
    """Parse `$.a['b'][0]` or `$$.Execution.Name`. Return None for other values."""
    if not isinstance(text, str) or not text.startswith("$"):
        return None
    root = "$$" if text.startswith("$$") else "$"
    steps: list[str | int] = []
    at = len(root)
    while match := _STEP.match(text, at):
        steps.append(int(match[3]) if match[3] else match[1] or match[2])
        at = match.end()
    return Path(root, tuple(steps), at == len(text))


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """One path that reads the document, the context, or in a ResultSelector the result."""

    state: State
    place: Place
    path: Path


class Documents(NamedTuple):
    """The document before a state, the state's result, and the document after it."""

    before: Fields
    result: Fields
    after: Fields


def document_reads(machine: Machine) -> Iterator[DocumentRead]:
    """Yield every path of the machine that reads something."""
    for state in machine.states:
        for place, value in walk(state.body):
            group, name = (str(place[0]), str(place[-1])) if place else ("", "")
            is_read = name.endswith(".$") if group in TEMPLATES else name in PATH_FIELDS
            is_compared = group == "Choices" and name.endswith(("Path", "Variable"))
            if is_read or is_compared:
                yield DocumentRead(state, place, parse_path(value) or Path("", (), False))


def compute_documents(machine: Machine) -> dict[str, Documents]:
    """Return the documents of every state."""
    before: dict[str, Fields] = {machine.definition["StartAt"]: dict.fromkeys(machine.input_fields)}
    previous = None
    while previous != before:
        previous = dict(before)
        for state in machine.states:
            for edge in state.edges() if state.name in before else ():
                fields = _edge_document(state, edge, _documents(state, before[state.name], machine.results))
                known = edge.target in before
                before[edge.target] = _intersect(before[edge.target], fields) if known else fields
    return {
        state.name: _documents(state, before[state.name], machine.results)
        for state in machine.states
        if state.name in before
    }


def _documents(state: State, before: Fields, results: Results) -> Documents:
    if state.type not in ("Task", "Pass"):
        return Documents(before, before, before)
    result = _result(state, before, results)
    selected = _template(state.body["ResultSelector"], result) if "ResultSelector" in state.body else result
    return Documents(before, result, _set(before, state.body.get("ResultPath", "$"), selected))


def _edge_document(state: State, edge: Edge, documents: Documents) -> Fields:
    if edge.place[0] != "Catch":
        return documents.after
    catcher = state.body["Catch"][edge.place[1]]
    return _set(documents.before, catcher.get("ResultPath", "$"), ERROR_OUTPUT)


def _result(state: State, before: Fields, results: Results) -> Fields:
    if state.name in results:
        return dict.fromkeys(results[state.name])
    if state.type == "Pass":
        return _template(state.body.get("Result", state.body.get("Parameters")), before)
    call = parse_resource(state.body.get("Resource"))
    if not call or state.is_callback or not call.operation:
        return None
    output = call.operation.output_shape
    known = _shape(output, MAX_RESULT_DEPTH) if output else {}
    metadata = dict.fromkeys(("SdkHttpMetadata", "SdkResponseMetadata", "ExecutedVersion"))
    return {**known, **metadata} if known is not None and call.is_optimized else known


def _shape(shape: Shape, depth: int) -> Fields:
    if not isinstance(shape, StructureShape) or depth == 0:
        return None
    return {name: _shape(member, depth - 1) for name, member in members(shape).items()}


def _template(value: Any, source: Fields) -> Fields:
    """Return the known fields of an object built by Parameters or ResultSelector."""
    if value is None:
        return source
    if not isinstance(value, dict):
        return None if isinstance(value, list) else {}
    return {
        name.removesuffix(".$"): _value(inner, source) if name.endswith(".$") else _template(inner, source)
        for name, inner in value.items()
    }


def _value(text: Any, source: Fields) -> Fields:
    path = parse_path(text)
    return find(source, path.steps)[1] if path and path.root == "$" and path.is_reference else None


def find(document: Fields, steps: tuple[str | int, ...]) -> tuple[bool, Fields]:
    """Return whether the document has a value at these steps, and the value's known fields."""
    for step in steps:
        if document is None or isinstance(step, int):
            return True, None
        if step not in document:
            return False, None
        document = document[step]
    return True, document


def _intersect(first: Fields, second: Fields) -> Fields:
    """Return the fields that both documents have."""
    if first is None or second is None:
        return second if first is None else first
    return {name: _intersect(first[name], second[name]) for name in first if name in second}


def _set(document: Fields, text: Any, value: Fields) -> Fields:
    """Return the document with a value set at a ResultPath."""
    path = parse_path(text)
    return _set_steps(document, path.steps, value) if path else document


def _set_steps(document: Fields, steps: tuple[str | int, ...], value: Fields) -> Fields:
    if not steps or document is None or isinstance(steps[0], int):
        return value if not steps else None
    inner = document.get(steps[0], {})
    return {**document, steps[0]: _set_steps(inner, steps[1:], value)}
