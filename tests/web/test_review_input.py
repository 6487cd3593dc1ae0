"""Clicks, keys and input methods on the review page: what decides a photo, and what does not."""

import time
import uuid
from typing import Any

import pytest

from tests.web.browsing import Visit
from tests.web.reviewing import (
    Open,
    add_photo_for_second_review,
    answer,
    id_of,
    open_review,
    wait_for_photos,
)
from tests.web.serving import fetch_photo, visitor
from tests.web.world import World
from workflow.inspections.undo_window import MAX_UNDO_SECONDS
from workflow.inspections.verdict import Verdict

pytestmark = pytest.mark.usefixtures("photos")
PRESS_KEY = """([key, code, options]) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...options }))"""


def decided(world: World) -> list[str]:
    """Return the names of the decided photos, in the order of the decisions."""
    entries = world.pipeline.inspections.entries
    return [world.row(entry.inspection_id).image.name for entry in entries if entry.action == "decide"]


def settle(window: Visit) -> None:
    """Wait until the outbox is empty and the displayed photo can be decided."""
    window.until(lambda: window.page.evaluate("localStorage.getItem('partcheck.outbox.ann') ?? '[]'") == "[]")
    window.until(window.is_photo_loaded)


@pytest.mark.parametrize("delay", [0, 60, 300, 450])
def test_the_second_click_of_a_double_click_decides_nothing(world: World, window: Visit, delay: int) -> None:
    first = window.name()
    window.stop_time()

    double_click(window, delay)

    window.page.clock.resume()

    settle(window)
    assert decided(world) == [first]


def double_click(window: Visit, delay: int) -> None:
    """Click the button OK twice at an interval, as a browser reports a double click."""
    box = window.page.locator("button:has-text('OK')").bounding_box()
    assert box is not None
    session = window.context.new_cdp_session(window.page)
    at = {"x": box["x"] + 20, "y": box["y"] + 20, "button": "left"}
    for count in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            session.send("Input.dispatchMouseEvent", {"type": kind, "clickCount": count, **at})
        window.pass_time(delay)


def test_a_second_tap_within_350_ms_decides_nothing_and_a_later_one_does(world: World, visit: Open) -> None:
    window = open_review(visit, has_touch=True)
    wait_for_photos(window)
    first = window.name()
    window.stop_time()
    for button in ("OK", "crack"):  # Browsers count taps on one place.
        window.page.locator(f"button:has-text('{button}')").first.tap()
        window.pass_time(170)
    settle(window)
    assert decided(world) == [first]

    window.pass_time(400)
    second = window.name()
    window.page.locator("button:has-text('OK')").first.tap()

    window.until(lambda: decided(world) == [first, second])


def test_no_photo_is_decided_before_it_was_on_the_screen_for_150_ms(world: World, window: Visit) -> None:
    first = window.name()

    window.page.evaluate(
        "() => { for (const key of 'ad1ad1') document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { key, bubbles: true })); }"
    )

    assert "not on the screen long enough" in window.text("#status")
    settle(window)
    assert decided(world) == [first]


def test_a_photo_that_was_undone_has_to_be_seen_again_too(world: World, window: Visit) -> None:
    first = answer(window, "a")
    window.page.evaluate(
        "() => { for (const key of 'zd') document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { key, bubbles: true })); }"
    )

    assert window.name() == first
    window.until(lambda: world.row(id_of(world, first)).decision is None)


def test_300_decisions_a_minute_stay_possible(world: World, window: Visit) -> None:
    window.stop_time()
    shown = [window.name()]
    for _ in range(5):
        window.press("a")
        window.pass_time(200)
        shown.append(window.name())

    assert len(set(shown)) == 6


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_held_on_a_focused_button_decides_once(world: World, window: Visit, key: str) -> None:
    first = window.name()
    window.page.focus("button:has-text('OK')")
    window.stop_time()
    for _ in range(8):
        window.page.keyboard.down(key)
        window.pass_time(60)
    window.page.keyboard.up(key)

    window.page.clock.resume()
    settle(window)
    assert decided(world) == [first]


@pytest.mark.parametrize("script", ["runs", "is loading", "is off"])
def test_enter_in_the_comment_decides_nothing(world: World, visit: Open, script: str) -> None:
    window = visit("ann", java_script_enabled=script != "is off")
    if script == "is loading":
        window.page.route("**/review.js", lambda route: None)
    window.page.goto(f"{window.address}/review", wait_until="commit")
    window.page.wait_for_selector("#lens img")
    if script == "runs":
        wait_for_photos(window)
    first = window.name()

    window.page.fill("[name=comment]", "a crack")
    window.page.press("[name=comment]", "Enter")

    assert window.name() == first
    assert window.page.input_value("[name=comment]") == "a crack"
    window.until(lambda: can_be_clicked(window))
    window.page.click("button:has-text('OK')")
    window.until(lambda: decided(world))
    assert decided(world) == [first]
    assert len(window.requests_of("/decide")) == 1


def test_enter_in_the_reason_settles_no_disagreement(visit: Open, world: World) -> None:
    from workflow.review import second_review

    inspection = add_photo_for_second_review(world)
    second_review.submit(world.inspections, world.reviews, inspection, Verdict.OK, "ann", reason="a shadow")
    window = visit("eve", "engineer")
    window.go("/disagreements")
    window.page.fill("[name=reason]", "a crack")
    window.page.press("[name=reason]", "Enter")
    window.round_trip()

    assert window.requests_of("/disagreements/") == []
    assert not world.row(inspection).second_review.final_verdict  # type: ignore[union-attr]


@pytest.mark.parametrize("script", [True, False])
def test_a_click_that_opened_the_page_decides_nothing_on_it(world: World, visit: Open, script: bool) -> None:
    """Without a script, the second click of a double click meets the next page."""
    window = visit("ann", java_script_enabled=script)
    window.page.route("**/*.js", lambda route: None)
    window.page.goto(f"{window.address}/review", wait_until="commit")
    window.page.wait_for_selector("#lens img")
    box = window.page.locator("button:has-text('OK')").bounding_box()
    assert box is not None
    position = (box["x"] + 20, box["y"] + 20)
    window.until(lambda: can_be_clicked(window))
    first = window.name()
    animations = window.context.new_cdp_session(window.page)
    animations.send("Animation.enable")
    animations.send("Animation.setPlaybackRate", {"playbackRate": 0})  # The pause of the next page lasts.

    window.page.mouse.click(*position)
    window.page.wait_for_selector(f"#facts h1:not(:text-is('{first}'))")
    window.page.mouse.click(*position)

    animations.send("Animation.setPlaybackRate", {"playbackRate": 1})
    window.until(lambda: can_be_clicked(window))
    assert decided(world) == [first]
    assert len(window.requests_of("/decide")) == 1


def can_be_clicked(window: Visit) -> bool:
    """Return whether the decision's buttons accept clicks; without a script they wait for a moment."""
    for position in (1, 2):  # A pointer that moves makes an idle browser draw frames, which end the wait.
        window.page.mouse.move(position, position)
    style = window.page.evaluate("getComputedStyle(document.querySelector('#decision')).pointerEvents")
    return bool(style != "none")


def test_a_photo_that_the_browser_never_loaded_is_not_decided(world: World, address: str) -> None:
    first, second = (row.id for row in list(world.pipeline.inspections.rows.values())[:2])
    with visitor(address, "ann") as ann, visitor(address, "bob") as bob:
        refused = ann.post(f"/review/{first}/decide", data={"verdict": "ok"})
        assert (refused.status_code, "has not loaded the photo" in refused.text) == (428, True)
        bob.get(f"/photos/{first}/review")
        ann.get(f"/photos/{second}/review")
        ann.get(f"/photos/{first}/list")
        forged = ann.get(f"/photos/{second}/review").cookies["displayed"]
        headers = {"Cookie": f"displayed={forged}"}
        assert ann.post(f"/review/{first}/decide", data={"verdict": "ok"}).status_code == 428
        assert ann.post(f"/review/{first}/decide", data={"verdict": "ok"}, headers=headers).status_code != 303
        assert decided(world) == []

        ann.get(f"/photos/{first}/review")
        assert ann.post(f"/review/{first}/decide", data={"verdict": "ok"}).status_code == 303


def test_a_copy_in_the_cache_of_another_user_proves_nothing(world: World, address: str) -> None:
    (inspection, *_) = world.pipeline.inspections.rows
    with visitor(address, "ann") as ann:
        ann.get(f"/photos/{inspection}/review?as=ann")
        ann.post("/sign-in", data={"name": "bob", "role": "reviewer"})
        assert ann.get(f"/photos/{inspection}/review?as=ann").status_code in (303, 401)
        assert ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"}).status_code == 428


def test_a_photo_is_seen_in_each_session_before_it_is_decided(world: World, address: str) -> None:
    (inspection, *_) = world.pipeline.inspections.rows
    with visitor(address, "ann") as ann:
        copy = ann.get(f"/photos/{inspection}/review?as=ann")
        assert "no-cache" in copy.headers["cache-control"]
        ann.post("/sign-in", data={"name": "ann", "role": "reviewer"})
        assert ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"}).status_code == 428

        guess = ann.get(f"/photos/{inspection}/review", headers={"If-None-Match": '"guess"'})
        assert guess.status_code == 200
        ann.post("/sign-in", data={"name": "ann", "role": "reviewer"})
        known = ann.get(f"/photos/{inspection}/review", headers={"If-None-Match": copy.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        assert ann.post(f"/review/{inspection}/decide", data={"verdict": "ok"}).status_code == 303


def test_the_proofs_of_decided_photos_end_with_their_undo_window(world: World, window: Visit) -> None:
    """Browsers keep about 180 cookies of a host."""
    first = answer(window, "a")
    row = id_of(world, first)
    window.until(lambda: world.row(row).decision)

    def seconds_left(inspection: str) -> float:
        (proof,) = [cookie for cookie in window.context.cookies() if cookie["path"].endswith(inspection)]
        return proof["expires"] - time.time()

    window.until(lambda: seconds_left(row) <= MAX_UNDO_SECONDS)
    assert seconds_left(id_of(world, window.name())) > 3600
    window.press("z")
    window.until(lambda: seconds_left(row) > 3600)
    answer(window, "d")
    window.until(lambda: world.row(row).decision)


def test_a_repeated_decision_needs_no_proof_and_gives_none(world: World, address: str) -> None:
    """The browser sends a decision again if it closed before the response came, also a day later."""
    (inspection, *_) = world.pipeline.inspections.rows
    answer = {"verdict": "ok", "decision_id": str(uuid.uuid4())}
    with visitor(address, "ann") as ann:
        fetch_photo(ann, inspection)
        assert ann.post(f"/review/{inspection}/decide", data=answer).status_code == 303
        ann.cookies.delete("displayed")

        repeated = ann.post(f"/review/{inspection}/decide", data=answer)

        assert repeated.status_code == 303
        assert "displayed" not in repeated.cookies


def test_a_composition_in_the_comment_belongs_to_the_writer(world: World, window: Visit) -> None:
    first = window.name()
    window.press("c")
    session = window.context.new_cdp_session(window.page)
    for text in ("k", "き", "きz", "きず"):
        session.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )
    process = {"windowsVirtualKeyCode": 229, "code": "Enter", "key": "Process"}
    for key in ("Enter", "Escape"):
        session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **process, "code": key})
    session.send("Input.insertText", {"text": "きず"})
    assert window.page.evaluate("document.activeElement.name") == "comment"
    # Safari reports the Enter that ends a composition after its end, with the key code 229.
    window.page.evaluate(PRESS_KEY, ["Enter", "Enter", {"keyCode": 229}])
    assert window.page.evaluate("document.activeElement.name") == "comment"

    window.page.keyboard.type("d")
    assert window.name() == first
    assert window.page.input_value("[name=comment]") == "きずd"
    window.press("Enter", "d")

    decision = window.until(lambda: world.row(id_of(world, first)).decision)
    assert (decision.reason, decision.verdict) == ("きずd", Verdict.DEFECT)


@pytest.mark.parametrize(
    ("key", "code", "defect_class", "verdict"),
    [
        ("ф", "KeyA", "", Verdict.OK),
        ("В", "KeyD", "", Verdict.DEFECT),
        ("&", "Digit1", "crack", Verdict.DEFECT),
        ("é", "Digit2", "blowholes", Verdict.DEFECT),
        ("١", "Digit1", "crack", Verdict.DEFECT),
        ("a", "KeyQ", "", Verdict.OK),
    ],
)
def test_keys_of_other_keyboards_act_by_their_position(
    world: World, window: Visit, key: str, code: str, defect_class: str, verdict: Verdict
) -> None:
    first = window.name()

    window.page.evaluate(PRESS_KEY, [key, code, {}])

    decision = window.until(lambda: world.row(id_of(world, first)).decision)
    assert (decision.verdict, decision.defect_class) == (verdict, defect_class)


@pytest.mark.parametrize(
    ("key", "code", "options"),
    [
        ("q", "KeyA", {}),  # AZERTY: the letter Q is not A, wherever it is.
        ("!", "Digit1", {"shiftKey": True}),
        ("ą", "KeyA", {"modifierAltGraph": True}),
        ("ф", "KeyA", {"ctrlKey": True}),
    ],
)
def test_keys_that_mean_something_else_decide_nothing(
    world: World, window: Visit, key: str, code: str, options: dict[str, Any]
) -> None:
    first = window.name()

    window.page.evaluate(PRESS_KEY, [key, code, options])

    assert window.name() == first


def test_the_keys_dialog_names_keys_and_brings_the_old_one_back(visit: Open) -> None:
    window = open_review(visit)
    window.press("?")
    field = "#key-list [name=ok]"

    window.page.fill(field, "")
    window.page.focus("#key-list [name=skip]")
    assert window.page.input_value(field) == "a"
    assert window.text("#key-clash") == "The key of “OK” is still A."
    for key, reason in {
        " ": "Space presses the focused button",
        "d": "D is taken: it is the key of “Defect”",
        "1": "1 is taken: it chooses a defect class",
    }.items():
        window.page.fill(field, key)
        assert window.text("#key-clash") == f"{reason}. The key of “OK” is still A."
        window.page.focus("#key-list [name=skip]")
        assert window.page.input_value(field) == "a"
