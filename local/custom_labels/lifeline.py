"""Ends a child process when the one that started it is gone, however it went."""

import os
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.2


def hold_on_to(parent: int) -> None:
    """Look for the parent from a thread: portable and, unlike a death signal, tied to no parent thread."""
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)
