"""The scheduler of the local environment: it invokes the functions that AWS would invoke on a schedule."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas import catalog
from lambdas.catalog import LambdaFunction
from local.functions import function_name

SECONDS_BEFORE_FIRST_CALL = 0.5
SECONDS_PER_MINUTE = 60


def invoke_function(function: LambdaFunction, client: Any = None) -> str:
    """Invoke a function and wait for its end. Return its error as text, or an empty string."""
    response = (client or create_client()).invoke(FunctionName=function_name(function), Payload=b"{}")
    payload: str = response["Payload"].read().decode()
    return payload if response.get("FunctionError") else ""


def create_client() -> Any:
    """Return a Lambda client that waits for the slowest scheduled function and repeats no call."""
    config = Config(
        read_timeout=max(function.timeout_seconds for function in catalog.FUNCTIONS) + 30,
        retries={"total_max_attempts": 1},
        proxies={},  # Without it botocore reads the environment, which another thread may change.
    )
    return boto3.client("lambda", config=config)


class Scheduler:
    """A thread that invokes each scheduled function soon after its start, then at the function's interval."""

    def __init__(
        self, log: logging.Logger, invoke: Callable[[LambdaFunction], str] = invoke_function
    ) -> None:
        self._log = log
        self._invoke = invoke
        self._stopped, self._rescheduled = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Invoke no more functions. Do not wait for an invocation in progress."""
        self._stopped.set()
        self._rescheduled.set()

    def run_soon(self) -> None:
        """Invoke every function soon, as after the start: a service was restarted and needs repairs."""
        self._rescheduled.set()

    def _run(self) -> None:
        scheduled = [function for function in catalog.FUNCTIONS if function.schedule_minutes]
        due = dict.fromkeys(scheduled, time.monotonic() + SECONDS_BEFORE_FIRST_CALL)
        while not self._stopped.is_set():
            if self._rescheduled.wait(max(0.0, min(due.values()) - time.monotonic())):
                self._rescheduled.clear()
                due = dict.fromkeys(scheduled, time.monotonic() + SECONDS_BEFORE_FIRST_CALL)
                continue
            function = min(due, key=due.__getitem__)
            due[function] = time.monotonic() + function.schedule_minutes * SECONDS_PER_MINUTE
            self._run_once(function)

    def _run_once(self, function: LambdaFunction) -> None:
        try:
            failure = self._invoke(function)
        except (BotoCoreError, ClientError) as error:
            failure = str(error)
        if failure and not self._stopped.is_set():
            self._log.error("%s failed: %s", function_name(function), failure)


@contextmanager
def run_scheduler(log_file: Path) -> Iterator[Scheduler]:
    """Run a scheduler for the duration of a block, with its failures in a log file."""
    handler = logging.FileHandler(log_file, mode="w", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.Logger("scheduler")
    log.addHandler(handler)
    # The client is made here, since another thread may change boto3's default session.
    scheduler = Scheduler(log, partial(invoke_function, client=create_client()))
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()
        handler.close()
