"""Log lines of one step: what its function wrote about its inspection, bounded and free of task tokens."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from workflow import timestamps
from workflow.history.events import in_order
from workflow.history.parser import Attempt, Step, steps
from workflow.history.redaction import Secrets

MOST_LINES = 200
MOST_TEXT = 4000
# No function works longer, however long its step waits for an answer afterwards.
WORK = timedelta(seconds=60)
# Hosts' clocks differ, and a line is dated by whoever stores it.
MARGIN = timedelta(seconds=2)

FORGOTTEN = "Step Functions no longer knows this execution, so its log lines can't be found."
NO_FUNCTION = "This step called no function, so there are no log lines."
EXPIRED = "There are no log lines: its function wrote none about this photo, or they have expired."
NOT_NOW = "The log lines could not be read: ask again in a moment."

_FUNCTION = re.compile(r"arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: when, how grave and what in short, and the whole of it."""

    at: str
    level: str
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """A step's lines, oldest first; `more` says that there are others, `why_none` why there are none."""

    lines: tuple[LogLine, ...] = ()
    more: bool = False
    why_none: str = ""


class Logs(Protocol):
    """Whoever can tell what was logged."""

    def of(self, execution: str, step: int) -> LogLines:
        """The log lines of one step of an execution, by the step's id."""


Written = Callable[[str, str, datetime, datetime], Iterable[tuple[datetime, str]]]


def lines_of(events: Iterable[Mapping[str, Any]], execution: str, number: int, written: Written) -> LogLines:
    """The lines that the function of a step wrote; `written` finds those of a function that hold a text."""
    history = list(events)
    step = next((one for one in steps(history) if one.id == number), None)
    if step is None:
        return LogLines(why_none=FORGOTTEN)
    function = next(filter(None, map(_function, step.attempts)), "")
    if not function:
        return LogLines(why_none=NO_FUNCTION)
    inspection_id = execution.rpartition("-")[0]
    found = list(islice(written(function, inspection_id, *_meanwhile(step)), MOST_LINES + 1))
    if not found:
        return LogLines(why_none=EXPIRED)
    logged = [{"type": "Logged", "logEventDetails": {"text": text}} for _, text in found]
    secrets = Secrets(in_order([*history, *logged]))
    lines = tuple(_line(at, secrets.value(text)) for at, text in found[:MOST_LINES])
    return LogLines(lines, len(found) > MOST_LINES)


def _function(attempt: Attempt) -> str:
    """The name of the function that an attempt called, if it called one."""
    asked = attempt.input.get("FunctionName", "") if isinstance(attempt.input, dict) else ""
    found = _FUNCTION.match(attempt.resource) or _FUNCTION.match(str(asked))
    return found[1] if found else ""


def _meanwhile(step: Step) -> tuple[datetime, datetime]:
    """When its function worked: a step that waits for an answer lasts much longer."""
    last = max(attempt.scheduled_at for attempt in step.attempts) + WORK
    return step.entered_at - MARGIN, min(step.exited_at or last, last) + MARGIN


def _line(at: datetime, told: Any) -> LogLine:
    facts = told if isinstance(told, dict) else {"message": told}
    text = told if isinstance(told, str) else json.dumps(told, indent=2, ensure_ascii=False)
    message = str(facts.get("message", ""))
    return LogLine(timestamps.text(at), str(facts.get("level", "")), message[:200], text[:MOST_TEXT])
