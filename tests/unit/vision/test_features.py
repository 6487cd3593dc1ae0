"""The filters agree with SciPy, and the features have the same shape for every photo."""

import numpy as np
import pytest
from scipy import ndimage

from tests.unit.custom_labels.in_memory_service import encode, plate_photo
from vision.features import extract_features
from vision.filters import downsample, gaussian_blur, gradient, hessian_eigenvalues, top_hats
from vision.photo_decoding import decode_photo

PLANE = np.random.default_rng(0).random((37, 50)).astype(np.float32)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_the_blur_is_a_mirrored_gaussian(sigma: float) -> None:
    assert np.allclose(gaussian_blur(PLANE, sigma), ndimage.gaussian_filter(PLANE, sigma), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (3, 300), (5, 1145)])
def test_the_blur_works_on_planes_smaller_than_its_reach(shape: tuple[int, int]) -> None:
    assert np.allclose(gaussian_blur(np.ones(shape, np.float32), 4.0), 1, atol=1e-5)


def test_top_hats_are_closing_and_opening_with_five_by_five_pixels() -> None:
    black, white = top_hats(PLANE)
    closing = ndimage.minimum_filter(ndimage.maximum_filter(PLANE, 5, mode="nearest"), 5, mode="nearest")
    opening = ndimage.maximum_filter(ndimage.minimum_filter(PLANE, 5, mode="nearest"), 5, mode="nearest")
    assert np.allclose(black, closing - PLANE)
    assert np.allclose(white, PLANE - opening)


def test_the_eigenvalues_are_those_of_the_hessian() -> None:
    vertical, horizontal = gradient(PLANE)
    (vertical_twice, mixed), horizontal_twice = gradient(vertical), gradient(horizontal)[1]
    hessian = np.stack([np.stack([vertical_twice, mixed]), np.stack([mixed, horizontal_twice])])
    small, large = np.moveaxis(np.linalg.eigvalsh(np.moveaxis(hessian, (0, 1), (2, 3))), 2, 0)
    upper, lower = hessian_eigenvalues(vertical, horizontal)
    assert np.allclose(upper, large, atol=1e-5)
    assert np.allclose(lower, small, atol=1e-5)


def test_downsampling_takes_means_and_drops_an_odd_rest() -> None:
    assert downsample(PLANE).shape == (18, 25)
    assert downsample(PLANE)[0, 0] == pytest.approx(PLANE[:2, :2].mean())


def test_every_size_gives_the_same_number_of_finite_features() -> None:
    counts = set()
    for size in ((64, 64), (300, 300), (64, 1280), (1000, 70)):
        features = extract_features(decode_photo(encode(plate_photo(1, True).resize(size))).planes(False))
        assert np.isfinite(features).all()
        counts.add(len(features))
    assert len(counts) == 1


def test_a_flat_photo_has_finite_features() -> None:
    assert np.isfinite(extract_features([np.full((256, 256), 0.5, np.float32)])).all()


def test_a_mirrored_photo_has_the_features_of_the_photo() -> None:
    plane = decode_photo(encode(plate_photo(5, True))).luminance
    original, mirrored = extract_features([plane]), extract_features([np.ascontiguousarray(plane[:, ::-1])])
    assert np.allclose(original, mirrored, rtol=0.05, atol=0.05)


def test_colour_adds_features_and_a_grey_photo_has_them_too() -> None:
    coloured, grey = (decode_photo(encode(plate_photo(1, True, colour=colour))) for colour in (True, False))
    grey_only = len(extract_features(grey.planes(False)))
    assert (
        len(extract_features(coloured.planes(True))) == len(extract_features(grey.planes(True))) > grey_only
    )
