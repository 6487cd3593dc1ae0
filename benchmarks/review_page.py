"""The latency of the review page: one reviewer with a keyboard on a slow network, then twenty at once.

`python -m benchmarks.review_page` needs Chromium. The app runs on in-memory services in another process, so
the benchmark measures the app and the browser.
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
from PIL import Image as PillowImage
from playwright.sync_api import Browser, CDPSession

from benchmarks.host import describe_host
from local.sample_parts import generate_parts
from tests.web.browsing import Visit, chromium, visiting
from tests.web.serving import running, visitor
from tests.web.world import World

ROUND_TRIP_MS, MEGABITS = 100, 10
DECISIONS, PER_SECOND = 200, 3.0
ANSWER: dict[str, Any] = {"data": {"verdict": "ok"}, "headers": {"Accept": "application/json"}}
MEASURE_KEYS = """() => {
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
RECORD_COUNTS = """() => {
  window.countChanges = [];
  const counts = document.querySelector("#counts");
  const record = () => window.countChanges.push([Date.now(), counts.textContent]);
  new MutationObserver(record).observe(counts, { childList: true, subtree: true });
}"""


def generate_photos(count: int) -> list[bytes]:
    """Generate photos of castings, 1,400 pixels a side."""
    photos = []
    for part in generate_parts(count, seed=11):
        with PillowImage.open(io.BytesIO(part.content)) as picture:
            large = picture.resize((1400, 1400), PillowImage.Resampling.BICUBIC)
        grain = PillowImage.effect_noise(large.size, 6).convert(large.mode)
        buffer = io.BytesIO()
        PillowImage.blend(large, grain, 0.1).save(buffer, "JPEG", quality=88)
        photos.append(buffer.getvalue())
    return photos


def serve(count: int, pipe: Any) -> None:
    """Serve an app with `count` waiting photos until the pipe receives a message."""
    world = World.new()
    contents = generate_photos(8)
    for number in range(count):
        world.add_waiting(f"line-1/part_{number:04}.jpg", content=contents[number % 8])
    with running(world) as address:
        pipe.send(address)
        pipe.recv()


@contextmanager
def separate_process(serve: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """Run `serve` in another process for the duration of the block; yield its first message."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(*arguments, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(20)


def emulate_slow_network(visit: Visit) -> CDPSession:
    """Emulate a slow network: 100 ms round trip, 10 Mbit/s."""
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


def measure_keyboard(browser: Browser, address: str, decisions: int, per_second: float) -> dict[str, float]:
    """Decide at a constant rate; return the milliseconds from the key to the next photo."""
    with visiting(browser, address, f"reviewer {per_second}") as window:
        emulate_slow_network(window)
        window.go("/review")
        window.until(lambda: sum("/review" in url and "/photos/" in url for url in window.requests) > 6, 60)
        window.page.wait_for_timeout(2000)
        window.page.evaluate(MEASURE_KEYS)
        started = time.monotonic()
        for number in range(decisions):
            window.press(random.choice("ad12"))
            due = started + (number + 1) / per_second
            window.page.wait_for_timeout(max(0.0, (due - time.monotonic()) * 1000))
        seconds = time.monotonic() - started
        window.page.wait_for_timeout(3000)
        measured = sorted(window.page.evaluate("measured"))
        missing = decisions - len(measured)
    return {
        "decisions": len(measured),
        "without a next photo": missing,
        "per minute": round(60 * len(measured) / seconds, 1),
        "p50 ms": quantile(measured, 0.5),
        "p95 ms": quantile(measured, 0.95),
        "p99 ms": quantile(measured, 0.99),
        "longest ms": round(measured[-1], 1),
    }


def measure_live_counts(browser: Browser, address: str, decisions: int = 30) -> dict[str, float]:
    """Return the milliseconds from a decision to the changed counts of another reviewer."""
    with visiting(browser, address, "ann") as ann, visiting(browser, address, "bob") as bob:
        for window in (ann, bob):
            window.go("/review")
            window.until(lambda window=window: window.page.query_selector("html.js") and window.name())  # type: ignore[misc]
        bob.page.wait_for_timeout(1500)
        bob.page.evaluate(RECORD_COUNTS)
        delays = []
        for _ in range(decisions):
            pressed = time.time() * 1000
            ann.press("a")
            ann.page.wait_for_timeout(1200 + 400 * random.random())
            changes = [at for at, _ in bob.page.evaluate("countChanges") if at >= pressed]
            if changes:
                delays.append(changes[0] - pressed)
    return {
        "received": len(delays),
        "of": decisions,
        "p50 ms": quantile(delays, 0.5),
        "p95 ms": quantile(delays, 0.95),
    }


def measure_reviewers(
    address: str, people: int = 20, seconds: float = 20, per_second: float = 10
) -> dict[str, float]:
    """Simulate concurrent reviewers: each loads the page and decides a photo."""
    pages: list[float] = []
    decisions: list[float] = []
    refused: list[int] = []
    counted: list[str] = []
    stop = time.monotonic() + people / per_second + seconds

    def simulate_reviewer(number: int) -> None:
        with visitor(address, f"person {number}") as client:
            time.sleep(random.random() * people / per_second)  # Reviewers do not press keys in step.
            while time.monotonic() < stop:
                started = time.monotonic()
                text = time_call(pages, partial(client.get, "/review")).text
                inspection = text.split('data-id="', 1)[1].split('"', 1)[0]
                client.get(f"/photos/{inspection}/review")
                answer = time_call(decisions, partial(client.post, f"/review/{inspection}/decide", **ANSWER))
                if answer.status_code != 200:
                    refused.append(answer.status_code)
                if time.monotonic() > stop - seconds:  # All reviewers are active.
                    counted.append(inspection)
                time.sleep(max(0.0, people / per_second - (time.monotonic() - started)))

    threads = [threading.Thread(target=simulate_reviewer, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "decisions a second": round(len(counted) / seconds, 1),
        "refused": len(refused),
        "page p95 ms": quantile(pages, 0.95),
        "decision p95 ms": quantile(decisions, 0.95),
    }


def time_call(durations: list[float], call: Any) -> httpx2.Response:
    started = time.monotonic()
    answer: httpx2.Response = call()
    durations.append((time.monotonic() - started) * 1000)
    return answer


def quantile(values: list[float], share: float) -> float:
    if len(values) < 2:
        return round(values[0], 1) if values else float("nan")
    return round(
        statistics.quantiles(values, n=1000, method="inclusive")[min(998, round(share * 1000) - 1)], 1
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review_page", description=__doc__)
    parser.add_argument("--decisions", type=int, default=DECISIONS)
    parser.add_argument("--waiting", type=int, default=1000)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": describe_host()}
    with chromium() as browser, separate_process(serve, options.waiting) as address:
        results["one key, 3 decisions a second"] = measure_keyboard(
            browser, address, options.decisions, PER_SECOND
        )
        results["one key, 5 decisions a second"] = measure_keyboard(browser, address, options.decisions, 5.0)
        results["counts of others"] = measure_live_counts(browser, address)
    with separate_process(serve, options.waiting) as address:
        results["20 reviewers at once"] = measure_reviewers(address)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
