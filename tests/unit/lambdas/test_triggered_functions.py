"""The functions of queues and schedules: a record that fails does not delay the others."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from lambdas import archive_executions, deliver_decision, get_execution_history, reconcile, start_inspection
from tests.fakes import (
    FakeDetector,
    InMemoryCheckProgressStore,
    InMemoryExecutions,
    InMemoryInspectionRepository,
    InMemoryStepLogs,
)
from tests.unit.pipeline import FILED, INBOUND, UNSURE, Pipeline
from tests.unit.workflow.history.test_archiver import Archiving
from workflow import timestamps
from workflow.history import archive
from workflow.history.logs import LogLine, LogLines
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict

Log = Callable[[], list[dict[str, Any]]]
Invoke = Callable[..., Any]
KEYS = ["a b+c.png", "a%2Fb.png", 'it\'s "so".png', "🔧/ö.png", "x" * 1020 + ".png"]
TOKEN = "AQDEAAAAKgAAAAMA-secret"


def message(number: int, body: str) -> dict[str, Any]:
    """Build a record as SQS passes it to Lambda."""
    return {
        "messageId": f"00000000-0000-0000-0000-{number:012}",
        "receiptHandle": "AQEBzbVv",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1772366400000",
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1772366400001",
        },
        "messageAttributes": {},
        "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:queue",
        "awsRegion": "eu-central-1",
    }


def batch(*bodies: str) -> dict[str, Any]:
    return {"Records": [message(number, body) for number, body in enumerate(bodies)]}


def uploaded(image: Image, with_version: bool = True) -> str:
    """Build EventBridge's event of an upload. The key is raw."""
    entry = {"key": image.key, "size": 1024, "etag": "d41d8cd98f", "sequencer": "0065E1B2C3D4E5F607"}
    if with_version:
        entry["version-id"] = image.version_id
    detail = {
        "version": "0",
        "bucket": {"name": image.bucket},
        "object": entry,
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    }
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": "123456789012",
            "time": "2026-03-01T12:00:00Z",
            "region": "eu-central-1",
            "resources": [f"arn:aws:s3:::{image.bucket}"],
            "detail": detail,
        }
    )


def failures(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("MAX_IN_FLIGHT", "64")
    monkeypatch.setenv("INBOUND_BUCKET", INBOUND)
    monkeypatch.setenv("FILED_BUCKET", FILED)
    monkeypatch.setenv("HISTORY_BUCKET", "history")
    return Pipeline(detector=FakeDetector(UNSURE))


@pytest.fixture
def start(invoke: Invoke, pipeline: Pipeline) -> Callable[..., Any]:
    """Pass messages with these bodies to the function that starts inspections."""
    return lambda *bodies: invoke(pipeline, start_inspection, batch(*bodies))


@pytest.mark.parametrize("with_version", [True, False])
@pytest.mark.parametrize("key", KEYS)
def test_an_upload_starts_an_execution_for_exactly_its_key(
    pipeline: Pipeline, start: Invoke, log: Log, key: str, with_version: bool
) -> None:
    image = pipeline.upload(key=key)

    assert failures(start(uploaded(image, with_version))) == []
    (document,) = pipeline.executions.started.values()
    assert document["image"] == {"bucket": INBOUND, "key": key, "version_id": image.version_id}
    (entry,) = log()
    assert (entry["message"], entry["inspection_id"]) == ("started", inspection_id(image))


def test_the_same_event_six_times_starts_one_execution(pipeline: Pipeline, start: Invoke, log: Log) -> None:
    image = pipeline.upload()

    start(*[uploaded(image)] * 6)

    assert len(pipeline.executions.started) == 1
    assert {entry["inspection_id"] for entry in log()} == {inspection_id(image)}


class PickyExecutions(InMemoryExecutions):
    """Executions that refuse one key."""

    def start(self, name: str, document: dict[str, Any]) -> bool:
        if document["image"]["key"] == "bad.png":
            raise ConnectionError("out of reach")
        return super().start(name, document)


def test_only_the_record_that_failed_comes_back_and_the_log_says_why(
    pipeline: Pipeline, invoke: Invoke, log: Log
) -> None:
    good, bad, better = (uploaded(pipeline.upload(key=f"{name}.png")) for name in ("good", "bad", "better"))
    executions, event = PickyExecutions(), batch(good, bad, "no json", better)

    answer = invoke(pipeline, start_inspection, event, executions=executions)

    assert failures(answer) == [message(1, "")["messageId"], message(2, "")["messageId"]]
    assert len(executions.started) == 2
    told = [entry for entry in log() if entry["level"] == "ERROR"]
    assert ["out of reach" in json.dumps(entry) for entry in told] == [True, False]
    assert [entry["message_id"] for entry in told] == failures(answer)


def test_a_batch_of_failures_comes_back_whole_and_the_next_remembers_nothing_of_it(
    pipeline: Pipeline, start: Invoke
) -> None:
    with pytest.raises(BatchProcessingError):
        start("no json")

    assert failures(start(uploaded(pipeline.upload()))) == []


def test_a_full_line_does_not_hold_uploads_for_ever(
    pipeline: Pipeline, start: Invoke, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_IN_FLIGHT", "1")
    pipeline.claim(pipeline.upload(key="other.png"), "me")
    context.milliseconds_left = start_inspection.MARGIN_MS

    start(uploaded(pipeline.upload()))

    assert len(pipeline.executions.started) == 1


def decided(pipeline: Pipeline, key: str) -> Image:
    image = pipeline.upload(key=key)
    pipeline.waiting(image, f"{TOKEN}-{key}")
    pipeline.decide(image, Verdict.OK)
    return image


def test_a_decision_is_delivered_and_its_token_logged_nowhere(
    pipeline: Pipeline, invoke: Invoke, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    image = decided(pipeline, "a.png")

    answer = invoke(pipeline, deliver_decision, batch(*pipeline.decisions.sent))

    assert failures(answer) == []
    (entry,) = log()
    assert (entry["inspection_id"], entry["outcome"]) == (inspection_id(image), "delivered")
    assert TOKEN not in json.dumps(log()) + "".join(capfd.readouterr())
    assert [token for token, _ in pipeline.executions.answers] == [f"{TOKEN}-a.png"]


class BrokenInspectionRepository(InMemoryInspectionRepository):
    """A repository with one row that cannot be read."""

    broken = ""

    def get(self, inspection: str) -> Inspection | None:
        if inspection == self.broken:
            raise ConnectionError("out of reach")
        return super().get(inspection)


def test_a_decision_that_cannot_be_delivered_does_not_hold_up_the_others(invoke: Invoke, log: Log) -> None:
    inspections = BrokenInspectionRepository()
    pipeline = Pipeline(detector=FakeDetector(UNSURE), inspections=inspections)
    bad, good = decided(pipeline, "bad.png"), decided(pipeline, "good.png")
    inspections.broken = inspection_id(bad)

    answer = invoke(pipeline, deliver_decision, batch(*pipeline.decisions.sent))

    assert failures(answer) == [message(0, "")["messageId"]]
    assert [token for token, _ in pipeline.executions.answers] == [f"{TOKEN}-good.png"]
    assert pipeline.row(good).decision is not None
    assert TOKEN not in json.dumps(log())
    assert [entry["level"] for entry in log()] == ["ERROR", "INFO"]


@pytest.fixture
def by_the_clock(pipeline: Pipeline, invoke: Invoke) -> Callable[[], dict[str, int]]:
    event = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    return lambda: invoke(pipeline, reconcile, event, check_progress=InMemoryCheckProgressStore())


def test_the_clock_mends_what_it_finds_and_counts_it(
    pipeline: Pipeline, by_the_clock: Invoke, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.upload()

    assert by_the_clock() == {"missed upload": 1}
    assert len(pipeline.executions.started) == 1
    assert log()[-1]["counts"] == {"missed upload": 1}
    assert '"reconciled_missed_upload":[1.0]' in capsys.readouterr().out


def test_the_check_publishes_what_is_unaccounted_and_how_many_photos_wait_for_a_person(
    pipeline: Pipeline, by_the_clock: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)
    pipeline.objects.delete(pipeline.row(image).location)

    by_the_clock()

    published = capsys.readouterr().out
    for metric in ('"unaccounted":[1.0]', '"reviews_waiting":[1.0]', '"oldest_review_seconds":['):
        assert metric in published


def test_a_quiet_minute_is_no_warning(by_the_clock: Invoke, log: Log) -> None:
    assert by_the_clock() == {}
    assert [entry["level"] for entry in log()] == ["INFO"]


def test_the_keeper_keeps_what_closed_and_says_how_much(context: Any) -> None:
    archiving = Archiving()
    archiving.inspected()

    assert archive_executions.handler({}, context, archiver=archiving.archiver) == {"archived": 1}


def test_a_history_is_told_without_tokens_and_packed(context: Any) -> None:
    archiving = Archiving()
    archiving.record("e-1", "RUNNING", "")
    adapters = {"history_source": archiving.history_source}

    found, missing = (
        get_execution_history.handler({"execution": name}, context, **adapters) for name in ("e-1", "e-2")
    )

    assert archive.from_gzip(base64.b64decode(found["record"])) == archiving.history_source.records["e-1"]
    assert missing == {"record": None}


def test_what_a_step_logged_is_told_by_its_number(context: Any) -> None:
    logs, line = InMemoryStepLogs(), {"at": "2026-01-01", "level": "INFO", "message": "claimed", "text": "{}"}
    logs.lines["e-1", 2] = LogLines((LogLine(**line),))

    found, missing = (
        get_execution_history.handler({"execution": "e-1", "step": step}, context, step_logs=logs)
        for step in (2, 3)
    )

    assert json.loads(json.dumps(found))["lines"] == [line]
    assert missing["empty_reason"]


def test_who_was_asked_first_is_the_oldest_review_whatever_came_first(
    pipeline: Pipeline, by_the_clock: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.detector.answers = [UNSURE, UNSURE]
    for days, image in ((3, pipeline.upload()), (0, pipeline.upload(key="again.png"))):
        pipeline.waiting(image)
        row, asked_at = pipeline.row(image), timestamps.add_seconds(timestamps.now(), -86400 * days)
        assert row.review
        # The row whose review was opened last is the oldest: it is reinspected.
        pipeline.inspections.rows[row.id] = replace(
            row, claimed_at=f"202{days}", review=replace(row.review, opened_at=asked_at)
        )

    by_the_clock()

    (seconds,) = re.findall(r'"oldest_review_seconds":\[([0-9.]+)\]', capsys.readouterr().out)
    assert float(seconds) == pytest.approx(3 * 86400, abs=60)
