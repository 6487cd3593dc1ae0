"""Log lines of one step: the lines that its function wrote about its inspection, without task tokens."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from workflow import timestamps
from workflow.history.events import sort_events
from workflow.history.parser import parse_steps
from workflow.history.redaction import TokenRedactor
from workflow.history.step import ExecutionStep, StepAttempt

MAX_LINES = 200
MAX_TEXT_LENGTH = 4000
# No function runs longer, even if its step then waits long for an answer.
MAX_FUNCTION_TIME = timedelta(seconds=60)
# Hosts' clocks differ, and the host that stores a line dates it.
CLOCK_MARGIN = timedelta(seconds=2)

FORGOTTEN = "Step Functions no longer knows this execution, so its log lines can't be found."
NO_FUNCTION = "This step called no function, so there are no log lines."
EXPIRED = "There are no log lines: its function wrote none about this photo, or they have expired."
UNAVAILABLE = "The log lines could not be read: try again in a moment."

_FUNCTION = re.compile(r"arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One log line: its time, level and message, and its full text."""

    at: str
    level: str
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """A step's lines, oldest first; `truncated` if there are more, `empty_reason` if there are none."""

    lines: tuple[LogLine, ...] = ()
    truncated: bool = False
    empty_reason: str = ""


class StepLogs(Protocol):
    """The logs of the functions that steps called."""

    def fetch(self, execution: str, step: int) -> LogLines:
        """Return the log lines of one step of an execution, by the step's id."""


LineReader = Callable[[str, str, datetime, datetime], Iterable[tuple[datetime, str]]]


def collect_step_lines(
    events: Iterable[Mapping[str, Any]], execution: str, step_id: int, read_lines: LineReader
) -> LogLines:
    """Return the lines that a step's function wrote about the inspection of this execution.

    `read_lines` takes a function's name, a text that its lines contain, and the first and last time.
    """
    history = list(events)
    step = next((step for step in parse_steps(history) if step.id == step_id), None)
    if step is None:
        return LogLines(empty_reason=FORGOTTEN)
    function = next(filter(None, map(_function_name, step.attempts)), "")
    if not function:
        return LogLines(empty_reason=NO_FUNCTION)
    inspection_id = execution.rpartition("-")[0]
    entries = list(islice(read_lines(function, inspection_id, *_time_window(step)), MAX_LINES + 1))
    if not entries:
        return LogLines(empty_reason=EXPIRED)
    logged = [{"type": "Logged", "logEventDetails": {"text": text}} for _, text in entries]
    redactor = TokenRedactor(sort_events([*history, *logged]))
    lines = tuple(_parse_line(at, redactor.redact(text)) for at, text in entries[:MAX_LINES])
    return LogLines(lines, truncated=len(entries) > MAX_LINES)


def _function_name(attempt: StepAttempt) -> str:
    """Return the name of the function that an attempt called; empty if it called none."""
    parameter = attempt.input.get("FunctionName", "") if isinstance(attempt.input, dict) else ""
    match = _FUNCTION.match(attempt.resource) or _FUNCTION.match(str(parameter))
    return match[1] if match else ""


def _time_window(step: ExecutionStep) -> tuple[datetime, datetime]:
    """Return the time in which the function ran; a step that waits for an answer lasts much longer."""
    last = max(attempt.scheduled_at for attempt in step.attempts) + MAX_FUNCTION_TIME
    return step.entered_at - CLOCK_MARGIN, min(step.exited_at or last, last) + CLOCK_MARGIN


def _parse_line(at: datetime, content: Any) -> LogLine:
    fields = content if isinstance(content, dict) else {"message": content}
    text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False)
    return LogLine(
        at=timestamps.format_timestamp(at),
        level=str(fields.get("level", "")),
        message=str(fields.get("message", ""))[:200],
        text=text[:MAX_TEXT_LENGTH],
    )
