"""PNG chunks: reduce a file to the chunks that make the picture."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})
# Length, type and checksum of a chunk.
CHUNK_OVERHEAD = 12


def strip_ancillary_chunks(data: bytes) -> bytes:
    """Return the PNG file without text, profiles and animation, so that their content cannot break decoding.

    Other files are returned unchanged. If a chunk's length exceeds the file, the rest of the file belongs to
    that chunk.
    """
    if not data.startswith(SIGNATURE):
        return data
    view, kept, start = memoryview(data), [SIGNATURE], len(SIGNATURE)
    while start + CHUNK_OVERHEAD <= len(data):
        end = start + CHUNK_OVERHEAD + int.from_bytes(view[start : start + 4], "big")
        chunk_type = bytes(view[start + 4 : start + 8])
        if chunk_type in KEPT_CHUNKS:
            kept.append(bytes(view[start:end]))
        if chunk_type == b"IEND":
            break
        start = end
    return b"".join(kept)
