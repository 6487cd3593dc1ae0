"""Settings of the C library's memory allocator."""

import ctypes

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
MEBIBYTE = 1024 * 1024


def configure_malloc() -> None:
    """Keep freed image buffers inside the process.

    With glibc's defaults every filter map of a photo is fresh memory, which costs more than the arithmetic.
    Other C libraries have no mallopt and keep their settings.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(M_MMAP_THRESHOLD, 32 * MEBIBYTE)
    mallopt(M_TRIM_THRESHOLD, 64 * MEBIBYTE)
    mallopt(M_TOP_PAD, 4 * MEBIBYTE)
