"""How a model does on its test photos, as a summary and photo by photo, in AWS's shapes."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local.custom_labels.classifier import Array, Classifier
from local.custom_labels.manifest import Entry

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores by photo and label, and which labels the photos really have."""

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    scores: Array
    truth: Flags

    @property
    def predicted(self) -> Flags:
        result: Flags = self.scores >= np.array(self.thresholds)
        return result

    def label_results(self) -> list[dict[str, Any]]:
        results = [self._label_result(place, label) for place, label in enumerate(self.labels)]
        return sorted(results, key=lambda result: -result["Metrics"].get("F1Score", 0.0))

    def _label_result(self, place: int, label: str) -> dict[str, Any]:
        truth, predicted = self.truth[:, place], self.predicted[:, place]
        hits = int((truth & predicted).sum())
        metrics = {"Threshold": float(self.thresholds[place])}
        if truth.any():
            metrics |= {
                "Precision": hits / max(int(predicted.sum()), 1),
                "Recall": hits / int(truth.sum()),
                "F1Score": 2 * hits / (int(predicted.sum()) + int(truth.sum())),
            }
        return {"Label": label, "NumberOfTestingImages": int(truth.sum()), "Metrics": metrics}

    def aggregated(self) -> dict[str, Any]:
        """Means over the labels that have test photos."""
        measured = [result["Metrics"] for result in self.label_results() if "F1Score" in result["Metrics"]]
        means = {
            name: float(np.mean([metrics[name] for metrics in measured])) if measured else 0.0
            for name in ("Precision", "Recall", "F1Score")
        }
        return means | {"ConfusionMatrix": self._confusion()}

    def _confusion(self) -> list[dict[str, Any]]:
        shares = self.truth.T.astype(float) @ self.predicted / np.maximum(self.truth.sum(axis=0), 1)[:, None]
        return [
            {"GroundTruthLabel": real, "PredictedLabel": said, "Value": float(shares[row, column])}
            for row, real in enumerate(self.labels)
            for column, said in enumerate(self.labels)
        ]


def evaluate(model: Classifier, features: Array, entries: list[Entry]) -> Evaluation:
    truth = np.array([[label in entry.labels for label in model.labels] for entry in entries], dtype=bool)
    shape = (len(entries), len(model.labels))
    scores = model.probabilities(features) if entries else np.zeros(shape)
    return Evaluation(model.labels, model.thresholds, scores, truth.reshape(shape))


def summary(evaluation: Evaluation, version_arn: str, training_images: int) -> dict[str, Any]:
    return {
        "Version": 1,
        "AggregatedEvaluationResults": evaluation.aggregated(),
        "EvaluationDetails": {
            "EvaluationEndTimestamp": _now(),
            "Labels": list(evaluation.labels),
            "NumberOfTestingImages": len(evaluation.truth),
            "NumberOfTrainingImages": training_images,
            "ProjectVersionArn": version_arn,
        },
        "LabelEvaluationResults": evaluation.label_results(),
    }


def snapshot(evaluation: Evaluation, entries: list[Entry]) -> str:
    """The evaluation manifest: every test photo with its labels and the model's answer for every label."""
    lines = [_snapshot_line(evaluation, place, entry) for place, entry in enumerate(entries)]
    return "".join(f"{line}\n" for line in lines)


def _snapshot_line(evaluation: Evaluation, place: int, entry: Entry) -> str:
    record: dict[str, Any] = {"source-ref": entry.source}
    for number, label in enumerate(entry.labels):
        name = f"rekognition-custom-labels-training-{number}"
        record[name] = 1
        record[f"{name}-metadata"] = _metadata(label, 1.0, "training", "yes")
    for number, label in enumerate(evaluation.labels):
        real, said = bool(evaluation.truth[place, number]), bool(evaluation.predicted[place, number])
        name = f"rekognition-custom-labels-evaluation-{number}"
        record[name] = 1
        record[f"{name}-metadata"] = _metadata(
            label, float(evaluation.scores[place, number]), "evaluation", "no"
        ) | {"rekognition-custom-labels-evaluation-details": _details(real, said)}
    return json.dumps(record)


def _metadata(label: str, confidence: float, job: str, by_a_person: str) -> dict[str, Any]:
    return {
        "confidence": round(confidence, 6),
        "job-name": f"rekognition-custom-labels-{job}-job",
        "class-name": label,
        "human-annotated": by_a_person,
        "creation-date": _now(),
        "type": "groundtruth/image-classification",
    }


def _details(real: bool, said: bool) -> dict[str, Any]:
    return {
        "version": 1,
        "ground-truth-labelling-jobs": ["rekognition-custom-labels-training-job"],
        "is-true-positive": real and said,
        "is-true-negative": not real and not said,
        "is-false-positive": said and not real,
        "is-false-negative": real and not said,
        "is-present-in-ground-truth": real,
    }


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
