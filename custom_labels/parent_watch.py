"""Watch the parent process, so that a child process ends with it."""

import os
import threading
import time

POLL_SECONDS = 0.2


def exit_with_parent(parent: int) -> None:
    """End this process when the process `parent` has ended, for any reason.

    Polls from a thread: this is portable and, unlike a death signal, not tied to a thread of the parent.
    """
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)
