"""Undo of the last action, unsent requests of several tabs, and comments that survive a reload."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import Visit, visiting
from tests.web.reviewing import (
    Open,
    answer,
    id_of,
    wait_for_photos,
)
from tests.web.serving import running
from tests.web.world import World
from workflow.inspections.verdict import Verdict

pytestmark = pytest.mark.usefixtures("photos")
UNDO_NAME = "button[data-do=undo] >> nth=0"


def skip(window: Visit) -> None:
    window.press("s")


def hold(window: Visit) -> None:
    window.page.fill("[name=comment]", "ask the foundry")
    window.press("Enter", "h")


@pytest.mark.parametrize(("act", "label"), [(skip, "Undo Skip"), (hold, "Undo Hold")])
def test_undo_takes_back_the_last_action_of_any_kind(
    world: World, window: Visit, act: Callable[[Visit], None], label: str
) -> None:
    first = answer(window, "d")
    assert window.text(UNDO_NAME).startswith("Undo Defect")
    window.until(window.is_photo_loaded)
    second = window.name()
    act(window)
    assert window.text(UNDO_NAME).startswith(label)
    row = id_of(world, second)
    window.until(lambda: world.row(row).skipped or world.row(row).hold)

    window.press("z")

    assert window.name() == second
    lease = window.until(
        lambda: not world.row(row).hold and not world.row(row).skipped and world.row(row).lease
    )
    assert lease.reviewer == "ann"
    assert world.row(id_of(world, first)).decision is not None
    assert window.text(UNDO_NAME).startswith("Undo Defect")
    window.press("z")
    assert window.name() == first
    window.until(lambda: world.row(id_of(world, first)).decision is None)


@pytest.mark.parametrize("by", ["key", "list"])
@pytest.mark.parametrize("reload", [True, False])
def test_key_and_list_undo_the_same_and_show_the_photo(
    world: World, window: Visit, by: str, reload: bool
) -> None:
    first = answer(window, "a")
    window.until(lambda: world.row(id_of(world, first)).decision)
    if reload:
        window.until(lambda: (window.page.reload(), window.page.query_selector("#strip button"))[1])
        window.until(lambda: window.page.query_selector("html.js"))
    window.until(lambda: window.page.query_selector("#strip button"))
    assert window.text(UNDO_NAME).startswith("Undo OK")

    if by == "key":
        window.press("z")
    else:
        window.page.click("#strip button")

    window.until(lambda: window.name() == first)
    window.until(lambda: world.row(id_of(world, first)).decision is None)
    assert f"Undone: {first}" in window.text("#status")
    answer(window, "d")
    window.until(lambda: world.row(id_of(world, first)).decision)


def test_without_javascript_the_undone_photo_is_shown(world: World, visit: Open) -> None:
    window = visit("ann", java_script_enabled=False)
    window.go("/review")
    first = window.name()
    window.page.click("button:has-text('OK')")
    window.until(lambda: (window.go("/review"), window.page.query_selector("#strip button"))[1])
    assert window.name() != first

    window.page.click("#strip button")

    assert window.name() == first


def test_a_photo_whose_undo_is_unsent_is_not_given_up(world: World, window: Visit) -> None:
    """The renewal of the leases does not ask for a photo whose answer is still on its way."""
    first = answer(window, "d")
    window.until(lambda: world.row(id_of(world, first)).decision)
    undos: list[Any] = []
    window.page.route("**/undo**", lambda route: undos.append(route))
    window.press("z")
    window.until(lambda: undos)
    renewals: list[str] = []
    window.page.on(
        "request", lambda request: renewals.append(request.url) if "/renew" in request.url else None
    )

    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    window.until(lambda: renewals)
    window.round_trip()

    assert window.name() == first
    assert "another reviewer" not in window.text("#status")
    undos[0].continue_()
    window.until(lambda: world.row(id_of(world, first)).decision is None)


def test_a_photo_decided_again_before_its_undo_arrived_is_not_shown_a_third_time(
    world: World, window: Visit
) -> None:
    undos: list[Any] = []
    window.page.route("**/undo**", lambda route: undos.append(route))
    first = answer(window, "a")
    window.press("z")
    assert answer(window, "d") == first
    second = window.name()
    window.until(lambda: undos)

    undos[0].continue_()

    decision = window.until(
        lambda: (
            (decision := world.row(id_of(world, first)).decision)
            and decision.verdict is Verdict.DEFECT
            and decision
        )
    )
    assert window.name() == second
    assert answer(window, "a") == second
    window.until(lambda: world.row(id_of(world, second)).decision)
    assert world.row(id_of(world, first)).decision == decision


def test_an_undo_that_arrives_too_late_is_told_and_the_first_decision_stands(
    world: World, browser: Browser
) -> None:
    """The server stores the first decision and answers after the undo window, when it is final."""
    with running(world, undo_seconds=1) as address, visiting(browser, address) as window:
        window.go("/review")
        wait_for_photos(window)
        stored: list[Any] = []

        def hold_the_first(route: Any) -> None:
            if stored:
                route.continue_()
            else:
                stored.append((route, route.fetch()))

        window.page.route("**/decide**", hold_the_first)
        first = answer(window, "a")
        window.press("z")
        assert answer(window, "d") == first
        second = window.name()
        window.until(world.deliver_decisions)

        route, response = stored[0]
        route.fulfill(response=response)

        window.until(lambda: "too late" in window.text("#status"))
        assert "Your next answer to this photo does not count." in window.text("#status")
        assert window.page.get_attribute("#status a", "href") == f"/inspections/{id_of(world, first)}"
        assert window.name() == second
        assert answer(window, "d") == second
        window.until(lambda: world.row(id_of(world, second)).decision)
        assert world.row(id_of(world, first)).verdict is Verdict.OK
        refused = [problem for problem in window.problems if problem.startswith("409")]
        assert len(refused) == 1, window.problems
        assert f"{id_of(world, first)}/undo" in refused[0]


def test_the_undo_of_a_refused_decision_is_not_sent(world: World, window: Visit) -> None:
    decisions: list[Any] = []
    window.page.route("**/decide**", lambda route: decisions.append(route))
    first = answer(window, "a")
    window.press("z")
    assert window.name() == first
    world.reviews.release_lease(id_of(world, first), "ann")
    world.pipeline.decide(world.row(id_of(world, first)).image, Verdict.OK, "bob")

    decisions[0].continue_()

    window.until(lambda: "bob decided ok" in window.text("#status"))
    window.until(lambda: window.name() not in ("", first))
    window.until(lambda: window.page.evaluate("localStorage.getItem('partcheck.outbox.ann')") == "[]")
    assert not [url for url in window.requests if "/undo" in url]
    window.problems.clear()  # The browser logs every 409.


def test_what_another_tab_sent_is_not_shown_as_unsent(world: World, window: Visit) -> None:
    window.page.route("**/decide**", lambda route: route.abort())
    first = answer(window, "d")
    window.until(lambda: "1 unsent" in window.text("#unsent"))

    other = window.context.new_page()
    other.goto(f"{window.address}/review")
    window.until(lambda: world.row(id_of(world, first)).decision)

    window.until(lambda: window.page.is_hidden("#unsent"))
    window.problems.clear()  # The browser logs aborted requests.


def test_a_comment_survives_a_reload_until_it_is_sent(world: World, window: Visit) -> None:
    first = window.name()
    window.press("c")
    window.page.keyboard.type("crack at the hub")

    window.page.reload()
    wait_for_photos(window)
    assert (window.name(), window.page.input_value("[name=comment]")) == (first, "crack at the hub")
    answer(window, "d")

    decision = window.until(lambda: world.row(id_of(world, first)).decision)
    assert decision.reason == "crack at the hub"
    assert window.page.input_value("[name=comment]") == ""
    assert not window.page.evaluate("Object.keys(sessionStorage).length")
