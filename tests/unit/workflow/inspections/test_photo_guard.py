"""A photo that looks like no learned photo is unusual, and says why in numbers."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.references import small_reference, usual_measures
from workflow.inspections.model_reference import MEASURE_NAMES, ModelReference
from workflow.inspections.photo_guard import compute_distance, explain_unusual
from workflow.photos.measures import PhotoMeasures

Rule = Callable[[PhotoMeasures, ModelReference], tuple[str, ...]]

# The bounds by hand: the learned range, widened by the larger of a quarter of its width and the least margin,
# of which light has no more than 7 % of its lowest and 25 % of its highest value.
BOUNDS = {
    "brightness": (85.56, 152.0),  # 92 to 140: 7 % of the lowest, a quarter of the width
    "contrast": (20.0, 80.0),  # 30 to 70: a quarter of the width is 10
    "black_share": (-0.03, 0.05),  # 0 to 0.02: the least margin 0.03
    "white_share": (-0.05, 0.25),  # 0 to 0.2: a quarter of the width is 0.05
    "sharpness": (0.65, 2.35),  # 1 to 2: the least margin 0.35
    "colour_cast": (-5.0, 25.0),  # 0 to 20: a quarter of the width is 5
    "bit_depth": (7.5, 8.5),  # 8: the least margin is half a bit
}
TINY = 1e-6


def along_axis(distance: float) -> tuple[float, ...]:
    """Return the descriptor at this distance along the axis (0.6, 0.8, 0), whose variance is 4."""
    return (1.0 + 0.6 * 2 * distance, 2.0 + 2.0 * 0.8 * 2 * distance, 3.0)


def off_axis(distance: float) -> tuple[float, ...]:
    """Return the descriptor at this distance at right angles to the axis, where the variance is 0.25."""
    return (1.0, 2.0, 3.0 + 0.5 * 0.5 * distance)


USUAL: list[PhotoMeasures] = [
    usual_measures(),
    *(usual_measures(**{name: low + TINY}) for name, (low, _) in BOUNDS.items()),
    *(usual_measures(**{name: high - TINY}) for name, (_, high) in BOUNDS.items()),
    usual_measures(descriptor=along_axis(3.44)),
    usual_measures(descriptor=along_axis(-3.44)),
    usual_measures(descriptor=off_axis(3.44)),
]
UNUSUAL: list[PhotoMeasures] = [
    *(usual_measures(**{name: low - TINY}) for name, (low, _) in BOUNDS.items()),
    *(usual_measures(**{name: high + TINY}) for name, (_, high) in BOUNDS.items()),
    *(usual_measures(**{name: math.nan}) for name in BOUNDS),
    usual_measures(descriptor=along_axis(3.46)),
    usual_measures(descriptor=along_axis(-3.46)),
    usual_measures(descriptor=off_axis(3.46)),
    usual_measures(descriptor=off_axis(-3.46)),
    usual_measures(descriptor=(math.nan, 2.0, 3.0)),
    usual_measures(descriptor=(math.inf, 2.0, 3.0)),
    usual_measures(descriptor=(1e300, 2.0, 3.0)),
    usual_measures(descriptor=()),
    usual_measures(decoder_version=2),
]


DARK_SCENE = small_reference(ranges={**small_reference().ranges, "brightness": (10.0, 20.0)})
DARK_BOUNDS = (9.3, 25.0)


def count_errors(rule: Rule) -> int:
    """Count the photos that a rule judges wrongly, of a bright scene and of a dark one."""
    judged = [
        *((photo, small_reference(), True) for photo in UNUSUAL),
        *((photo, small_reference(), False) for photo in USUAL),
        *(
            (usual_measures(brightness=bound + outwards * step), DARK_SCENE, step > 0)
            for bound, outwards in zip(DARK_BOUNDS, (-1, 1), strict=True)
            for step in (-TINY, TINY)
        ),
    ]
    return sum(bool(rule(photo, reference)) is not unusual for photo, reference, unusual in judged)


def test_every_margin_and_the_distance_hold_from_both_sides() -> None:
    assert count_errors(explain_unusual) == 0
    assert BOUNDS.keys() == set(MEASURE_NAMES)


def without_margin(photo: PhotoMeasures, reference: ModelReference) -> tuple[str, ...]:
    ranges = {
        name: (low + margin, high - margin)
        for name, (low, high) in reference.ranges.items()
        for margin in (BOUNDS[name][1] - high,)
    }
    return explain_unusual(photo, replace(reference, ranges=ranges))


def clipped(photo: PhotoMeasures, *, below: bool) -> PhotoMeasures:
    usual = usual_measures()
    changes = {
        name: getattr(usual, name)
        for name in MEASURE_NAMES
        if (getattr(photo, name) < getattr(usual, name)) is below
    }
    return replace(photo, **changes)


def with_margins_in_grey_values(photo: PhotoMeasures, reference: ModelReference) -> tuple[str, ...]:
    low, high = reference.ranges["brightness"]
    inside = min(max(photo.brightness, low), high)
    return explain_unusual(
        replace(photo, brightness=inside) if abs(photo.brightness - inside) < 12 else photo, reference
    )


WRONG_VARIANTS: dict[str, Rule] = {
    "light in grey values": with_margins_in_grey_values,
    "margin ignored": without_margin,
    "only the upper side": lambda photo, reference: explain_unusual(clipped(photo, below=True), reference),
    "only the lower side": lambda photo, reference: explain_unusual(clipped(photo, below=False), reference),
    "limit without its factor": lambda photo, reference: explain_unusual(
        photo, replace(reference, limit=reference.limit / 1.15)
    ),
    "limit with its factor twice": lambda photo, reference: explain_unusual(
        photo, replace(reference, limit=reference.limit * 1.15)
    ),
    "no distance": lambda photo, reference: explain_unusual(
        replace(photo, descriptor=reference.centre), reference
    ),
    "no axes": lambda photo, reference: explain_unusual(photo, replace(reference, axes=(), variances=())),
    "no scales": lambda photo, reference: explain_unusual(photo, replace(reference, scales=(1.0, 1.0, 1.0))),
    "any decoder": lambda photo, reference: explain_unusual(
        replace(photo, decoder_version=reference.decoder_version), reference
    ),
    "distance only": lambda photo, reference: explain_unusual(
        usual_measures(descriptor=photo.descriptor), reference
    ),
    **{
        f"{name} ignored": lambda photo, reference, name=name: explain_unusual(
            replace(photo, **{name: getattr(usual_measures(), name)}), reference
        )
        for name in MEASURE_NAMES
    },
}


@pytest.mark.parametrize("variant", WRONG_VARIANTS)
def test_a_wrong_rule_is_found(variant: str) -> None:
    assert count_errors(WRONG_VARIANTS[variant]) > 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"brightness": 3.2}, "darker than every learned photo (mean 3; learned 92 to 140)"),
        ({"brightness": 230.0}, "brighter than every learned photo (mean 230; learned 92 to 140)"),
        (
            {"contrast": 2.0},
            "less contrast than every learned photo (standard deviation 2; learned 30 to 70)",
        ),
        (
            {"contrast": 99.0},
            "more contrast than every learned photo (standard deviation 99; learned 30 to 70)",
        ),
        (
            {"black_share": 0.987},
            "more black than every learned photo (share of pixels 98.7%; learned 0.0% to 2.0%)",
        ),
        (
            {"white_share": 0.5},
            "more white than every learned photo (share of pixels 50.0%; learned 0.0% to 20.0%)",
        ),
        ({"sharpness": -1.25}, "out of focus (log sharpness -1.25; learned 1.00 to 2.00)"),
        (
            {"sharpness": 3.0},
            "more fine detail or noise than every learned photo (log sharpness 3.00; learned 1.00 to 2.00)",
        ),
        ({"colour_cast": 40.0}, "more colour than every learned photo (colour cast 40; learned 0 to 20)"),
        (
            {"descriptor": (1.0, 2.0, 13.0)},
            "further from the learned photos than any of them (distance 40.0; limit 3.5)",
        ),
    ],
)
def test_a_reason_is_a_sentence_with_numbers(changes: dict[str, float], sentence: str) -> None:
    assert explain_unusual(usual_measures(**changes), small_reference()) == (sentence,)


def test_every_reason_is_named() -> None:
    reasons = explain_unusual(
        usual_measures(brightness=0.0, contrast=0.0, descriptor=(1.0, 2.0, 13.0)), small_reference()
    )

    assert [reason.split(" (")[0] for reason in reasons] == [
        "darker than every learned photo",
        "less contrast than every learned photo",
        "further from the learned photos than any of them",
    ]


def test_measures_of_another_decoder_are_refused_by_name() -> None:
    [reason] = explain_unusual(usual_measures(decoder_version=2, brightness=0.0), small_reference())

    assert "decoder version 2" in reason
    assert "made with version 1" in reason
    assert small_reference().model in reason


def test_a_descriptor_of_another_length_is_refused_by_name() -> None:
    [reason] = explain_unusual(usual_measures(descriptor=(1.0, 2.0)), small_reference())

    assert "has 2 numbers, that of the reference" in reason
    assert "has 3" in reason


@pytest.mark.parametrize("distance", [0.0, 1.0, 7.5])
def test_the_distance_is_mahalanobis_along_the_axis_and_at_right_angles_to_it(distance: float) -> None:
    assert compute_distance(along_axis(distance), small_reference()) == pytest.approx(distance)
    assert compute_distance(off_axis(distance), small_reference()) == pytest.approx(distance)
