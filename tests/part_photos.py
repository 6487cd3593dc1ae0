"""Photos of one kind of part, small enough for the measures of many of them."""

import io

import numpy as np
from PIL import Image


def part_photo(seed: int, light: float = 1.0, side: int = 96) -> bytes:
    """Return a PNG file of a bright square part with its own texture, in `light` times its usual light."""
    rng = np.random.default_rng(seed)
    pixels = np.full((side, side), 60.0)
    pixels[side // 5 : -side // 5, side // 5 : -side // 5] = 150
    pixels += rng.normal(0, 6, pixels.shape) + rng.normal(0, 2)
    file = io.BytesIO()
    Image.fromarray((pixels * light).clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
