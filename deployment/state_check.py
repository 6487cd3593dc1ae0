"""Checks of each state on Step Functions' own engine: TestState with mocked results, without any resource.

The cases are read from the definition: the results, retries and catchers of tasks, the branches of choices.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.errors import ConfigurationError, PartcheckError

DEFAULT_ATTEMPTS = 3  # Of a retrier without MaxAttempts.
UNNAMED_ERROR = "UnnamedError"
CONTEXT = {"Execution": {"Name": "check"}, "Task": {"Token": "token"}}
# For each operator of a choice: the values with which it holds, and those with which it does not.
_OPERATORS: Mapping[str, tuple[Any, Any]] = {
    "StringEquals": (None, "none of them"),
    "BooleanEquals": (None, None),
    "NumericLessThanPath": (0, 1),
}


@dataclass(frozen=True, slots=True)
class StateOutcome:
    """The outcome of a state: a status of TestState, and the next state or the error."""

    status: str
    next_state: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCase:
    """One test of a state: an event, the request for TestState, and the outcome of the definition."""

    state: str
    event: str
    request: Mapping[str, Any]
    expected: StateOutcome


def build_cases(definition: str) -> list[StateCase]:
    """Return the cases of all states. Raise PartcheckError for a type or an operator without cases."""
    return [case for name, state in json.loads(definition)["States"].items() for case in _cases(name, state)]


def run_case(definition: str, case: StateCase, stepfunctions: Any = None) -> StateOutcome:
    """Return the outcome on Step Functions. Raise PartcheckError if it refuses the definition."""
    service = stepfunctions or client("stepfunctions")
    try:
        answer = service.test_state(definition=definition, stateName=case.state, **case.request)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "AccessDeniedException":
            raise ConfigurationError(
                f"the credentials may not call states:TestState, which this check requires: {message}"
            ) from error
        raise PartcheckError(f"Step Functions refuses “{case.state}” ({case.event}): {message}") from error
    error_name = answer.get("error", "") if answer["status"] == "FAILED" else ""
    return StateOutcome(answer["status"], answer.get("nextState", ""), error_name)


def _cases(name: str, state: Mapping[str, Any]) -> Iterator[StateCase]:
    succeeded = StateOutcome("SUCCEEDED", state.get("Next", ""))
    given = json.dumps(_build_input(state))
    match state["Type"]:
        case "Task":
            yield from _task_cases(name, state, given)
        case "Choice":
            yield from _choice_cases(name, state)
        case "Fail":
            failed = StateOutcome("FAILED", error=state["Error"])
            yield StateCase(state=name, event="failure", request={"input": given}, expected=failed)
        case "Wait" | "Pass" | "Succeed":
            yield StateCase(state=name, event="input", request={"input": given}, expected=succeeded)
        case other:
            raise PartcheckError(f"the check has no cases for the type {other} of the state “{name}”")


def _task_cases(name: str, state: Mapping[str, Any], given: str) -> Iterator[StateCase]:
    """Yield a result, and each named error at the first attempt and when its retries are used up."""
    common = {"input": given, "context": json.dumps(CONTEXT)}
    result = {"result": "{}", "fieldValidationMode": "PRESENT"}
    yield StateCase(
        state=name,
        event="a result",
        request={**common, "mock": result},
        expected=StateOutcome("SUCCEEDED", state.get("Next", "")),
    )
    rules = [*state.get("Retry", ()), *state.get("Catch", ())]
    names = dict.fromkeys(error for rule in rules for error in rule["ErrorEquals"])
    for error in dict.fromkeys(_raised_name(error) for error in names):
        limit = _attempts(_find_rule(state.get("Retry", ()), error))
        for attempts in sorted({0, limit}):
            yield StateCase(
                state=name,
                event=f"{error} after {attempts} retries",
                request={
                    **common,
                    "mock": {"errorOutput": {"error": error, "cause": "check"}},
                    "stateConfiguration": {"retrierRetryCount": attempts},
                },
                expected=_outcome_of_error(state, error, is_exhausted=attempts >= limit),
            )


def _outcome_of_error(state: Mapping[str, Any], error: str, *, is_exhausted: bool) -> StateOutcome:
    if not is_exhausted:
        return StateOutcome("RETRIABLE")
    catcher = _find_rule(state.get("Catch", ()), error)
    return StateOutcome("CAUGHT_ERROR", catcher["Next"]) if catcher else StateOutcome("FAILED", error=error)


def _find_rule(rules: Any, error: str) -> Mapping[str, Any] | None:
    """Return the first retrier or catcher that matches an error. A timeout is no States.TaskFailed."""
    wildcards = {"States.ALL"} | (set() if error == "States.Timeout" else {"States.TaskFailed"})
    return next((rule for rule in rules if {error, *wildcards} & {*rule["ErrorEquals"]}), None)


def _attempts(retrier: Mapping[str, Any] | None) -> int:
    return int(retrier.get("MaxAttempts", DEFAULT_ATTEMPTS)) if retrier else 0


def _raised_name(error: str) -> str:
    """Return an error for a name of ErrorEquals: wildcards match an error that nothing else names."""
    return UNNAMED_ERROR if error in ("States.ALL", "States.TaskFailed") else error


def _choice_cases(name: str, state: Mapping[str, Any]) -> Iterator[StateCase]:
    """Yield a case for each rule, with an input that only this rule accepts, and one for the default."""
    for rule in (*state["Choices"], None):
        document: dict[str, Any] = {}
        for other in state["Choices"]:
            _apply(document, name, other, holds=False)
        if rule is not None:
            _apply(document, name, rule, holds=True)
        target = rule["Next"] if rule else state.get("Default", "")
        yield StateCase(
            state=name,
            event=f"the branch to “{target}”",
            request={"input": json.dumps(document)},
            expected=StateOutcome("SUCCEEDED", target),
        )


def _apply(document: dict[str, Any], state: str, rule: Mapping[str, Any], *, holds: bool) -> None:
    """Write values into a document with which a rule holds, or does not hold."""
    operators = rule.keys() & _OPERATORS.keys()
    if len(operators) != 1 or rule.keys() - {"Variable", "Next", *operators}:
        raise PartcheckError(f"the check has no cases for the rule {dict(rule)} of the state “{state}”")
    [operator] = operators
    value = _OPERATORS[operator][0 if holds else 1]
    if operator == "NumericLessThanPath":
        _write(document, rule[operator], 1)
    elif operator == "BooleanEquals":
        value = rule[operator] is holds
    _write(document, rule["Variable"], rule[operator] if value is None else value)


def _build_input(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input with a value at each path that the state reads."""
    document: dict[str, Any] = {}
    for key, path in _iter_paths(state):
        _write(document, path, 1 if key.endswith("SecondsPath") else "text")
    return document


def _iter_paths(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each reference path below a field with the field's name, without paths into the context."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("Retry", "Catch", "ResultPath", "Choices"):
                yield from _iter_paths(inner, name)
    elif isinstance(value, str) and value.startswith("$."):
        yield key, value


def _write(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.removeprefix("$.").split(".")
    for name in parents:
        document = document.setdefault(name, {})
    document[last] = value
