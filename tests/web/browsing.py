"""Chromium as people use it, with a log of what went wrong and where it called."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

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
    """The machine's own Chromium, without a window."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    assert program, "no Chromium is installed: run `make browser`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """One person at one browser window."""

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
        """The photo that is before the reviewer; empty when none is."""
        heading = self.page.query_selector("#facts h1")
        return heading.inner_text() if heading else ""

    def seen(self) -> bool:
        """Whether the picture of that photo has come; nobody decides before."""
        return bool(self.page.evaluate("!!document.querySelector('#lens img')?.naturalWidth"))

    def until(self, true: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait for something; under the strict policy the page itself can't be asked to."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, f"it did not happen in {seconds} s: {self.problems}"
            self.page.wait_for_timeout(20)
        return found

    def elsewhere(self) -> list[str]:
        """Requests that left our own site."""
        return [one for one in self.requests if urlsplit(one).netloc != urlsplit(self.address).netloc]


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    name: str = "ann",
    role: str = "reviewer",
    size: tuple[int, int] = (1440, 900),
    **how: Any,
) -> Iterator[Visit]:
    """A window of somebody who signed in; an empty name has not."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **how)
    page = context.new_page()
    page.set_default_timeout(15_000)
    visit = Visit(page, context, address)
    page.on("pageerror", lambda error: visit.problems.append(str(error)))
    page.on("console", lambda said: visit.problems.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: visit.requests.append(request.url))
    try:
        if name:
            visit.go("/sign-in")
            page.fill("[name=name]", name)
            page.select_option("[name=role]", role)
            page.click("button[type=submit]")
        yield visit
    finally:
        context.close()
