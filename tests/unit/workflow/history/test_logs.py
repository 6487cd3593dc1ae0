"""Log lines of one step: which are looked for, how many are told, and that no token is among them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.recorder import AWS_TOKEN, T0, Recorder
from workflow.history import logs
from workflow.history.logs import MOST_LINES, LogLines, lines_of
from workflow.history.parser import TOKEN

CLAIM = "arn:aws:lambda:eu-central-1:123456789012:function:partcheck-claim-upload"
ASK = CLAIM.replace("claim-upload", "ask-reviewer")
ID = "3f" * 32


@dataclass
class Log:
    """What functions logged, and what was looked for."""

    texts: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)

    def written(
        self, function: str, about: str, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, str]]:
        self.asked.append((function, about, since, until))
        return ((T0, text) for text in self.texts)

    def of(self, events: list[dict[str, Any]], step: int) -> LogLines:
        return lines_of(events, f"{ID}-1", step, self.written)


def wrote(**facts: Any) -> str:
    return json.dumps({"level": "INFO", "message": "claimed", "inspection_id": ID, **facts})


@pytest.fixture
def log() -> Log:
    return Log([wrote(outcome="readable")])


@pytest.fixture
def record() -> Recorder:
    """Claimed by the second try; then a person is asked and answers after days."""
    record = Recorder()
    record("ExecutionStarted", 0, input="{}")
    record.enter("Task", "Claim upload")
    record("LambdaFunctionScheduled", resource=f"{CLAIM}:live")
    record("LambdaFunctionFailed", error="Boom")
    record("LambdaFunctionScheduled", resource=CLAIM)
    record("LambdaFunctionSucceeded", output="{}")
    record.leave("Task", "Claim upload")
    record.enter("Task", "Ask a reviewer")
    asked = {"FunctionName": ASK, "Payload": {"token": AWS_TOKEN}}
    record("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters=asked)
    record("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken")
    record("TaskSucceeded", output="{}")
    record.events[-1]["timestamp"] += timedelta(days=3)
    record.enter("Pass", "Note it")
    return record


def test_a_line_is_told_with_its_time_level_message_and_all_of_its_facts(log: Log, record: Recorder) -> None:
    (line,) = log.of(record.events, 2).lines

    assert (line.at[:10], line.level, line.message) == ("2026-01-01", "INFO", "claimed")
    assert json.loads(line.text)["outcome"] == "readable"


def test_lines_are_of_the_steps_function_about_its_inspection_while_it_worked(
    log: Log, record: Recorder
) -> None:
    log.of(record.events, 2)

    ((function, about, since, until),) = log.asked
    assert (function, about) == ("partcheck-claim-upload", ID)
    assert (since, until) == (
        T0 + timedelta(seconds=2) - logs.MARGIN,
        T0 + timedelta(seconds=7) + logs.MARGIN,
    )


def test_a_wait_of_days_for_an_answer_is_not_searched(log: Log, record: Recorder) -> None:
    log.of(record.events, 8)

    ((function, _, since, until),) = log.asked
    assert function == "partcheck-ask-reviewer"
    assert until - since < timedelta(seconds=90)


@pytest.mark.parametrize(
    "text",
    [
        wrote(token="a-short-one"),
        wrote(detail=f"answered with {AWS_TOKEN}"),
        f"Traceback: could not use {AWS_TOKEN}",
    ],
)
def test_no_token_is_told(log: Log, record: Recorder, text: str) -> None:
    log.texts = [text]

    (line,) = log.of(record.events, 8).lines

    assert AWS_TOKEN not in repr(line)
    assert "a-short-one" not in repr(line)
    assert TOKEN in line.text


def test_a_local_engines_token_is_known_from_the_history(log: Log, record: Recorder) -> None:
    token = "0b9f4c1e-6a51-4d0e-9f0a-2f4f7d1f9a11"
    record.events[8]["taskScheduledEventDetails"]["parameters"]["Payload"] = {"token": token}
    log.texts = [f"could not use {token}"]

    (line,) = log.of(record.events, 8).lines

    assert line.text == f"could not use {TOKEN}"


def test_more_lines_than_a_page_holds_are_cut_and_that_is_said(log: Log, record: Recorder) -> None:
    log.texts *= MOST_LINES
    assert not log.of(record.events, 2).more

    log.texts.append("x" * 1_000_000)
    told = log.of(record.events, 2)

    assert (len(told.lines), told.more) == (MOST_LINES, True)
    log.texts = log.texts[-1:]
    assert len(log.of(record.events, 2).lines[0].text) == logs.MOST_TEXT


def test_why_there_are_no_lines_is_one_sentence(log: Log, record: Recorder) -> None:
    log.texts = []

    assert log.of(record.events, 2) == LogLines(why_none=logs.EXPIRED)
    assert log.of(record.events, 12) == LogLines(why_none=logs.NO_FUNCTION)
    assert log.of(record.events, 99) == LogLines(why_none=logs.FORGOTTEN)
    assert log.of([], 2) == LogLines(why_none=logs.FORGOTTEN)
