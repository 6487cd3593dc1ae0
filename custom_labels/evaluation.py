"""Evaluation of a model on its test photos, as a summary and as a manifest, in AWS's formats."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from custom_labels.fitting import FittedClassifier, TrainingExamples
from custom_labels.manifest import ManifestEntry
from vision.calibration import FloatArray
from vision.classifier import PhotoClassifier

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEvaluation:
    """Scores and true labels of the test photos; both arrays are photos × labels."""

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    scores: FloatArray
    truth: BoolArray

    @property
    def predicted(self) -> BoolArray:
        result: BoolArray = self.scores >= np.array(self.thresholds)
        return result

    def label_results(self) -> list[dict[str, Any]]:
        """Return precision, recall and F1 of each label, the best F1 first."""
        results = [self._label_result(column, label) for column, label in enumerate(self.labels)]
        return sorted(results, key=lambda result: -result["Metrics"].get("F1Score", 0.0))

    def _label_result(self, column: int, label: str) -> dict[str, Any]:
        truth, predicted = self.truth[:, column], self.predicted[:, column]
        hits = int((truth & predicted).sum())
        metrics = {"Threshold": float(self.thresholds[column])}
        if truth.any():
            metrics |= {
                "Precision": hits / max(int(predicted.sum()), 1),
                "Recall": hits / int(truth.sum()),
                "F1Score": 2 * hits / (int(predicted.sum()) + int(truth.sum())),
            }
        return {"Label": label, "NumberOfTestingImages": int(truth.sum()), "Metrics": metrics}

    def aggregate_results(self) -> dict[str, Any]:
        """Return the means over the labels that have test photos, and the confusion matrix."""
        measured = [result["Metrics"] for result in self.label_results() if "F1Score" in result["Metrics"]]
        means = {
            name: float(np.mean([metrics[name] for metrics in measured])) if measured else 0.0
            for name in ("Precision", "Recall", "F1Score")
        }
        return means | {"ConfusionMatrix": self._confusion_matrix()}

    def _confusion_matrix(self) -> list[dict[str, Any]]:
        shares = self.truth.T.astype(float) @ self.predicted / np.maximum(self.truth.sum(axis=0), 1)[:, None]
        return [
            {"GroundTruthLabel": true_label, "PredictedLabel": predicted, "Value": float(shares[row, column])}
            for row, true_label in enumerate(self.labels)
            for column, predicted in enumerate(self.labels)
        ]


def evaluate_classifier(
    model: PhotoClassifier, features: FloatArray, entries: list[ManifestEntry]
) -> TrainingEvaluation:
    """Score the test photos; `features` is photos × features, in the order of `entries`."""
    truth = np.array([[label in entry.labels for label in model.labels] for entry in entries], dtype=bool)
    shape = (len(entries), len(model.labels))
    scores = model.predict_probabilities(features) if entries else np.zeros(shape)
    return TrainingEvaluation(
        labels=model.labels, thresholds=model.thresholds, scores=scores, truth=truth.reshape(shape)
    )


def build_summary(evaluation: TrainingEvaluation, version_arn: str, training_images: int) -> dict[str, Any]:
    """Build AWS's evaluation summary."""
    return {
        "Version": 1,
        "AggregatedEvaluationResults": evaluation.aggregate_results(),
        "EvaluationDetails": {
            "EvaluationEndTimestamp": _now(),
            "Labels": list(evaluation.labels),
            "NumberOfTestingImages": len(evaluation.truth),
            "NumberOfTrainingImages": training_images,
            "ProjectVersionArn": version_arn,
        },
        "LabelEvaluationResults": evaluation.label_results(),
    }


def describe_training(fitted: FittedClassifier, examples: TrainingExamples) -> dict[str, Any]:
    """Return the members of the summary that AWS does not have: the kind of model, and scores out of fold.

    `OutOfFold` has one row for each training photo: its part, its label's index, and the score of each label
    by a model that did not learn from the part. It is empty if a label has too few parts.
    """
    result = fitted.out_of_fold
    scores = [] if result is None else result.scores.round(4).tolist()
    rows = zip(examples.parts.tolist(), examples.targets.tolist(), scores, strict=False)
    return {
        "Model": {"Kind": str(fitted.candidate.kind), "Features": list(fitted.classifier.blocks)},
        "OutOfFold": {"Labels": list(examples.labels), "Photos": [list(row) for row in rows]},
    }


def build_evaluation_manifest(evaluation: TrainingEvaluation, entries: list[ManifestEntry]) -> str:
    """Build the evaluation manifest: each test photo with its labels and the model's score of every label."""
    lines = [_evaluation_line(evaluation, row, entry) for row, entry in enumerate(entries)]
    return "".join(f"{line}\n" for line in lines)


def _evaluation_line(evaluation: TrainingEvaluation, row: int, entry: ManifestEntry) -> str:
    record: dict[str, Any] = {"source-ref": entry.source}
    for number, label in enumerate(entry.labels):
        name = f"rekognition-custom-labels-training-{number}"
        record[name] = 1
        record[f"{name}-metadata"] = _metadata(label, 1.0, "training", "yes")
    for number, label in enumerate(evaluation.labels):
        is_true, is_predicted = bool(evaluation.truth[row, number]), bool(evaluation.predicted[row, number])
        name = f"rekognition-custom-labels-evaluation-{number}"
        record[name] = 1
        record[f"{name}-metadata"] = _metadata(
            label, float(evaluation.scores[row, number]), "evaluation", "no"
        ) | {"rekognition-custom-labels-evaluation-details": _evaluation_details(is_true, is_predicted)}
    return json.dumps(record)


def _metadata(label: str, confidence: float, job: str, human_annotated: str) -> dict[str, Any]:
    return {
        "confidence": round(confidence, 6),
        "job-name": f"rekognition-custom-labels-{job}-job",
        "class-name": label,
        "human-annotated": human_annotated,
        "creation-date": _now(),
        "type": "groundtruth/image-classification",
    }


def _evaluation_details(is_true: bool, is_predicted: bool) -> dict[str, Any]:
    return {
        "version": 1,
        "ground-truth-labelling-jobs": ["rekognition-custom-labels-training-job"],
        "is-true-positive": is_true and is_predicted,
        "is-true-negative": not is_true and not is_predicted,
        "is-false-positive": is_predicted and not is_true,
        "is-false-negative": is_true and not is_predicted,
        "is-present-in-ground-truth": is_true,
    }


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
