"""Chromium windows for tests, with a log of errors and requests."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright
from playwright.sync_api import Error as BrowserError

# A deadline ends a test that waits for something that never comes. A busy machine must not reach it.
DEADLINE_SECONDS = 120
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the installed Chromium in headless mode."""
    program = next((path for name in _NAMES if (path := shutil.which(name))), None)
    assert program, "Chromium is not installed: run `make browser`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass(kw_only=True)
class Visit:
    """A browser window, with the errors, refused requests and requests of its page."""

    page: Page
    context: BrowserContext
    address: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def name(self) -> str:
        """Return the name of the displayed photo, empty if there is none."""
        heading = self.page.query_selector("#facts h1")
        return heading.inner_text() if heading else ""

    def is_photo_loaded(self) -> bool:
        """Return whether the displayed photo was on the screen long enough to be decided."""
        return bool(self.page.query_selector(".review.is-decidable"))

    def until(self, condition: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
        """Wait for a condition and return its value (the page's policy forbids `wait_for_function`)."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not true within {seconds} s: {self.problems}"
            self.page.wait_for_timeout(20)
        return value

    def record_refusal(self, response: Response) -> None:
        """Record status, path and body of a refused request, so that a failed test explains itself."""
        if response.status < 400:
            return
        problem = f"{response.status} {response.request.method} {urlsplit(response.url).path}"
        self.problems.append(problem)
        with suppress(BrowserError):  # The window may close before the body arrives.
            body = response.text()[:300]
            if problem in self.problems:
                self.problems[self.problems.index(problem)] = f"{problem}: {body}"

    def stop_time(self) -> None:
        """Stop the page's clock, so that only `pass_time` moves it. Earlier timers keep the real clock."""
        self.page.clock.install()
        self.page.clock.pause_at(self.page.evaluate("Date.now()") / 1000 + 1)

    def pass_time(self, milliseconds: int) -> None:
        """Move the page's clock and run the timers that are due."""
        self.page.clock.run_for(milliseconds)

    def round_trip(self) -> None:
        """Wait for the response to a new request; the requests before it are in `requests`, too."""
        self.page.evaluate("fetch('/health').then((response) => response.text())")

    def requests_of(self, part: str) -> list[str]:
        """Return the requests with this part in their URLs."""
        return [url for url in self.requests if part in url]

    def foreign_requests(self) -> list[str]:
        """Return the requests to other sites."""
        return [url for url in self.requests if urlsplit(url).netloc != urlsplit(self.address).netloc]


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    name: str = "ann",
    role: str = "reviewer",
    size: tuple[int, int] = (1440, 900),
    **how: Any,
) -> Iterator[Visit]:
    """Open a window and sign in; an empty name opens it without a session."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **how)
    page = context.new_page()
    page.set_default_timeout(DEADLINE_SECONDS * 1000)
    visit = Visit(page=page, context=context, address=address)
    page.on("pageerror", lambda error: visit.problems.append(str(error)))
    page.on(
        "console", lambda message: visit.problems.append(message.text) if message.type == "error" else None
    )
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("response", visit.record_refusal)
    try:
        if name:
            visit.go("/sign-in")
            page.fill("[name=name]", name)
            page.select_option("[name=role]", role)
            page.click("button[type=submit]")
        yield visit
    finally:
        context.close()
