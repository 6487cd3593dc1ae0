"""Executes a program that ends with its parent: `parent_death_signal.py PARENT PROGRAM ARGUMENT…`.

This runs as a separate program because code between fork and exec is not safe in a threaded process.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the signal, then replace this process by the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent process has exited")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
