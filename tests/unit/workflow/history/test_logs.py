"""Log lines of one step: their selection, their limit, and the redaction of tokens."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.recorder import AWS_TOKEN, T0, Recorder
from workflow.history import logs
from workflow.history.logs import MAX_LINES, LogLines, collect_step_lines
from workflow.history.redaction import TOKEN_PLACEHOLDER

CLAIM = "arn:aws:lambda:eu-central-1:123456789012:function:partcheck-claim-upload"
ASK = CLAIM.replace("claim-upload", "ask-reviewer")
ID = "3f" * 32


@dataclass
class FunctionLogs:
    """Logged texts, and the searches for them."""

    texts: list[str] = field(default_factory=list)
    searches: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)

    def read_lines(
        self, function: str, content: str, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, str]]:
        self.searches.append((function, content, since, until))
        return ((T0, text) for text in self.texts)

    def fetch(self, events: list[dict[str, Any]], step: int) -> LogLines:
        return collect_step_lines(events, f"{ID}-1", step, self.read_lines)


def log_entry(**fields: Any) -> str:
    return json.dumps({"level": "INFO", "message": "claimed", "inspection_id": ID, **fields})


@pytest.fixture
def log() -> FunctionLogs:
    return FunctionLogs([log_entry(outcome="readable")])


@pytest.fixture
def recorder() -> Recorder:
    """Record a claim by the second attempt, and a review that is answered after days."""
    recorder = Recorder()
    recorder("ExecutionStarted", 0, input="{}")
    recorder.enter("Task", "Claim upload")
    recorder("LambdaFunctionScheduled", resource=f"{CLAIM}:live")
    recorder("LambdaFunctionFailed", error="Boom")
    recorder("LambdaFunctionScheduled", resource=CLAIM)
    recorder("LambdaFunctionSucceeded", output="{}")
    recorder.leave("Task", "Claim upload")
    recorder.enter("Task", "Ask a reviewer")
    parameters = {"FunctionName": ASK, "Payload": {"token": AWS_TOKEN}}
    recorder(
        "TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters=parameters
    )
    recorder("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken")
    recorder("TaskSucceeded", output="{}")
    recorder.events[-1]["timestamp"] += timedelta(days=3)
    recorder.enter("Pass", "Note it")
    return recorder


def test_a_line_has_its_time_level_message_and_full_text(log: FunctionLogs, recorder: Recorder) -> None:
    (line,) = log.fetch(recorder.events, 2).lines

    assert (line.at[:10], line.level, line.message) == ("2026-01-01", "INFO", "claimed")
    assert json.loads(line.text)["outcome"] == "readable"


def test_lines_are_searched_by_function_inspection_and_time(log: FunctionLogs, recorder: Recorder) -> None:
    log.fetch(recorder.events, 2)

    ((function, content, since, until),) = log.searches
    assert (function, content) == ("partcheck-claim-upload", ID)
    assert (since, until) == (
        T0 + timedelta(seconds=2) - logs.CLOCK_MARGIN,
        T0 + timedelta(seconds=7) + logs.CLOCK_MARGIN,
    )


def test_a_wait_of_days_for_an_answer_is_not_searched(log: FunctionLogs, recorder: Recorder) -> None:
    log.fetch(recorder.events, 8)

    ((function, _, since, until),) = log.searches
    assert function == "partcheck-ask-reviewer"
    assert until - since < timedelta(seconds=90)


@pytest.mark.parametrize(
    "text",
    [
        log_entry(token="a-short-one"),
        log_entry(detail=f"answered with {AWS_TOKEN}"),
        f"Traceback: could not use {AWS_TOKEN}",
    ],
)
def test_no_line_contains_a_token(log: FunctionLogs, recorder: Recorder, text: str) -> None:
    log.texts = [text]

    (line,) = log.fetch(recorder.events, 8).lines

    assert AWS_TOKEN not in repr(line)
    assert "a-short-one" not in repr(line)
    assert TOKEN_PLACEHOLDER in line.text


def test_a_local_engines_token_is_known_from_the_history(log: FunctionLogs, recorder: Recorder) -> None:
    token = "0b9f4c1e-6a51-4d0e-9f0a-2f4f7d1f9a11"
    recorder.events[8]["taskScheduledEventDetails"]["parameters"]["Payload"] = {"token": token}
    log.texts = [f"could not use {token}"]

    (line,) = log.fetch(recorder.events, 8).lines

    assert line.text == f"could not use {TOKEN_PLACEHOLDER}"


def test_lines_beyond_the_limit_are_truncated_and_that_is_reported(
    log: FunctionLogs, recorder: Recorder
) -> None:
    log.texts *= MAX_LINES
    assert not log.fetch(recorder.events, 2).truncated

    log.texts.append("x" * 1_000_000)
    result = log.fetch(recorder.events, 2)

    assert (len(result.lines), result.truncated) == (MAX_LINES, True)
    log.texts = log.texts[-1:]
    assert len(log.fetch(recorder.events, 2).lines[0].text) == logs.MAX_TEXT_LENGTH


def test_the_reason_for_no_lines_is_one_sentence(log: FunctionLogs, recorder: Recorder) -> None:
    log.texts = []

    assert log.fetch(recorder.events, 2) == LogLines(empty_reason=logs.EXPIRED)
    assert log.fetch(recorder.events, 12) == LogLines(empty_reason=logs.NO_FUNCTION)
    assert log.fetch(recorder.events, 99) == LogLines(empty_reason=logs.FORGOTTEN)
    assert log.fetch([], 2) == LogLines(empty_reason=logs.FORGOTTEN)
