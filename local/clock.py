"""The clock of the line on this machine: calls the functions that AWS would call on a schedule."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas import catalog
from lambdas.catalog import Function
from local.functions import function_name

SECONDS_BEFORE_FIRST_CALL = 0.5
SECONDS_PER_MINUTE = 60


def invoke(function: Function) -> str:
    """Call a function once, for as long as it may take; returns what it said went wrong, if anything."""
    config = Config(
        read_timeout=function.timeout_seconds + 30,
        retries={"total_max_attempts": 1},
        proxies={},  # Else botocore looks through the environment, which another thread may change meanwhile.
    )
    answer = boto3.client("lambda", config=config).invoke(FunctionName=function_name(function), Payload=b"{}")
    answered: str = answer["Payload"].read().decode()
    return answered if answer.get("FunctionError") else ""


class Clock:
    """Calls every scheduled function soon after the start, then at its interval, each in turn."""

    def __init__(self, log: logging.Logger, call: Callable[[Function], str] = invoke) -> None:
        self._log = log
        self._call = call
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Call nothing more; a call that is under way is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        scheduled = [function for function in catalog.FUNCTIONS if function.schedule_minutes]
        due = dict.fromkeys(scheduled, time.monotonic() + SECONDS_BEFORE_FIRST_CALL)
        while due and not self._stopped.wait(max(0.0, min(due.values()) - time.monotonic())):
            function = min(due, key=due.__getitem__)
            due[function] = time.monotonic() + function.schedule_minutes * SECONDS_PER_MINUTE
            self._tick(function)

    def _tick(self, function: Function) -> None:
        try:
            complaint = self._call(function)
        except (BotoCoreError, ClientError) as error:
            complaint = str(error)
        if complaint and not self._stopped.is_set():
            self._log.error("%s failed: %s", function_name(function), complaint)


@contextmanager
def ticking(log_file: Path) -> Iterator[None]:
    """A clock for the length of a block, with its complaints in a file."""
    handler = logging.FileHandler(log_file, mode="w", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.Logger("clock")
    log.addHandler(handler)
    clock = Clock(log)
    clock.start()
    try:
        yield
    finally:
        clock.stop()
        handler.close()
