"""The benchmark of the photo guard applies each fault to grey and to colour photos."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.guard_faults import ALL_FAULTS, enlarge, shade, shift_with_ground
from tests.unit.custom_labels.in_memory_service import encode
from vision.camera_faults import GROSS_FAULTS, Fault, apply_fault


def ramp() -> Image.Image:
    return Image.fromarray(np.tile(np.arange(60, 156, dtype=np.uint8), (64, 1)))


def grey(photo: Image.Image) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(photo.convert("L"), dtype=np.float64)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("fault", ALL_FAULTS.values(), ids=ALL_FAULTS)
def test_a_fault_changes_the_pixels_and_keeps_the_size(fault: Fault, mode: str) -> None:
    noisy = grey(ramp()) + np.random.default_rng(0).normal(0, 8, (64, 96))
    photo = Image.fromarray(noisy.astype(np.uint8)).convert(mode)
    with Image.open(io.BytesIO(apply_fault(encode(photo, "PNG"), fault))) as changed:
        assert changed.size == photo.size
        assert np.abs(grey(changed) - grey(photo)).mean() > 1


def test_the_promised_faults_are_among_them() -> None:
    assert ALL_FAULTS.keys() > GROSS_FAULTS.keys()


def test_shading_darkens_one_side_and_brightens_the_other() -> None:
    ratio = grey(shade(0.7, 1.3)(ramp())) / grey(ramp())

    assert ratio[:, 0] == pytest.approx(0.7, abs=0.01)
    assert ratio[:, -1] == pytest.approx(1.3, abs=0.01)


def test_a_shift_on_ground_continues_the_border() -> None:
    shifted = grey(shift_with_ground(0.25)(ramp()))

    assert (shifted[:, :25] == 60).all()
    assert np.array_equal(shifted[:, 24:], grey(ramp())[:, :72])


def test_an_enlarged_photo_shows_the_middle() -> None:
    assert grey(enlarge(2)(ramp()))[0, [0, -1]] == pytest.approx([84, 131], abs=1)
