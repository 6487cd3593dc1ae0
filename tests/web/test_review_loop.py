"""The review page in Chromium: keys, undo, leases, the outbox and live counts."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import DEADLINE_SECONDS, Visit, visiting
from tests.web.reviewing import (
    Open,
    add_photo_for_second_review,
    answer,
    id_of,
    names,
    open_review,
    wait_for_photos,
)
from tests.web.serving import running
from tests.web.world import World
from workflow import timestamps
from workflow.inspections.inspection import Lease
from workflow.inspections.undo_window import MAX_UNDO_SECONDS
from workflow.inspections.verdict import Verdict
from workflow.review import second_review

SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize(
    ("key", "verdict", "defect_class"),
    [
        ("a", Verdict.OK, ""),
        ("d", Verdict.DEFECT, ""),
        ("1", Verdict.DEFECT, "crack"),
        ("3", Verdict.DEFECT, "scratch"),
    ],
)
def test_one_key_decides_and_the_next_photo_is_there(
    world: World, window: Visit, key: str, verdict: Verdict, defect_class: str
) -> None:
    first = window.name()

    window.press(key)

    assert window.name() not in ("", first)
    decision = window.until(lambda: world.row(id_of(world, first)).decision)
    assert (decision.verdict, decision.defect_class, decision.reviewer) == (verdict, defect_class, "ann")


@pytest.mark.usefixtures("photos")
def test_five_photos_are_there_in_advance_and_decoded(visit: Open) -> None:
    window = open_review(visit)

    wait_for_photos(window, 5)


def test_a_key_that_is_held_down_decides_once(world: World, window: Visit) -> None:
    window.stop_time()
    for _ in range(5):
        window.page.keyboard.down("a")
        window.pass_time(200)
    window.page.keyboard.up("a")

    window.until(lambda: window.page.evaluate("localStorage.getItem('partcheck.outbox.ann')") == "[]")
    assert len(world.pipeline.decisions.sent) == 1


def test_the_comment_goes_with_its_photo_and_keys_are_letters_in_it(world: World, window: Visit) -> None:
    first = window.name()

    window.press("c")
    window.page.keyboard.type("a dad said zzz")
    window.press("Enter", "d")

    decision = window.until(lambda: world.row(id_of(world, first)).decision)
    assert (decision.reason, decision.verdict) == ("a dad said zzz", Verdict.DEFECT)
    assert window.page.input_value("[name=comment]") == ""


def test_undo_brings_the_photo_back_and_nothing_was_sent(world: World, window: Visit) -> None:
    first = window.name()
    window.press("d")
    inspection = id_of(world, first)
    window.until(lambda: world.row(inspection).decision)
    world.deliver_decisions()  # Has no effect within the undo window.

    window.press("z")

    assert window.name() == first
    window.until(lambda: world.row(inspection).decision is None)
    assert world.row(inspection).lease.reviewer == "ann"  # type: ignore[union-attr]
    assert world.pipeline.executions.answers == []
    window.until(window.is_photo_loaded)
    window.press("a")
    window.until(lambda: world.row(inspection).decision)


@pytest.mark.usefixtures("photos")
def test_after_the_window_undo_says_too_late_and_where_to_correct(world: World, browser: Browser) -> None:
    with running(world, undo_seconds=1) as address, visiting(browser, address) as window:
        window.go("/review")
        wait_for_photos(window)
        first = window.name()
        window.press("d")
        window.until(lambda: world.deliver_decisions())

        window.press("z")

        window.until(lambda: "Too late" in window.text("#status"))
        assert window.page.get_attribute("#status a", "href") == f"/inspections/{id_of(world, first)}"
        assert world.row(id_of(world, first)).verdict is Verdict.DEFECT


@pytest.mark.usefixtures("photos")
def test_an_answer_that_is_kept_here_can_be_undone_however_late(world: World, browser: Browser) -> None:
    with running(world, undo_seconds=1) as address, visiting(browser, address) as window:
        window.go("/review")
        wait_for_photos(window)
        window.stop_time()
        window.page.route("**/decide**", lambda route: route.abort())
        first = answer(window, "d")
        window.until(lambda: "1 unsent" in window.text("#unsent"))
        window.pass_time(1200)

        window.press("z")

        assert window.name() == first
        window.page.clock.resume()
        window.page.unroute("**/decide**")
        inspection = id_of(world, first)
        actions = ["decide", "undo"]
        window.until(
            lambda: (
                [
                    entry.action
                    for entry in world.pipeline.inspections.entries
                    if entry.inspection_id == inspection
                ]
                == actions
            )
        )


def test_a_key_without_a_photo_gives_no_more_time_to_undo(world: World, visit: Open) -> None:
    world.add_waiting(*names(1))
    window = open_review(visit)
    window.until(window.is_photo_loaded)
    window.stop_time()
    answer(window, "d")
    window.pass_time(1500)
    time_left = "document.querySelector('#undo-time').value"
    left = window.page.evaluate(time_left)

    window.press("d")

    assert window.name() == ""
    assert (
        0 < window.page.evaluate("document.querySelector('#undo-time').value") <= left < MAX_UNDO_SECONDS - 1
    )


def test_a_server_that_knows_better_than_the_page_is_believed(world: World, window: Visit) -> None:
    """The page still offers undo, but the decision is final: the photo does not stay."""
    first = window.name()
    window.press("d")
    decision = window.until(lambda: world.row(id_of(world, first)).decision)
    world.inspections.finalize(id_of(world, first), decision.id)

    window.press("z")

    window.until(lambda: "too late" in window.text("#status"))
    assert window.name() != first
    window.problems.clear()  # The browser logs every 409.


def test_skipping_shows_another_and_gives_the_photo_to_others(world: World, window: Visit) -> None:
    first = window.name()

    window.press("s")

    assert window.name() != first
    window.until(lambda: world.row(id_of(world, first)).lease is None)


def test_holding_needs_a_comment_and_takes_the_photo_out(world: World, window: Visit) -> None:
    first = window.name()
    window.press("h")
    assert "Enter the reason" in window.text("#status")

    window.page.keyboard.type("ask the foundry")
    window.press("Enter", "h")

    hold = window.until(lambda: world.row(id_of(world, first)).hold)
    assert (hold.reviewer, hold.reason) == ("ann", "ask the foundry")
    window.go("/on-hold")
    window.page.click("button:has-text('Release')")
    window.until(lambda: world.row(id_of(world, first)).hold is None)


def test_zoom_brightness_contrast_and_inversion_stay_for_the_next_photo(window: Visit) -> None:
    window.press("+", "b", "x", "i")
    before = window.page.evaluate("[lens.style.transform, lens.style.filter]")

    window.press("a")

    assert before == ["translate(0px, 0px) scale(1.5)", "brightness(130%) contrast(140%) invert(1)"]
    assert window.page.evaluate("[lens.style.transform, lens.style.filter]") == before
    window.page.reload()
    window.until(lambda: window.page.query_selector("html.js"))
    assert window.page.evaluate("[lens.style.transform, lens.style.filter]") == before
    window.press("ArrowRight")
    assert window.page.evaluate("lens.style.transform") == "translate(-60px, 0px) scale(1.5)"
    window.press("0")
    assert window.page.evaluate("lens.style.transform") == ""


def test_who_zooms_sees_the_uploaded_bytes(window: Visit) -> None:
    window.press("+")

    window.until(lambda: window.page.get_attribute("#lens img", "src").endswith("/original"))  # type: ignore[union-attr]


def test_a_zoom_that_stayed_shows_the_next_photo_as_uploaded_too(window: Visit) -> None:
    window.press("+")

    answer(window, "a")

    window.until(lambda: window.page.get_attribute("#lens img", "src").endswith("/original"))  # type: ignore[union-attr]


@pytest.mark.usefixtures("photos")
def test_a_photo_that_does_not_come_is_asked_for_again_and_not_decided(world: World, visit: Open) -> None:
    window = visit()
    away = True
    window.page.route("**/photos/**", lambda route: route.abort() if away else route.continue_())
    window.go("/review")
    window.until(lambda: window.page.query_selector("html.js"))
    first = window.name()

    window.press("d")
    assert "not loaded yet" in window.text("#status")
    assert window.name() == first
    window.until(lambda: sum("/photos/" in url for url in window.requests) > 6)
    window.press("s")
    second = window.name()
    assert second not in ("", first)
    away = False

    answer(window, "d")
    window.until(lambda: world.row(id_of(world, second)).decision)
    assert world.row(id_of(world, first)).decision is None
    window.problems.clear()  # The browser logs failed requests.


def test_keys_can_be_changed_and_switched_off(world: World, window: Visit) -> None:
    window.press("?")
    window.page.fill("#key-list [name=ok]", "g")
    window.page.fill("#key-list [name=skip]", "d")
    assert "taken" in window.text("#key-clash")
    window.page.click("#help .primary")
    window.page.reload()
    wait_for_photos(window)
    first = window.name()

    window.press("a")
    assert window.name() == first
    window.press("g")
    window.until(lambda: world.row(id_of(world, first)).decision)

    second = window.name()
    window.until(window.is_photo_loaded)
    window.page.uncheck("#keys-on")
    window.press("g", "d", "1", "s", "z", "?")
    assert window.name() == second
    window.page.click("button:has-text('OK')")
    window.until(lambda: world.row(id_of(world, second)).decision)


def test_nothing_to_do_says_so_and_a_new_photo_appears_by_itself(world: World, visit: Open) -> None:
    window = open_review(visit)
    assert "No images are waiting" in window.text("#empty")

    world.add_waiting("line-1/late.jpg")

    window.until(lambda: window.name() == "late.jpg")


def test_after_the_last_photo_nothing_can_be_decided(world: World, visit: Open) -> None:
    world.add_waiting("line-1/last.jpg")
    window = open_review(visit)
    window.until(window.is_photo_loaded)

    window.press("a")

    window.until(lambda: window.name() == "")
    assert not window.is_photo_loaded()


def test_a_tab_that_nobody_looks_at_takes_no_photo(world: World, visit: Open) -> None:
    window = visit()
    window.page.add_init_script(f"({SET_HIDDEN})(true)")
    window.page.goto("about:blank")  # The page after the sign-in requests photos.
    window.requests.clear()
    window.go("/review")
    window.until(lambda: window.page.query_selector("html.js"))

    (inspection,) = world.add_waiting("line-1/late.jpg")

    window.until(lambda: "1 waiting" in window.text("#counts"))
    window.round_trip()
    assert window.requests_of("/review/next") == []
    assert (window.name(), world.row(inspection).lease) == ("", None)
    window.page.evaluate(SET_HIDDEN, False)
    window.until(lambda: window.name() == "late.jpg")


def test_who_comes_back_to_a_tab_is_told_at_once_what_went_to_another(world: World, window: Visit) -> None:
    first = window.name()
    window.page.evaluate(SET_HIDDEN, True)
    row = world.row(id_of(world, first))
    lease = Lease("bob", timestamps.add_seconds(timestamps.now(), 300))
    world.pipeline.inspections.rows[row.id] = replace(row, lease=lease)

    window.page.evaluate(SET_HIDDEN, False)

    window.until(lambda: f"{first} went to another reviewer" in window.text("#status"))
    assert window.name() not in ("", first)


def test_two_reviewers_never_see_the_same_photo(world: World, visit: Open) -> None:
    world.add_waiting(*names(30))
    ann, bob = open_review(visit, "ann"), open_review(visit, "bob")
    wait_for_photos(ann)
    wait_for_photos(bob)
    for _ in range(6):
        answer(ann, "a")
        answer(bob, "d")
    ann.until(lambda: len(world.pipeline.decisions.sent) == 12)

    decided = [row.decision for row in world.pipeline.inspections.rows.values() if row.decision]
    assert sorted(decision.reviewer for decision in decided) == ["ann"] * 6 + ["bob"] * 6
    assert all((decision.verdict is Verdict.OK) == (decision.reviewer == "ann") for decision in decided)


def test_a_photo_that_another_took_meanwhile_is_not_decided_twice(world: World, window: Visit) -> None:
    first = window.name()
    inspection = id_of(world, first)
    world.reviews.release_lease(inspection, "ann")
    world.pipeline.decide(world.row(inspection).image, Verdict.OK, "bob")

    window.press("d")

    window.until(lambda: "bob" in window.text("#status"))
    assert world.row(inspection).decision.reviewer == "bob"  # type: ignore[union-attr]
    window.problems.clear()  # The browser logs every 409.


def test_leaving_the_page_and_signing_out_give_the_photos_back(world: World, window: Visit) -> None:
    def leased() -> int:
        return sum(row.lease is not None for row in world.pipeline.inspections.rows.values())

    assert leased() > 5
    window.go("/audit")
    window.until(lambda: leased() == 0)

    window.go("/review")
    wait_for_photos(window)
    window.page.click(".menu summary")
    window.page.click("text=Sign out")
    window.until(lambda: leased() == 0)


def test_reloading_keeps_the_photos(world: World, window: Visit) -> None:
    window.page.reload()
    window.until(lambda: world.reviews.calls["release_lease"])
    window.until(window.is_photo_loaded)

    inspection = id_of(world, window.name())
    assert world.row(inspection).lease.reviewer == "ann"  # type: ignore[union-attr]


def test_no_click_is_lost_while_the_server_is_away(world: World, browser: Browser) -> None:
    world.add_waiting(*names(20))
    with running(world) as address:
        port = int(address.rsplit(":", 1)[1])
        opened = visiting(browser, address)
        window = opened.__enter__()
        window.go("/review")
        wait_for_photos(window)
    try:
        decided = [answer(window, "d") for _ in range(6)]
        window.until(lambda: "6 unsent" in window.text("#unsent"))
        assert world.pipeline.decisions.sent == []

        with running(world, port):
            window.until(lambda: len(world.pipeline.decisions.sent) >= 6)
            window.until(lambda: window.page.is_hidden("#unsent"))
        for name in decided:
            assert world.row(id_of(world, name)).decision.verdict is Verdict.DEFECT  # type: ignore[union-attr]
    finally:
        opened.__exit__(None, None, None)


def test_clicks_survive_the_tab(world: World, browser: Browser) -> None:
    world.add_waiting(*names(10))
    with running(world) as address:
        port = int(address.rsplit(":", 1)[1])
        opened = visiting(browser, address)
        window = opened.__enter__()
        window.go("/review")
        wait_for_photos(window)
    try:
        decided = [answer(window, "1"), answer(window, "a")]
        window.until(lambda: "2 unsent" in window.text("#unsent"))
        window.page.close()

        with running(world, port):
            window.page = window.context.new_page()
            window.go("/review")
            window.until(lambda: len(world.pipeline.decisions.sent) >= 2)
            decisions = [world.row(id_of(world, name)).decision for name in decided]
            assert [decision.verdict for decision in decisions] == [Verdict.DEFECT, Verdict.OK]  # type: ignore[union-attr]
            window.until(lambda: window.name() not in ("", *decided))
    finally:
        opened.__exit__(None, None, None)


def test_an_answer_lost_on_the_way_back_does_not_decide_twice(world: World, window: Visit) -> None:
    first = window.name()
    tries = []

    def lose_the_answer(route: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            route.fetch()  # type: ignore[attr-defined]
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    window.page.route("**/decide**", lose_the_answer)
    window.press("d")
    window.until(lambda: len(tries) == 2)
    window.until(lambda: window.page.is_hidden("#unsent"))

    entries = [
        entry for entry in world.pipeline.inspections.entries if entry.inspection_id == id_of(world, first)
    ]
    assert [entry.action for entry in entries] == ["decide"]
    window.problems.clear()  # The browser logs the aborted request.


def test_what_is_kept_waits_for_its_own_reviewer_whoever_signs_in(world: World, window: Visit) -> None:
    inspection = id_of(world, window.name())
    window.page.route("**/decide**", lambda route: route.abort())
    window.press("d")
    window.until(lambda: "1 unsent" in window.text("#unsent"))

    def sign_in(name: str) -> None:  # In another tab of the same browser.
        form, site = {"name": name, "role": "reviewer"}, {"Origin": window.address}
        there = f"{window.address}/sign-in"
        assert window.context.request.post(there, form=form, headers=site, max_redirects=0).status == 303

    sign_in("bob")
    window.page.unroute("**/decide**")
    window.until(lambda: "You are signed out; 1 unsent" in window.text("#unsent"))
    assert world.row(inspection).decision is None

    sign_in("ann")
    decision = window.until(lambda: world.row(inspection).decision)
    assert decision.reviewer == "ann"
    window.problems.clear()  # The browser logs aborted requests and every 401.


@pytest.mark.usefixtures("photos")
def test_counts_and_last_decisions_are_told_to_everybody_at_once(world: World, visit: Open) -> None:
    ann, bob = open_review(visit, "ann"), open_review(visit, "bob")
    wait_for_photos(ann)
    wait_for_photos(bob, 3)
    bob.until(lambda: "12 waiting" in bob.text("#counts"))

    ann.press("a")

    bob.until(lambda: "11 waiting" in bob.text("#counts"))
    ann.until(lambda: "1 done today" in ann.text("#counts"))
    ann.until(lambda: ann.page.query_selector("#strip li"))
    assert "Undo" in ann.text("#strip")


def test_pages_find_the_server_again_after_its_restart(world: World, browser: Browser) -> None:
    world.add_waiting(*names(3))
    with running(world) as address:
        port = int(address.rsplit(":", 1)[1])
        opened = visiting(browser, address)
        window = opened.__enter__()
        window.go("/review")
        window.until(lambda: "3 waiting" in window.text("#counts"))
    try:
        world.add_waiting("line-1/meanwhile.jpg")
        with running(world, port):
            window.until(lambda: "4 waiting" in window.text("#counts"))
    finally:
        opened.__exit__(None, None, None)


def test_a_second_look_is_blind(world: World, visit: Open) -> None:
    """The page shows it without the first answer, and never to the first reviewer."""
    inspection = add_photo_for_second_review(world)
    first, second = open_review(visit, "bob"), open_review(visit, "ann")
    assert "No images are waiting" in first.text("#empty")

    shown = second.page.inner_text(".panel")
    assert second.name() == "twice.jpg"
    assert "bob" not in shown
    assert "crack at the hub" not in second.page.content()
    second.go(f"/inspections/{inspection}")
    assert "after your answer" in second.text("main")
    second.problems.clear()  # The browser logs every 409.

    second.go("/review")
    second.until(lambda: second.page.query_selector("html.js"))
    answer(second, "a")
    look = second.until(lambda: world.row(inspection).second_review)
    assert (look.verdict, look.first_verdict, look.agrees) == (Verdict.OK, Verdict.DEFECT, False)


def test_a_disagreement_is_settled_by_an_engineer(world: World, visit: Open) -> None:
    inspection = add_photo_for_second_review(world)
    second_review.submit(
        world.inspections, world.reviews, inspection, verdict=Verdict.OK, reviewer="ann", reason="a shadow"
    )
    window = visit("eve", "engineer")
    window.go("/disagreements")
    assert "a shadow" in window.text("main")

    window.page.fill("[name=reason]", "it is a crack")
    window.page.click("text=It is a defect")

    window.until(lambda: "Settled as defect" in window.text("#messages"))
    look = world.row(inspection).second_review
    assert look is not None
    assert (look.adjudicated_by, look.final_verdict) == ("eve", Verdict.DEFECT)
    assert "No disagreements" in window.text("main")


@pytest.mark.usefixtures("photos")
def test_a_verdict_that_was_announced_is_corrected_with_a_reason(world: World, visit: Open) -> None:
    inspection = world.add_decided("line-1/wrong.jpg", Verdict.OK)
    reviewer, engineer = visit("ann"), visit("eve", "engineer")
    reviewer.go(f"/inspections/{inspection}")
    assert "Override this verdict" not in reviewer.text("main")

    engineer.go(f"/inspections/{inspection}")
    engineer.page.click("summary:has-text('Override this verdict')")
    engineer.page.fill("[name=reason]", "porosity under the paint")
    engineer.page.click("button:has-text('Override to defect')")

    engineer.until(lambda: "Overridden to defect" in engineer.text("#messages"))
    row = world.row(inspection)
    assert (row.revision, row.decision.verdict, row.decision.reviewer) == (2, Verdict.DEFECT, "eve")  # type: ignore[union-attr]
    assert "porosity under the paint" in engineer.text("main")


def test_a_late_answer_that_nothing_waits_does_not_hide_what_came_meanwhile(
    world: World, visit: Open
) -> None:
    late: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    world.add_waiting("line-1/first.jpg")
    window = visit("ann")
    window.page.goto("about:blank")
    window.page.route("**/review/next**", hold_the_first)
    window.go("/review")
    window.until(lambda: late and window.is_photo_loaded())
    window.press("a")
    window.until(lambda: "0 waiting" in window.text("#counts"))
    world.add_waiting(*names(5))
    window.until(lambda: "5 waiting" in window.text("#counts"))

    route, response = late[0]
    route.fulfill(response=response)

    window.until(window.name)


def test_who_is_faster_than_the_server_goes_on(world: World, visit: Open) -> None:
    """Photos with unsent answers are not shown again; others take their place."""
    world.add_waiting(*names(30))
    window = open_review(visit)
    wait_for_photos(window)
    pending: list[Any] = []
    slow = True
    window.page.route("**/decide**", lambda route: pending.append(route) if slow else route.continue_())
    for _ in range(15):
        answer(window, "a")
    slow = False
    for route in pending:
        route.continue_()
    for _ in range(15):
        answer(window, "a")

    window.until(lambda: len(world.pipeline.decisions.sent) == 30)
    decided = [
        entry.inspection_id for entry in world.pipeline.inspections.entries if entry.action == "decide"
    ]
    assert len(set(decided)) == len(decided) == 30


def test_decisions_that_wait_for_a_slow_server_delay_no_further_photo(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser has six connections to a server; photos and lists need some of them."""
    world.add_waiting(*names(12))
    resume, record = threading.Event(), world.pipeline.inspections.record_decision

    class SlowInspections:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.inspections, name)

        def record_decision(self, *arguments: Any) -> None:
            assert resume.wait(2 * DEADLINE_SECONDS)
            with world.lock:
                record(*arguments)

    slow = replace(world, inspections=SlowInspections())
    with running(slow) as address, visiting(browser, address) as window:
        window.go("/review")
        try:
            for _ in range(11):
                answer(window, "a")
            window.until(window.is_photo_loaded)
        finally:
            resume.set()
        answer(window, "a")
        window.until(lambda: len(world.pipeline.decisions.sent) == 12)
        assert window.problems == []


def test_a_photo_that_another_worker_reports_is_asked_for_until_it_comes(world: World, visit: Open) -> None:
    """The worker that answers the request for photos may know an older queue than the one that counts."""
    window = open_review(visit)
    window.until(lambda: window.text("#empty"))
    asked: list[str] = []

    def answer_nothing_twice(route: Any) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            route.fulfill(status=200, content_type="text/html", body="")
        else:
            route.continue_()

    window.page.route("**/review/next**", answer_nothing_twice)

    world.add_waiting("line-1/late.jpg")

    window.until(lambda: window.name() == "late.jpg")
