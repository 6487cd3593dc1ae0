import io

import numpy as np
import pytest
from PIL import Image

from vision.camera_faults import GROSS_FAULTS, apply_fault, defocus, dim, paint_uniform_grey, shift


def photo(mode: str = "RGB") -> bytes:
    ramp = np.linspace(60, 180, 96 * 64).reshape(64, 96)
    shades = (ramp + np.random.default_rng(0).normal(0, 10, ramp.shape)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(shades).convert(mode).save(file, "PNG")
    return file.getvalue()


def grey(content: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), dtype=np.float64)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("fault", GROSS_FAULTS.values(), ids=GROSS_FAULTS)
def test_a_fault_keeps_the_size_of_photos_of_every_mode(fault: object, mode: str) -> None:
    changed = grey(apply_fault(photo(mode), fault))  # type: ignore[arg-type]

    assert changed.shape == (64, 96)
    assert np.abs(changed - grey(photo(mode))).mean() > 4


def test_light_is_multiplied_and_clipped() -> None:
    assert grey(apply_fault(photo(), dim(0.25))).mean() == pytest.approx(30, abs=2)
    assert grey(apply_fault(photo(), dim(4))).max() == 255


def test_a_flat_photo_has_one_grey_value() -> None:
    assert np.unique(grey(apply_fault(photo("L"), paint_uniform_grey(128)))).tolist() == [128]


def test_a_shifted_photo_is_black_where_nothing_is() -> None:
    shifted = grey(apply_fault(photo(), shift(0.25)))

    assert shifted[:, :16].max() < 20
    assert shifted[:, 24:].mean() == pytest.approx(grey(photo())[:, :72].mean(), abs=2)


def test_a_blurred_photo_has_less_contrast_between_neighbours() -> None:
    assert np.diff(grey(apply_fault(photo(), defocus(2)))).std() < np.diff(grey(photo())).std() / 4
