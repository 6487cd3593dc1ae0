"""The camera: from light to an 8-bit photo, with the flaws of an inspection camera."""

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from local.sample_parts.stencil import SIDE, Layer

_QUALITY = 90


def take_photo(light: Layer, rng: np.random.Generator) -> Image.Image:
    """Apply lens blur, vignetting, exposure, sensor noise and the camera's own compression."""
    blurred = gaussian_filter(light, rng.uniform(0.50, 0.62), truncate=3)
    span = np.linspace(-1, 1, SIDE, dtype=np.float32)
    distance = span[None, :] ** 2 + span[:, None] ** 2
    exposure = rng.uniform(0.95, 1.06) * (1 - rng.uniform(0.02, 0.10) * distance)
    noise = rng.uniform(0.004, 0.007) * rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    signal = blurred * exposure + noise
    pixels = (np.clip(signal, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    return _compress_once(Image.fromarray(pixels), quality=int(rng.integers(88, 93)))


def encode_jpeg(image: Image.Image) -> bytes:
    """Encode the photo as a JPEG file."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _compress_once(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")
