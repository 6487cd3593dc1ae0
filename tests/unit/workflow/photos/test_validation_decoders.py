"""What is accepted, a real decoder reads; what real encoders write is accepted."""

import io
from itertools import product

import pytest
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from tests import poison
from tests.poison import Poison
from workflow.photos.validation import Photo, examine

ACCEPTED = [case for case in poison.corpus() if case.answer == poison.ACCEPTED]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_pillow_decodes_what_is_accepted(case: Poison, monkeypatch: pytest.MonkeyPatch) -> None:
    # We never inflate notes and profiles; Pillow does, up to a limit of its own.
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 32 * 1024 * 1024)
    content = case.make()
    photo = examine(content)

    assert isinstance(photo, Photo)
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.size == (photo.width, photo.height)
        assert ImageOps.exif_transpose(image).size == photo.upright


@pytest.mark.parametrize(
    ("mode", "quality", "subsampling"), list(product(("L", "RGB", "CMYK"), (1, 30, 75, 95, 100), (0, 1, 2)))
)
def test_every_jpeg_that_pillow_writes_is_accepted(
    mode: str, quality: int, subsampling: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pillow cannot write the finest qualities in its usual buffer.
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 1024 * 1024)
    for width, height in ((64, 64), (65, 127), (333, 97)):
        picture = poison.picture(mode, width, height)
        flat = Image.new(mode, (width, height))
        for image, progressive, optimize, rows in product(
            (picture, flat), (False, True), (False, True), (0, 1)
        ):
            sink = io.BytesIO()
            image.save(
                sink,
                "JPEG",
                quality=quality,
                subsampling=subsampling,
                progressive=progressive,
                optimize=optimize,
                restart_marker_rows=rows,
            )
            photo = examine(sink.getvalue())
            assert isinstance(photo, Photo), photo
            assert (photo.format, photo.width, photo.height) == ("jpeg", width, height)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_every_png_that_pillow_writes_is_accepted(mode: str, level: int) -> None:
    for width, height in ((64, 64), (65, 127), (333, 97)):
        sink = io.BytesIO()
        poison.picture(mode, width, height).save(sink, "PNG", compress_level=level)
        photo = examine(sink.getvalue())
        assert isinstance(photo, Photo), photo
        assert (photo.format, photo.width, photo.height) == ("png", width, height)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_orientation_that_pillow_writes_is_read(kind: str, value: int) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a maker before the orientation"
    exif[0x0112] = value
    photo = examine(poison.saved(kind, exif=exif))

    assert isinstance(photo, Photo)
    assert photo.orientation == value
