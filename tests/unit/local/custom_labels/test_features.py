"""The filters agree with SciPy's, and the statistics see a fault wherever it lies."""

import numpy as np
import pytest
from scipy import ndimage

from local.custom_labels.features import fault_statistics
from local.custom_labels.filters import blur, curvatures, halve, slopes, spots
from local.custom_labels.photos import read_photo
from tests.unit.local.custom_labels.workbench import encoded, part

PLANE = np.random.default_rng(0).random((37, 50)).astype(np.float32)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_the_blur_is_a_mirrored_gaussian(sigma: float) -> None:
    assert np.allclose(blur(PLANE, sigma), ndimage.gaussian_filter(PLANE, sigma), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (3, 300), (5, 1145)])
def test_the_blur_works_on_planes_smaller_than_its_reach(shape: tuple[int, int]) -> None:
    assert np.allclose(blur(np.ones(shape, np.float32), 4.0), 1, atol=1e-5)


def test_spots_are_closing_and_opening_with_five_by_five_pixels() -> None:
    dark, bright = spots(PLANE)
    closing = ndimage.minimum_filter(ndimage.maximum_filter(PLANE, 5, mode="nearest"), 5, mode="nearest")
    opening = ndimage.maximum_filter(ndimage.minimum_filter(PLANE, 5, mode="nearest"), 5, mode="nearest")
    assert np.allclose(dark, closing - PLANE)
    assert np.allclose(bright, PLANE - opening)


def test_curvatures_are_the_eigenvalues_of_the_hessian() -> None:
    down, across = slopes(PLANE)
    (down_down, down_across), across_across = slopes(down), slopes(across)[1]
    hessian = np.stack([np.stack([down_down, down_across]), np.stack([down_across, across_across])])
    small, large = np.moveaxis(np.linalg.eigvalsh(np.moveaxis(hessian, (0, 1), (2, 3))), 2, 0)
    upper, lower = curvatures(down, across)
    assert np.allclose(upper, large, atol=1e-5)
    assert np.allclose(lower, small, atol=1e-5)


def test_halving_takes_means_and_drops_an_odd_rest() -> None:
    assert halve(PLANE).shape == (18, 25)
    assert halve(PLANE)[0, 0] == pytest.approx(PLANE[:2, :2].mean())


def test_every_size_gives_the_same_number_of_finite_statistics() -> None:
    counts = set()
    for size in ((64, 64), (300, 300), (64, 1280), (1000, 70)):
        numbers = fault_statistics(read_photo(encoded(part(1, True).resize(size))).planes(False))
        assert np.isfinite(numbers).all()
        counts.add(len(numbers))
    assert len(counts) == 1


def test_a_flat_photo_has_finite_statistics() -> None:
    assert np.isfinite(fault_statistics([np.full((256, 256), 0.5, np.float32)])).all()


def test_a_mirrored_photo_has_the_statistics_of_the_photo() -> None:
    plane = read_photo(encoded(part(5, True))).luminance
    there, back = fault_statistics([plane]), fault_statistics([np.ascontiguousarray(plane[:, ::-1])])
    assert np.allclose(there, back, rtol=0.05, atol=0.05)


def test_colour_adds_statistics_and_a_grey_photo_has_them_too() -> None:
    coloured, grey = (read_photo(encoded(part(1, True, colour=colour))) for colour in (True, False))
    grey_only = len(fault_statistics(grey.planes(False)))
    assert (
        len(fault_statistics(coloured.planes(True))) == len(fault_statistics(grey.planes(True))) > grey_only
    )
