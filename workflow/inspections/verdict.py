"""Predictions, verdicts, and the one rule that turns the first into the second."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Where an image is filed. The values are S3 prefixes and message fields."""

    OK = "ok"
    DEFECT = "defect"
    UNCLEAR = "unclear"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Score:
    """One label of the model with its confidence, 0 to 1."""

    label: str
    confidence: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence!r} of label {self.label!r} is outside 0..1")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model and the routing policy make of one image.

    `verdict` is what the strongest label means, before the threshold is applied; `threshold` is that label's.
    `scores` is the whole score vector, strongest first, so that thresholds can be replayed later.
    `note` says in a few words why a prediction is unclear whatever its confidence; empty otherwise.
    `second_look` tells that the photo was drawn to be looked at by a second person once it is settled.
    """

    verdict: Verdict
    label: str
    confidence: float
    threshold: float
    scores: tuple[Score, ...] = ()
    model: str = ""
    policy_version: str = ""
    note: str = ""
    second_look: bool = False


def decide(prediction: Prediction) -> Verdict:
    """Trust the model at or above the threshold; below it a person decides."""
    if prediction.confidence < prediction.threshold:
        return Verdict.UNCLEAR
    return prediction.verdict
