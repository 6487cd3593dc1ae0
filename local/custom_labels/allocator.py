"""Keeps freed image buffers inside the process."""

import ctypes

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
MEBIBYTE = 1024 * 1024


def keep_freed_buffers() -> None:
    """With glibc's defaults every map of a photo is fresh memory, which costs more than the sums.

    Other C libraries have no mallopt and are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(M_MMAP_THRESHOLD, 32 * MEBIBYTE)
    mallopt(M_TRIM_THRESHOLD, 64 * MEBIBYTE)
    mallopt(M_TOP_PAD, 4 * MEBIBYTE)
