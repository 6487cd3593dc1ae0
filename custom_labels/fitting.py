"""Fitting: a calibrated linear model and its feature blocks, chosen by cross-validation by part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from custom_labels.calibration import default_calibration, fit_calibration, fit_thresholds
from custom_labels.cross_validation import CrossValidation, OutOfFold, divide_by_part, weigh_photos
from custom_labels.duplicate_groups import IndexArray
from custom_labels.heads import FALLBACK, STRENGTHS, HeadCandidate, HeadKind, fit_head
from vision.calibration import FloatArray
from vision.classifier import FeatureScaler, PhotoClassifier, fit_scaler
from vision.feature_blocks import FeatureBlock

# A further kind of model or block must lower the log loss by so much, and by its standard error.
MIN_GAIN = 0.01

# A weaker regularisation must lower the log loss by this share of its standard error.
MIN_ERRORS = 0.5

ProgressCallback = Callable[[str], None]
Blocks = tuple[FeatureBlock, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingExamples:
    """The features of each block (photos × features), and what each photo shows.

    `targets` and `parts` have the label's and the part's index of each photo, `labels` the labels' names.
    """

    features: Mapping[FeatureBlock, FloatArray]
    targets: IndexArray
    parts: IndexArray
    labels: tuple[str, ...]
    colour: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedClassifier:
    """A classifier and, unless a label has too few parts, the scores of its photos out of fold."""

    classifier: PhotoClassifier
    candidate: HeadCandidate
    out_of_fold: OutOfFold | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    blocks: Blocks
    candidate: HeadCandidate
    result: OutOfFold

    def is_improved_by(self, other: "_Choice") -> bool:
        """Return True if the other one has less log loss and no more confident errors of any label."""
        gain, error = self.result.gain_of(other.result)
        return gain > max(MIN_GAIN, error) and bool((other.result.errors <= self.result.errors).all())


def join_blocks(features: Mapping[FeatureBlock, FloatArray], blocks: Sequence[FeatureBlock]) -> FloatArray:
    """Return the features of these blocks side by side (photos × features)."""
    return np.hstack([features[block] for block in blocks])


def fit_classifier(examples: TrainingExamples, progress: ProgressCallback) -> FittedClassifier:
    """Choose the head, its strength and the feature blocks, fit them, calibrate, and set thresholds.

    Every choice, the calibration and the thresholds use only scores out of fold. `progress` receives a
    sentence for users.
    """
    targets, parts, labels = examples.targets, examples.parts, len(examples.labels)
    weights = weigh_photos(targets, parts)
    folds = divide_by_part(targets, parts)
    choice = None
    if folds is not None:
        validation = CrossValidation(
            labels=labels, targets=targets, parts=parts, weights=weights, folds=folds
        )
        choice = _choose(examples, validation, progress)
    blocks, candidate = (choice.blocks, choice.candidate) if choice else ((FeatureBlock.WHOLE,), FALLBACK)
    scaler, reduced, rotation = _prepare(join_blocks(examples.features, blocks))
    head = fit_head(candidate, reduced, targets, weights, labels)
    if choice is None:
        calibration, thresholds = default_calibration(labels), (0.5,) * labels
    else:
        calibration = fit_calibration(choice.result.logits, targets, weights)
        thresholds = fit_thresholds(calibration(choice.result.logits), targets)
    classifier = PhotoClassifier(
        labels=examples.labels,
        colour=examples.colour,
        blocks=blocks,
        scaler=scaler,
        weights=head.weights @ rotation,
        bias=head.bias,
        calibration=calibration,
        thresholds=thresholds,
    )
    return FittedClassifier(
        classifier=classifier, candidate=candidate, out_of_fold=choice.result if choice else None
    )


def _prepare(features: FloatArray) -> tuple[FeatureScaler, FloatArray, FloatArray]:
    """Return the scaler, the scaled rows rotated to as few dimensions as there are photos, and the rotation.

    All heads have a penalty that does not depend on rotations, so they are the same there (SVD).
    """
    scaler = fit_scaler(features)
    scaled = scaler(features)
    count, width = scaled.shape
    if count >= width:
        return scaler, scaled, np.eye(width)
    left, singular_values, right = np.linalg.svd(scaled, full_matrices=False)
    return scaler, left * singular_values, right


def _choose(examples: TrainingExamples, validation: CrossValidation, progress: ProgressCallback) -> _Choice:
    """Choose the head on the whole photo, then admit further blocks one by one."""
    blocks: Blocks = (FeatureBlock.WHOLE,)
    progress("Choosing the kind of model.")
    rows = _prepare(join_blocks(examples.features, blocks))[1]
    best: _Choice | None = None
    for kind in HeadKind:
        choice = _choose_strength(validation, rows, kind, STRENGTHS[kind], blocks)
        if best is None or best.is_improved_by(choice):
            best = choice
    assert best is not None  # noqa: S101
    for block in [block for block in examples.features if block is not FeatureBlock.WHOLE]:
        progress(f"Choosing the features: {block}.")
        wider = (*best.blocks, block)
        rows = _prepare(join_blocks(examples.features, wider))[1]
        near = _neighbours(best.candidate)
        choice = _choose_strength(validation, rows, best.candidate.kind, near, wider)
        if best.is_improved_by(choice):
            best = choice
    return best


def _choose_strength(
    validation: CrossValidation,
    rows: FloatArray,
    kind: HeadKind,
    strengths: Sequence[float],
    blocks: Blocks,
) -> _Choice:
    """Return the strength with the least log loss, the stronger regularisation of equal ones.

    Stop when the loss has become much worse.
    """
    best: _Choice | None = None
    for strength in strengths:
        candidate = HeadCandidate(kind, strength)
        choice = _Choice(blocks=blocks, candidate=candidate, result=validation.run(candidate, rows))
        gain, error = best.result.gain_of(choice.result) if best else (1.0, 0.0)
        if best is None or gain > MIN_ERRORS * error:
            best = choice
        elif choice.result.loss > 1.2 * best.result.loss:
            break
    assert best is not None  # noqa: S101
    return best


def _neighbours(candidate: HeadCandidate) -> Sequence[float]:
    strengths = STRENGTHS[candidate.kind]
    index = strengths.index(candidate.strength)
    return strengths[max(index - 1, 0) : index + 2]
