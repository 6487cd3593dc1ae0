"""How fast the review page is: one reviewer with a keyboard on a slow network, then twenty at once.

`python -m benchmarks.review_page` needs Chromium. The app runs on a ledger in memory, in its own process:
what is measured are the app and the browser.
"""

import argparse
import io
import json
import multiprocessing
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx2
from PIL import Image as Picture
from playwright.sync_api import Browser, CDPSession

from benchmarks.machine import machine
from local.sample_parts import sample_parts
from tests.web.browsing import Visit, chromium, visiting
from tests.web.serving import running, visitor
from tests.web.world import World

ROUND_TRIP_MS, MEGABITS = 100, 10
DECISIONS, PER_SECOND = 200, 3.0
ANSWER: dict[str, Any] = {"data": {"verdict": "ok"}, "headers": {"Accept": "application/json"}}
PROBE = """() => {
  window.measured = [];
  addEventListener("keydown", (event) => {
    if (!"ad12".includes(event.key)) return;
    const before = document.querySelector("#lens img");
    const look = () => {
      const img = document.querySelector("#lens img");
      if (img && img !== before && img.complete && img.naturalWidth) {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => window.measured.push(performance.now() - event.timeStamp);
        channel.port2.postMessage(0);
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""
HEARD = """() => {
  window.heard = [];
  new MutationObserver(() => window.heard.push([Date.now(), document.querySelector("#counts").textContent]))
    .observe(document.querySelector("#counts"), { childList: true, subtree: true });
}"""


def photos(count: int) -> list[bytes]:
    """Generated castings, 1,400 pixels a side."""
    found = []
    for part in sample_parts(count, seed=11):
        with Picture.open(io.BytesIO(part.content)) as picture:
            large = picture.resize((1400, 1400), Picture.Resampling.BICUBIC)
        grain = Picture.effect_noise(large.size, 6).convert(large.mode)
        buffer = io.BytesIO()
        Picture.blend(large, grain, 0.1).save(buffer, "JPEG", quality=88)
        found.append(buffer.getvalue())
    return found


def serve(count: int, pipe: Any) -> None:
    """An app with so many waiting photos, until the other end says stop."""
    world = World.new()
    contents = photos(8)
    for number in range(count):
        world.waiting(f"line-1/part_{number:04}.jpg", content=contents[number % 8])
    with running(world) as address:
        pipe.send(address)
        pipe.recv()


@contextmanager
def apart(serve: Callable[..., None], *wanted: Any) -> Iterator[Any]:
    """Serve in a process of its own until the block ends; yields what that process says of itself."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(*wanted, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(20)


def slow(visit: Visit) -> CDPSession:
    """The network of a shop floor."""
    session = visit.context.new_cdp_session(visit.page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": ROUND_TRIP_MS,
            "downloadThroughput": MEGABITS * 125_000,
            "uploadThroughput": MEGABITS * 125_000,
        },
    )
    return session


def keyboard(browser: Browser, address: str, decisions: int, per_second: float) -> dict[str, float]:
    """One reviewer who decides at a steady pace; milliseconds from the key to the next photo."""
    with visiting(browser, address, f"reviewer {per_second}") as window:
        slow(window)
        window.go("/review")
        window.until(lambda: sum("/review" in one and "/photos/" in one for one in window.requests) > 6, 60)
        window.page.wait_for_timeout(2000)
        window.page.evaluate(PROBE)
        began = time.monotonic()
        for number in range(decisions):
            window.press(random.choice("ad12"))
            due = began + (number + 1) / per_second
            window.page.wait_for_timeout(max(0.0, (due - time.monotonic()) * 1000))
        took = time.monotonic() - began
        window.page.wait_for_timeout(3000)
        measured = sorted(window.page.evaluate("measured"))
        missing = decisions - len(measured)
    return {
        "decisions": len(measured),
        "without a next photo": missing,
        "per minute": round(60 * len(measured) / took, 1),
        "p50 ms": quantile(measured, 0.5),
        "p95 ms": quantile(measured, 0.95),
        "p99 ms": quantile(measured, 0.99),
        "longest ms": round(measured[-1], 1),
    }


def live(browser: Browser, address: str, decisions: int = 30) -> dict[str, float]:
    """Milliseconds from a decision to the other reviewer's changed counts."""
    with visiting(browser, address, "ann") as ann, visiting(browser, address, "bob") as bob:
        for window in (ann, bob):
            window.go("/review")
            window.until(lambda window=window: window.page.query_selector("html.js") and window.name())  # type: ignore[misc]
        bob.page.wait_for_timeout(1500)
        bob.page.evaluate(HEARD)
        delays = []
        for _ in range(decisions):
            pressed = time.time() * 1000
            ann.press("a")
            ann.page.wait_for_timeout(1200 + 400 * random.random())
            heard = [at for at, _ in bob.page.evaluate("heard") if at >= pressed]
            if heard:
                delays.append(heard[0] - pressed)
    return {
        "heard": len(delays),
        "of": decisions,
        "p50 ms": quantile(delays, 0.5),
        "p95 ms": quantile(delays, 0.95),
    }


def crowd(address: str, people: int = 20, seconds: float = 20, per_second: float = 10) -> dict[str, float]:
    """Reviewers at once: each looks at the page, decides a photo, and asks for the next ones."""
    pages: list[float] = []
    decisions: list[float] = []
    refused: list[int] = []
    settled: list[str] = []
    stop = time.monotonic() + people / per_second + seconds

    def person(number: int) -> None:
        with visitor(address, f"person {number}") as client:
            time.sleep(random.random() * people / per_second)  # People do not press keys in step.
            while time.monotonic() < stop:
                began = time.monotonic()
                text = timed(pages, partial(client.get, "/review")).text
                one = text.split('data-id="', 1)[1].split('"', 1)[0]
                answer = timed(decisions, partial(client.post, f"/review/{one}/decide", **ANSWER))
                if answer.status_code != 200:
                    refused.append(answer.status_code)
                if time.monotonic() > stop - seconds:  # All are there.
                    settled.append(one)
                time.sleep(max(0.0, people / per_second - (time.monotonic() - began)))

    threads = [threading.Thread(target=person, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "decisions a second": round(len(settled) / seconds, 1),
        "refused": len(refused),
        "page p95 ms": quantile(pages, 0.95),
        "decision p95 ms": quantile(decisions, 0.95),
    }


def timed(into: list[float], call: Any) -> httpx2.Response:
    began = time.monotonic()
    answer: httpx2.Response = call()
    into.append((time.monotonic() - began) * 1000)
    return answer


def quantile(values: list[float], share: float) -> float:
    if len(values) < 2:
        return round(values[0], 1) if values else float("nan")
    return round(
        statistics.quantiles(values, n=1000, method="inclusive")[min(998, round(share * 1000) - 1)], 1
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.review_page", description=__doc__)
    options.add_argument("--decisions", type=int, default=DECISIONS)
    options.add_argument("--waiting", type=int, default=1000)
    chosen = options.parse_args()
    figures: dict[str, Any] = {"machine": machine()}
    with chromium() as browser, apart(serve, chosen.waiting) as address:
        figures["one key, 3 decisions a second"] = keyboard(browser, address, chosen.decisions, PER_SECOND)
        figures["one key, 5 decisions a second"] = keyboard(browser, address, chosen.decisions, 5.0)
        figures["counts of others"] = live(browser, address)
    with apart(serve, chosen.waiting) as address:
        figures["20 reviewers at once"] = crowd(address)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
