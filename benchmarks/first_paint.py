"""The first contentful paint of each page of the review app, on a first and on a second visit.

`python -m benchmarks.first_paint` needs Chromium. The app runs on in-memory services in another process. Each
page is loaded in a tab that is open on the site, first without and then with the site's files in the cache.
`health` is one word of plain text: the browser's own share of the time on this machine.
"""

import argparse
import json
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.host import describe_host
from benchmarks.review_page import generate_photos, quantile, separate_process
from tests.web.browsing import chromium, visiting
from tests.web.sample_site import SampleSite
from tests.web.serving import running

LOADS = 15
WAITING = 40
IDLE_MS = 500
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
PAGES = {
    "health": "/health",
    "sign-in": "/sign-in",
    "review": "/review",
    "on hold": "/on-hold",
    "audit": "/audit",
}
SITE_PAGES = {
    "list": "executions",
    "reviewed": "execution",
    "failed": "failed execution",
    "compare": "two compared",
    "dashboard": "dashboard",
    "command": "command",
}


def serve(pipe: Any) -> None:
    """Serve an app with all kinds of inspections and waiting photos until the pipe receives a message."""
    site, contents = SampleSite(), generate_photos(4)
    for number in range(WAITING):
        site.world.add_waiting(f"line-1/part_{number:04}.jpg", content=contents[number % 4])
    pages = PAGES | {name: site.pages[key] for key, name in SITE_PAGES.items()}
    pages |= {"one inspection": f"/inspections/{site.rows['reviewed'].id}"}
    with running(site.world) as address:
        pipe.send((address, pages))
        pipe.recv()


def first_paint_ms(page: Page, address: str, path: str) -> float:
    """Load a page in a tab that is open on the site; return its first contentful paint in milliseconds."""
    page.goto(address + "/health")
    page.goto(address + path)
    while not (at := page.evaluate(FIRST_PAINT)):
        page.wait_for_timeout(20)
    page.wait_for_timeout(IDLE_MS)  # Its scripts and photos must not disturb the next page.
    return float(at)


def measure(browser: Browser, address: str, pages: dict[str, str], loads: int) -> dict[str, Any]:
    """Measure the pages in turn, so that a slow minute of the machine affects all of them."""
    with visiting(browser, address, "eve", "engineer") as eve:
        session = eve.context.storage_state()
    first: dict[str, list[float]] = {name: [] for name in pages}
    second: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(loads):
        for name, path in pages.items():
            context = browser.new_context(
                viewport={"width": 1440, "height": 900},
                storage_state=session if name != "sign-in" else None,
            )
            page = context.new_page()
            page.goto(address + "/health")
            page.wait_for_timeout(IDLE_MS)  # A new window starts its own background work.
            first[name].append(first_paint_ms(page, address, path))
            second[name].append(first_paint_ms(page, address, path))
            context.close()
    return {name: summarize(first[name], second[name]) for name in pages}


def summarize(first: list[float], second: list[float]) -> dict[str, float]:
    return {
        "first visit p50 ms": quantile(first, 0.5),
        "p90 ms": quantile(first, 0.9),
        "second visit p50 ms": quantile(second, 0.5),
        "second visit p90 ms": quantile(second, 0.9),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_paint", description=__doc__)
    parser.add_argument("--loads", type=int, default=LOADS)
    parser.add_argument("--pages", nargs="*", help="only these pages, by their names in the result")
    options = parser.parse_args()
    host = describe_host()
    with separate_process(serve) as (address, pages), chromium() as browser:
        selected = {name: path for name, path in pages.items() if not options.pages or name in options.pages}
        print(json.dumps({"machine": host, **measure(browser, address, selected, options.loads)}, indent=2))


if __name__ == "__main__":
    main()
