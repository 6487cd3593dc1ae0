"""EXIF: reads only the orientation."""

import struct

UPRIGHT = 1
_ORIENTATION_TAG = 0x0112
_SHORT = 3


def read_orientation(tiff: memoryview) -> int:
    """Read the orientation, 1 to 8. Return UPRIGHT if it is missing or invalid, as a browser does."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(tiff[:4]))
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    entries = min(count, (len(tiff) - start - 2) // 12)
    for entry in range(entries):
        tag, kind, amount, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
        if tag == _ORIENTATION_TAG:
            readable = kind == _SHORT and amount == 1 and 1 <= value <= 8
            return int(value) if readable else UPRIGHT
    return UPRIGHT
