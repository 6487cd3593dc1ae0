"""Real decoders read every accepted file, and every file of a real encoder is accepted."""

import io
from itertools import product

import pytest
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from tests import hostile_files
from tests.hostile_files import HostileFile
from workflow.photos.validation import validate
from workflow.photos.validation_result import ValidatedPhoto

ACCEPTED = [case for case in hostile_files.corpus() if case.answer == hostile_files.ACCEPTED]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_pillow_decodes_what_is_accepted(case: HostileFile, monkeypatch: pytest.MonkeyPatch) -> None:
    # The validation never inflates text and profiles. Pillow does, up to its own limit.
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 32 * 1024 * 1024)
    content = case.make()
    photo = validate(content)

    assert isinstance(photo, ValidatedPhoto)
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.size == (photo.width, photo.height)
        assert ImageOps.exif_transpose(image).size == photo.upright_size


@pytest.mark.parametrize(
    ("mode", "quality", "subsampling"), list(product(("L", "RGB", "CMYK"), (1, 30, 75, 95, 100), (0, 1, 2)))
)
def test_every_jpeg_that_pillow_writes_is_accepted(
    mode: str, quality: int, subsampling: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pillow cannot write the finest qualities in its usual buffer.
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 1024 * 1024)
    for width, height in ((64, 64), (65, 127), (333, 97)):
        picture = hostile_files.picture(mode, width, height)
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
            photo = validate(sink.getvalue())
            assert isinstance(photo, ValidatedPhoto), photo
            assert (photo.format, photo.width, photo.height) == ("jpeg", width, height)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_every_png_that_pillow_writes_is_accepted(mode: str, level: int) -> None:
    for width, height in ((64, 64), (65, 127), (333, 97)):
        sink = io.BytesIO()
        hostile_files.picture(mode, width, height).save(sink, "PNG", compress_level=level)
        photo = validate(sink.getvalue())
        assert isinstance(photo, ValidatedPhoto), photo
        assert (photo.format, photo.width, photo.height) == ("png", width, height)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_orientation_that_pillow_writes_is_read(kind: str, value: int) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a maker before the orientation"
    exif[0x0112] = value
    photo = validate(hostile_files.encode_picture(kind, exif=exif))

    assert isinstance(photo, ValidatedPhoto)
    assert photo.orientation == value
