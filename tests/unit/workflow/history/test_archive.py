"""A record tells everything of an execution but its tokens, and is read back as it was."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import MemoryArchive, MemoryHistories
from tests.recorder import AWS_TOKEN, Recorder
from workflow.history import archive
from workflow.history.archive import Record, redacted
from workflow.history.parser import TOKEN, steps


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """A person was asked twice; the second answer came."""
    record = Recorder()
    record("ExecutionStarted", 0, input="{}", roleArn="role")
    entered = record.enter("Task", "Ask a reviewer", document={"inspection_id": "i" * 64})
    asked = json.dumps({"Payload": {"token": AWS_TOKEN, "inspection_id": "i" * 64}})
    for _ in range(2):
        record(
            "TaskScheduled",
            entered,
            resourceType="lambda",
            resource="invoke.waitForTaskToken",
            parameters=asked,
        )
        record("TaskStarted")
        last = record("TaskSubmitted", output=json.dumps({"StatusCode": 200, "said": f"token {AWS_TOKEN}"}))
    record("TaskSucceeded", last, output='{"verdict": "ok"}')
    record.leave("Task", "Ask a reviewer", document={"decision": {"verdict": "ok"}})
    record("ExecutionSucceeded", output="{}")
    return record.events


def test_no_token_is_left_in_redacted_events(events: list[dict[str, Any]]) -> None:
    text = json.dumps(redacted(events))

    assert AWS_TOKEN not in text
    assert text.count(TOKEN) == 4


def test_a_review_that_was_asked_for_hundreds_of_times_is_redacted_in_time() -> None:
    """Each round brings a token; what is done for each text must not grow with their number."""
    record = Recorder()
    entered = record.enter("Task", "Ask a reviewer", document={"inspection_id": "i" * 64})
    for number in range(400):
        asked = {"Payload": {"token": f"{AWS_TOKEN}{number:04}", "inspection_id": "i" * 64}}
        told = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken"}
        record("TaskScheduled", entered, parameters=json.dumps(asked), **told)
        for _ in range(10):
            record("TaskSubmitted", output=json.dumps({"said": [{"name": "x" * 20}] * 10}))

    began = time.process_time()
    text = json.dumps(redacted(record.events))

    assert AWS_TOKEN not in text
    assert time.process_time() - began < 5


def test_redacted_events_tell_the_same_steps(events: list[dict[str, Any]]) -> None:
    assert steps(redacted(events)) == steps(events)
    assert redacted(redacted(events)) == redacted(events)


def test_payloads_stay_the_texts_that_aws_tells(events: list[dict[str, Any]]) -> None:
    told = redacted(events)

    assert told[1]["stateEnteredEventDetails"]["input"] == events[1]["stateEnteredEventDetails"]["input"]
    assert told[0]["timestamp"] == "2026-01-01T00:00:01.000Z"


def record(events: list[dict[str, Any]]) -> Record:
    return Record(
        "e-1", "SUCCEEDED", "2026-01-01", "2026-01-02", definition={"StartAt": "ü"}, events=redacted(events)
    )


def test_a_record_is_read_back_as_it_was(events: list[dict[str, Any]]) -> None:
    one = record(events)

    assert archive.unpacked(archive.packed(one)) == one
    assert archive.packed(one) == archive.packed(one)
    assert archive.parsed(archive.text(one)).steps == steps(events)


@pytest.mark.parametrize(
    "document",
    ["", "nothing", "[]", "{}", '{"schema": "other"}', f'{{"schema": "{archive.SCHEMA}"}}',
     f'{{"schema": "{archive.SCHEMA}", "events": 7}}'],
)  # fmt: skip
def test_what_is_no_record_is_refused_in_one_sentence(document: str) -> None:
    with pytest.raises(ValueError, match=r"^This is no exported execution: .*\.$"):
        archive.parsed(document)


def test_only_a_success_is_told_from_the_archive_without_asking(events: list[dict[str, Any]]) -> None:
    kept, told = MemoryArchive(), MemoryHistories()
    success = record(events)
    failure = replace(success, status="FAILED")
    for archived, now, answer in (
        (success, None, success),
        (success, failure, success),
        (failure, success, success),
        (failure, None, failure),
        (None, success, success),
    ):
        kept.records = {"e-1": archived} if archived else {}
        told.records = {"e-1": now} if now else {}
        assert archive.latest(kept, told, "e-1") == answer
