"""The expected errors of a training: rates from scores of photos that the model did not know.

All counts are of parts. A part with several photos counts once, by its worst photo.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Verdict
from workflow.models.evaluation import ErrorRates, OutOfFoldPhoto, ScoredPhoto, measure_rates, true_verdict
from workflow.proportion import Proportion

ESCAPE_LIMIT = 0.01
# A product of which fewer sound parts than this share pass is not worth automating.
LEAST_PASSING_SHARE = 0.1
_STEP = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingThreshold:
    """A threshold of the verdict ok from which at most some defective parts were passed out of fold.

    `value` is None if no threshold does it. `passing` counts the sound parts that pass: all other sound parts
    go to people.
    """

    value: float | None
    escapes: Proportion
    passing: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedErrors:
    """The error rates to expect at a policy's thresholds, and the price of no escapes.

    `parts` is the number of parts of each label. `no_escape` is the threshold from which no escape was seen,
    and `within_limit` the one from which at most ESCAPE_LIMIT of the defective parts escaped.
    """

    parts: Mapping[str, int]
    rates: ErrorRates
    no_escape: PassingThreshold
    within_limit: PassingThreshold

    @property
    def bound(self) -> float:
        """Return the share of escapes (0 to 1) that no escape among the defective parts excludes at 95 %."""
        total = self.no_escape.escapes.total
        return 1 - 0.05 ** (1 / total) if total else 1.0

    @property
    def automatable(self) -> bool:
        """Return True if enough sound parts pass while at most ESCAPE_LIMIT of the defective ones do."""
        return self.within_limit.passing.share >= LEAST_PASSING_SHARE


def compute_expected_errors(photos: Sequence[OutOfFoldPhoto], policy: RoutingPolicy) -> ExpectedErrors | None:
    """Return the expected errors at a policy's thresholds; None unless both sound and defective parts occur.

    A label that the policy does not know has the verdict of its name.
    """
    scored = score_out_of_fold(photos, policy)
    if {photo.truth for photo in scored} != {Verdict.OK, Verdict.DEFECT}:
        return None
    parts = {(photo.label, photo.part) for photo in photos}
    return ExpectedErrors(
        parts={
            label: sum(name == label for name, _ in parts) for label in sorted({name for name, _ in parts})
        },
        rates=measure_rates(scored, policy),
        no_escape=find_threshold(scored, policy, Verdict.OK, 0.0),
        within_limit=find_threshold(scored, policy, Verdict.OK, ESCAPE_LIMIT),
    )


def score_out_of_fold(photos: Iterable[OutOfFoldPhoto], policy: RoutingPolicy) -> list[ScoredPhoto]:
    """Return the photos with their true verdicts."""
    return [
        ScoredPhoto(f"out of fold {number}", true_verdict(photo.label, policy), photo.scores, photo.part)
        for number, photo in enumerate(photos)
    ]


def find_threshold(
    photos: Sequence[ScoredPhoto], policy: RoutingPolicy, verdict: Verdict, limit: float
) -> PassingThreshold:
    """Find the lowest threshold of a verdict at which at most a share `limit` of the other parts get it."""
    labels = {label: LabelRule(rule.verdict, 0.0) for label, rule in policy.labels.items()}
    wrong, right = _confidences(photos, replace(policy, labels=labels), verdict)
    allowed = math.floor(limit * len(wrong))
    risks = sorted(wrong, reverse=True)
    highest = risks[allowed] if allowed < len(risks) else 0.0
    value = max(0.5, (math.floor(highest / _STEP + 1e-6) + 1) * _STEP) if highest else 0.5
    usable = value <= 1.0
    return PassingThreshold(
        value=round(value, 3) if usable else None,
        escapes=Proportion(sum(risk >= value for risk in wrong), len(wrong)),
        passing=Proportion(sum(confidence >= value for confidence in right) if usable else 0, len(right)),
    )


def _confidences(
    photos: Sequence[ScoredPhoto], policy: RoutingPolicy, verdict: Verdict
) -> tuple[list[float], list[float]]:
    """Return the confidence in a verdict of each part without it (its highest) and with it (its lowest)."""
    wrong: dict[str, float] = {}
    right: dict[str, float] = {}
    for number, photo in enumerate(photos):
        part = photo.part or f"photo {number}"
        prediction = policy.predict(photo.scores)
        confidence = prediction.confidence if prediction.verdict is verdict else 0.0
        if photo.truth is verdict:
            right[part] = min(right.get(part, 1.0), confidence)
        else:
            wrong[part] = max(wrong.get(part, 0.0), confidence)
    return list(wrong.values()), list(right.values())
