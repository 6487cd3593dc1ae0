"""Photo decoding: check the limits before pixels are decoded, turn upright, scale to one size."""

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vision.filters import Plane
from vision.png_chunks import strip_ancillary_chunks

MIN_SIDE = 64
MAX_SIDE = 4096
MAX_ASPECT_RATIO = 20
MAX_BYTES_IN_S3 = 15 * 1024 * 1024
MAX_BYTES_INLINE = 4 * 1024 * 1024
WORKING_PIXELS = 256 * 256
# Opponent values below this are the noise of a grey photo saved as JPEG.
MIN_VISIBLE_COLOUR = 0.02
ORIENTATION_TAG = 0x0112
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow and its plugins raise these for broken and for malicious files.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class PhotoError(Exception):
    """The photo cannot be scored: it is unreadable, too small, or too narrow."""


class PhotoTooLargeError(PhotoError):
    """The photo has too many pixels on one side."""


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo at working size: luminance (0 to 1) and two opponent channels, none for a grey photo."""

    luminance: Plane
    opponents: tuple[Plane, ...]

    @property
    def has_colour(self) -> bool:
        return any(float(np.abs(plane).mean()) > MIN_VISIBLE_COLOUR for plane in self.opponents)

    def planes(self, colour: bool) -> list[Plane]:
        """Return the luminance and, with `colour`, two opponent channels (zero for a grey photo)."""
        if not colour:
            return [self.luminance]
        grey = np.zeros_like(self.luminance)
        return [self.luminance, *(self.opponents or (grey, grey))]


def decode_photo(data: bytes) -> DecodedPhoto:
    """Decode a JPEG or PNG within the limits; raises PhotoTooLargeError or PhotoError with the reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(strip_ancillary_chunks(data)), formats=("JPEG", "PNG")) as image:
                _check_size(*image.size)
                return _decode(image)
        except DECODING_ERRORS as error:
            raise PhotoError("Request has invalid image format: not a readable JPEG or PNG.") from error


def _check_size(width: int, height: int) -> None:
    shortest, longest = sorted((width, height))
    if longest > MAX_SIDE:
        raise PhotoTooLargeError(f"The image is {width} x {height}; at most {MAX_SIDE} a side.")
    if shortest < MIN_SIDE or longest > MAX_ASPECT_RATIO * shortest:
        raise PhotoError(
            f"The image is {width} x {height}; at least {MIN_SIDE} a side, at most {MAX_ASPECT_RATIO}:1."
        )


def _decode(image: Image.Image) -> DecodedPhoto:
    """Scale every photo to one number of pixels and keep its aspect ratio, so that it needs no padding."""
    transposition = TRANSPOSITIONS.get(_orientation(image))
    scale = (WORKING_PIXELS / (image.width * image.height)) ** 0.5
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image.draft(image.mode, (2 * size[0], 2 * size[1]))
    scaled = _to_eight_bits(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return _to_planes(scaled if transposition is None else scaled.transpose(transposition))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, or 1 (upright) if it is missing or unreadable."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert to eight bits, grey or RGB; sixteen-bit grey is scaled: Pillow would clip it to white."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.float32) / 257).clip(0, 255).astype(np.uint8))
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    return image.convert("RGB")


def _to_planes(image: Image.Image) -> DecodedPhoto:
    luminance = _to_unit_range(image.convert("L"))
    if image.mode == "L":
        return DecodedPhoto(luminance, ())
    red, green, blue = np.moveaxis(_to_unit_range(image), 2, 0)
    return DecodedPhoto(luminance, (red - green, (red + green) * np.float32(0.5) - blue))


def _to_unit_range(image: Image.Image) -> Plane:
    values: Plane = np.asarray(image, dtype=np.float32) * np.float32(1 / 255)
    return values
