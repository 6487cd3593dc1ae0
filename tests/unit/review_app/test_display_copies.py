"""People, the model and the measures see the same pixels."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from local.sample_parts import photograph_part
from review_app.photos.display_copies import CopySize, make_display_copy
from tests.unit.custom_labels.in_memory_service import encode
from vision.photo_decoding import ORIENTATION_TAG, decode_photo
from vision.photo_measures import measure_photo

Grey = NDArray[np.float64]


def seen_by_people(content: bytes) -> Grey:
    """Return the display copy's grey values (0 to 255)."""
    with Image.open(io.BytesIO(make_display_copy(content, CopySize.REVIEW))) as copy:
        return np.asarray(copy.convert("L"), dtype=np.float64)


def photo_cut_out(mode: str) -> Image.Image:
    """Return a part without its ground: transparent, and black where nothing is."""
    part = photograph_part(5).convert(mode.removesuffix("A"))
    outline = Image.new("L", part.size, 0)
    ImageDraw.Draw(outline).ellipse((40, 40, 260, 260), fill=255)
    cut_out = Image.new(mode, part.size)
    cut_out.paste(part, mask=outline)
    cut_out.putalpha(outline)
    return cut_out


def twelve_bits() -> Image.Image:
    return Image.fromarray(np.asarray(photograph_part(5).convert("L")).astype(np.uint16) * 16)


def turned() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    return encode(photograph_part(5).crop((0, 0, 300, 200)), "JPEG", exif=exif, quality=95)


def palette_with_transparency() -> bytes:
    return encode(photo_cut_out("RGBA").quantize(64), "PNG")


PHOTOS = {
    "JPEG": lambda: encode(photograph_part(5)),
    "cut out, colour": lambda: encode(photo_cut_out("RGBA"), "PNG"),
    "cut out, grey": lambda: encode(photo_cut_out("LA"), "PNG"),
    "cut out, palette": palette_with_transparency,
    "12 bits": lambda: encode(twelve_bits(), "PNG"),
    "turned": turned,
    "CMYK": lambda: encode(photograph_part(5).convert("CMYK")),
}


@pytest.mark.parametrize("photo", PHOTOS.values(), ids=PHOTOS)
def test_people_the_model_and_the_measures_see_the_same_pixels(photo: object) -> None:
    content = photo()  # type: ignore[operator]
    people = seen_by_people(content)
    model = decode_photo(content).luminance * 255
    measures = measure_photo(content)
    smaller = Image.fromarray(people.astype(np.uint8)).resize(model.shape[::-1], Image.Resampling.BILINEAR)

    assert np.abs(np.asarray(smaller, dtype=np.float64) - model).mean() < 3
    assert model.mean() == pytest.approx(people.mean(), abs=1)
    assert measures["brightness"] == pytest.approx(people.mean(), abs=1)
    assert measures["contrast"] == pytest.approx(people.std(), abs=3)


def test_a_cut_out_part_lies_on_white() -> None:
    assert seen_by_people(PHOTOS["cut out, colour"]())[:20, :20].min() > 250
    assert decode_photo(PHOTOS["cut out, colour"]()).luminance[:20, :20].min() > 0.98
