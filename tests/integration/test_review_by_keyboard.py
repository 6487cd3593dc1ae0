"""A reviewer with a keyboard, a real browser and the real line: every photo ends as the reviewer said."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from local.line import Line
from tests.integration.test_promises import Announcements, put
from tests.web.browsing import Visit, chromium, visiting
from tests.web.serving import visitor
from tests.web.world import jpeg
from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.ledger import DynamoLedger
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import inspection_id
from workflow.inspections.verdict import Verdict

PHOTOS = int(os.environ.get("PARTCHECK_TEST_PHOTOS", "12"))
KEYS = {"a": (Verdict.OK, ""), "d": (Verdict.DEFECT, ""), "1": (Verdict.DEFECT, "crack")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def doubtful(line: Line) -> Iterator[None]:
    """A policy that trusts no model, nor waits for one: a person decides every photo."""
    ssm, name = client("ssm"), line.site.policy_parameter
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    policy = json.loads(before)
    for rule in policy["labels"].values():
        rule["threshold"] = 1.0
    doubting = policy | {"model_wait_seconds": 1, "second_look_share": 0.0}
    ssm.put_parameter(Name=name, Value=json.dumps(doubting), Type="String", Overwrite=True)
    time.sleep(6)  # Functions remember the policy for five seconds.
    yield
    ssm.put_parameter(Name=name, Value=before, Type="String", Overwrite=True)
    time.sleep(6)


def patiently(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


@pytest.mark.timeout(180 + 25 * PHOTOS)
@pytest.mark.usefixtures("doubtful")
def test_every_unclear_photo_ends_as_the_reviewer_said(line: Line, browser: Browser) -> None:
    ledger = DynamoLedger(line.site.ledger_table, line.site.audit_table)
    images = {
        f"doubtful_{number:03}.jpg": put(line, f"review/doubtful_{number:03}.jpg", jpeg(number * 2 % 250))
        for number in range(PHOTOS)
    }

    def row(name: str) -> Inspection | None:
        return ledger.get(inspection_id(images[name]))

    def waiting(name: str) -> bool:
        found = row(name)
        return found is not None and found.state is State.WAITING

    patiently(lambda: all(map(waiting, images)), 60 + 10 * PHOTOS)
    with visiting(browser, line.review_app, "ann") as window:
        said = decide_all(window, set(images))
        patiently(
            lambda: all(one is not None and one.closed_at for one in map(row, images)), 60 + 10 * PHOTOS
        )
        assert window.problems == []

    announcements = Announcements(line.site.verdict_queue_url)
    executions = StepFunctionsExecutions(line.site.state_machine_arn)
    exported = export(line)
    for name, key in said.items():
        verdict, defect_class = KEYS[key]
        found = row(name)
        assert found is not None
        assert found.decision is not None
        assert (found.verdict, found.decision.verdict) == (verdict, verdict)
        assert (found.decision.defect_class, found.decision.reviewer) == (defect_class, "ann")
        agrees_with_its_folder(found)
        (body,) = announcements.of(images[name])
        told = json.loads(body)
        assert (told["verdict"], told["review"]["decision_id"]) == (verdict, found.decision.id)
        standing = [one for one in ledger.audit_trail(found.id) if one.action == "decide"][-1]
        assert (standing.after, standing.decision_id, standing.who) == (verdict, found.decision.id, "ann")
        assert executions.status(found.owner) == "SUCCEEDED"
        assert found.decision.id in json.dumps(executions.history(found.owner), default=str)
        assert (verdict, defect_class, "applied") in exported[found.decision.id]


def decide_all(window: Visit, expected: set[str]) -> dict[str, str]:
    """Decide every photo by one key each, and the first one twice; what was said of which."""
    window.go("/review")
    window.until(lambda: window.page.query_selector("html.js"))
    said: dict[str, str] = {}
    keys = list(KEYS)
    while expected - said.keys():
        window.until(lambda: window.name() != "", 30)
        name = window.name()
        key = keys[len(said) % len(keys)]
        window.press(key)
        if not said:
            window.press("z")
            window.until(lambda name=name: window.name() == name)  # type: ignore[misc]
            key = "d"
            window.press(key)
        said[name] = key
    assert said.keys() == expected
    window.until(lambda: window.page.is_hidden("#kept"), 30)
    return said


def agrees_with_its_folder(row: Inspection) -> None:
    assert row.verdict is not None
    assert row.location.key.startswith(f"{row.verdict.value}/")
    there = client("s3").get_object(
        Bucket=row.location.bucket, Key=row.location.key, VersionId=row.location.version_id
    )
    assert len(there["Body"].read()) == row.size


def export(line: Line) -> dict[str, set[tuple[str, str, str]]]:
    """The audit export: of each decision, what it said and how far it got."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    with visitor(line.review_app, "eve", "engineer") as eve:
        text = eve.get("/audit.csv?who=ann&action=decide").text
    for one in csv.DictReader(io.StringIO(text)):
        found.setdefault(one["decision"], set()).add((one["after"], one["defect class"], one["stage"]))
    return found
