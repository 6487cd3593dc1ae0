"""Evaluation of a model on a hold-out: error rates with intervals, and the comparison of two models."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.inspections.default_label_rules import is_ok_label
from workflow.inspections.routing_policy import RoutingPolicy, apply_threshold
from workflow.inspections.verdict import Score, Verdict
from workflow.proportion import Proportion

MAX_UNCLEAR_INCREASE = 0.05


@dataclass(frozen=True, slots=True)
class ScoredPhoto:
    """One photo that a model judged without having learned from it.

    `truth` is its true verdict, and `scores` are the model's (none if it was refused). `part` is equal for
    photos of one part; without it each photo counts as a part of its own.
    """

    source: str
    truth: Verdict
    scores: tuple[Score, ...]
    part: str = ""


def true_verdict(label: str, policy: RoutingPolicy) -> Verdict:
    """Return the verdict that a label means: by the policy, or by the label's name if it has no rule."""
    rule = policy.labels.get(label)
    if rule is not None:
        return rule.verdict
    return Verdict.OK if is_ok_label(label) else Verdict.DEFECT


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """Shares of parts: defects passed as ok, ok parts called defect, parts left to a person.

    A part with several photos counts once, by its worst photo.
    """

    escapes: Proportion
    false_alarms: Proportion
    unclear: Proportion


def measure_rates(photos: Iterable[ScoredPhoto], policy: RoutingPolicy, model: str = "") -> ErrorRates:
    """Route every photo as the pipeline would, and count the parts with each kind of error."""
    routes: dict[tuple[str, Verdict], set[Verdict]] = {}
    for number, photo in enumerate(photos):
        part = (photo.part or f"photo {number}", photo.truth)
        routes.setdefault(part, set()).add(apply_threshold(policy.predict(photo.scores, model)))
    defects = [found for (_, truth), found in routes.items() if truth is Verdict.DEFECT]
    sound = [found for (_, truth), found in routes.items() if truth is Verdict.OK]
    return ErrorRates(
        escapes=Proportion(sum(Verdict.OK in found for found in defects), len(defects)),
        false_alarms=Proportion(sum(Verdict.DEFECT in found for found in sound), len(sound)),
        unclear=Proportion(sum(Verdict.UNCLEAR in found for found in routes.values()), len(routes)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutEvaluation:
    """A model's error rates on a frozen hold-out at the policy's thresholds.

    `escapes` are defects passed as ok, `false_alarms` ok parts called defect, `unclear` photos to review.
    """

    model: str
    hold_out: str
    escapes: Proportion
    false_alarms: Proportion
    unclear: Proportion

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, with every confidence interval."""
        rates = {name: getattr(self, name) for name in ("escapes", "false_alarms", "unclear")}
        return {"model": self.model, "hold_out": self.hold_out} | {
            name: {
                "count": rate.count,
                "of": rate.total,
                "share": rate.share,
                "interval": list(rate.confidence_interval),
            }
            for name, rate in rates.items()
        }


def evaluate(
    model: str, hold_out: str, photos: Iterable[ScoredPhoto], policy: RoutingPolicy
) -> HoldOutEvaluation:
    """Route every photo as the pipeline would, and count the errors in each direction."""
    rates = measure_rates(photos, policy, model)
    return HoldOutEvaluation(
        model=model,
        hold_out=hold_out,
        escapes=rates.escapes,
        false_alarms=rates.false_alarms,
        unclear=rates.unclear,
    )


def find_objections(candidate: HoldOutEvaluation, current: HoldOutEvaluation) -> list[str]:
    """Return the reasons against replacing the current model by the candidate; empty if there are none.

    The candidate may not be worse in either direction and must be better in one. A model that routes every
    photo to a reviewer makes no errors, so the share of unclear photos may grow by five points at most.
    """
    if candidate.hold_out != current.hold_out:
        return ["the two models were not evaluated on the same hold-out"]
    worse = [
        f"{new.count} {error} instead of {old.count} (of {old.total})"
        for error, new, old in (
            ("defects passed as ok", candidate.escapes, current.escapes),
            ("ok parts called defect", candidate.false_alarms, current.false_alarms),
        )
        if new.count > old.count
    ]
    if candidate.unclear.share > current.unclear.share + MAX_UNCLEAR_INCREASE:
        worse.append(f"{candidate.unclear.count} unclear photos instead of {current.unclear.count}")
    if worse:
        return worse
    if (candidate.escapes.count, candidate.false_alarms.count) == (
        current.escapes.count,
        current.false_alarms.count,
    ):
        return ["it is no better in either error direction"]
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMetrics:
    """One label of the evaluation summary; metrics are None if the test set has no photo of it."""

    label: str
    photos: int
    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class OutOfFoldPhoto:
    """A training photo, and its scores by a model that did not learn from its part."""

    part: str
    label: str
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSummary:
    """The training's report on its own test set, and on its own photos out of fold.

    `confusion` maps (truth, prediction) to a share. `out_of_fold` is empty if the service reports none.
    """

    f1: float
    precision: float
    recall: float
    training_images: int
    test_images: int
    labels: tuple[LabelMetrics, ...]
    confusion: Mapping[tuple[str, str], float]
    out_of_fold: tuple[OutOfFoldPhoto, ...] = ()

    @property
    def judged_parts(self) -> int:
        """The number of parts of the smallest label that the training judged and did not learn from.

        Without scores out of fold each photo of the test set counts as a part.
        """
        parts = Counter(label for label, _ in {(photo.label, photo.part) for photo in self.out_of_fold})
        return min((parts[label.label] or label.photos for label in self.labels), default=0)


def parse_summary(document: Mapping[str, Any]) -> TrainingSummary:
    """Parse the evaluation summary that a training wrote to its output location."""
    aggregated, details = document["AggregatedEvaluationResults"], document["EvaluationDetails"]
    return TrainingSummary(
        f1=aggregated["F1Score"],
        precision=aggregated["Precision"],
        recall=aggregated["Recall"],
        training_images=details["NumberOfTrainingImages"],
        test_images=details["NumberOfTestingImages"],
        labels=tuple(_parse_label(result) for result in document["LabelEvaluationResults"]),
        confusion={
            (cell["GroundTruthLabel"], cell["PredictedLabel"]): cell["Value"]
            for cell in aggregated.get("ConfusionMatrix", ())
        },
        out_of_fold=tuple(parse_out_of_fold(document.get("OutOfFold", {}))),
    )


def parse_out_of_fold(document: Mapping[str, Any]) -> Iterable[OutOfFoldPhoto]:
    """Yield the photos of the summary's member `OutOfFold`: part, label's index and scores of each."""
    labels = document.get("Labels", ())
    for part, target, confidences in document.get("Photos", ()):
        scores = tuple(Score(*pair) for pair in zip(labels, confidences, strict=True))
        yield OutOfFoldPhoto(str(part), labels[target], scores)


def _parse_label(result: Mapping[str, Any]) -> LabelMetrics:
    metrics = result["Metrics"]
    return LabelMetrics(
        label=result["Label"],
        photos=result["NumberOfTestingImages"],
        threshold=metrics.get("Threshold", 0.0),
        precision=metrics.get("Precision"),
        recall=metrics.get("Recall"),
        f1=metrics.get("F1Score"),
    )
