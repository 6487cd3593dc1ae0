"""Masks: pictures that mark the place of a fault, and lie beside the photos in many data sets."""

import io

from PIL import Image

from vision.photo_decoding import DECODING_ERRORS
from vision.png_chunks import SIGNATURE

_VALUES = 2


def is_mask(content: bytes) -> bool:
    """Return True for a PNG file with at most two values; a photo has many more, if only by noise."""
    if not content.startswith(SIGNATURE):
        return False
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            return image.mode != "I;16" and image.getcolors(_VALUES) is not None
    except DECODING_ERRORS:
        return False
