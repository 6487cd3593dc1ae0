"""A walk along the markers of a JPEG, without decoding it."""

import re
from dataclasses import dataclass, field

from workflow.photos import exif, jpeg_frame
from workflow.photos.jpeg_frame import Layout, corrupt
from workflow.photos.photo import Frame, Reason, Rejection

# Far above what any encoder writes; they bound the time that a hostile file can take.
MAX_SEGMENTS = 10_000
MAX_SCANS = 500

_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xDE, 0xDF, 0xF7}
_TABLES_AND_NOTES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
_EXIF = b"Exif\0\0"

# 0xFF then 0x00 is data, 0xFF then 0xFF is padding; restart markers and TEM carry nothing. Decoders skip what
# stands between segments, so we do too.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")

_TRUNCATED = Rejection(
    Reason.TRUNCATED,
    "The JPEG stops before its end marker, as an interrupted transfer does: upload it again.",
)


def recognises(content: bytes) -> bool:
    """Two bytes are a JPEG too, cut off."""
    return content[:3] in (b"\xff\xd8", b"\xff\xd8\xff")


def walk(content: bytes) -> Frame | Rejection:
    """From the start marker to the end marker; what follows the end marker is nobody's business."""
    steps, position = _Steps(), 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(content, position)
        if found is None:
            return _TRUNCATED
        marker, start = content[found.end() - 1], found.end()
        if marker == _EOI:
            return steps.finish()
        length = int.from_bytes(content[start : start + 2], "big")
        position = start + length
        if start + 2 > len(content) or position > len(content):
            return _TRUNCATED
        if length < 2:
            return corrupt("a segment is shorter than its own length field")
        refused = steps.take(marker, memoryview(content)[start + 2 : position])
        if refused is None and marker == _SOS:
            after = _MARKER.search(content, position)
            if after is None:
                return _TRUNCATED
            refused = steps.take_scan_data(after.start() - position)
            position = after.start()
        if refused is not None:
            return refused
    return corrupt(f"it has more than {MAX_SEGMENTS:,} segments")


@dataclass(slots=True)
class _Steps:
    """What the walk has learned so far."""

    layout: Layout | None = None
    orientation: int | None = None
    scans: int = 0
    least_bytes: int = 0
    seen: set[int] = field(default_factory=set)

    def take(self, marker: int, body: memoryview) -> Rejection | None:
        if marker in _FRAMES:
            return self._take_frame(marker, body)
        if marker == _SOS:
            return self._take_scan(body)
        if marker == _APP1 and self.orientation is None and body[:6] == _EXIF:
            self.orientation = exif.orientation(body[6:])
        if marker == _APP1 or marker in _TABLES_AND_NOTES:
            return None
        return corrupt("it holds a marker that no JPEG has there")

    def _take_frame(self, marker: int, body: memoryview) -> Rejection | None:
        if self.layout is not None:
            return corrupt("it has two frame headers")
        layout = jpeg_frame.read(marker, body)
        if isinstance(layout, Rejection):
            return layout
        self.layout = layout
        return None

    def _take_scan(self, body: memoryview) -> Rejection | None:
        if self.layout is None:
            return corrupt("a scan stands before the frame header")
        scan = self.layout.scan(body)
        if isinstance(scan, Rejection):
            return scan
        self.scans += 1
        if self.scans > MAX_SCANS:
            return corrupt(f"it has more than {MAX_SCANS} scans")
        self.least_bytes = scan.least_bytes
        self.seen |= scan.begins
        return None

    def take_scan_data(self, present: int) -> Rejection | None:
        """Hold the bytes of compressed data to what the scan just taken announced."""
        if present < self.least_bytes:
            return corrupt(
                f"a scan has {present:,} bytes of the {self.least_bytes:,} it needs at the very least"
            )
        return None

    def finish(self) -> Frame | Rejection:
        if self.layout is None or not self.scans:
            return corrupt("it ends without a picture")
        if self.seen != self.layout.components.keys():
            return corrupt("a colour of the picture is missing")
        return Frame(self.layout.width, self.layout.height, self.orientation or exif.UPRIGHT)
