"""The reference of a model: its statistics against second implementations, its false alarms by simulation."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import mahalanobis
from scipy.stats import binom
from sklearn.covariance import LedoitWolf
from threadpoolctl import threadpool_limits

from vision.reference_fitting import (
    LARGEST_LIGHT_MARGINS,
    LIMIT_FACTOR,
    MEASURE_MARGINS,
    exceeds_others,
    fit_descriptors,
    fit_reference,
    outside_ranges,
)
from vision.shrinkage import shrink_covariance
from workflow.inspections import model_reference, photo_guard
from workflow.photos.measures import PhotoMeasures

Matrix = NDArray[np.float64]
SIZES = [(8, 20), (40, 20), (400, 20), (30, 104)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute small matrices in one thread: on a busy machine more threads wait for each other."""
    with threadpool_limits(1):
        yield


def correlated(count: int, size: int, seed: int = 0) -> Matrix:
    """Draw rows of correlated normal numbers."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(size, size)) / size**0.5
    rows: Matrix = rng.normal(size=(count, size)) @ mixing + 0.1 * rng.normal(size=(count, size))
    return rows


def measures_of(descriptors: Matrix, **values: Any) -> list[dict[str, Any]]:
    """Return measures with these descriptors; each value is a number or a sequence of numbers."""
    usual = {
        "decoder_version": 1, "brightness": 120.0, "contrast": 50.0, "black_share": 0.0, "white_share": 0.0,
        "sharpness": 1.5, "colour_cast": 0.0, "bit_depth": 8, "frame_hash": "0" * 64,
    }  # fmt: skip
    columns = {name: np.broadcast_to(value, len(descriptors)).tolist() for name, value in values.items()}
    return [
        usual
        | {name: column[index] for name, column in columns.items()}
        | {"descriptor": tuple(row.tolist())}
        for index, row in enumerate(descriptors)
    ]


def numbered(count: int, photos: int = 1) -> list[str]:
    return [f"part-{index // photos}" for index in range(count)]


@pytest.mark.parametrize(("count", "size"), SIZES)
def test_the_covariance_is_that_of_scikit_learn(count: int, size: int) -> None:
    rows = correlated(count, size)
    rows -= rows.mean(axis=0)
    own = shrink_covariance(rows)
    full = own.axes.T @ np.diag(own.variances - own.residual_variance) @ own.axes
    full += own.residual_variance * np.eye(size)

    assert full == pytest.approx(LedoitWolf(assume_centered=True).fit(rows).covariance_, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("count", "size"), SIZES)
def test_distances_are_those_of_mahalanobis(count: int, size: int) -> None:
    rows, others = correlated(count, size), correlated(5, size, seed=1)
    model = fit_descriptors(rows)
    standardised = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    precision = LedoitWolf(assume_centered=True).fit(standardised).precision_
    centred = (others - rows.mean(axis=0)) / rows.std(axis=0)

    assert model.distances(others) == pytest.approx(
        [mahalanobis(row, np.zeros(size), precision) for row in centred], rel=1e-6
    )


def test_numbers_that_never_vary_have_a_scale() -> None:
    rows = correlated(30, 6)
    rows[:, 2] = 0.5
    model = fit_descriptors(rows)
    moved = rows[:1].copy()
    moved[0, 2] = 0.6

    assert model.distances(moved) > 3 * model.distances(rows).max()


def test_equal_photos_have_a_distance() -> None:
    model = fit_descriptors(np.ones((4, 3)))

    assert model.distances(np.ones((1, 3))) == 0
    assert np.isfinite(model.distances(np.zeros((1, 3)))).all()
    assert model.distances(np.zeros((1, 3))) > 100
    reference = reference_of(fit_reference(measures_of(np.ones((4, 3))), numbered(4)))
    assert not photo_guard.explain_unusual(PhotoMeasures(**measures_of(np.ones((1, 3)))[0]), reference)
    assert photo_guard.explain_unusual(PhotoMeasures(**measures_of(np.zeros((1, 3)))[0]), reference)


def reference_of(document: dict[str, Any]) -> model_reference.ModelReference:
    about = {"model": "arn", "made_at": "2026-11-30T10:00:00Z", "photos": {"ok": 40}, "parts": {"ok": 40}}
    return model_reference.parse_reference(json.dumps(about | document))


def test_the_guard_of_the_domain_measures_the_same_distance() -> None:
    rows, others = correlated(40, 30), 3 * correlated(20, 30, seed=1)
    reference = reference_of(fit_reference(measures_of(rows), numbered(40)))
    expected = fit_descriptors(rows).distances(others)

    distances = [photo_guard.compute_distance(tuple(row.tolist()), reference) for row in others]
    assert distances == pytest.approx(expected, rel=1e-3)


def test_the_guard_of_the_domain_has_the_same_margins() -> None:
    assert {name: rule.margin for name, rule in photo_guard.RULES.items()} == MEASURE_MARGINS
    assert photo_guard.RULES["brightness"].largest == LARGEST_LIGHT_MARGINS
    for name, brightness in [*((name, 200.0) for name in MEASURE_MARGINS), ("brightness", 15.0)]:
        rows = measures_of(correlated(40, 5), brightness=brightness)
        reference = reference_of(fit_reference(rows, numbered(40)))
        below, above = photo_guard.RULES[name].compute_margins(reference.ranges[name])
        for step in (-1.01 * below, -0.99 * below, 0.99 * above, 1.01 * above):
            photo = rows[0] | {"descriptor": reference.centre}
            photo[name] += step
            values = [np.array([[row[key] for key in MEASURE_MARGINS]]) for row in (photo, rows[0])]

            assert (
                bool(photo_guard.explain_unusual(PhotoMeasures(**photo), reference))
                == (outside_ranges(values[0], values[1])[0])
            )


def test_the_largest_document_can_be_stored() -> None:
    document = fit_reference(measures_of(correlated(2000, 104)), numbered(2000))
    text = model_reference.to_json(reference_of(document))

    assert len(text) < model_reference.MAX_BYTES


def test_a_part_with_several_photos_counts_once_by_its_largest_distance() -> None:
    rows = correlated(60, 5)
    rows[7] += 40
    document = fit_reference(measures_of(rows), numbered(60, photos=3))

    assert document["tested"] == 20
    assert document["stopped"] == 1


def test_no_fold_holds_photos_of_a_learned_part() -> None:
    """Two photos of one odd part must not vouch for each other."""
    rows = correlated(60, 5)
    rows[:2] += 12
    same_part = [f"part-{max(index, 1)}" for index in range(60)]

    together = fit_reference(measures_of(rows), same_part)
    apart = fit_reference(measures_of(rows), numbered(60))
    assert together["limit"] > 1.5 * apart["limit"]


def test_a_part_outside_the_range_of_all_others_is_stopped_out_of_fold() -> None:
    brightness = np.full(50, 120.0)
    brightness[3] = 133.0
    document = fit_reference(measures_of(correlated(50, 5), brightness=brightness), numbered(50))

    assert (document["stopped"], document["tested"]) == (1, 50)
    assert document["ranges"]["brightness"] == [120.0, 133.0]


@pytest.mark.parametrize(
    ("measures", "groups", "message"),
    [
        ([], [], "two parts"),
        (measures_of(correlated(3, 5)), ["a", "a", "a"], "two parts"),
        (measures_of(correlated(3, 5)), ["a", "b"], "part of each photo"),
        (measures_of(correlated(3, 5), decoder_version=[1, 2, 1]), ["a", "b", "c"], "measure again"),
    ],
)
def test_photos_that_make_no_reference_are_refused(
    measures: list[dict[str, Any]], groups: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_reference(measures, groups)


@pytest.mark.parametrize("parts", [20, 100])
def test_a_new_part_is_further_than_all_m_learned_ones_at_most_once_in_m_plus_one(parts: int) -> None:
    runs, size = 200, 20
    further = stopped = 0
    for run in range(runs):
        rows = correlated(parts + 1, size, seed=run)
        document = fit_reference(measures_of(rows[:parts]), numbered(parts))
        distance = fit_descriptors(rows[:parts]).distances(rows[parts:])[0]
        further += distance > document["limit"] / LIMIT_FACTOR
        stopped += distance > document["limit"]

    # A new part and the held-back ones are alike, except that its model has learned from a few parts more.
    assert further <= binom.ppf(0.999, runs, 1 / (parts + 1))
    assert stopped <= further


def test_the_share_stopped_out_of_fold_is_that_of_new_parts() -> None:
    """A heavy tail makes alarms frequent enough to compare."""
    runs, parts = 400, 25
    told = happened = 0
    for run in range(runs):
        rng = np.random.default_rng(run)
        rows = rng.standard_t(2, size=(parts + 1, 4))
        document = fit_reference(measures_of(rows[:parts]), numbered(parts))
        told += document["stopped"]
        happened += bool(fit_descriptors(rows[:parts]).distances(rows[parts:])[0] > document["limit"])

    assert told / (runs * parts) == pytest.approx(happened / runs, abs=0.025)
    assert happened > 5


def test_a_part_exceeds_the_limit_of_all_others_only_if_it_is_the_furthest() -> None:
    assert exceeds_others(np.array([1.0, 2.0, 2.2])).tolist() == [False, False, False]
    assert exceeds_others(np.array([1.0, 2.0, 2.4])).tolist() == [False, False, True]
    assert exceeds_others(np.array([3.0, 3.0, 1.0])).tolist() == [False, False, False]
