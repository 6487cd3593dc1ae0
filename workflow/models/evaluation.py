"""Evaluation of a model on a hold-out: error rates with intervals, and the comparison of two models."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.inspections.routing_policy import RoutingPolicy, apply_threshold
from workflow.inspections.verdict import Score, Verdict
from workflow.proportion import Proportion

MAX_UNCLEAR_INCREASE = 0.05


@dataclass(frozen=True, slots=True)
class ScoredPhoto:
    """One photo of the hold-out: its true verdict, and the model's scores (none if it was refused)."""

    source: str
    truth: Verdict
    scores: tuple[Score, ...]


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
    pairs = [(photo.truth, apply_threshold(policy.predict(photo.scores, model))) for photo in photos]
    ok_parts = sum(truth is Verdict.OK for truth, _ in pairs)
    return HoldOutEvaluation(
        model=model,
        hold_out=hold_out,
        escapes=Proportion(
            sum(pair == (Verdict.DEFECT, Verdict.OK) for pair in pairs), len(pairs) - ok_parts
        ),
        false_alarms=Proportion(sum(pair == (Verdict.OK, Verdict.DEFECT) for pair in pairs), ok_parts),
        unclear=Proportion(sum(verdict is Verdict.UNCLEAR for _, verdict in pairs), len(pairs)),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSummary:
    """The training's report on its own test set. `confusion` maps (truth, prediction) to a share."""

    f1: float
    precision: float
    recall: float
    training_images: int
    test_images: int
    labels: tuple[LabelMetrics, ...]
    confusion: Mapping[tuple[str, str], float]


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
    )


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
