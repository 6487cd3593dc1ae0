"""Take the two pictures of README.md from the demo's own photos.

The script runs `partcheck demo --keep` in a temporary state directory and opens the review app in Chromium.
It writes `docs/pictures/review.png` (an unclear photo on the review page) and `docs/pictures/execution.png`
(the execution of an unclear photo).
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from local.settings import find_running_environment
from tests.web.browsing import chromium

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WINDOW = {"width": 1280, "height": 800}
DEMO_SECONDS = 300


def take_pictures(browser: Browser, review_app_url: str) -> None:
    """Sign in as a reviewer and write both pictures."""
    page = browser.new_context(viewport=WINDOW, color_scheme="light").new_page()
    page.goto(f"{review_app_url}/sign-in")
    page.fill("input[name=name]", "reviewer")
    page.click("form button[type=submit]")
    page.goto(f"{review_app_url}/review")
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    page.screenshot(path=PICTURES / "review.png")
    page.goto(f"{review_app_url}/executions?verdict=unclear")
    page.click("main a[href^='/executions/']")
    page.wait_for_load_state("networkidle")
    page.set_viewport_size({**WINDOW, "height": 1060})
    page.screenshot(path=PICTURES / "execution.png")


def main() -> None:
    """Run the demo, take the pictures, and stop the demo."""
    argparse.ArgumentParser(prog="python -m benchmarks.readme_pictures", description=__doc__).parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        command = [sys.executable, "-m", "cli.main", "--state-dir", directory, "demo", "--keep"]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as demo:
            try:
                assert demo.stderr is not None
                _wait_for_demo(demo)
                running = find_running_environment(Path(directory) / "demo")
                assert running is not None, "the demo does not run"
                take_pictures(browser, running.endpoints.review_app)
            finally:
                demo.send_signal(signal.SIGINT)
                demo.wait(60)


def _wait_for_demo(demo: "subprocess.Popen[str]") -> None:
    """Read the demo's progress until it keeps running."""
    assert demo.stderr is not None
    end = time.monotonic() + DEMO_SECONDS
    for line in demo.stderr:
        if "The environment is running" in line:
            return
        if time.monotonic() > end:
            break
    raise SystemExit("the demo did not come up in time")


if __name__ == "__main__":
    main()
