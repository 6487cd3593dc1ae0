"""How often a model errs in each direction, with what that is worth: intervals, and a comparison."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Score, Verdict, decide
from workflow.intervals import Rate

MORE_UNCLEAR_AT_MOST = 0.05


@dataclass(frozen=True, slots=True)
class Scored:
    """One photo of the hold-out: what it truly is, and the model's scores (none if it was refused)."""

    source: str
    truth: Verdict
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model on a frozen hold-out at the policy's thresholds.

    `escapes` are defects passed as ok, `false_alarms` ok parts called defect, `unclear` photos for a person.
    """

    model: str
    hold_out: str
    escapes: Rate
    false_alarms: Rate
    unclear: Rate

    def facts(self) -> dict[str, Any]:
        """The JSON form, with every interval."""
        rates = {name: getattr(self, name) for name in ("escapes", "false_alarms", "unclear")}
        return {"model": self.model, "hold_out": self.hold_out} | {
            name: {"count": rate.count, "of": rate.of, "share": rate.share, "interval": list(rate.interval)}
            for name, rate in rates.items()
        }


def evaluate(model: str, hold_out: str, photos: Iterable[Scored], policy: RoutingPolicy) -> Evaluation:
    """Route every photo as the line would, and count who was wronged."""
    seen = [(photo.truth, decide(policy.predict(photo.scores, model))) for photo in photos]
    sound = sum(truth is Verdict.OK for truth, _ in seen)
    return Evaluation(
        model,
        hold_out,
        Rate(sum(pair == (Verdict.DEFECT, Verdict.OK) for pair in seen), len(seen) - sound),
        Rate(sum(pair == (Verdict.OK, Verdict.DEFECT) for pair in seen), sound),
        Rate(sum(verdict is Verdict.UNCLEAR for _, verdict in seen), len(seen)),
    )


def objections(candidate: Evaluation, current: Evaluation) -> list[str]:
    """Why the candidate must not replace the current model; none when it may.

    It may not be worse in either direction and must be better in one. A model that asks a person about
    everything makes no errors, so the share of unclear photos may grow by five points at most.
    """
    if candidate.hold_out != current.hold_out:
        return ["the two models were not evaluated on the same hold-out"]
    worse = [
        f"{now.count} {what} instead of {before.count} (of {before.of})"
        for what, now, before in (
            ("defects passed as ok", candidate.escapes, current.escapes),
            ("ok parts called defect", candidate.false_alarms, current.false_alarms),
        )
        if now.count > before.count
    ]
    if candidate.unclear.share > current.unclear.share + MORE_UNCLEAR_AT_MOST:
        worse.append(f"{candidate.unclear.count} unclear photos instead of {current.unclear.count}")
    if worse:
        return worse
    if (candidate.escapes.count, candidate.false_alarms.count) == (
        current.escapes.count,
        current.false_alarms.count,
    ):
        return ["it is no better in either error direction"]
    return []


@dataclass(frozen=True, slots=True)
class LabelResult:
    """One label of the evaluation summary; metrics are None where the test set has no photo of it."""

    label: str
    photos: int
    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the training says of its own test set. `confusion` maps (truth, prediction) to a share."""

    f1: float
    precision: float
    recall: float
    trained_on: int
    tested_on: int
    labels: tuple[LabelResult, ...]
    confusion: Mapping[tuple[str, str], float]


def read_summary(document: Mapping[str, Any]) -> Summary:
    """The evaluation summary that training wrote to its output location."""
    aggregated, details = document["AggregatedEvaluationResults"], document["EvaluationDetails"]
    return Summary(
        aggregated["F1Score"],
        aggregated["Precision"],
        aggregated["Recall"],
        details["NumberOfTrainingImages"],
        details["NumberOfTestingImages"],
        tuple(_label(result) for result in document["LabelEvaluationResults"]),
        {
            (cell["GroundTruthLabel"], cell["PredictedLabel"]): cell["Value"]
            for cell in aggregated.get("ConfusionMatrix", ())
        },
    )


def _label(result: Mapping[str, Any]) -> LabelResult:
    metrics = result["Metrics"]
    return LabelResult(
        result["Label"],
        result["NumberOfTestingImages"],
        metrics.get("Threshold", 0.0),
        metrics.get("Precision"),
        metrics.get("Recall"),
        metrics.get("F1Score"),
    )
