"""Actions of a reviewer on the review page."""

from collections.abc import Callable
from dataclasses import replace

from tests.web.browsing import Visit
from tests.web.world import World
from workflow.inspections.verdict import Verdict

Open = Callable[..., Visit]
LOADED_PHOTOS = (
    "performance.getEntriesByType('resource').filter((entry) => /photos.*review[?]/.test(entry.name)).length"
)


def names(count: int) -> list[str]:
    return [f"line-1/part_{number:03}.jpg" for number in range(count)]


def open_review(visit: Open, *who: str, **how: object) -> Visit:
    """Open the review page and wait until its script runs."""
    window = visit(*who, **how)
    window.go("/review")
    window.until(lambda: window.page.query_selector("html.js"))
    return window


def wait_for_photos(window: Visit, ahead: int = 5) -> None:
    """Wait until more than `ahead` photos have loaded, including the displayed one."""
    window.until(lambda: window.page.evaluate(LOADED_PHOTOS) > ahead)
    window.until(window.is_photo_loaded)


def answer(window: Visit, key: str) -> str:
    """Decide the displayed photo as soon as it has loaded; return its name."""
    window.until(window.is_photo_loaded)
    name = window.name()
    window.press(key)
    return name


def id_of(world: World, name: str) -> str:
    return next(row.id for row in world.pipeline.inspections.rows.values() if row.image.name == name)


def add_photo_for_second_review(world: World) -> str:
    """Add a photo that bob decided as a defect and that is sampled for a second review."""
    (inspection,) = world.add_waiting("line-1/twice.jpg")
    row = world.row(inspection)
    assert row.prediction is not None
    world.pipeline.inspections.rows[inspection] = replace(
        row, prediction=replace(row.prediction, sampled_for_second_review=True)
    )
    world.pipeline.decide(row.image, Verdict.DEFECT, "bob", "crack at the hub")
    assert world.deliver_decisions() == [inspection]
    return inspection
