"""Altered copies of a photo as they get into data sets: rotated, shifted, recompressed, mirrored."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

Alteration = Callable[[Image.Image, np.random.Generator], bytes]


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def decode_grey(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("L")


def rotated(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Rotate by any angle; the corners are filled with the grey of the background."""
    angle = float(rng.uniform(1, 359))
    return encode_jpeg(image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=_background(image)))


def rotated_by_quarters(image: Image.Image, rng: np.random.Generator) -> bytes:
    return encode_jpeg(image.rotate(90 * int(rng.integers(1, 4))))


def shifted(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Shift by up to a twentieth of the side, down and across."""
    down, across = (int(rng.integers(-side // 20, side // 20 + 1)) for side in image.size)
    return encode_jpeg(image.rotate(0, translate=(down, across), fillcolor=_background(image)))


def recompressed(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Scale down to three fifths at most, with poor quality."""
    scale = float(rng.uniform(0.6, 1.0))
    smaller = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.LANCZOS)
    return encode_jpeg(smaller, int(rng.integers(40, 75)))


def mirrored(image: Image.Image, rng: np.random.Generator) -> bytes:
    return encode_jpeg(ImageOps.mirror(image) if rng.random() < 0.5 else ImageOps.flip(image))


def combined(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Mirror (or not), rotate, shift and recompress: more than one alteration at once."""
    image = ImageOps.mirror(image) if rng.random() < 0.5 else image
    max_shift = max(1, image.width // 25)
    offset = (int(rng.integers(-max_shift, max_shift)), int(rng.integers(-max_shift, max_shift)))
    angle = float(rng.uniform(0, 360))
    moved = image.rotate(angle, Image.Resampling.BICUBIC, translate=offset, fillcolor=_background(image))
    return encode_jpeg(moved, 60)


ALTERATIONS: dict[str, Alteration] = {
    alteration.__name__: alteration
    for alteration in (rotated, rotated_by_quarters, shifted, recompressed, mirrored, combined)
}


def _background(image: Image.Image) -> int:
    return int(np.median(np.asarray(image)[[0, -1]]))
