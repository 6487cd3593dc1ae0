"""Step Functions in memory: it interprets the product's definition on a clock that somebody else turns."""

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
Done = Callable[[Any, str], None]


class Surroundings(Protocol):
    """What the interpreter needs of the world around it."""

    rng: random.Random

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something later."""

    def now(self) -> datetime:
        """The time."""

    def invoke(self, function: str, payload: Any, done: Done) -> None:
        """Run a function; `done` gets its answer, or the name of its error."""

    def publish(self, queue: str, body: str, done: Done) -> None:
        """Send a message; `done` as above."""


@dataclass
class Execution:
    """One execution; `step` grows with each thing it begins, so that late answers are told apart."""

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


class MemoryStepFunctions:
    """The client's operations that the product uses; names are used once, and tokens die with their task."""

    def __init__(self, definition: Mapping[str, Any], world: Surroundings) -> None:
        self._definition, self._world = definition, world
        self._states: Mapping[str, Mapping[str, Any]] = definition["States"]
        self.executions: dict[str, Execution] = {}
        self.tokens: dict[str, tuple[Execution, int]] = {}
        self.issued = 0

    # The client.

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> Any:  # noqa: A002
        known = self.executions.get(name)
        if known is not None:
            if known.status == "RUNNING" and known.input == input:
                return {"executionArn": name}
            raise _error("ExecutionAlreadyExists", "StartExecution")
        execution = Execution(name, input, self._world.now(), json.loads(input))
        self.executions[name] = execution
        self._enter(execution, self._definition["StartAt"])
        return {"executionArn": name}

    def describe_execution(self, executionArn: str) -> Any:
        execution = self._find(executionArn, "DescribeExecution")
        offer = "REDRIVABLE" if execution.status in ENDED else "NOT_REDRIVABLE"
        return {"name": execution.name, "status": execution.status, "redriveStatus": offer}

    def redrive_execution(self, executionArn: str, clientToken: str = "") -> Any:
        execution = self._find(executionArn, "RedriveExecution")
        if execution.status not in ENDED:
            raise _error("ExecutionNotRedrivable", "RedriveExecution")
        execution.status, execution.error = "RUNNING", ""
        self._enter(execution, execution.state)
        return {"redriveDate": self._world.now()}

    def stop_execution(self, executionArn: str) -> Any:
        execution = self._find(executionArn, "StopExecution")
        if execution.status == "RUNNING":
            self._end(execution, "ABORTED")
        return {"stopDate": self._world.now()}

    def send_task_success(self, taskToken: str, output: str) -> Any:
        execution, step = self.tokens.get(taskToken, (None, 0))
        if execution is None or execution.step != step or execution.status != "RUNNING":
            # AWS tells used, expired and unknown tokens apart no more reliably than this.
            codes = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
            raise _error(self._world.rng.choice(codes), "SendTaskSuccess")
        self._succeed(execution, json.loads(output))
        return {}

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_executions":
            raise NotImplementedError(operation)
        return SimpleNamespace(paginate=self._list)

    def _list(self, stateMachineArn: str, statusFilter: str, **_: Any) -> Iterator[Any]:
        """Best effort, as AWS says: what began a moment ago may be missing."""
        now = self._world.now()
        found = [
            {"name": one.name}
            for one in self.executions.values()
            if one.status == statusFilter
            and ((now - one.started_at).total_seconds() > 5 or self._world.rng.random() < 0.8)
        ]
        return iter([{"executions": found}])

    def _find(self, arn: str, operation: str) -> Execution:
        execution = self.executions.get(arn.rsplit(":", 1)[-1])
        if execution is None:
            raise _error("ExecutionDoesNotExist", operation)
        return execution

    # What nobody calls.

    def running(self) -> list[Execution]:
        return [one for one in self.executions.values() if one.status == "RUNNING"]

    def forget(self) -> None:
        """The engine is gone and comes back empty."""
        for execution in self.running():
            self._end(execution, "FORGOTTEN")
        self.executions.clear()

    # The interpreter.

    def _end(self, execution: Execution, status: str, error: str = "") -> None:
        execution.step += 1
        execution.status, execution.error = status, error

    def _enter(self, execution: Execution, name: str) -> None:
        execution.state, execution.retries = name, {}
        self._begin(execution)

    def _begin(self, execution: Execution) -> None:
        execution.step += 1
        state = self._states[execution.state]
        getattr(self, f"_run_{state['Type'].lower()}")(execution, state)

    def _later(self, execution: Execution, seconds: float, act: Callable[[], None]) -> None:
        """Do something later, if the execution is still at what it does now."""
        step = execution.step
        self._world.after(seconds, lambda: act() if execution.step == step else None)

    def _next(self, execution: Execution, state: Mapping[str, Any]) -> None:
        if state.get("End"):
            self._end(execution, "SUCCEEDED")
        else:
            self._enter(execution, state["Next"])

    def _run_task(self, execution: Execution, state: Mapping[str, Any]) -> None:
        resource = state["Resource"]
        waits = resource.endswith(".waitForTaskToken")
        if waits:
            self.issued += 1
            execution.token = f"TOKEN<{self.issued}>"
            self.tokens[execution.token] = (execution, execution.step)
        seconds = state.get("TimeoutSeconds") or self._value(execution, state["TimeoutSecondsPath"])
        self._later(execution, seconds, lambda: self._fail(execution, "States.Timeout"))
        call = self._filled(execution, state["Parameters"]) if "Parameters" in state else execution.document
        step = execution.step

        def done(answer: Any, error: str) -> None:
            if execution.step != step:
                return
            if error:
                self._fail(execution, error)
            elif not waits:
                self._succeed(execution, answer)

        if ":sqs:sendMessage" in resource:
            self._world.publish(call["QueueUrl"], call["MessageBody"], done)
        elif ":lambda:invoke" in resource:
            self._world.invoke(call["FunctionName"], call["Payload"], done)
        else:
            self._world.invoke(resource, call, done)

    def _succeed(self, execution: Execution, answer: Any) -> None:
        state = self._states[execution.state]
        if "ResultSelector" in state:
            answer = self._filled(execution, state["ResultSelector"], answer)
        self._put(execution, state.get("ResultPath", "$"), answer)
        self._next(execution, state)

    def _fail(self, execution: Execution, error: str) -> None:
        execution.step += 1
        state = self._states[execution.state]
        for number, retrier in enumerate(state.get("Retry", ())):
            if not _matches(error, retrier["ErrorEquals"]):
                continue
            count = execution.retries.get(number, 0)
            if count < retrier.get("MaxAttempts", 3):
                execution.retries[number] = count + 1
                longest = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** count
                delay = min(longest, retrier.get("MaxDelaySeconds", longest)) * self._world.rng.random()
                self._later(execution, delay, lambda: self._begin(execution))
                return
            break
        for catcher in state.get("Catch", ()):
            if _matches(error, catcher["ErrorEquals"]):
                self._put(execution, catcher.get("ResultPath", "$"), {"Error": error, "Cause": ""})
                self._enter(execution, catcher["Next"])
                return
        self._end(execution, "FAILED", error)

    def _run_choice(self, execution: Execution, state: Mapping[str, Any]) -> None:
        for rule in state["Choices"]:
            if self._holds(execution, rule):
                return self._enter(execution, rule["Next"])
        return self._enter(execution, state["Default"])

    def _holds(self, execution: Execution, rule: Mapping[str, Any]) -> bool:
        if "And" in rule:
            return all(self._holds(execution, part) for part in rule["And"])
        if "Or" in rule:
            return any(self._holds(execution, part) for part in rule["Or"])
        if "Not" in rule:
            return not self._holds(execution, rule["Not"])
        ((test, wanted),) = [
            (name, rule[name]) for name in rule if name not in ("Variable", "Next", "Comment")
        ]
        if test == "IsPresent":
            try:
                self._value(execution, rule["Variable"])
            except KeyError:
                return not wanted
            return bool(wanted)
        if test.endswith("Path"):
            test, wanted = test.removesuffix("Path"), self._value(execution, wanted)
        value = self._value(execution, rule["Variable"])
        return bool(_TESTS[test](value, wanted))

    def _run_wait(self, execution: Execution, state: Mapping[str, Any]) -> None:
        seconds = state["Seconds"] if "Seconds" in state else self._value(execution, state["SecondsPath"])
        self._later(execution, seconds, lambda: self._next(execution, state))

    def _run_pass(self, execution: Execution, state: Mapping[str, Any]) -> None:
        result = execution.document
        if "Parameters" in state:
            result = self._filled(execution, state["Parameters"])
        self._put(execution, state.get("ResultPath", "$"), state.get("Result", result))
        self._next(execution, state)

    def _run_succeed(self, execution: Execution, _state: Mapping[str, Any]) -> None:
        self._end(execution, "SUCCEEDED")

    def _run_fail(self, execution: Execution, state: Mapping[str, Any]) -> None:
        self._end(execution, "FAILED", state.get("Error", ""))

    # Documents.

    def _put(self, execution: Execution, path: str | None, value: Any) -> None:
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

    def _value(self, execution: Execution, path: str, document: Any = None) -> Any:
        value = execution.document if document is None else document
        if path.startswith("$$"):
            value, path = self._context(execution), path[1:]
        for name in path.split(".")[1:]:
            value = value[name]
        return value

    def _context(self, execution: Execution) -> dict[str, Any]:
        started = timestamps.text(execution.started_at)
        return {
            "Execution": {"Name": execution.name, "StartTime": started, "Id": f"execution:{execution.name}"},
            "Task": {"Token": execution.token},
            "State": {"Name": execution.state, "EnteredTime": timestamps.text(self._world.now())},
        }

    def _filled(self, execution: Execution, template: Any, document: Any = None) -> Any:
        if isinstance(template, dict):
            return {
                name.removesuffix(".$"): self._value(execution, inner, document)
                if name.endswith(".$")
                else self._filled(execution, inner, document)
                for name, inner in template.items()
            }
        return template


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "BooleanEquals": lambda value, wanted: value is wanted,
    "NumericEquals": lambda value, wanted: value == wanted,
    "NumericLessThan": lambda value, wanted: value < wanted,
    "NumericLessThanEquals": lambda value, wanted: value <= wanted,
    "NumericGreaterThan": lambda value, wanted: value > wanted,
    "NumericGreaterThanEquals": lambda value, wanted: value >= wanted,
    "StringMatches": lambda value, wanted: value.startswith(wanted.rstrip("*")),
}


def _matches(error: str, names: list[str]) -> bool:
    broad = error != "States.Timeout" and "States.TaskFailed" in names
    return broad or error in names or "States.ALL" in names


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
