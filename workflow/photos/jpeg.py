"""JPEG structure: checks the markers of a file without decoding it (ITU-T T.81, Annex B)."""

import re
from dataclasses import dataclass, field

from workflow.photos import exif, jpeg_frame
from workflow.photos.jpeg_frame import FrameHeader, reject_corrupt
from workflow.photos.validation_result import Frame, Rejection, RejectionReason

# Far above the output of any encoder. They bound the time that a hostile file can take.
MAX_SEGMENTS = 10_000
MAX_SCANS = 500

_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xDE, 0xDF, 0xF7}
_TABLES_AND_METADATA = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
_EXIF = b"Exif\0\0"

# 0xFF then 0x00 is data, 0xFF then 0xFF is padding. Restart markers and TEM carry nothing. Decoders skip
# bytes between segments, so this does too.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")

_TRUNCATED = Rejection(
    RejectionReason.TRUNCATED,
    "The JPEG stops before its end marker, as an interrupted transfer does: upload it again.",
)


def is_jpeg(content: bytes) -> bool:
    """Return True if the file starts as a JPEG. A file of only two bytes may be a truncated JPEG."""
    return content[:3] in (b"\xff\xd8", b"\xff\xd8\xff")


def check_structure(content: bytes) -> Frame | Rejection:
    """Check the file from its start marker to its end marker. Ignore the bytes after the end marker."""
    state, position = _State(), 2
    for _ in range(MAX_SEGMENTS):
        match = _MARKER.search(content, position)
        if match is None:
            return _TRUNCATED
        marker, start = content[match.end() - 1], match.end()
        if marker == _EOI:
            return state.finish()
        length = int.from_bytes(content[start : start + 2], "big")
        position = start + length
        if start + 2 > len(content) or position > len(content):
            return _TRUNCATED
        if length < 2:
            return reject_corrupt("a segment is shorter than its own length field")
        rejection = state.take_segment(marker, memoryview(content)[start + 2 : position])
        if rejection is None and marker == _SOS:
            after = _MARKER.search(content, position)
            if after is None:
                return _TRUNCATED
            rejection = state.take_scan_data(after.start() - position)
            position = after.start()
        if rejection is not None:
            return rejection
    return reject_corrupt(f"it has more than {MAX_SEGMENTS:,} segments")


@dataclass(slots=True)
class _State:
    """The state of the check after the segments so far."""

    header: FrameHeader | None = None
    orientation: int | None = None
    scans: int = 0
    min_bytes: int = 0
    components_seen: set[int] = field(default_factory=set)

    def take_segment(self, marker: int, body: memoryview) -> Rejection | None:
        if marker in _FRAMES:
            return self._take_frame(marker, body)
        if marker == _SOS:
            return self._take_scan(body)
        if marker == _APP1 and self.orientation is None and body[:6] == _EXIF:
            self.orientation = exif.read_orientation(body[6:])
        if marker == _APP1 or marker in _TABLES_AND_METADATA:
            return None
        return reject_corrupt("it holds a marker that no JPEG has there")

    def _take_frame(self, marker: int, body: memoryview) -> Rejection | None:
        if self.header is not None:
            return reject_corrupt("it has two frame headers")
        header = jpeg_frame.read_frame_header(marker, body)
        if isinstance(header, Rejection):
            return header
        self.header = header
        return None

    def _take_scan(self, body: memoryview) -> Rejection | None:
        if self.header is None:
            return reject_corrupt("a scan stands before the frame header")
        scan = self.header.read_scan_header(body)
        if isinstance(scan, Rejection):
            return scan
        self.scans += 1
        if self.scans > MAX_SCANS:
            return reject_corrupt(f"it has more than {MAX_SCANS} scans")
        self.min_bytes = scan.min_bytes
        self.components_seen |= scan.first_components
        return None

    def take_scan_data(self, present: int) -> Rejection | None:
        """Check that the compressed data has at least the bytes that its scan header requires."""
        if present < self.min_bytes:
            return reject_corrupt(
                f"a scan has {present:,} bytes of the {self.min_bytes:,} it needs at the very least"
            )
        return None

    def finish(self) -> Frame | Rejection:
        if self.header is None or not self.scans:
            return reject_corrupt("it ends without a picture")
        if self.components_seen != self.header.components.keys():
            return reject_corrupt("a colour of the picture is missing")
        return Frame(self.header.width, self.header.height, self.orientation or exif.UPRIGHT)
