"""Sample parts are repeatable, keep their labels to themselves, and are spoilt in one place only."""

import io
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from local.sample_parts import DefectKind, SampleProduct, encode_jpeg, generate_parts, photograph_part


def pixels(image: Image.Image) -> NDArray[np.int16]:
    return np.asarray(image.convert("L"), dtype=np.int16)


def smallest_square_around(changed: NDArray[np.bool_]) -> float:
    """The share of the photo inside the box that holds every changed pixel."""
    rows, columns = np.nonzero(changed)
    return float(np.ptp(rows) + 1) * float(np.ptp(columns) + 1) / changed.size


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert encode_jpeg(photograph_part(7, DefectKind.CRACK)) == encode_jpeg(
        photograph_part(7, DefectKind.CRACK)
    )
    assert list(generate_parts(4, seed=3)) == list(generate_parts(4, seed=3))


def test_another_seed_is_another_part() -> None:
    first, second = pixels(photograph_part(1)), pixels(photograph_part(2))

    assert np.abs(first - second).mean() > 3


def test_two_series_never_share_a_part() -> None:
    contents = [part.content for seed in (0, 1, 2) for part in generate_parts(6, seed, defect_share=0)]

    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize("product", SampleProduct)
def test_every_product_looks_different(product: SampleProduct) -> None:
    others = [other for other in SampleProduct if other != product]

    assert all(
        np.abs(pixels(photograph_part(5, None, product)) - pixels(photograph_part(5, None, o))).mean() > 5
        for o in others
    )


@pytest.mark.parametrize("product", SampleProduct)
@pytest.mark.parametrize("defect", DefectKind)
def test_a_fault_changes_the_same_shot_of_the_same_part_only_where_it_lies(
    defect: DefectKind, product: SampleProduct
) -> None:
    seed = len(defect)
    sound, spoilt = (
        pixels(photograph_part(seed, None, product)),
        pixels(photograph_part(seed, defect, product)),
    )
    changed = np.abs(sound - spoilt) > 12

    assert changed.sum() >= 8
    assert changed.mean() < 0.02
    assert defect is DefectKind.BURR or smallest_square_around(changed) < 0.12


def test_a_burr_leaves_the_middle_of_the_part_alone() -> None:
    changed = np.abs(pixels(photograph_part(4)) - pixels(photograph_part(4, DefectKind.BURR))) > 12

    assert not changed[80:220, 80:220].any()


@pytest.mark.parametrize("product", SampleProduct)
def test_a_name_tells_the_product_and_the_number_only(product: SampleProduct) -> None:
    names = [part.name for part in generate_parts(3, seed=1, product=product)]

    assert names == [f"{product}_000{number}.jpeg" for number in (1, 2, 3)]


def test_file_sizes_and_metadata_do_not_give_the_label_away() -> None:
    parts = list(generate_parts(24, seed=8))
    sizes = {
        label: np.array([len(part.content) for part in parts if part.label == label])
        for label in ("ok", "defect")
    }

    assert sizes["ok"].max() > sizes["defect"].min()
    assert sizes["defect"].max() > sizes["ok"].min()
    assert len({tuple(sorted(Image.open(io.BytesIO(part.content)).info)) for part in parts}) == 1


@pytest.mark.parametrize(("share", "defects"), [(0.0, 0), (0.25, 4), (0.5, 8), (1.0, 16)])
def test_the_share_of_defects_is_exact(share: float, defects: int) -> None:
    parts = list(generate_parts(16, seed=2, defect_share=share))

    assert sum(part.label == "defect" for part in parts) == defects
    assert all((part.defect is None) == (part.label == "ok") for part in parts)


def test_every_fault_has_its_turn() -> None:
    kinds = [part.defect for part in generate_parts(16, seed=6) if part.defect]

    assert sorted(kinds) == sorted(DefectKind)


def test_labels_come_in_no_order() -> None:
    labels = [part.label for part in generate_parts(20, seed=9)]

    assert labels != sorted(labels)
    assert labels != sorted(labels, reverse=True)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_beyond_all_and_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        list(generate_parts(4, seed=1, defect_share=share))


def test_parts_are_made_one_at_a_time() -> None:
    assert len(list(islice(generate_parts(1_000_000, seed=1), 2))) == 2


def test_a_photo_is_a_jpeg_of_ordinary_size() -> None:
    for part in generate_parts(6, seed=4):
        image = Image.open(io.BytesIO(part.content))
        image.load()

        assert (image.format, image.size, image.mode) == ("JPEG", (300, 300), "RGB")
        assert 5_000 < len(part.content) < 40_000


def test_the_photo_is_grey_and_properly_exposed() -> None:
    for seed in range(6):
        red, green, blue = (np.asarray(channel, dtype=np.int16) for channel in photograph_part(seed).split())

        assert (red == green).all()
        assert (red == blue).all()
        assert 90 < red.mean() < 190
        assert (red >= 254).mean() < 0.02
