"""The review page and the dashboard say why a photo is unusual, and if unusual photos are not recognised."""

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from playwright.sync_api import Browser

from tests.unit.pipeline import MODEL
from tests.web.accessibility import NARROW, find_violations
from tests.web.browsing import visiting
from tests.web.sample_executions import UNUSUAL, add_inspection, stop_by_guard
from tests.web.serving import running, visitor
from tests.web.world import World
from workflow import timestamps
from workflow.models.capacity_manager import UsageMeter


@pytest.fixture
def reviewer(address: str) -> Iterator[httpx2.Client]:
    with visitor(address, "ann") as client:
        yield client


def add_unusual(world: World) -> str:
    """Add a photo that the photo guard stopped and that is pending review; return the inspection's id."""
    (inspection,) = world.add_waiting("line-1/dark.jpg")
    world.pipeline.inspections.rows[inspection] = stop_by_guard(world.row(inspection))
    return inspection


def test_the_review_page_says_above_the_scores_why_a_photo_is_unusual(
    world: World, reviewer: httpx2.Client
) -> None:
    add_unusual(world)

    page = reviewer.get("/review").text

    reason = page.index(f"<strong>Unusual:</strong> {UNUSUAL[0]}")
    assert reason < page.index('class="says"')
    assert UNUSUAL[1] in page
    assert "An unusual photo is unclear at any confidence." in page


def test_the_review_page_says_if_the_model_had_no_reference(world: World, reviewer: httpx2.Client) -> None:
    world.add_waiting("line-1/a.jpg")

    assert "Unusual photos are not recognised: the model had no reference." in reviewer.get("/review").text


@pytest.mark.parametrize(
    ("reference", "unusual", "says"),
    [
        ("", (), "unusual photos are not recognised"),
        ("2026-11-30T08:00:00.000Z", (), "compares with the reference of"),
        ("", ("the reference is unreadable",), "photos cannot be compared"),
    ],
)
def test_the_dashboard_says_of_each_running_model_if_it_has_a_reference(
    world: World, reviewer: httpx2.Client, reference: str, unusual: tuple[str, ...], says: str
) -> None:
    object.__setattr__(world, "meter", UsageMeter(running={MODEL: (timestamps.now(), 1)}))
    row = add_inspection(world, "line-1/a.png", 0)
    assert row.prediction is not None
    world.pipeline.inspections.rows[row.id] = replace(
        row, prediction=replace(row.prediction, reference=reference, unusual=unusual)
    )

    page = reviewer.get("/dashboard").text

    guard = page.partition("<dt>Photo guard</dt>")[2].partition("</dd>")[0]
    assert says in guard
    assert ("no reference" in guard) is (says == "unusual photos are not recognised")


def test_the_reasons_have_no_barrier_and_fit_on_a_phone(browser: Browser) -> None:
    world = World.new()
    add_unusual(world)
    with running(world) as address, visiting(browser, address, "ann") as ann:
        ann.go("/review")
        ann.until(ann.is_photo_loaded)
        assert find_violations(ann) == []
        ann.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        assert ann.page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
        box = ann.page.locator(".guard.message").bounding_box()
        score = ann.page.locator(".says").bounding_box()
        assert box is not None
        assert score is not None
        assert box["y"] + box["height"] <= score["y"]
