"""A review by keyboard in a real browser and the local environment: every photo follows its decision."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from local.environment import LocalEnvironment
from tests.integration.test_pipeline_guarantees import Announcements, upload_photo
from tests.web.browsing import Visit, chromium, visiting
from tests.web.serving import visitor
from tests.web.world import jpeg
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import inspection_id
from workflow.inspections.verdict import Verdict

PHOTOS = int(os.environ.get("PARTCHECK_TEST_PHOTOS", "12"))
KEYS = {"a": (Verdict.OK, ""), "d": (Verdict.DEFECT, ""), "1": (Verdict.DEFECT, "crack")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def unclear_policy(environment: LocalEnvironment) -> Iterator[None]:
    """Set a policy that knows none of the model's labels: every photo needs a reviewer, at any confidence."""
    ssm, name = client("ssm"), environment.outputs.policy_parameter
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    labels = {"other": {"verdict": "ok", "threshold": 1.0}}
    changed = json.loads(before) | {"labels": labels, "model_wait_seconds": 1, "second_review_share": 0.0}
    ssm.put_parameter(Name=name, Value=json.dumps(changed), Type="String", Overwrite=True)
    time.sleep(6)  # Functions cache the policy for five seconds.
    yield
    ssm.put_parameter(Name=name, Value=before, Type="String", Overwrite=True)
    time.sleep(6)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.5)


@pytest.mark.timeout(180 + 25 * PHOTOS)
@pytest.mark.usefixtures("unclear_policy")
def test_every_unclear_photo_follows_its_decision(environment: LocalEnvironment, browser: Browser) -> None:
    inspections = DynamoInspectionRepository(
        environment.outputs.inspections_table, environment.outputs.audit_table
    )
    images = {
        f"unclear_{number:03}.jpg": upload_photo(
            environment, f"review/unclear_{number:03}.jpg", jpeg(number * 2 % 250)
        )
        for number in range(PHOTOS)
    }

    def row(name: str) -> Inspection | None:
        return inspections.get(inspection_id(images[name]))

    def is_waiting(name: str) -> bool:
        inspection = row(name)
        return inspection is not None and inspection.state is InspectionState.WAITING

    wait_until(lambda: all(map(is_waiting, images)), 60 + 10 * PHOTOS)
    with visiting(browser, environment.review_app_url, "ann") as window:
        keys = decide_all(window, set(images))
        wait_until(
            lambda: all(inspection is not None and inspection.closed_at for inspection in map(row, images)),
            60 + 10 * PHOTOS,
        )
        assert window.problems == []

    announcements = Announcements(environment.outputs.verdict_queue_url)
    executions = StepFunctionsExecutions(environment.outputs.state_machine_arn)
    exported = export(environment)
    for name, key in keys.items():
        verdict, defect_class = KEYS[key]
        inspection = row(name)
        assert inspection is not None
        assert inspection.decision is not None
        assert (inspection.verdict, inspection.decision.verdict) == (verdict, verdict)
        assert (inspection.decision.defect_class, inspection.decision.reviewer) == (defect_class, "ann")
        assert_location_matches_verdict(inspection)
        (body,) = announcements.receive_for(images[name])
        message = json.loads(body)
        assert (message["verdict"], message["review"]["decision_id"]) == (verdict, inspection.decision.id)
        entry = [entry for entry in inspections.get_audit_trail(inspection.id) if entry.action == "decide"][
            -1
        ]
        assert (entry.after, entry.decision_id, entry.actor) == (verdict, inspection.decision.id, "ann")
        assert executions.get_status(inspection.owner) == "SUCCEEDED"
        assert inspection.decision.id in json.dumps(executions.get_history(inspection.owner), default=str)
        assert (verdict, defect_class, "applied") in exported[inspection.decision.id]


def decide_all(window: Visit, expected: set[str]) -> dict[str, str]:
    """Decide each photo by one key, and the first one twice. Return the last key of each photo."""
    window.go("/review")
    window.until(lambda: window.page.query_selector("html.js"))
    pressed: dict[str, str] = {}
    keys = list(KEYS)
    while expected - pressed.keys():
        window.until(window.is_photo_loaded, 30)
        name = window.name()
        key = keys[len(pressed) % len(keys)]
        window.press(key)
        if not pressed:
            window.press("z")
            window.until(lambda name=name: window.name() == name and window.is_photo_loaded())  # type: ignore[misc]
            key = "d"
            window.press(key)
        pressed[name] = key
    assert pressed.keys() == expected
    window.until(lambda: window.page.is_hidden("#unsent"), 30)
    return pressed


def assert_location_matches_verdict(row: Inspection) -> None:
    assert row.verdict is not None
    assert row.location.key.startswith(f"{row.verdict.value}/")
    stored = client("s3").get_object(
        Bucket=row.location.bucket, Key=row.location.key, VersionId=row.location.version_id
    )
    assert len(stored["Body"].read()) == row.size


def export(environment: LocalEnvironment) -> dict[str, set[tuple[str, str, str]]]:
    """Return verdict, defect class and stage of each decision in the audit export."""
    exported: dict[str, set[tuple[str, str, str]]] = {}
    with visitor(environment.review_app_url, "eve", "engineer") as eve:
        text = eve.get("/audit.csv?who=ann&action=decide").content.decode("utf-8-sig")
    for line in csv.DictReader(io.StringIO(text)):
        exported.setdefault(line["decision"], set()).add(
            (line["after"], line["defect class"], line["status"])
        )
    return exported
