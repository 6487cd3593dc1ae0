"""The execution pages and the dashboard in Chromium: accessibility, live updates, size on the wire."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from review_app.assets import STATIC
from tests.web import sample_executions
from tests.web.accessibility import NARROW, WIDE, find_violations
from tests.web.browsing import Visit, visiting
from tests.web.sample_site import SampleSite
from tests.web.serving import running
from tests.web.world import World
from workflow.models.model import version_name
from workflow.recovery.commands import CommandKind

MAX_BYTES = 60_000


@pytest.fixture(scope="module")
def site() -> SampleSite:
    return SampleSite()


@pytest.fixture(scope="module")
def address(site: SampleSite) -> Iterator[str]:
    with running(site.world) as url:
        yield url


def test_no_page_has_a_barrier_an_error_or_a_foreign_request(
    browser: Browser, site: SampleSite, address: str
) -> None:
    violations = {}
    with visiting(browser, address, "eve", "engineer") as eve:
        for name, path in site.pages.items():
            eve.go(path)
            eve.page.locator("main details").evaluate_all(
                "all => all.forEach(details => details.open = true)"
            )
            violations[name] = find_violations(eve)

        assert violations == {name: [] for name in violations}
        assert (eve.problems, eve.foreign_requests()) == ([], [])


@pytest.mark.parametrize("width", [320, 360])
def test_no_page_scrolls_sideways(browser: Browser, site: SampleSite, address: str, width: int) -> None:
    with visiting(browser, address, "eve", "engineer", (width, 640)) as eve:
        for path in site.pages.values():
            eve.go(path)
            assert eve.page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_pages_are_light_on_the_wire(browser: Browser, site: SampleSite, address: str) -> None:
    """The compressed bytes of a first visit, without photos."""
    with visiting(browser, address, "eve", "engineer") as eve:
        for path in site.pages.values():
            weight = measure_page(eve, path)
            assert weight <= MAX_BYTES, (path, weight)


def measure_page(window: Visit, path: str) -> float:
    """Return the compressed bytes of a page and the files that it requests, without images."""
    session = window.context.new_cdp_session(window.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: dict[str, float] = {}
    kinds: dict[str, str] = {}

    def count(event: dict[str, Any]) -> None:
        if event["documentURL"].endswith(path):  # The end of a request of the page before is not reported.
            kinds[event["requestId"]] = event["type"]

    session.on("Network.requestWillBeSent", count)
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    session.on("Network.loadingFailed", lambda event: sizes.update({event["requestId"]: 0}))
    window.go(path)
    loading = {key for key, kind in kinds.items() if kind not in ("Image", "EventSource", "Ping")}
    window.until(lambda: loading <= sizes.keys())
    session.detach()
    return sum(size for request, size in sizes.items() if kinds.get(request) != "Image")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_bar_is_seen_beside_a_wait_of_seven_days(
    browser: Browser, site: SampleSite, address: str, size: tuple[int, int]
) -> None:
    with visiting(browser, address, "ann", size=size) as ann:
        ann.go(site.pages["reviewed"])
        boxes = [bar.bounding_box() for bar in ann.page.locator(".timeline .bar rect").all()]

    widths = [box["width"] for box in boxes if box]
    assert len(widths) == 13
    assert min(widths) >= 4
    assert max(widths) > 3 * min(widths)


def test_the_graph_fits_the_page_and_shows_the_path(browser: Browser, site: SampleSite, address: str) -> None:
    with visiting(browser, address, "ann") as ann:
        ann.go(site.pages["reviewed"])
        box, graph = (ann.page.locator(selector).bounding_box() for selector in (".graph-box", ".graph"))
        dashes = ann.page.locator(".edge.catch").first.evaluate(
            "edge => getComputedStyle(edge).strokeDasharray"
        )
        red = ann.page.locator(".graph .failed").count()
        ann.go(site.pages["failed"])
        assert ann.page.locator(".graph .failed .box").count() == 1

    assert box is not None
    assert graph is not None
    assert graph["width"] <= box["width"] + 1
    assert dashes != "none"
    assert red == 0


def test_a_step_is_opened_by_keyboard_from_the_graph(
    browser: Browser, site: SampleSite, address: str
) -> None:
    with visiting(browser, address, "ann") as ann:
        ann.go(site.pages["reviewed"])
        ann.page.locator(".graph a", has_text="Escalate review").focus()
        ann.press("Enter")

        ann.until(lambda: "Step: Escalate review" in ann.text("#step-title"))
        assert "?step=" in ann.page.url


def test_the_list_filters_while_one_types_and_the_address_says_so(
    browser: Browser, site: SampleSite, address: str
) -> None:
    with visiting(browser, address, "ann") as ann:
        ann.go("/executions")
        ann.page.locator("#q").press_sequentially("2204")
        ann.until(lambda: rows(ann) == ["cast_ok_2204.jpeg"])
        ann.until(lambda: "q=2204" in ann.page.url)
        ann.page.reload()
        assert rows(ann) == ["cast_ok_2204.jpeg"]


def rows(visit: Visit) -> list[str]:
    return visit.page.locator(".list tbody .name a").all_inner_texts()


def test_others_see_a_new_row_without_asking(browser: Browser) -> None:
    """Without a change of the tables, the page requests nothing."""
    world = World.new()
    sample_executions.add_samples(world)
    polls = []
    list_failures = world.metrics.list_failures
    world.metrics.list_failures = lambda *since: (polls.append(since), list_failures(*since))[1]
    with running(world) as address, visiting(browser, address, "ann") as ann:
        ann.go("/executions")
        ann.until(lambda: "live" in ann.text("#live"))
        before, known = ann.requests_of("/executions"), len(polls)
        ann.until(lambda: len(polls) > known + 3)
        ann.round_trip()
        assert ann.requests_of("/executions") == before
        sample_executions.add_inspection(world, "line 9/brand_new.png", 0)

        ann.until(lambda: "brand_new.png" in rows(ann))
        assert ann.problems == []


def test_live_rows_do_not_take_a_form_away_that_somebody_fills_in(browser: Browser) -> None:
    world = World.new()
    prediction = sample_executions.add_samples(world)["plain"].prediction
    assert prediction is not None
    with running(world) as address, visiting(browser, address, "eve", "engineer") as eve:
        eve.go(f"/executions?model={version_name(prediction.model)}")
        eve.until(lambda: "live" in eve.text("#live"))
        eve.page.click("summary:has-text('Reinspect all of these')")
        eve.page.fill("details[open] [name=reason]", "a lens was dirty")
        before = len(eve.requests)

        sample_executions.add_inspection(world, "line 9/brand_new.png", 0)

        eve.until(lambda: "update pending" in eve.text("#live"))
        assert len(eve.requests) == before
        assert eve.page.input_value("details[open] [name=reason]") == "a lens was dirty"
        eve.page.click("summary:has-text('Reinspect all of these')")
        eve.until(lambda: "brand_new.png" in rows(eve))
        assert eve.problems == []


def test_a_list_that_was_refused_once_becomes_live_again(
    browser: Browser, site: SampleSite, address: str
) -> None:
    refusals = [503]
    with visiting(browser, address, "ann") as ann:
        ann.page.route(
            "**/executions/live",
            lambda route: route.fulfill(status=refusals.pop()) if refusals else route.continue_(),
        )
        ann.go("/executions")

        ann.until(lambda: not refusals and "not live, reconnecting" in ann.text("#live"))
        ann.until(lambda: ann.page.get_attribute("#live", "data-live") == "on")


def test_lists_are_not_kept_in_the_browser_and_going_back_shows_whole_pages(
    browser: Browser, site: SampleSite, address: str
) -> None:
    with visiting(browser, address, "ann") as ann:
        ann.go("/executions")
        for part in ("2204", "1031"):
            ann.page.fill("#q", part)
            ann.until(lambda part=part: f"q={part}" in ann.page.url)  # type: ignore[misc]
        assert "cast_" not in ann.page.evaluate("JSON.stringify(sessionStorage)")

        ann.page.go_back()

        ann.page.locator(".list tbody .name a", has_text="cast_ok_2204.jpeg").wait_for()
        assert ann.page.locator("header.top").count() == 1


def test_everything_works_without_javascript(browser: Browser) -> None:
    world = World.new()
    samples = sample_executions.add_samples(world)
    with (
        running(world) as address,
        visiting(browser, address, "eve", "engineer", java_script_enabled=False) as eve,
    ):
        eve.go("/executions")
        eve.page.fill("#q", "0042")
        eve.page.click("button:has-text('Filter')")
        assert rows(eve) == ["cast_ok_0042.jpeg"]
        eve.page.click(".list tbody .name a")
        assert "Step: Detect labels" in eve.text("#step-title")
        eve.page.click(".timeline a >> nth=0")
        assert "Step: Claim upload" in eve.text("#step-title")
        eve.page.click("summary:has-text('Redrive')")
        eve.page.fill("details[open] [name=reason]", "the network is back")
        eve.page.click("details[open] button[type=submit]")
        assert "Submitted: redrive" in eve.text("#messages")

        (command,) = world.commands.kept.values()
        assert (command.kind, command.ids, command.actor) == (
            CommandKind.REDRIVE,
            (samples["failed"].id,),
            "eve",
        )


def test_an_export_is_opened_again_in_the_browser(
    browser: Browser, site: SampleSite, address: str, tmp_path: Path
) -> None:
    with visiting(browser, address, "ann") as ann:
        ann.go(site.pages["failed"])
        with ann.page.expect_download() as download:
            ann.page.click("text=Export JSON")
        file = tmp_path / "export.json"
        download.value.save_as(file)
        ann.go("/executions")
        ann.page.click("text=Open an exported execution")
        ann.page.set_input_files("[name=file]", file)
        ann.page.click("button:has-text('Open export')")

        assert "Step: Detect labels" in ann.text("#step-title")


def colour_tokens(dark: bool) -> dict[str, tuple[float, float, float]]:
    """Return the colours of a scheme by their names."""
    css = (STATIC / "app.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    values = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", "".join(blocks[: 2 if dark else 1])))
    return {
        name: (int(value[1:3], 16) / 255, int(value[3:5], 16) / 255, int(value[5:7], 16) / 255)
        for name, value in values.items()
    }


def contrast(colour: Any, other: Any) -> float:
    def luminance(value: Any) -> float:
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in value]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(colour), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_and_shapes_in_drawings_can_be_told_from_their_ground(dark: bool) -> None:
    """axe does not check SVG: the minimum is 4.5 for text, 3 for meaningful outlines and bars."""
    colours = colour_tokens(dark)
    texts = [
        ("text", ground) for ground in ("surface", "ok-soft", "defect-soft", "warn-soft", "info-soft", "bg")
    ]
    shapes = [(name, "surface") for name in ("ok", "defect", "warn", "info", "accent", "line-strong")]
    bars = [(name, "sunken") for name in ("ok", "defect", "warn", "info", "accent")]

    minimums = dict.fromkeys((*texts, ("muted", "bg")), 4.5) | dict.fromkeys((*shapes, *bars), 3.0)
    assert {
        pair for pair, minimum in minimums.items() if contrast(*map(colours.get, pair)) < minimum
    } == set()
