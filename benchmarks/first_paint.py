"""How soon each page of the review app shows something, on a first visit and again: first contentful paint.

`python -m benchmarks.first_paint` needs Chromium. The app runs on a line in memory, in its own process; the
pages are loaded in turn, each in a tab that is open on the site but has none of its files, then with them.
`health` is one word of plain text: what the browser itself takes on this machine just then.
"""

import argparse
import json
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.machine import machine
from benchmarks.review_page import apart, photos, quantile
from tests.web.browsing import chromium, visiting
from tests.web.house import House
from tests.web.serving import running

LOADS = 15
WAITING = 40
QUIET_MS = 500
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
PAGES = {"health": "/health", "sign-in": "/sign-in", "review": "/review", "held": "/held", "audit": "/audit"}
SHOWN = {
    "list": "executions",
    "reviewed": "execution",
    "failed": "failed execution",
    "compare": "two compared",
    "dashboard": "dashboard",
    "command": "command",
}


def serve(pipe: Any) -> None:
    """An app with something of everything and waiting photos, until the other end says stop."""
    house, contents = House(), photos(4)
    for number in range(WAITING):
        house.world.waiting(f"line-1/part_{number:04}.jpg", content=contents[number % 4])
    pages = PAGES | {name: house.pages[key] for key, name in SHOWN.items()}
    pages |= {"one inspection": f"/inspections/{house.rows['reviewed'].id}"}
    with running(house.world) as address:
        pipe.send((address, pages))
        pipe.recv()


def painted(page: Page, address: str, path: str) -> float:
    """Load a page in a tab that is open on the site; milliseconds until it showed something."""
    page.goto(address + "/health")
    page.goto(address + path)
    while not (at := page.evaluate(PAINTED)):
        page.wait_for_timeout(20)
    page.wait_for_timeout(QUIET_MS)  # Its scripts and photos are not to disturb what is loaded next.
    return float(at)


def measured(browser: Browser, address: str, pages: dict[str, str], loads: int) -> dict[str, Any]:
    """Each page in turn, so that a slow minute of the machine is everybody's."""
    with visiting(browser, address, "eve", "engineer") as eve:
        signed_in = eve.context.storage_state()
    first: dict[str, list[float]] = {name: [] for name in pages}
    again: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(loads):
        for name, path in pages.items():
            context = browser.new_context(
                viewport={"width": 1440, "height": 900},
                storage_state=signed_in if name != "sign-in" else None,
            )
            page = context.new_page()
            page.goto(address + "/health")
            page.wait_for_timeout(QUIET_MS)  # A new window has work of its own.
            first[name].append(painted(page, address, path))
            again[name].append(painted(page, address, path))
            context.close()
    return {name: figures(first[name], again[name]) for name in pages}


def figures(first: list[float], again: list[float]) -> dict[str, float]:
    return {
        "first visit p50 ms": quantile(first, 0.5),
        "p90 ms": quantile(first, 0.9),
        "again p50 ms": quantile(again, 0.5),
        "again p90 ms": quantile(again, 0.9),
    }


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.first_paint", description=__doc__)
    options.add_argument("--loads", type=int, default=LOADS)
    options.add_argument("--pages", nargs="*", help="only these, by their names in the answer")
    chosen = options.parse_args()
    told = machine()
    with apart(serve) as (address, pages), chromium() as browser:
        wanted = {name: path for name, path in pages.items() if not chosen.pages or name in chosen.pages}
        print(json.dumps({"machine": told, **measured(browser, address, wanted, chosen.loads)}, indent=2))


if __name__ == "__main__":
    main()
