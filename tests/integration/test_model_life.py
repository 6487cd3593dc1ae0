"""The life of a model against the real local service: import, train, evaluate, promote, roll back, delete."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import main
from cli.model_bench import CLOCK
from cli.reach import open_line
from local.line import Line
from local.resources import TRAINING_BUCKET
from local.sample_parts import sample_parts
from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.ledger import DynamoLedger
from workflow.aws.model_record import POWER, DynamoRecord
from workflow.aws.model_settings import ParameterSettings
from workflow.aws.models import RekognitionModels
from workflow.aws.power_store import LEASE, METER, DynamoPowerStore
from workflow.aws.queues import SqsQueue
from workflow.models import capacity
from workflow.models.capacity import Room
from workflow.models.capacity_policy import PowerPolicy
from workflow.models.model import Status, wait_until

PROJECT = "life"

Run = Callable[..., Any]


@pytest.fixture
def run(line: Line) -> Run:
    """`partcheck model` beside the line of this process; its JSON answer."""

    def run(*arguments: str, fails: int = 0) -> Any:
        result = CliRunner().invoke(
            main, ("model", *arguments), obj=lambda _home: open_line(line.site, line.environment)
        )
        assert result.exit_code == fails, result.output
        return json.loads(result.stdout) if "--json" in arguments and not fails else result.output

    return run


@pytest.fixture
def settings(line: Line) -> Iterator[ParameterSettings]:
    """The line's parameters with no model in use; afterwards all is as it was, and what ran runs again."""
    settings = ParameterSettings(line.site.model_parameter, line.site.policy_parameter)
    ssm, models, in_use = client("ssm"), RekognitionModels(), settings.model()
    found = models.describe(in_use) if in_use else None
    ran = found is not None and found.status is Status.RUNNING
    before = {
        name: ssm.get_parameter(Name=name)["Parameter"]["Value"]
        for name in (line.site.policy_parameter, line.site.model_parameter)
    }
    if ran:
        models.stop(in_use)
    ssm.put_parameter(Name=line.site.model_parameter, Value="none", Type="String", Overwrite=True)
    yield settings
    if ran:
        wait_until(models, in_use, Status.STOPPED, CLOCK, 60)
        models.start(in_use)
        wait_until(models, in_use, Status.RUNNING, CLOCK, 60)
    for row in (METER, LEASE):
        client("dynamodb").delete_item(TableName=line.site.ledger_table, Key={"id": {"S": row}})
    for name, value in before.items():
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def folder_of(folder: Path, count: int, seed: int) -> str:
    for part in islice(sample_parts(count, seed=seed), count):
        place = folder / part.label / part.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(part.content)
    return str(folder)


def test_a_model_lives_from_folder_to_retirement(
    line: Line, run: Run, settings: ParameterSettings, tmp_path: Path
) -> None:
    if before := settings.model():
        client("rekognition").stop_project_version(ProjectVersionArn=before)
    client("ssm").put_parameter(Name=line.site.model_parameter, Value="none", Type="String", Overwrite=True)
    photos, hold_out = folder_of(tmp_path / "photos", 40, seed=11), folder_of(tmp_path / "held", 12, seed=12)

    made = run("import", photos, "--project", PROJECT, "--json")
    assert (made["train_photos"], made["test_photos"]) == (32, 8)
    again = run("import", photos, "--project", PROJECT)
    assert "40" in again
    there = run("import", f"s3://{TRAINING_BUCKET}/{PROJECT}/photos", "--name", "life-from-s3", "--json")
    assert (there["train_photos"], there["test_photos"]) == (32, 8)
    other = run("import", hold_out, "--project", PROJECT, fails=1)
    assert "--replace" in other

    first = run("train", "--project", PROJECT, "--name", "first", "--json")["model"]
    run("train", "--project", PROJECT, "--name", "second")

    run("promote", "first", "--project", PROJECT)
    assert settings.model() == first
    assert "running 0 min on 1 unit, about $0" in run("status", "--project", PROJECT)

    run("promote", "second", "--project", PROJECT, fails=1)
    told = run("evaluate", "first", "--project", PROJECT, "--hold-out", hold_out, "--json")
    assert told["summary"]["tested_on"] == 8
    assert told["hold_out"]["unclear"]["of"] == 12
    changed = run("evaluate", "--project", PROJECT, "--hold-out", photos, fails=1)
    assert "--new-hold-out" in changed

    refused = run("promote", "second", "--project", PROJECT, fails=1)
    assert "no better" in refused
    run("promote", "second", "--project", PROJECT, "--force", "--reason", "a rehearsal")
    assert settings.model() != first
    run("rollback", "--project", PROJECT, "--json")
    assert settings.model() == first

    models = run("list", "--project", PROJECT, "--json")
    assert [one["in_use"] for one in models] == [False, True]
    run("stop", "second", "--project", PROJECT)
    run("delete", "second", "--project", PROJECT, "--yes")
    run("delete", "first", "--project", PROJECT, "--yes", fails=2)
    assert "stopped" in run("stop", "first", "--project", PROJECT)

    photos_wait_for_a_stopped_model(line, first)


def own_table(name: str) -> str:
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def photos_wait_for_a_stopped_model(line: Line, arn: str) -> None:
    """One of thirty asks for the start; then the model is idle and is stopped.

    The meter is the test's own: the line's clock counts idle minutes in the line's.
    """
    models = RekognitionModels()
    room = Room(models, DynamoPowerStore(own_table("meter")), DynamoRecord(line.site.audit_table, POWER))
    policy = PowerPolicy("1", idle_minutes=1)

    asked = [capacity.wanted(room, arn, policy, timestamps.now()) for _ in range(30)]

    assert asked == [True] + [False] * 29
    log = [event.action for event in room.log.events() if event.after == arn]
    assert log == ["start"]
    found = models.describe(arn)
    while found is not None and found.status is Status.STARTING:
        found = models.describe(arn)
    ledger = DynamoLedger(line.site.ledger_table)
    alarms = SqsQueue(line.site.escalation_queue_url)
    later = timestamps.later(timestamps.now(), 3 * 24 * 3600)
    assert capacity.tend(room, ledger, alarms, arn, policy, later) == "running"  # Idleness counts from here.
    done = capacity.tend(room, ledger, alarms, arn, policy, timestamps.later(later, 120))
    assert done == "stop: no photo came for 1 min"
    assert client("s3").list_objects_v2(Bucket=TRAINING_BUCKET, Prefix=f"{PROJECT}/hold-out/")["KeyCount"] > 0
