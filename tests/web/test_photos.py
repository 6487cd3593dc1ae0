"""Photos for browsers: display copies and originals, addressed by inspection id."""

import io
import threading
from collections.abc import Callable

import httpx2
import pytest
from PIL import Image as PillowImage

from review_app.photos import display_copies
from review_app.photos.display_copies import CopySize, PhotoService, UndisplayablePhoto, make_display_copy
from tests import crafted
from tests.unit.pipeline import Pipeline
from tests.web.serving import visitor
from tests.web.world import World
from workflow.inspections.objects import inspection_id


def encoded(picture: PillowImage.Image, form: str = "JPEG", **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **how)
    return buffer.getvalue()


def decoded_copy(content: bytes, size: CopySize = CopySize.REVIEW) -> PillowImage.Image:
    picture = PillowImage.open(io.BytesIO(make_display_copy(content, size)))
    picture.load()
    return picture


def landscape(mode: str = "RGB", fill: object = (200, 40, 40)) -> PillowImage.Image:
    """Create an image twice as wide as high: white above, the colour below."""
    picture = PillowImage.new(mode, (400, 200), "white" if mode in ("RGB", "L") else None)
    picture.paste(fill, (0, 100, 400, 200))  # type: ignore[arg-type]
    return picture


@pytest.mark.parametrize(("size", "side"), [(CopySize.REVIEW, 1024), (CopySize.LIST, 320)])
def test_a_copy_fits_its_size_and_keeps_its_shape(size: CopySize, side: int) -> None:
    copy = decoded_copy(encoded(PillowImage.new("RGB", (3000, 1500))), size)

    assert copy.size == (side, side // 2)


def test_a_small_photo_is_not_blown_up() -> None:
    assert decoded_copy(encoded(PillowImage.new("RGB", (300, 200)))).size == (300, 200)


def test_a_copy_is_upright_and_says_nothing_of_the_camera() -> None:
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x010F], exif[0x8825] = 6, "camera of line 1", {1: "N"}
    copy = decoded_copy(encoded(landscape(), exif=exif, comment=b"secret"))

    assert copy.size == (200, 400)
    assert copy.getpixel((30, 200)) == pytest.approx((200, 40, 40), abs=6)
    assert not copy.getexif()
    assert not {"comment", "exif", "icc_profile"} & copy.info.keys()


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (encoded(landscape("L", 90)), 90),
        (encoded(landscape("CMYK", (0, 255, 255, 0))), (254, 0, 0)),
        (encoded(landscape("RGB").quantize(8), "PNG"), (200, 40, 40)),
        (encoded(landscape("RGBA", (0, 0, 255, 255)), "PNG"), (0, 0, 254)),
        (encoded(landscape("I;16", 100 * 257), "PNG"), 100),
    ],
    ids=["grey", "cmyk", "palette", "alpha", "16 bits"],
)
def test_every_kind_of_pixel_looks_right(content: bytes, colour: object) -> None:
    assert decoded_copy(content).getpixel((200, 180)) == pytest.approx(colour, abs=6)


def test_what_is_transparent_is_shown_on_white() -> None:
    assert decoded_copy(encoded(landscape("RGBA", (0, 0, 255, 255)), "PNG")).getpixel((200, 20)) == (
        255,
        255,
        255,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><script>alert(1)</script>",
        encoded(landscape())[:200],
        encoded(landscape(), "GIF"),
        crafted.png(50_000, 50_000),
        crafted.png(4097, 64),
    ],
    ids=["empty", "page", "cut off", "other format", "bomb", "too wide"],
)
def test_what_is_no_photo_is_not_shown(content: bytes) -> None:
    with pytest.raises(UndisplayablePhoto):
        make_display_copy(content, CopySize.REVIEW)


@pytest.fixture
def pipeline(world: World) -> Pipeline:
    return world.pipeline


@pytest.fixture
def waiting(world: World) -> Callable[[bytes], str]:
    """Return a function that adds a photo for review and returns the inspection's id."""
    return lambda content: world.add_waiting("part.jpg", content=content)[0]


def test_a_photo_is_served_as_a_photo_that_may_be_kept(address: str, waiting: Callable[[bytes], str]) -> None:
    inspection = waiting(encoded(landscape()))
    with visitor(address, "ann") as ann:
        answer = ann.get(f"/photos/{inspection}/list")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]


def test_the_original_is_the_uploaded_bytes(address: str, waiting: Callable[[bytes], str]) -> None:
    content = encoded(landscape(), "PNG")
    inspection = waiting(content)
    with visitor(address, "ann") as ann:
        answer = ann.get(f"/photos/{inspection}/original")

    assert (answer.content, answer.headers["content-type"]) == (content, "image/png")


def test_a_photo_that_is_a_page_too_stays_a_photo(address: str, waiting: Callable[[bytes], str]) -> None:
    page = b"<html><script>alert(document.cookie)</script></html>"
    inspection = waiting(encoded(landscape(), comment=page) + page)
    with visitor(address, "ann") as ann:
        for kind in ("review", "list", "original"):
            answer = ann.get(f"/photos/{inspection}/{kind}")
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert page not in ann.get(f"/photos/{inspection}/review").content


def test_nobody_sees_photos_without_signing_in(
    stranger: httpx2.Client, waiting: Callable[[bytes], str]
) -> None:
    answer = stranger.get(f"/photos/{waiting(encoded(landscape()))}/review", headers={"Accept": "image/*"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "0" * 64 + "/review",
        "inbound%2Fsecret.jpg/review",
        "..%2f..%2fetc%2fpasswd/review",
        "http:%2F%2F169.254.169.254%2F/original",
        "s3:%2F%2Fother%2Fkey/original",
        "A" * 64 + "/review",
        "0" * 64 + "/huge",
    ],
)
def test_an_address_names_an_inspection_and_nothing_else(address: str, path: str) -> None:
    with visitor(address, "ann") as ann:
        assert ann.get(f"/photos/{path}").status_code == 404


def test_a_photo_that_moves_during_the_look_is_found_where_it_went(pipeline: Pipeline) -> None:
    image = pipeline.upload(encoded(landscape()))
    pipeline.waiting(image)
    row = pipeline.row(image)

    class Moving:
        """A repository whose first read returns the location that the photo has left."""

        reads = 0

        def get(self, inspection: str) -> object:
            self.reads += 1
            return pipeline.inspections.get(inspection) if self.reads > 1 else stale

    from dataclasses import replace

    stale = replace(row, location=image, pending_delete=None)
    pipeline.objects.delete(image)

    assert PhotoService(Moving(), pipeline.objects).display_copy(row.id, CopySize.LIST)  # type: ignore[arg-type]


def test_copies_are_kept_within_the_bound_and_the_oldest_goes_first(pipeline: Pipeline) -> None:
    ids = []
    for shade in range(4):
        image = pipeline.upload(encoded(landscape(fill=(shade * 40, 0, 0))), key=f"{shade}.jpg")
        pipeline.waiting(image)
        ids.append(inspection_id(image))
    size = len(make_display_copy(encoded(landscape()), CopySize.LIST))
    photos = PhotoService(pipeline.inspections, pipeline.objects, cache_bytes=round(size * 2.5))
    for inspection in ids:
        photos.display_copy(inspection, CopySize.LIST)
    pipeline.objects.contents.clear()

    assert photos.display_copy(ids[3], CopySize.LIST)
    with pytest.raises(Exception, match="missing"):
        photos.display_copy(ids[0], CopySize.LIST)


def test_few_photos_are_worked_on_at_a_time(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    running, maximum, lock = 0, 0, threading.Lock()

    def slow(content: bytes, size: CopySize) -> bytes:
        nonlocal running, maximum
        with lock:
            running += 1
            maximum = max(maximum, running)
        threading.Event().wait(0.02)
        with lock:
            running -= 1
        return b"copy"

    monkeypatch.setattr(display_copies, "make_display_copy", slow)
    image = pipeline.upload(encoded(landscape()))
    pipeline.waiting(image)
    photos = PhotoService(pipeline.inspections, pipeline.objects, cache_bytes=0)
    threads = [
        threading.Thread(target=photos.display_copy, args=(inspection_id(image), CopySize.LIST))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert maximum == display_copies.MAX_CONCURRENT
