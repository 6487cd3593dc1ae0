"""Leaves of a PNG only what makes the picture."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})
FRAME = 12


def bare(data: bytes) -> bytes:
    """The file without notes, profiles and animation, which cannot spoil a photo then, whatever is in them.

    Anything that is no PNG comes back as it is; where the chunks run over the end, so does the rest of them.
    """
    if not data.startswith(SIGNATURE):
        return data
    view, kept, at = memoryview(data), [SIGNATURE], len(SIGNATURE)
    while at + FRAME <= len(data):
        end = at + FRAME + int.from_bytes(view[at : at + 4], "big")
        name = bytes(view[at + 4 : at + 8])
        if name in NEEDED:
            kept.append(bytes(view[at:end]))
        if name == b"IEND":
            break
        at = end
    return b"".join(kept)
