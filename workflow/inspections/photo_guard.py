"""The photo guard: the reasons why a photo does not look like those from which the model learned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from workflow.inspections.model_reference import ModelReference
from workflow.photos.measures import PhotoMeasures

RANGE_MARGIN_SHARE = 0.25
# Light multiplies: a fixed number of grey values would let a dark scene lose most of its light.
LARGEST_LIGHT_MARGINS = (0.07, 0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRule:
    """The rule of one measure: its least margin around the learned range, and its sentences.

    `largest` holds the largest margins below and above it, as shares of the lowest and of the highest learned
    value. `below` and `above` say what a photo is whose value leaves the range. `unit` formats a value.
    """

    margin: float
    largest: tuple[float, float] | None = None
    below: str
    above: str
    quantity: str
    unit: str = "{:.0f}"

    def compute_margins(self, learned: tuple[float, float]) -> tuple[float, float]:
        """Return the margins below and above a learned range, in the measure's unit."""
        low, high = learned
        margin = max(RANGE_MARGIN_SHARE * (high - low), self.margin)
        if self.largest is None:
            return margin, margin
        below, above = self.largest
        return min(margin, below * low), min(margin, above * high)

    def explain(self, value: float, learned: tuple[float, float]) -> str:
        """Return the reason if the value is outside the learned range and its margin, otherwise nothing."""
        low, high = learned
        margin_below, margin_above = self.compute_margins(learned)
        if low - margin_below <= value <= high + margin_above:
            return ""
        words = self.below if value < low else self.above
        shown, shown_low, shown_high = (self.unit.format(number) for number in (value, low, high))
        return f"{words} ({self.quantity} {shown}; learned {shown_low} to {shown_high})"


RULES = {
    "brightness": MeasureRule(
        margin=12,
        largest=LARGEST_LIGHT_MARGINS,
        below="darker than every learned photo",
        above="brighter than every learned photo",
        quantity="mean",
    ),
    "contrast": MeasureRule(
        margin=8,
        below="less contrast than every learned photo",
        above="more contrast than every learned photo",
        quantity="standard deviation",
    ),
    "black_share": MeasureRule(
        margin=0.03,
        below="less black than every learned photo",
        above="more black than every learned photo",
        quantity="share of pixels",
        unit="{:.1%}",
    ),
    "white_share": MeasureRule(
        margin=0.03,
        below="less white than every learned photo",
        above="more white than every learned photo",
        quantity="share of pixels",
        unit="{:.1%}",
    ),
    "sharpness": MeasureRule(
        margin=0.35,
        below="out of focus",
        above="more fine detail or noise than every learned photo",
        quantity="log sharpness",
        unit="{:.2f}",
    ),
    "colour_cast": MeasureRule(
        margin=4,
        below="less colour than every learned photo",
        above="more colour than every learned photo",
        quantity="colour cast",
    ),
    "bit_depth": MeasureRule(
        margin=0.5,
        below="fewer bits in use than in every learned photo",
        above="more bits in use than in every learned photo",
        quantity="bits",
    ),
}


def explain_unusual(measures: PhotoMeasures, reference: ModelReference) -> tuple[str, ...]:
    """Return the reasons why a photo is unusual, as sentences with numbers; empty if it is usual.

    A photo that another decoder measured cannot be compared: the reason names both versions.
    """
    if refusal := _refuse_comparison(measures, reference):
        return (refusal,)
    reasons = [rule.explain(getattr(measures, name), reference.ranges[name]) for name, rule in RULES.items()]
    distance = compute_distance(measures.descriptor, reference)
    if not distance <= reference.limit:  # Also if it is not a number.
        reasons.append(
            f"further from the learned photos than any of them (distance {distance:.1f}; "
            f"limit {reference.limit:.1f})"
        )
    return tuple(reason for reason in reasons if reason)


def compute_distance(descriptor: Sequence[float], reference: ModelReference) -> float:
    """Return the Mahalanobis distance of a descriptor from the reference's centre."""
    standardised = [
        (value - centre) / scale
        for value, centre, scale in zip(descriptor, reference.centre, reference.scales, strict=True)
    ]
    residual = sum(map(mul, standardised, standardised))
    squared = 0.0
    for axis, variance in zip(reference.axes, reference.variances, strict=True):
        projection = sum(map(mul, standardised, axis))
        squared += projection * projection / variance
        residual -= projection * projection
    # In this order `max` keeps a residual that is not a number, which must not pass.
    return math.sqrt(squared + max(residual, 0.0) / reference.residual_variance)


def _refuse_comparison(measures: PhotoMeasures, reference: ModelReference) -> str:
    if measures.decoder_version != reference.decoder_version:
        return (
            f"not comparable with the learned photos: measured with decoder version "
            f"{measures.decoder_version}, the reference of {reference.model} was made with version "
            f"{reference.decoder_version}; make the reference again with `partcheck model reference`"
        )
    if len(measures.descriptor) != len(reference.centre):
        return (
            f"not comparable with the learned photos: its descriptor has {len(measures.descriptor)} numbers, "
            f"that of the reference of {reference.model} has {len(reference.centre)}; "
            "make the reference again with `partcheck model reference`"
        )
    return ""
