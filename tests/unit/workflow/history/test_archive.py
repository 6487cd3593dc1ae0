"""A record contains everything of an execution except its tokens, and is read back unchanged."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import InMemoryExecutionArchive, InMemoryHistorySource
from tests.recorder import AWS_TOKEN, Recorder
from workflow.history import archive
from workflow.history.archive import ExecutionRecord, redact_events
from workflow.history.parser import parse_steps
from workflow.history.redaction import TOKEN_PLACEHOLDER


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """Record a review that was opened twice; the second was answered."""
    recorder = Recorder()
    recorder("ExecutionStarted", 0, input="{}", roleArn="role")
    entered = recorder.enter("Task", "Ask a reviewer", document={"inspection_id": "i" * 64})
    parameters = json.dumps({"Payload": {"token": AWS_TOKEN, "inspection_id": "i" * 64}})
    for _ in range(2):
        recorder(
            "TaskScheduled",
            entered,
            resourceType="lambda",
            resource="invoke.waitForTaskToken",
            parameters=parameters,
        )
        recorder("TaskStarted")
        last = recorder("TaskSubmitted", output=json.dumps({"StatusCode": 200, "text": f"token {AWS_TOKEN}"}))
    recorder("TaskSucceeded", last, output='{"verdict": "ok"}')
    recorder.leave("Task", "Ask a reviewer", document={"decision": {"verdict": "ok"}})
    recorder("ExecutionSucceeded", output="{}")
    return recorder.events


def test_no_token_is_left_in_redacted_events(events: list[dict[str, Any]]) -> None:
    text = json.dumps(redact_events(events))

    assert AWS_TOKEN not in text
    assert text.count(TOKEN_PLACEHOLDER) == 4


def test_a_review_with_hundreds_of_rounds_is_redacted_in_time() -> None:
    """Each round has a token; the work for each text must not grow with the number of tokens."""
    recorder = Recorder()
    entered = recorder.enter("Task", "Ask a reviewer", document={"inspection_id": "i" * 64})
    for number in range(400):
        parameters = {"Payload": {"token": f"{AWS_TOKEN}{number:04}", "inspection_id": "i" * 64}}
        task = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken"}
        recorder("TaskScheduled", entered, parameters=json.dumps(parameters), **task)
        for _ in range(10):
            recorder("TaskSubmitted", output=json.dumps({"text": [{"name": "x" * 20}] * 10}))

    began = time.process_time()
    text = json.dumps(redact_events(recorder.events))

    assert AWS_TOKEN not in text
    assert time.process_time() - began < 5


def test_redacted_events_parse_to_the_same_steps(events: list[dict[str, Any]]) -> None:
    assert parse_steps(redact_events(events)) == parse_steps(events)
    assert redact_events(redact_events(events)) == redact_events(events)


def test_payloads_stay_the_texts_that_aws_returns(events: list[dict[str, Any]]) -> None:
    redacted = redact_events(events)

    assert redacted[1]["stateEnteredEventDetails"]["input"] == events[1]["stateEnteredEventDetails"]["input"]
    assert redacted[0]["timestamp"] == "2026-01-01T00:00:01.000Z"


def build_record(events: list[dict[str, Any]]) -> ExecutionRecord:
    return ExecutionRecord(
        execution="e-1",
        status="SUCCEEDED",
        started_at="2026-01-01",
        stopped_at="2026-01-02",
        definition={"StartAt": "ü"},
        events=redact_events(events),
    )


def test_a_record_is_read_back_unchanged(events: list[dict[str, Any]]) -> None:
    record = build_record(events)

    assert archive.from_gzip(archive.to_gzip(record)) == record
    assert archive.to_gzip(record) == archive.to_gzip(record)
    assert archive.from_json(archive.to_json(record)).steps == parse_steps(events)


@pytest.mark.parametrize(
    "document",
    ["", "nothing", "[]", "{}", '{"schema": "other"}', f'{{"schema": "{archive.SCHEMA}"}}',
     f'{{"schema": "{archive.SCHEMA}", "events": 7}}'],
)  # fmt: skip
def test_a_document_that_is_no_record_is_refused_in_one_sentence(document: str) -> None:
    with pytest.raises(ValueError, match=r"^This is not an exported execution: .*\.$"):
        archive.from_json(document)


def test_only_an_archived_success_is_returned_without_fetching(events: list[dict[str, Any]]) -> None:
    execution_archive, history_source = InMemoryExecutionArchive(), InMemoryHistorySource()
    success = build_record(events)
    failure = replace(success, status="FAILED")
    for archived, current, expected in (
        (success, None, success),
        (success, failure, success),
        (failure, success, success),
        (failure, None, failure),
        (None, success, success),
    ):
        execution_archive.records = {"e-1": archived} if archived else {}
        history_source.records = {"e-1": current} if current else {}
        assert archive.load_latest(execution_archive, history_source, "e-1") == expected
