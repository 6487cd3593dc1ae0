"""Copies of a photo as they get into data sets: turned, shifted, saved again, mirrored."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

Copy = Callable[[Image.Image, np.random.Generator], bytes]


def saved(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("L")


def turned(image: Image.Image, rng: np.random.Generator) -> bytes:
    """By any angle; the corners are filled with the ground's grey."""
    angle = float(rng.uniform(1, 359))
    return saved(image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=_ground(image)))


def turned_by_quarters(image: Image.Image, rng: np.random.Generator) -> bytes:
    return saved(image.rotate(90 * int(rng.integers(1, 4))))


def shifted(image: Image.Image, rng: np.random.Generator) -> bytes:
    """By up to a twentieth of the side, down and across."""
    down, across = (int(rng.integers(-side // 20, side // 20 + 1)) for side in image.size)
    return saved(image.rotate(0, translate=(down, across), fillcolor=_ground(image)))


def saved_again(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Smaller, down to three fifths, and of poor quality."""
    scale = float(rng.uniform(0.6, 1.0))
    smaller = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.LANCZOS)
    return saved(smaller, int(rng.integers(40, 75)))


def mirrored(image: Image.Image, rng: np.random.Generator) -> bytes:
    return saved(ImageOps.mirror(image) if rng.random() < 0.5 else ImageOps.flip(image))


def all_at_once(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Mirrored or not, turned, shifted and saved again: more than was asked for."""
    image = ImageOps.mirror(image) if rng.random() < 0.5 else image
    reach = max(1, image.width // 25)
    offset = (int(rng.integers(-reach, reach)), int(rng.integers(-reach, reach)))
    angle = float(rng.uniform(0, 360))
    moved = image.rotate(angle, Image.Resampling.BICUBIC, translate=offset, fillcolor=_ground(image))
    return saved(moved, 60)


COPIES: dict[str, Copy] = {
    copy.__name__: copy for copy in (turned, turned_by_quarters, shifted, saved_again, mirrored, all_at_once)
}


def _ground(image: Image.Image) -> int:
    return int(np.median(np.asarray(image)[[0, -1]]))
