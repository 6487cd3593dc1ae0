"""In-memory Step Functions: it interprets the product's definition on a simulated clock."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Protocol

from botocore.exceptions import ClientError

from workflow import timestamps

ENDED = ("FAILED", "TIMED_OUT", "ABORTED")
Callback = Callable[[Any, str], None]


class EngineRuntime(Protocol):
    """The services of the simulation that the interpreter needs."""

    rng: random.Random

    def schedule(self, seconds: float, action: Callable[[], None]) -> None:
        """Schedule an action some seconds from now."""

    def now(self) -> datetime:
        """Return the simulated time."""

    def invoke(self, function: str, payload: Any, done: Callback) -> None:
        """Invoke a function. Call `done` with its result, or with the name of its error."""

    def publish(self, queue: str, body: str, done: Callback) -> None:
        """Send a message. Call `done` as for a function."""


@dataclass
class SimulatedExecution:
    """One execution. `step` increases with each attempt of a state, so that late results are recognised."""

    name: str
    input: str
    started_at: datetime
    document: Any
    status: str = "RUNNING"
    state: str = ""
    error: str = ""
    retries: dict[int, int] = field(default_factory=dict)
    step: int = 0
    token: str = ""


class InMemoryStepFunctions:
    """The operations of a Step Functions client that the product uses. Tokens expire with their task."""

    def __init__(self, definition: Mapping[str, Any], runtime: EngineRuntime) -> None:
        self._definition, self._runtime = definition, runtime
        self._states: Mapping[str, Mapping[str, Any]] = definition["States"]
        self.executions: dict[str, SimulatedExecution] = {}
        self.tokens: dict[str, tuple[SimulatedExecution, int]] = {}
        self.issued = 0

    # Client operations.

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> Any:  # noqa: A002
        existing = self.executions.get(name)
        if existing is not None:
            if existing.status == "RUNNING" and existing.input == input:
                return {"executionArn": name}
            raise _error("ExecutionAlreadyExists", "StartExecution")
        execution = SimulatedExecution(name, input, self._runtime.now(), json.loads(input))
        self.executions[name] = execution
        self._enter(execution, self._definition["StartAt"])
        return {"executionArn": name}

    def describe_execution(self, executionArn: str) -> Any:
        execution = self._find(executionArn, "DescribeExecution")
        redrive_status = "REDRIVABLE" if execution.status in ENDED else "NOT_REDRIVABLE"
        return {"name": execution.name, "status": execution.status, "redriveStatus": redrive_status}

    def redrive_execution(self, executionArn: str, clientToken: str = "") -> Any:
        execution = self._find(executionArn, "RedriveExecution")
        if execution.status not in ENDED:
            raise _error("ExecutionNotRedrivable", "RedriveExecution")
        execution.status, execution.error = "RUNNING", ""
        self._enter(execution, execution.state)
        return {"redriveDate": self._runtime.now()}

    def stop_execution(self, executionArn: str) -> Any:
        execution = self._find(executionArn, "StopExecution")
        if execution.status == "RUNNING":
            self._end(execution, "ABORTED")
        return {"stopDate": self._runtime.now()}

    def send_task_success(self, taskToken: str, output: str) -> Any:
        execution, step = self.tokens.get(taskToken, (None, 0))
        if execution is None or execution.step != step or execution.status != "RUNNING":
            # AWS distinguishes used, expired and unknown tokens no more reliably than this.
            codes = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
            raise _error(self._runtime.rng.choice(codes), "SendTaskSuccess")
        self._succeed(execution, json.loads(output))
        return {}

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_executions":
            raise NotImplementedError(operation)
        return SimpleNamespace(paginate=self._list)

    def _list(self, stateMachineArn: str, statusFilter: str, **_: Any) -> Iterator[Any]:
        """List executions. As on AWS, an execution that just started may be missing."""
        now = self._runtime.now()
        listed = [
            {"name": execution.name}
            for execution in self.executions.values()
            if execution.status == statusFilter
            and ((now - execution.started_at).total_seconds() > 5 or self._runtime.rng.random() < 0.8)
        ]
        return iter([{"executions": listed}])

    def _find(self, arn: str, operation: str) -> SimulatedExecution:
        execution = self.executions.get(arn.rsplit(":", 1)[-1])
        if execution is None:
            raise _error("ExecutionDoesNotExist", operation)
        return execution

    # Operations of the simulation.

    def running(self) -> list[SimulatedExecution]:
        """Return the running executions."""
        return [execution for execution in self.executions.values() if execution.status == "RUNNING"]

    def lose_executions(self) -> None:
        """Lose all executions, as a restart of the local engine does."""
        for execution in self.running():
            self._end(execution, "LOST")
        self.executions.clear()

    # The interpreter.

    def _end(self, execution: SimulatedExecution, status: str, error: str = "") -> None:
        execution.step += 1
        execution.status, execution.error = status, error

    def _enter(self, execution: SimulatedExecution, name: str) -> None:
        execution.state, execution.retries = name, {}
        self._begin(execution)

    def _begin(self, execution: SimulatedExecution) -> None:
        execution.step += 1
        state = self._states[execution.state]
        getattr(self, f"_run_{state['Type'].lower()}")(execution, state)

    def _later(self, execution: SimulatedExecution, seconds: float, action: Callable[[], None]) -> None:
        """Schedule an action that runs only if the execution is still at the same step."""
        step = execution.step
        self._runtime.schedule(seconds, lambda: action() if execution.step == step else None)

    def _next(self, execution: SimulatedExecution, state: Mapping[str, Any]) -> None:
        if state.get("End"):
            self._end(execution, "SUCCEEDED")
        else:
            self._enter(execution, state["Next"])

    def _run_task(self, execution: SimulatedExecution, state: Mapping[str, Any]) -> None:
        resource = state["Resource"]
        is_callback = resource.endswith(".waitForTaskToken")
        if is_callback:
            self.issued += 1
            execution.token = f"TOKEN<{self.issued}>"
            self.tokens[execution.token] = (execution, execution.step)
        seconds = state.get("TimeoutSeconds") or self._value(execution, state["TimeoutSecondsPath"])
        self._later(execution, seconds, lambda: self._fail(execution, "States.Timeout"))
        call = (
            self._fill_template(execution, state["Parameters"])
            if "Parameters" in state
            else execution.document
        )
        step = execution.step

        def done(result: Any, error: str) -> None:
            if execution.step != step:
                return
            if error:
                self._fail(execution, error)
            elif not is_callback:
                self._succeed(execution, result)

        if ":sqs:sendMessage" in resource:
            self._runtime.publish(call["QueueUrl"], call["MessageBody"], done)
        elif ":lambda:invoke" in resource:
            self._runtime.invoke(call["FunctionName"], call["Payload"], done)
        else:
            self._runtime.invoke(resource, call, done)

    def _succeed(self, execution: SimulatedExecution, result: Any) -> None:
        state = self._states[execution.state]
        if "ResultSelector" in state:
            result = self._fill_template(execution, state["ResultSelector"], result)
        self._put(execution, state.get("ResultPath", "$"), result)
        self._next(execution, state)

    def _fail(self, execution: SimulatedExecution, error: str) -> None:
        execution.step += 1
        state = self._states[execution.state]
        for number, retrier in enumerate(state.get("Retry", ())):
            if not _matches(error, retrier["ErrorEquals"]):
                continue
            count = execution.retries.get(number, 0)
            if count < retrier.get("MaxAttempts", 3):
                execution.retries[number] = count + 1
                max_delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** count
                delay = min(max_delay, retrier.get("MaxDelaySeconds", max_delay)) * self._runtime.rng.random()
                self._later(execution, delay, lambda: self._begin(execution))
                return
            break
        for catcher in state.get("Catch", ()):
            if _matches(error, catcher["ErrorEquals"]):
                self._put(execution, catcher.get("ResultPath", "$"), {"Error": error, "Cause": ""})
                self._enter(execution, catcher["Next"])
                return
        self._end(execution, "FAILED", error)

    def _run_choice(self, execution: SimulatedExecution, state: Mapping[str, Any]) -> None:
        for rule in state["Choices"]:
            if self._holds(execution, rule):
                return self._enter(execution, rule["Next"])
        return self._enter(execution, state["Default"])

    def _holds(self, execution: SimulatedExecution, rule: Mapping[str, Any]) -> bool:
        if "And" in rule:
            return all(self._holds(execution, part) for part in rule["And"])
        if "Or" in rule:
            return any(self._holds(execution, part) for part in rule["Or"])
        if "Not" in rule:
            return not self._holds(execution, rule["Not"])
        ((test, expected),) = [
            (name, rule[name]) for name in rule if name not in ("Variable", "Next", "Comment")
        ]
        if test == "IsPresent":
            try:
                self._value(execution, rule["Variable"])
            except KeyError:
                return not expected
            return bool(expected)
        if test.endswith("Path"):
            test, expected = test.removesuffix("Path"), self._value(execution, expected)
        value = self._value(execution, rule["Variable"])
        return bool(_COMPARISONS[test](value, expected))

    def _run_wait(self, execution: SimulatedExecution, state: Mapping[str, Any]) -> None:
        seconds = state["Seconds"] if "Seconds" in state else self._value(execution, state["SecondsPath"])
        self._later(execution, seconds, lambda: self._next(execution, state))

    def _run_pass(self, execution: SimulatedExecution, state: Mapping[str, Any]) -> None:
        result = execution.document
        if "Parameters" in state:
            result = self._fill_template(execution, state["Parameters"])
        self._put(execution, state.get("ResultPath", "$"), state.get("Result", result))
        self._next(execution, state)

    def _run_succeed(self, execution: SimulatedExecution, _state: Mapping[str, Any]) -> None:
        self._end(execution, "SUCCEEDED")

    def _run_fail(self, execution: SimulatedExecution, state: Mapping[str, Any]) -> None:
        self._end(execution, "FAILED", state.get("Error", ""))

    # Documents.

    def _put(self, execution: SimulatedExecution, path: str | None, value: Any) -> None:
        if path is None:
            return
        if path == "$":
            execution.document = value
            return
        *parents, last = path.removeprefix("$.").split(".")
        execution.document = dict(execution.document)
        level = execution.document
        for name in parents:
            level[name] = dict(level.get(name, {}))
            level = level[name]
        level[last] = json.loads(json.dumps(value))

    def _value(self, execution: SimulatedExecution, path: str, document: Any = None) -> Any:
        value = execution.document if document is None else document
        if path.startswith("$$"):
            value, path = self._context(execution), path[1:]
        for name in path.split(".")[1:]:
            value = value[name]
        return value

    def _context(self, execution: SimulatedExecution) -> dict[str, Any]:
        started = timestamps.format_timestamp(execution.started_at)
        return {
            "Execution": {
                "Name": execution.name,
                "StartTime": started,
                "Id": f"execution:{execution.name}",
            },
            "Task": {"Token": execution.token},
            "State": {
                "Name": execution.state,
                "EnteredTime": timestamps.format_timestamp(self._runtime.now()),
            },
        }

    def _fill_template(self, execution: SimulatedExecution, template: Any, document: Any = None) -> Any:
        if isinstance(template, dict):
            return {
                name.removesuffix(".$"): self._value(execution, inner, document)
                if name.endswith(".$")
                else self._fill_template(execution, inner, document)
                for name, inner in template.items()
            }
        return template


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, expected: value == expected,
    "BooleanEquals": lambda value, expected: value is expected,
    "NumericEquals": lambda value, expected: value == expected,
    "NumericLessThan": lambda value, expected: value < expected,
    "NumericLessThanEquals": lambda value, expected: value <= expected,
    "NumericGreaterThan": lambda value, expected: value > expected,
    "NumericGreaterThanEquals": lambda value, expected: value >= expected,
    "StringMatches": lambda value, expected: value.startswith(expected.rstrip("*")),
}


def _matches(error: str, names: list[str]) -> bool:
    is_task_failure = error != "States.Timeout" and "States.TaskFailed" in names
    return is_task_failure or error in names or "States.ALL" in names


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
