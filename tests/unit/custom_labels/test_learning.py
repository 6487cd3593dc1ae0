"""Fitting, calibration, thresholds and near-duplicates on synthetic features."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from custom_labels.calibration import best_f1_threshold, fit_calibration
from custom_labels.cross_validation import CrossValidation, divide_by_part, weigh_photos
from custom_labels.duplicate_groups import IndexArray, group_near_duplicates
from custom_labels.evaluation import build_evaluation_manifest, build_summary, evaluate_classifier
from custom_labels.fitting import FittedClassifier, TrainingExamples, fit_classifier
from custom_labels.heads import FALLBACK, HeadCandidate, HeadKind, fit_head
from custom_labels.manifest import ManifestEntry
from custom_labels.train_test_split import PhotoSet, split_train_test
from vision.calibration import FloatArray
from vision.classifier import fit_scaler, load_classifier
from vision.feature_blocks import FeatureBlock


def clouds(
    count: int, labels: int, seed: int = 0, width: int = 12, apart: float = 2.0
) -> tuple[FloatArray, IndexArray]:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((labels, width)) * apart
    targets = np.arange(count) % labels
    return centres[targets] + random.standard_normal((count, width)), targets


def fit(
    rows: FloatArray, targets: IndexArray, labels: tuple[str, ...] = ("a", "b"), colour: bool = False
) -> FittedClassifier:
    """Fit a classifier to rows of features; each is a part of its own."""
    examples = TrainingExamples(
        features={FeatureBlock.WHOLE: rows},
        targets=targets,
        parts=np.arange(len(rows)),
        labels=labels,
        colour=colour,
    )
    return fit_classifier(examples, lambda _progress: None)


@pytest.mark.parametrize("labels", [2, 3, 8])
def test_labels_that_can_be_told_apart_are_learnt(labels: int) -> None:
    rows, targets = clouds(160, labels)
    names = tuple(f"label {number}" for number in range(labels))
    model = fit(rows, targets, names).classifier

    fresh, truth = clouds(200, labels, seed=1)
    scores = model.predict_probabilities(fresh)
    assert (scores.argmax(axis=1) == truth).mean() > 0.95
    assert np.allclose(scores.sum(axis=1), 1)
    assert all(0 < threshold < 1 for threshold in model.thresholds)


def test_labels_that_cannot_be_told_apart_are_not_claimed_with_confidence() -> None:
    rows, targets = clouds(200, 2, apart=0.0)
    model = fit(rows, targets).classifier
    fresh, _ = clouds(200, 2, seed=1, apart=0.0)
    assert (model.predict_probabilities(fresh).max(axis=1) > 0.8).mean() < 0.1


def test_a_skewed_set_is_calibrated_to_equal_shares_of_its_labels() -> None:
    """The share of defects among the training photos does not change a score: only cost depends on it."""
    rows, targets = clouds(800, 2, apart=0.5)
    kept = np.flatnonzero((targets == 0) | (np.arange(800) < 160))
    skewed = fit(rows[kept], targets[kept]).classifier
    fresh, truth = clouds(4000, 2, seed=1, apart=0.5)
    scores = skewed.predict_probabilities(fresh)
    assert scores.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.03)
    assert scores[truth == 1, 1].mean() == pytest.approx(scores[truth == 0, 0].mean(), abs=0.06)


def test_shots_of_one_part_stand_in_one_fold_and_a_fit_that_ignores_parts_is_too_sure() -> None:
    """Labels by chance cannot be learned, but parts can be known by heart: the scores out of fold tell."""
    parts = np.repeat(np.arange(40), 3)
    targets = np.random.default_rng(0).permutation(40)[parts] % 2
    rows = np.random.default_rng(1).normal(size=(40, 60))[parts]
    rows += 0.1 * np.random.default_rng(2).normal(size=rows.shape)
    weights = weigh_photos(targets, parts)
    losses = []
    for groups in (parts, np.arange(120)):
        folds = divide_by_part(targets, groups)
        assert folds is not None
        validation = CrossValidation(labels=2, targets=targets, parts=groups, weights=weights, folds=folds)
        losses.append(validation.run(FALLBACK, rows).loss)
    assert losses[0] > 0.6 > 0.3 > losses[1]


def test_a_block_is_admitted_if_it_tells_the_labels_apart_and_left_out_if_it_is_noise() -> None:
    signal, targets = clouds(120, 2)
    noise = np.random.default_rng(5).normal(size=signal.shape)
    examples = TrainingExamples(
        features={FeatureBlock.WHOLE: noise, FeatureBlock.CENTRE: noise + 0, FeatureBlock.FINE: signal},
        targets=targets,
        parts=np.arange(120),
        labels=("a", "b"),
        colour=False,
    )
    fitted = fit_classifier(examples, lambda _progress: None)
    assert fitted.classifier.blocks == (FeatureBlock.WHOLE, FeatureBlock.FINE)


@pytest.mark.parametrize("shrinkage", [0.1, 0.6])
def test_the_discriminant_is_that_of_scikit_learn(shrinkage: float) -> None:
    rows, targets = clouds(90, 3, apart=0.7)
    head = fit_head(HeadCandidate(HeadKind.DISCRIMINANT, shrinkage), rows, targets, np.ones(90), 3)
    other = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(rows, targets)
    expected = other.decision_function(rows)
    found = head(rows)
    assert found - found[:, :1] == pytest.approx(expected - expected[:, :1], abs=1e-6)


@pytest.mark.parametrize("count", [2, 4])
def test_a_handful_of_photos_trains_a_cautious_model(count: int) -> None:
    rows, targets = clouds(count, 2)
    model = fit(rows, targets).classifier
    assert np.isfinite(model.predict_probabilities(rows)).all()


def test_a_saved_model_gives_the_same_answers(tmp_path: Path) -> None:
    rows, targets = clouds(60, 3)
    model = fit(rows, targets, ("a", "b", "ü"), colour=True).classifier
    model.save(tmp_path / "model.npz")
    again = load_classifier(tmp_path / "model.npz")
    assert again.labels == model.labels
    assert again.colour
    assert np.array_equal(again.predict_probabilities(rows), model.predict_probabilities(rows))
    assert list(tmp_path.iterdir()) == [tmp_path / "model.npz"]


def test_calibration_lowers_overconfident_scores() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 2000)
    predicted = np.where(random.random(2000) < 0.8, truth, 1 - truth)
    logits = np.where(np.arange(2) == predicted[:, None], 9.0, 0.0)
    assert fit_calibration(logits, truth, np.ones(2000))(logits).max(axis=1).mean() == pytest.approx(
        0.8, abs=0.02
    )


def test_the_threshold_lies_in_the_middle_of_the_gap() -> None:
    scores, belongs = np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, True, False, False])
    assert best_f1_threshold(scores, belongs) == pytest.approx(0.6)
    assert best_f1_threshold(np.full(4, 0.5), belongs) == pytest.approx(0.25)


def test_near_copies_are_grouped_and_different_parts_are_not() -> None:
    parts, _ = clouds(30, 2, width=40)
    random = np.random.default_rng(1)
    copies = np.repeat(parts, 3, axis=0) + 0.02 * random.standard_normal((90, 40))
    targets = np.repeat(np.arange(30) % 2, 3)
    groups = group_near_duplicates(fit_scaler(copies)(copies), targets)
    assert [len(set(groups[index : index + 3])) for index in range(0, 90, 3)] == [1] * 30
    assert len(set(groups)) > 20


def test_copies_do_not_stand_on_both_sides_of_the_test() -> None:
    parts, _ = clouds(40, 2, width=40)
    rows = np.repeat(parts, 2, axis=0) + 0.01
    labels = ["ok" if index % 4 < 2 else "defect" for index in range(80)]
    entries = [
        ManifestEntry(number=index, text="", source=f"s3://parts/{index // 2}-{index}.jpg", labels=(label,))
        for index, label in enumerate(labels)
    ]
    seen, unseen = split_train_test(
        PhotoSet(
            entries=entries,
            features={FeatureBlock.WHOLE: rows},
            fingerprints=np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32),
        )
    )
    names = [{entry.source.split("-")[0] for entry in side.entries} for side in (seen, unseen)]
    assert not names[0] & names[1]
    assert len(seen.entries) + len(unseen.entries) == 80
    assert {label for entry in unseen.entries for label in entry.labels} == {"ok", "defect"}


def test_the_evaluation_counts_each_photo_and_label() -> None:
    rows, targets = clouds(80, 2)
    model = fit(rows, targets).classifier
    entries = [
        ManifestEntry(number=index, text="{}", source=f"s3://p/{index}", labels=("ab"[target],))
        for index, target in enumerate(targets)
    ]
    evaluated = evaluate_classifier(model, rows, entries)
    report = build_summary(evaluated, "arn", 80)
    assert report["AggregatedEvaluationResults"]["F1Score"] > 0.9
    assert len(report["AggregatedEvaluationResults"]["ConfusionMatrix"]) == 4
    assert {result["Label"] for result in report["LabelEvaluationResults"]} == {"a", "b"}
    assert report["LabelEvaluationResults"][0]["Metrics"].keys() == {
        "Precision",
        "Recall",
        "F1Score",
        "Threshold",
    }
    assert build_evaluation_manifest(evaluated, entries).count("is-present-in-ground-truth") == 160


def test_a_label_without_test_photos_has_a_threshold_and_no_metrics() -> None:
    rows, targets = clouds(60, 3)
    model = fit(rows, targets, ("a", "b", "c")).classifier
    kept = np.flatnonzero(targets < 2)
    entries = [
        ManifestEntry(number=int(index), text="{}", source=f"s3://p/{index}", labels=("abc"[targets[index]],))
        for index in kept
    ]
    results = build_summary(evaluate_classifier(model, rows[kept], entries), "arn", 60)[
        "LabelEvaluationResults"
    ]
    assert [result["Metrics"].keys() for result in results if result["Label"] == "c"] == [{"Threshold"}]
