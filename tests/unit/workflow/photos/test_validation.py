"""Every hostile file gets its documented result, quickly and in little memory."""

import time
import tracemalloc
from collections.abc import Callable

import pytest

from tests import crafted, hostile_files
from tests.hostile_files import HostileFile
from workflow.photos.validation import validate, validate_size
from workflow.photos.validation_result import MAX_BYTES, Rejection, RejectionReason, ValidatedPhoto

CORPUS = hostile_files.corpus()
MEGABYTE = 1024 * 1024

every_poison = pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
every_refused = pytest.mark.parametrize(
    "case", [case for case in CORPUS if case.answer != hostile_files.ACCEPTED], ids=lambda case: case.name
)


def _filled(pattern: bytes) -> bytes:
    """A JPEG whose scan data is 15 MB of one pattern."""
    *start, _, end = crafted.jpeg_segments(4096, 4096)
    head = b"".join(start)
    room = MAX_BYTES - len(head) - len(end)
    return head + pattern * (room // len(pattern)) + end


def _incompressible_png() -> bytes:
    """A PNG whose 15 MB of picture data must all be inflated."""
    shape = (4096, 4096, 8, crafted.GREY)
    raw = bytes(range(251)) * (crafted.raw_size(*shape) // 251 + 1)
    stored = crafted.stored(raw[: 3700 * 4097])
    return crafted.PNG_SIGNATURE + crafted.png_header(4096, 3700) + crafted.chunk(b"IDAT", stored)


@every_poison
def test_a_poison_photo_gets_its_documented_answer(case: HostileFile) -> None:
    answer = validate(case.make())

    assert (answer.code if isinstance(answer, Rejection) else hostile_files.ACCEPTED) == case.answer


@every_poison
def test_a_poison_photo_costs_little_time_and_less_memory(case: HostileFile) -> None:
    _costs_little(case.make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: _filled(b"\xff\0"),
        lambda: _filled(b"\xff"),
        lambda: _filled(b"\xff\xd0"),
        lambda: _filled(crafted.scan()),
        lambda: crafted.SOI + b"\xff\xe1\0\2" * (MAX_BYTES // 4 - 1),
        lambda: crafted.SOI + b"\xff\xfe\xff\xff" * (MAX_BYTES // 4 - 1),
        lambda: crafted.PNG_SIGNATURE + crafted.png_header(64, 64) + crafted.chunk(b"IDAT") * 1_300_000,
        _incompressible_png,
        lambda: b" " * MAX_BYTES,
        lambda: b"<" * MAX_BYTES,
        lambda: bytes(MAX_BYTES),
    ],
    ids=[
        "stuffing",
        "padding",
        "restarts",
        "scans",
        "empty",
        "long",
        "chunks",
        "stored",
        "space",
        "markup",
        "zeros",
    ],
)
def test_fifteen_megabytes_of_malice_cost_little(make: Callable[[], bytes]) -> None:
    _costs_little(make())


def _costs_little(content: bytes) -> None:
    """Processor time, because wall-clock time also measures other processes."""
    start = time.process_time()
    validate(content)
    spent = time.process_time() - start
    tracemalloc.start()
    validate(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert spent < 1
    assert peak < MEGABYTE


@every_refused
def test_a_refusal_is_one_printable_sentence(case: HostileFile) -> None:
    refused = validate(case.make())

    assert isinstance(refused, Rejection)
    assert refused.detail.isprintable()
    assert refused.detail.endswith(".")
    assert ": " in refused.detail, "says what is wrong, then what to do"
    assert len(refused.detail) < 200


def test_every_reason_has_a_poison_photo() -> None:
    assert set(RejectionReason) == {case.answer for case in CORPUS} - {hostile_files.ACCEPTED}


def test_the_published_codes_stay() -> None:
    assert [str(reason) for reason in RejectionReason] == [
        "empty",
        "too_large",
        "not_an_image",
        "unsupported_format",
        "truncated",
        "corrupt",
        "too_small",
        "too_many_pixels",
        "extreme_aspect",
        "animated",
    ]


def test_an_accepted_photo_is_described() -> None:
    content = hostile_files.encode_picture("JPEG")

    assert validate(content) == ValidatedPhoto(
        format="jpeg",
        width=96,
        height=80,
        orientation=1,
        size=len(content),
    )


@pytest.mark.parametrize(
    ("orientation", "upright"), [(1, (96, 80)), (4, (96, 80)), (5, (80, 96)), (8, (80, 96))]
)
def test_a_turned_photo_swaps_its_sides(orientation: int, upright: tuple[int, int]) -> None:
    assert (
        ValidatedPhoto(format="jpeg", width=96, height=80, orientation=orientation, size=1).upright_size
        == upright
    )


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (0, RejectionReason.EMPTY),
        (1, None),
        (MAX_BYTES, None),
        (MAX_BYTES + 1, RejectionReason.TOO_LARGE),
        (1 << 43, RejectionReason.TOO_LARGE),
    ],
)
def test_the_size_alone_refuses_before_a_download(size: int, code: RejectionReason | None) -> None:
    refused = validate_size(size)

    assert (refused.code if refused else None) == code


def test_a_refusal_names_what_was_measured_and_the_limit() -> None:
    refused = validate(crafted.png(63, 200))

    assert isinstance(refused, Rejection)
    assert "63 × 200 px" in refused.detail
    assert "64 px" in refused.detail


def test_a_forbidden_header_is_refused_without_inflating(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = crafted.png(20_000, 20_000)
    monkeypatch.setattr("zlib.decompressobj", None)

    refused = validate(bomb)

    assert isinstance(refused, Rejection)
    assert refused.code is RejectionReason.TOO_MANY_PIXELS


def test_the_documentation_prints_the_table_of_the_corpus() -> None:
    text = hostile_files.DOCUMENT.read_text("utf-8")

    assert hostile_files.update_table(text) == text, "run: python -m tests.hostile_files"


def test_the_documentation_explains_every_reason() -> None:
    prose, _, _ = hostile_files.DOCUMENT.read_text("utf-8").partition(hostile_files.BEGIN)

    assert [reason for reason in RejectionReason if f"| `{reason}` |" not in prose] == []


def test_no_two_poison_photos_share_a_name() -> None:
    assert len({case.name.lower() for case in CORPUS}) == len(CORPUS)
