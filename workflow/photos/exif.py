"""The one thing we read from EXIF: which way up the photo is."""

import struct

UPRIGHT = 1
_ORIENTATION_TAG = 0x0112
_SHORT = 3


def orientation(tiff: memoryview) -> int:
    """EXIF's orientation, 1 to 8; whatever cannot be read means upright, as it does to a browser."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(tiff[:4]))
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    whole = min(count, (len(tiff) - start - 2) // 12)
    for entry in range(whole):
        tag, kind, amount, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
        if tag == _ORIENTATION_TAG:
            readable = kind == _SHORT and amount == 1 and 1 <= value <= 8
            return int(value) if readable else UPRIGHT
    return UPRIGHT
