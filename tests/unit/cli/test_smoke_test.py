"""The smoke test decides its own photo in the review app, or waits for the reviewer who has it."""

from dataclasses import replace
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from cli.stage import smoke_test
from cli.stage.smoke_decision import REVIEWER
from tests.unit.cli.conftest import OUTPUTS
from tests.web.world import World
from workflow import timestamps
from workflow.inspections.inspection import InspectionState, Lease
from workflow.inspections.smoke_photos import KEY_PREFIX, NAME_PREFIX
from workflow.inspections.verdict import Verdict

KEY = f"{KEY_PREFIX}{NAME_PREFIX}1-part.jpg"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A stage in memory, with another reviewer's photo before that of the smoke test."""
    world = World.new()
    world.add_waiting("line 1/theirs.jpg", KEY)
    monkeypatch.setattr("review_app.container.build_container", lambda _variables: world.container)
    return world


def follow(world: World, seconds: float = 0) -> Any:
    environment: Any = SimpleNamespace(inspections=world.pipeline.inspections, outputs=OUTPUTS)
    [row] = [row for row in world.pipeline.inspections.rows.values() if row.image.key == KEY]
    return smoke_test._wait_until_closed(environment, row.image, monotonic() + seconds)


def test_the_smoke_test_decides_its_own_photo_by_the_apps_requests_and_touches_no_other(world: World) -> None:
    follow(world)

    theirs, ours = world.pipeline.inspections.rows.values()
    assert ours.decision is not None
    assert (ours.decision.reviewer, ours.decision.verdict) == (REVIEWER, Verdict.OK)
    assert (theirs.decision, theirs.lease) == (None, None)
    actions = [entry.action.value for entry in world.pipeline.inspections.entries]
    assert actions == ["sign in", "decide", "sign out"]


def test_a_reviewer_who_has_the_photo_is_waited_for_and_named_once(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = world.pipeline.inspections.rows
    ours = list(rows.values())[1]
    lease = Lease("ann", timestamps.add_seconds(timestamps.now(), 60))
    rows[ours.id] = replace(ours, lease=lease)
    pauses: list[float] = []

    def ann_decides(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            world.pipeline.decide(ours.image, Verdict.DEFECT, reviewer="ann")
        if len(pauses) == 5:
            rows[ours.id] = replace(rows[ours.id], state=InspectionState.CLOSED)

    monkeypatch.setattr("time.sleep", ann_decides)

    row = follow(world, 60)

    assert row.state is InspectionState.CLOSED
    assert capsys.readouterr().err.count("Waiting for the reviewer. partcheck-smoke-1-part.jpg") == 1
    assert [entry.action.value for entry in world.pipeline.inspections.entries] == ["decide"]


def test_a_page_that_refuses_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = [row for row in world.pipeline.inspections.rows.values() if row.image.key == KEY]
    world.pipeline.objects.delete(row.location)

    follow(world)

    assert "the review app refuses GET /photos/ID/review" in capsys.readouterr().err
