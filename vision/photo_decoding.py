"""The one photo decoder: the model, the measures and the display copies see the same pixels.

It checks the limits before pixels are decoded, puts transparent areas on one background, stretches 10 to 16
bits to eight, and turns the photo upright. Colour profiles are ignored: pixel values count as they are.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

from vision.filters import Plane
from vision.png_chunks import strip_ancillary_chunks
from vision.sixteen_bits import has_sixteen_bits, stretch_colours, stretch_grey

# Increase with every change of decoded pixels: measures of two versions cannot be compared.
DECODER_VERSION = 1
# Browsers and image viewers show cut-out parts on white, and people take white for "nothing there".
BACKGROUND = "white"
EIGHT_BITS = 8
OPAQUE = 255
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


@dataclass(frozen=True, slots=True)
class OpenedPhoto:
    """A photo file whose header was checked. `image` has the file's own mode and is not turned."""

    image: Image.Image
    content: bytes

    def to_eight_bits(self) -> tuple[Image.Image, int]:
        """Return the picture in 8 bits, grey ("L") or RGB, on BACKGROUND, and the used bits (8 to 16)."""
        if self.image.mode.startswith("I"):
            return stretch_grey(self.image)
        if has_sixteen_bits(self.content):
            picture, bit_depth = stretch_colours(self.image, self.content)
            return _flatten(picture), bit_depth
        return _flatten(self.image), EIGHT_BITS

    def turn_upright(self, picture: Image.Image) -> Image.Image:
        """Turn a picture of this photo by the file's EXIF orientation."""
        transposition = TRANSPOSITIONS.get(_orientation(self.image))
        return picture if transposition is None else picture.transpose(transposition)


@contextmanager
def open_photo(content: bytes) -> Iterator[OpenedPhoto]:
    """Open a JPEG or PNG. Raise PhotoTooLargeError or PhotoError, also for errors of its decoding inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            picture_only = strip_ancillary_chunks(content)
            with Image.open(io.BytesIO(picture_only), formats=("JPEG", "PNG")) as image:
                if max(image.size) > MAX_SIDE:
                    width, height = image.size
                    raise PhotoTooLargeError(f"The image is {width} x {height}; at most {MAX_SIDE} a side.")
                yield OpenedPhoto(image, picture_only)
        except DECODING_ERRORS as error:
            raise PhotoError("Request has invalid image format: not a readable JPEG or PNG.") from error


def decode_photo(data: bytes, pixels: int = WORKING_PIXELS) -> DecodedPhoto:
    """Decode a JPEG or PNG within the limits. Raise PhotoTooLargeError or PhotoError with the reason.

    Every photo is scaled to one number of `pixels` and keeps its aspect ratio, so that it needs no padding.
    """
    with open_photo(data) as photo:
        width, height = photo.image.size
        check_shape(width, height)
        scale = (pixels / (width * height)) ** 0.5
        size = max(1, round(width * scale)), max(1, round(height * scale))
        photo.image.draft(photo.image.mode, (2 * size[0], 2 * size[1]))
        picture, _ = photo.to_eight_bits()
        scaled = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return _to_planes(photo.turn_upright(scaled))


def check_shape(width: int, height: int) -> None:
    """Raise PhotoError if a photo is too small or too narrow to be scored."""
    shortest, longest = sorted((width, height))
    if shortest < MIN_SIDE or longest > MAX_ASPECT_RATIO * shortest:
        raise PhotoError(
            f"The image is {width} x {height}; at least {MIN_SIDE} a side, at most {MAX_ASPECT_RATIO}:1."
        )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, or 1 (upright) if it is missing or unreadable."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1


def _flatten(image: Image.Image) -> Image.Image:
    """Convert any mode of 8 bits to grey or RGB, with transparent areas on BACKGROUND."""
    grey = image.mode in ("1", "L", "LA")
    mode = "L" if grey else "RGB"
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        layers = _to_mode(image, "LA" if grey else "RGBA")
        picture, alpha = layers.convert(mode), layers.getchannel("A")
        if alpha.getextrema() != (OPAQUE, OPAQUE):
            picture.paste(BACKGROUND, mask=ImageChops.invert(alpha))
        return picture
    return _to_mode(image, mode)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return an image in a mode; one that has it already is not copied."""
    return image if image.mode == mode else image.convert(mode)


def _to_planes(image: Image.Image) -> DecodedPhoto:
    luminance = _to_unit_range(image.convert("L"))
    if image.mode == "L":
        return DecodedPhoto(luminance, ())
    red, green, blue = np.moveaxis(_to_unit_range(image), 2, 0)
    return DecodedPhoto(luminance, (red - green, (red + green) * np.float32(0.5) - blue))


def _to_unit_range(image: Image.Image) -> Plane:
    values: Plane = np.asarray(image, dtype=np.float32) * np.float32(1 / 255)
    return values
