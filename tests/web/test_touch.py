"""The review page on touch screens and small windows: pinch, scrolling, targets, and answers in sight."""

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession

from tests.web.browsing import Visit
from tests.web.reviewing import names, open_review, wait_for_photos
from tests.web.world import World

Open = Callable[..., Visit]
PHONE = {"has_touch": True, "is_mobile": True, "size": (390, 844)}
ANSWERS = ".answers button, .classes button, .actions button"


@pytest.fixture(autouse=True)
def photos(world: World) -> list[str]:
    return world.add_waiting(*names(12))


@pytest.mark.parametrize("how", [PHONE, {"size": (1366, 768)}], ids=["phone", "laptop"])
def test_all_answers_are_in_sight_without_scrolling(visit: Open, how: dict[str, object]) -> None:
    window = open_review(visit, **how)
    wait_for_photos(window)
    height = window.page.evaluate("innerHeight")
    bar = window.page.locator(".answers").bounding_box()
    assert bar is not None
    buttons = window.page.locator(ANSWERS).all()
    assert len(buttons) == 9  # OK, Defect, three classes, Skip, Undo, Hold, Keys.
    for button in buttons:
        box = button.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height, button.inner_text()
        assert (
            window.page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y).closest('button')?.innerText",
                [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
            )
            == button.inner_text()
        )


def test_targets_on_a_phone_are_44_pixels(visit: Open) -> None:
    window = open_review(visit, **PHONE)
    wait_for_photos(window)
    for target in window.page.locator("button:visible, summary:visible, .nav a, .check:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, target.inner_text()


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    touch_points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touch_points})


def test_a_pinch_zooms_the_photo_and_one_finger_moves_it(visit: Open) -> None:
    window = open_review(visit, **PHONE)
    wait_for_photos(window)
    box = window.page.locator("#view").bounding_box()
    assert box is not None
    session = window.context.new_cdp_session(window.page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    touch(session, "touchStart", (x - 20, y), (x + 20, y))
    for distance in (30, 45, 60):
        touch(session, "touchMove", (x - distance, y), (x + distance, y))
    touch(session, "touchEnd")

    assert window.text("#zoom") == "300 %"
    before = window.page.evaluate("lens.style.transform")
    touch(session, "touchStart", (x, y))
    touch(session, "touchMove", (x + 40, y))
    touch(session, "touchEnd")
    assert window.page.evaluate("lens.style.transform") != before


def test_a_swipe_on_the_photo_scrolls_the_page(visit: Open) -> None:
    window = open_review(visit, **PHONE)
    wait_for_photos(window)
    session = window.context.new_cdp_session(window.page)

    touch(session, "touchStart", (190, 300))
    for y in range(290, 100, -20):
        touch(session, "touchMove", (190, y))
    touch(session, "touchEnd")

    window.until(lambda: window.page.evaluate("scrollY") > 50)
