"""Verdicts and predictions. `workflow.inspections.routing_policy` decides one from the other."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict on a photo, which is where it is filed. The values are S3 prefixes and message fields."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The result of the model and the routing policy for one image.

    `verdict` is the meaning of the strongest label before the threshold is applied; `threshold` (0 to 1) is
    that label's. `scores` is the whole score vector, strongest first, so that thresholds can be replayed.
    `note` gives the reason of a prediction that is unclear at any confidence; empty otherwise. `unusual` are
    the reasons for which the photo is unusual, as sentences; the note repeats them. `reference` is the time
    at which the reference was made that the photo was compared with; empty if it was compared with none.
    `sampled_for_second_review` marks a photo that a second person reviews after it is settled.
    """

    verdict: Verdict
    label: str
    confidence: float
    threshold: float
    scores: tuple[Score, ...] = ()
    model: str = ""
    policy_version: str = ""
    note: str = ""
    unusual: tuple[str, ...] = ()
    reference: str = ""
    sampled_for_second_review: bool = False
