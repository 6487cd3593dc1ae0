"""Becomes another program that ends with the process that started it: `tether.py PARENT PROGRAM ARGUMENT…`.

A step of its own between fork and exec, because code in a forked child of a threaded process is not safe.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
