"""All review and audit pages: accessibility, size on the wire, phones, and use without JavaScript."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.accessibility import NARROW, find_violations
from tests.web.browsing import Visit, visiting
from tests.web.reviewing import add_photo_for_second_review, id_of, names
from tests.web.sample_cameras import add_cameras
from tests.web.serving import running
from tests.web.world import World
from workflow.inspections.verdict import Verdict
from workflow.review import second_review

Open = Callable[..., Visit]
PAGES = {
    "review": "/review",
    "audit": "/audit",
    "on hold": "/on-hold",
    "disagreements": "/disagreements",
    "second reviews": "/second-reviews",
    "cameras": "/cameras",
    "inspection": "/inspections/{decided}",
    "waiting inspection": "/inspections/{waiting}",
    "not found": "/nowhere",
}


def add_samples(world: World) -> dict[str, str]:
    """Add photos in all states that the pages show; return the ids for their paths."""
    disputed = add_photo_for_second_review(world)
    second_review.submit(
        world.inspections, world.reviews, disputed, verdict=Verdict.OK, reviewer="ann", reason="a shadow"
    )
    decided = world.add_decided("line-1/decided.jpg", Verdict.DEFECT, defect_class="crack", reason="hub")
    again, held, *_ = world.add_waiting("line-1/decided.jpg", "line-1/held.jpg", *names(12))
    world.reviews.hold(held, *_hold(held))
    add_cameras(world)
    return {"decided": decided, "waiting": again}


def _hold(held: str) -> tuple[object, object]:
    from workflow.inspections.inspection import AuditAction, AuditEntry, Hold

    at = "2026-01-01T10:00:00.000Z"
    return Hold("bob", at, "ask the foundry"), AuditEntry(
        inspection_id=held, at=at, actor="bob", action=AuditAction.HOLD, reason="ask the foundry"
    )


@pytest.fixture(scope="module")
def site(browser: Browser) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve one app with samples for all tests; yield its URL and the ids for the paths."""
    world = World.new()
    ids = add_samples(world)
    with running(world) as address:
        yield address, ids


def test_no_page_has_a_barrier_that_axe_knows(browser: Browser, site: tuple[str, dict[str, str]]) -> None:
    address, ids = site
    violations = {}
    with visiting(browser, address, "") as stranger:
        stranger.go("/sign-in")
        violations["sign-in"] = find_violations(stranger)
    with visiting(browser, address, "eve", "engineer") as eve:
        for name, path in PAGES.items():
            eve.go(path.format(**ids))
            violations[name] = find_violations(eve)
            if name == "review":
                eve.press("?")
                violations["keys"] = find_violations(eve)
                eve.press("Escape")

    assert violations == {name: [] for name in violations}


def test_a_barrier_in_one_look_alone_is_found(browser: Browser, site: tuple[str, dict[str, str]]) -> None:
    with visiting(browser, site[0], "") as stranger:
        stranger.go("/sign-in")
        stranger.page.evaluate("""() => {
            const style = new CSSStyleSheet();
            style.replaceSync(`@media (prefers-color-scheme: dark) and (max-width: 400px) {
                h1 { color: #222 !important; }
            }`);
            document.adoptedStyleSheets = [style];
        }""")

        (violation,) = find_violations(stranger)

    assert violation.startswith("dark, 360 wide: color-contrast: ")


@pytest.mark.parametrize("width", [320, 360])
def test_no_page_scrolls_sideways_on_a_phone(
    browser: Browser, site: tuple[str, dict[str, str]], width: int
) -> None:
    address, ids = site
    with visiting(browser, address, "eve", "engineer", (width, 640)) as eve:
        for path in PAGES.values():
            eve.go(path.format(**ids))
            scroll_width = eve.page.evaluate("document.documentElement.scrollWidth")
            assert scroll_width <= width, path


def test_on_a_phone_photo_score_and_both_answers_are_seen_without_scrolling(
    browser: Browser, site: tuple[str, dict[str, str]]
) -> None:
    with visiting(browser, site[0], "bob", size=NARROW) as bob:
        bob.go("/review")
        for selector in (
            "#lens img",
            "#facts .says",
            "#facts .score >> nth=0",
            ".answers .ok",
            ".answers .defect",
        ):
            box = bob.page.locator(selector).bounding_box()
            assert box is not None
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= NARROW[1], selector
        score = bob.page.locator("#facts .score >> nth=0").bounding_box()
        answers = bob.page.locator(".answers").bounding_box()
        assert score is not None
        assert answers is not None
        assert score["y"] + score["height"] <= answers["y"]


def test_targets_are_large_enough_for_a_finger(browser: Browser, site: tuple[str, dict[str, str]]) -> None:
    with visiting(browser, site[0], "bob", size=NARROW) as bob:
        bob.go("/review")
        for button in bob.page.locator("button:visible, select:visible, .menu summary").all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24
        for answer in bob.page.locator(".answers button").all():
            box = answer.bounding_box()
            assert box is not None
            assert box["height"] >= 44


def test_pages_are_light(browser: Browser, site: tuple[str, dict[str, str]]) -> None:
    """Compressed bytes on the wire without photos: at most 25 KB for the review page, 60 KB for others."""
    address, ids = site
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}
    with visiting(browser, address, "weigher", "engineer") as eve:
        session = eve.context.new_cdp_session(eve.page)
        session.on("Network.requestWillBeSent", lambda e: kinds.update({e["requestId"]: e["request"]["url"]}))
        session.on(
            "Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]})
        )
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        for name, path in PAGES.items():
            eve.page.goto("about:blank")
            sizes.clear()
            kinds.clear()
            eve.go(path.format(**ids))
            eve.until(lambda: all(key in sizes for key, url in kinds.items() if "/static/" in url))
            weight = sum(size for key, size in sizes.items() if "/photos/" not in kinds.get(key, ""))
            assert 0 < weight <= (25 if name == "review" else 60) * 1024, name


def test_everything_works_without_javascript(world: World, visit: Open) -> None:
    world.add_waiting(*names(5))
    window = visit("ann", java_script_enabled=False)
    window.go("/review")
    first = window.name()
    window.page.fill("[name=comment]", "clean")
    window.page.click("button:has-text('OK')")
    assert f"OK: {first}" in window.text("#messages")
    decision = world.row(id_of(world, first)).decision
    assert decision is not None
    assert (decision.verdict, decision.reason, decision.reviewer) == (Verdict.OK, "clean", "ann")

    window.until(lambda: (window.go("/review"), window.page.query_selector("#strip button"))[1])
    window.page.click("#strip button")
    assert "Undone" in window.text("#messages")
    assert world.row(id_of(world, first)).decision is None

    again = window.name()
    window.page.click("button:has-text('crack')")
    assert world.row(id_of(world, again)).decision.defect_class == "crack"  # type: ignore[union-attr]
    skipped = window.name()
    window.page.click("button:has-text('Skip')")
    assert window.name() not in ("", skipped)
    held = window.name()
    window.page.fill("[name=comment]", "ask")
    window.page.click("button:has-text('Hold')")
    assert world.row(id_of(world, held)).hold.reason == "ask"  # type: ignore[union-attr]

    window.go("/audit")
    window.page.select_option("[name=action]", "hold")
    window.page.click("text=Filter")
    assert window.page.locator("tbody tr").count() == 1


def test_a_hold_without_javascript_and_without_a_comment_says_what_is_missing(
    world: World, visit: Open
) -> None:
    world.add_waiting(*names(1))
    window = visit("ann", java_script_enabled=False)
    window.go("/review")
    window.page.click("button:has-text('Hold')")

    assert "Enter a comment with the reason" in window.text("main")
    window.problems.clear()  # The browser logs every 400.


def test_the_audit_page_filters_while_one_types_nothing(world: World, visit: Open) -> None:
    """htmx replaces the table and the URL; the back button works."""
    world.add_decided("line-1/a.jpg", Verdict.OK, "bob")
    world.add_decided("line-1/b.jpg", Verdict.DEFECT, "carl")
    window = visit("ann")
    window.go("/audit")
    window.page.fill("[name=who]", "carl")
    window.press("Tab")

    window.until(lambda: "b.jpg" in window.text("tbody") and "a.jpg" not in window.text("tbody"))
    assert "who=carl" in window.page.url
    window.page.go_back()
    window.until(lambda: "a.jpg" in window.text("tbody"))


def test_the_policy_lets_no_inline_script_or_style_through() -> None:
    for file in Path("review_app").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert "style=" not in text, file
        assert "<style" not in text, file
        assert " on" + "click" not in text, file
        assert "<script>" not in text, file
        assert "| safe" not in text, file
        assert "|safe" not in text, file


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio (WCAG) of two colours such as #1f5fbf."""
    luminances = []
    for value in (colour, other):
        parts = [int(value[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        luminances.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_the_design_system_can_be_read(scheme: str) -> None:
    css = Path("review_app/static/app.css").read_text(encoding="utf-8")
    blocks = css.split(":root {")[1:3]
    tokens = {}
    for block in blocks[: 1 if scheme == "light" else 2]:
        lines = (line.strip() for line in block.split("}")[0].splitlines())
        tokens.update(dict(line.rstrip(";").split(": ", 1) for line in lines if line.startswith("--")))
    for colour in ("--text", "--muted", "--accent", "--ok", "--defect", "--warn", "--info"):
        for ground in ("--bg", "--surface", "--sunken"):
            assert contrast(tokens[colour], tokens[ground]) >= 4.5, (colour, ground)
    for colour in ("--ok", "--defect", "--warn", "--info", "--accent"):
        assert contrast(tokens[colour], tokens[f"{colour}-soft"]) >= 4.5, colour
        assert contrast(tokens["--on-fill"], tokens[colour]) >= 4.5, colour
    for ground in ("--bg", "--surface"):
        assert contrast(tokens["--line-strong"], tokens[ground]) >= 3, ground
