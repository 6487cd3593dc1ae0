"""The life of a model against the real local service: import, train, evaluate, promote, roll back, delete."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.context import open_environment
from cli.main import main
from cli.model_services import CLOCK
from local.environment import LocalEnvironment
from local.resources import TRAINING_BUCKET
from local.sample_parts import generate_parts
from tests.integration.test_pipeline_guarantees import upload_photo, wait_for
from vision.camera_faults import apply_fault, paint_uniform_grey
from workflow import timestamps
from workflow.aws.capacity_store import METER, START_LOCK, DynamoCapacityStore
from workflow.aws.clients import client
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.model_control_plane import RekognitionModelControlPlane
from workflow.aws.model_event_log import CAPACITY_EVENTS, DynamoModelEventLog
from workflow.aws.model_settings import SsmModelSettings
from workflow.aws.queues import SqsMessageQueue
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction
from workflow.models import capacity_manager
from workflow.models.capacity_manager import CapacityPorts
from workflow.models.capacity_policy import CapacityPolicy
from workflow.models.model import ModelStatus, wait_for_status

PROJECT = "life"

Run = Callable[..., Any]


@pytest.fixture
def run(environment: LocalEnvironment) -> Run:
    """`partcheck dataset import` and `partcheck model …` beside the environment of this process.

    Returns the JSON answer with --json, otherwise the output; with `lines` the lines of the answer.
    """

    def run(*arguments: str, fails: int = 0, lines: bool = False) -> Any:
        group = "dataset" if arguments[0] in ("import", "validate") else "model"
        result = CliRunner().invoke(
            main,
            (group, *arguments),
            obj=lambda _home: open_environment(environment.outputs, environment.sdk_environment),
        )
        assert result.exit_code == fails, result.output
        if lines:
            return result.stdout.splitlines()
        return json.loads(result.stdout) if "--json" in arguments and not fails else result.output

    return run


@pytest.fixture
def settings(environment: LocalEnvironment) -> Iterator[SsmModelSettings]:
    """The parameters, with no model in use. Afterwards they are restored, and the model runs again."""
    settings = SsmModelSettings(environment.outputs.model_parameter, environment.outputs.policy_parameter)
    ssm, models, in_use = client("ssm"), RekognitionModelControlPlane(), settings.get_model()
    found = models.describe(in_use) if in_use else None
    ran = found is not None and found.status is ModelStatus.RUNNING
    before = {
        name: ssm.get_parameter(Name=name)["Parameter"]["Value"]
        for name in (environment.outputs.policy_parameter, environment.outputs.model_parameter)
    }
    if ran:
        models.stop(in_use)
    ssm.put_parameter(Name=environment.outputs.model_parameter, Value="none", Type="String", Overwrite=True)
    yield settings
    if ran:
        wait_for_status(models, in_use, ModelStatus.STOPPED, CLOCK, 60)
        models.start(in_use)
        wait_for_status(models, in_use, ModelStatus.RUNNING, CLOCK, 60)
    for row in (METER, START_LOCK):
        client("dynamodb").delete_item(
            TableName=environment.outputs.inspections_table, Key={"id": {"S": row}}
        )
    for name, value in before.items():
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def folder_of(folder: Path, count: int, seed: int) -> str:
    for part in islice(generate_parts(count, seed=seed), count):
        place = folder / part.label / part.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(part.content)
    return str(folder)


def test_a_model_lives_from_folder_to_retirement(
    environment: LocalEnvironment, run: Run, settings: SsmModelSettings, tmp_path: Path
) -> None:
    if before := settings.get_model():
        client("rekognition").stop_project_version(ProjectVersionArn=before)
    client("ssm").put_parameter(
        Name=environment.outputs.model_parameter, Value="none", Type="String", Overwrite=True
    )
    photos, hold_out = folder_of(tmp_path / "photos", 40, seed=11), folder_of(tmp_path / "held", 12, seed=12)

    made = run("import", photos, "--project", PROJECT, "--json")
    assert (made["train_photos"], made["test_photos"]) == (32, 8)
    again = run("import", photos, "--project", PROJECT, "--json")
    assert again == made
    there = run("import", f"s3://{TRAINING_BUCKET}/{PROJECT}/photos", "--project", "life-from-s3", "--json")
    assert (there["train_photos"], there["test_photos"]) == (32, 8)
    other = run("import", hold_out, "--project", PROJECT, fails=1)
    assert "--replace" in other

    first = run("train", "--project", PROJECT, "--name", "first", "--json")["model"]
    run("train", "--project", PROJECT, "--name", "second")

    few = run("promote", "first", "--project", PROJECT, fails=1)
    assert "judged parts that it did not learn from, and 30 are needed" in few
    run("promote", "first", "--project", PROJECT, "--force", "--reason", "a rehearsal")
    assert run("show", "first", "--project", PROJECT, "--json")["expected"]["parts"] == {
        "defect": 16,
        "ok": 16,
    }
    assert settings.get_model() == first
    assert "running 0 min on 1 unit, US$0" in run("status", "--project", PROJECT)

    judge_photos_that_are_not_uploaded(run, tmp_path)

    run("promote", "second", "--project", PROJECT, fails=1)
    told = run("evaluate", "first", "--project", PROJECT, "--hold-out", hold_out, "--json")
    assert told["summary"]["tested_on"] == 8
    assert told["hold_out"]["unclear"]["of"] == 12
    changed = run("evaluate", "--project", PROJECT, "--hold-out", photos, fails=1)
    assert "--new-hold-out" in changed

    refused = run("promote", "second", "--project", PROJECT, fails=1)
    assert "no better" in refused
    run("promote", "second", "--project", PROJECT, "--force", "--reason", "a rehearsal")
    assert settings.get_model() != first
    run("rollback", "--project", PROJECT, "--json")
    assert settings.get_model() == first

    models = run("list", "--project", PROJECT, "--json")
    assert [one["in_use"] for one in models] == [False, True]
    run("stop", "second", "--project", PROJECT)
    run("delete", "second", "--project", PROJECT, "--yes")
    run("delete", "first", "--project", PROJECT, "--yes", fails=2)
    assert "stopped" in run("stop", "first", "--project", PROJECT)

    photos_wait_for_a_stopped_model(environment, first)


def judge_photos_that_are_not_uploaded(run: Run, folder: Path) -> None:
    """The reference is made again from the manifest in S3, and is the one that the training made."""
    options = ("first", "--project", PROJECT, "--json")
    trained = run("show", *options)["reference"]
    again = run("reference", *options)["reference"]
    assert trained["photos"] == {"defect": 16, "ok": 16}
    assert {**again, "made_at": ""} == {**trained, "made_at": ""}
    shots = folder / "shots"
    shots.mkdir()
    (part,) = generate_parts(1, seed=15)
    (shots / "part.jpg").write_bytes(part.content)
    (shots / "lamp-off.jpg").write_bytes(apply_fault(part.content, paint_uniform_grey(0)))

    dark, usual = map(json.loads, run("try", str(shots), "--project", PROJECT, "--json", lines=True))

    assert (dark["verdict"], usual["label"]) == ("unclear", part.label)
    assert dark["unusual"][0].startswith("darker than every learned photo (mean 0; ")


def test_the_first_model_of_a_folder_is_put_to_use_and_the_next_must_be_better(
    run: Run, settings: SsmModelSettings, tmp_path: Path
) -> None:
    photos, more = folder_of(tmp_path / "photos", 40, seed=13), folder_of(tmp_path / "more", 40, seed=14)
    options = ("--project", "life-of-folders")

    forced = ("--units", "2", "--force", "--reason", "a rehearsal")
    first = run("train", photos, *options, "--name", "first", *forced, "--json")
    assert (first["status"], settings.get_model()) == ("RUNNING", first["model"])
    assert "life-of-folders" in first["model"]
    assert "on 2 units" in run("status", *options)

    other = run("train", more, *options, fails=1)
    assert "--replace" in other
    refused = run("train", more, *options, "--name", "second", "--replace", fails=1)
    assert "no frozen hold-out compares it with the model in use" in refused
    split = tmp_path / "split"
    assert f"dataset import {more} --split {split}" in run("validate", more, "--split-by-part", str(split))
    third = ("train", more, *options, "--name", "third", "--split", str(split), "--replace", "--json")
    answer = run(*third, fails=1, lines=True)[-1]
    assert json.loads(answer)["status"] == "TRAINING_COMPLETED"
    assert settings.get_model() == first["model"]
    run("promote", "second", *options, "--force", "--reason", "a rehearsal")
    assert "on 2 units" in run("status", *options)
    run("rollback", *options)
    assert settings.get_model() == first["model"]

    run("stop", "second", *options)
    run("stop", "first", *options)


def own_table(name: str) -> str:
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def photos_wait_for_a_stopped_model(environment: LocalEnvironment, arn: str) -> None:
    """One of thirty asks for the start; then the model is idle and is stopped.

    The meter is the test's own, since the environment's scheduler counts idle minutes in the environment's.
    """
    models = RekognitionModelControlPlane()
    room = CapacityPorts(
        models,
        DynamoCapacityStore(own_table("meter")),
        DynamoModelEventLog(environment.outputs.audit_table, CAPACITY_EVENTS),
    )
    policy = CapacityPolicy(version="1", idle_minutes=1)

    asked = [capacity_manager.request_start(room, arn, policy, timestamps.now()) for _ in range(30)]

    assert asked == [True] + [False] * 29
    log = [event.action for event in room.event_log.events() if event.after == arn]
    assert log == ["start"]
    found = models.describe(arn)
    while found is not None and found.status is ModelStatus.STARTING:
        found = models.describe(arn)
    inspections = DynamoInspectionRepository(environment.outputs.inspections_table)
    alarms = SqsMessageQueue(environment.outputs.escalation_queue_url)
    later = timestamps.add_seconds(timestamps.now(), 3 * 24 * 3600)
    assert (
        capacity_manager.run_once(room, inspections, alarms, arn=arn, policy=policy, now=later) == "running"
    )  # Idleness counts from here.
    done = capacity_manager.run_once(
        room, inspections, alarms, arn=arn, policy=policy, now=timestamps.add_seconds(later, 120)
    )
    assert done == "stop: no photo came for 1 min"
    assert client("s3").list_objects_v2(Bucket=TRAINING_BUCKET, Prefix=f"{PROJECT}/hold-out/")["KeyCount"] > 0


def predictions(environment: LocalEnvironment, images: list[Image]) -> list[tuple[Prediction, str]]:
    """Return each photo's prediction and announcement, once it is announced or waits for a person."""
    outputs = environment.outputs
    inspections = DynamoInspectionRepository(outputs.inspections_table, outputs.audit_table)

    def find() -> list[tuple[Prediction, str]] | None:
        rows = [inspections.get(inspection_id(image)) for image in images]
        found = [
            (row.prediction, row.announcement)
            for row in rows
            if row and row.prediction and (row.announcement or row.state is InspectionState.WAITING)
        ]
        return found if len(found) == len(images) else None

    return wait_for(find)


def test_every_photo_names_the_model_that_judged_it_while_kinds_are_switched(
    environment: LocalEnvironment, run: Run, settings: SsmModelSettings, tmp_path: Path
) -> None:
    project = ("--project", "kinds")
    run("import", folder_of(tmp_path / "photos", 60, seed=21), *project)
    own = run("train", *project, "--kind", "own", "--name", "winter", "--json")["model"]
    rented = run("train", *project, "--name", "rented", "--json")["model"]
    run("promote", "winter", *project, "--force", "--reason", "a trial")
    images: list[Image] = []

    def upload(count: int) -> None:
        for part in islice(generate_parts(count, seed=len(images)), count):
            key = f"kinds/{len(images)}.jpg"
            images.append(upload_photo(environment, key, part.content))

    def wait_until_used(model: str) -> None:
        """Upload photos until the model judges four in a row: functions keep settings for some seconds."""
        while {prediction.model for prediction, _ in predictions(environment, images)[-4:]} != {model}:
            upload(4)

    upload(4)
    wait_until_used(own)
    with ThreadPoolExecutor(1) as pool:
        for switch, model in (
            (("promote", "rented", *project, "--force", "--reason", "a trial"), rented),
            (("rollback", *project), own),
        ):
            uploading = pool.submit(upload, 8)
            run(*switch)
            uploading.result()
            assert settings.get_model() == model
            wait_until_used(model)
    judged = predictions(environment, images)

    models = [prediction.model for prediction, _ in judged]
    assert set(models) == {own, rented}
    for prediction, announcement in judged:
        assert prediction.reference
        assert {score.label for score in prediction.scores} == {"defect", "ok"}
        if announcement:
            assert json.loads(announcement)["prediction"]["model"] == prediction.model
    assert "costs nothing while idle" in run("status", *project)
    assert "needs no stop" in run("stop", *project, fails=2)
