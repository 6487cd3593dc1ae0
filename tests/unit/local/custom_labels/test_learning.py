"""Fitting, calibration, thresholds, look-alikes, on numbers made for it."""

from pathlib import Path

import numpy as np
import pytest

from local.custom_labels.calibration import best_f1_threshold, calibrate
from local.custom_labels.classifier import Array, load_classifier, scaling_of
from local.custom_labels.evaluation import evaluate, snapshot, summary
from local.custom_labels.fitting import Examples, fit
from local.custom_labels.lookalikes import Indices, lookalike_groups
from local.custom_labels.manifest import Entry
from local.custom_labels.splitting import Pictures, set_aside


def clouds(
    count: int, labels: int, seed: int = 0, width: int = 12, apart: float = 2.0
) -> tuple[Array, Indices]:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((labels, width)) * apart
    targets = np.arange(count) % labels
    return centres[targets] + random.standard_normal((count, width)), targets


def silent(_: str) -> None:
    """Nobody listens to the progress."""


@pytest.mark.parametrize("labels", [2, 3, 8])
def test_labels_that_can_be_told_apart_are_learnt(labels: int) -> None:
    rows, targets = clouds(160, labels)
    names = tuple(f"label {number}" for number in range(labels))
    model = fit(Examples(rows, targets, names, False), silent)

    fresh, truth = clouds(200, labels, seed=1)
    scores = model.probabilities(fresh)
    assert (scores.argmax(axis=1) == truth).mean() > 0.95
    assert np.allclose(scores.sum(axis=1), 1)
    assert all(0 < threshold < 1 for threshold in model.thresholds)


def test_labels_that_cannot_be_told_apart_are_not_claimed_with_confidence() -> None:
    rows, targets = clouds(200, 2, apart=0.0)
    model = fit(Examples(rows, targets, ("a", "b"), False), silent)
    fresh, _ = clouds(200, 2, seed=1, apart=0.0)
    assert (model.probabilities(fresh).max(axis=1) > 0.8).mean() < 0.1


def test_a_skewed_set_keeps_its_prior_and_still_finds_the_rare_label() -> None:
    rows, targets = clouds(400, 2)
    kept = np.flatnonzero((targets == 0) | (np.arange(400) < 40))
    model = fit(Examples(rows[kept], targets[kept], ("ok", "defect"), False), silent)
    fresh, truth = clouds(200, 2, seed=1)
    assert (model.probabilities(fresh).argmax(axis=1) == truth)[truth == 1].mean() > 0.9


@pytest.mark.parametrize("count", [2, 4])
def test_a_handful_of_photos_trains_a_cautious_model(count: int) -> None:
    rows, targets = clouds(count, 2)
    model = fit(Examples(rows, targets, ("a", "b"), False), silent)
    assert np.isfinite(model.probabilities(rows)).all()


def test_a_saved_model_gives_the_same_answers(tmp_path: Path) -> None:
    rows, targets = clouds(60, 3)
    model = fit(Examples(rows, targets, ("a", "b", "ü"), True), silent)
    model.save(tmp_path / "model.npz")
    again = load_classifier(tmp_path / "model.npz")
    assert again.labels == model.labels
    assert again.colour
    assert np.array_equal(again.probabilities(rows), model.probabilities(rows))
    assert list(tmp_path.iterdir()) == [tmp_path / "model.npz"]


def test_calibration_blunts_what_was_too_sure() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 2000)
    said = np.where(random.random(2000) < 0.8, truth, 1 - truth)
    logits = np.where(np.arange(2) == said[:, None], 9.0, 0.0)
    assert calibrate(logits, truth, 2)(logits).max(axis=1).mean() == pytest.approx(0.8, abs=0.02)


def test_the_threshold_lies_in_the_middle_of_the_gap() -> None:
    scores, belongs = np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, True, False, False])
    assert best_f1_threshold(scores, belongs) == pytest.approx(0.6)
    assert best_f1_threshold(np.full(4, 0.5), belongs) == pytest.approx(0.25)


def test_near_copies_are_grouped_and_different_parts_are_not() -> None:
    parts, _ = clouds(30, 2, width=40)
    random = np.random.default_rng(1)
    copies = np.repeat(parts, 3, axis=0) + 0.02 * random.standard_normal((90, 40))
    targets = np.repeat(np.arange(30) % 2, 3)
    groups = lookalike_groups(scaling_of(copies)(copies), targets)
    assert [len(set(groups[place : place + 3])) for place in range(0, 90, 3)] == [1] * 30
    assert len(set(groups)) > 20


def test_copies_do_not_stand_on_both_sides_of_the_test() -> None:
    parts, _ = clouds(40, 2, width=40)
    rows = np.repeat(parts, 2, axis=0) + 0.01
    labels = ["ok" if place % 4 < 2 else "defect" for place in range(80)]
    entries = [
        Entry(place, "", f"s3://parts/{place // 2}-{place}.jpg", (label,))
        for place, label in enumerate(labels)
    ]
    seen, unseen = set_aside(Pictures(entries, rows))
    names = [{entry.source.split("-")[0] for entry in side.entries} for side in (seen, unseen)]
    assert not names[0] & names[1]
    assert len(seen.entries) + len(unseen.entries) == 80
    assert {label for entry in unseen.entries for label in entry.labels} == {"ok", "defect"}


def test_the_evaluation_counts_what_it_says() -> None:
    rows, targets = clouds(80, 2)
    model = fit(Examples(rows, targets, ("a", "b"), False), silent)
    entries = [Entry(place, "{}", f"s3://p/{place}", ("ab"[target],)) for place, target in enumerate(targets)]
    judged = evaluate(model, rows, entries)
    report = summary(judged, "arn", 80)
    assert report["AggregatedEvaluationResults"]["F1Score"] > 0.9
    assert len(report["AggregatedEvaluationResults"]["ConfusionMatrix"]) == 4
    assert {result["Label"] for result in report["LabelEvaluationResults"]} == {"a", "b"}
    assert report["LabelEvaluationResults"][0]["Metrics"].keys() == {
        "Precision",
        "Recall",
        "F1Score",
        "Threshold",
    }
    assert snapshot(judged, entries).count("is-present-in-ground-truth") == 160


def test_a_label_without_test_photos_has_a_threshold_and_no_figures() -> None:
    rows, targets = clouds(60, 3)
    model = fit(Examples(rows, targets, ("a", "b", "c"), False), silent)
    kept = np.flatnonzero(targets < 2)
    entries = [Entry(int(place), "{}", f"s3://p/{place}", ("abc"[targets[place]],)) for place in kept]
    results = summary(evaluate(model, rows[kept], entries), "arn", 60)["LabelEvaluationResults"]
    assert [result["Metrics"].keys() for result in results if result["Label"] == "c"] == [{"Threshold"}]
