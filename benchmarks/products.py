"""Measure the local model on products that differ: six generated ones, and any folder of real photos.

    .venv/bin/python -m benchmarks.products [FOLDER ...] [--sizes 30 100] [--draws 3] [--parts 260]
    .venv/bin/python -m benchmarks.products --intervals 200

FOLDER holds one folder of photos for each label, or train/ and test/ with such folders. Photos of one part
never stand on both sides. The first form trains on draws with fixed seeds and prints quality, automatic share
and errors on the photos that no draw learns from. --intervals trains on so many sets of small photos, each
generated anew, and counts how often the errors on further parts lie in the interval that the training
predicts. --cache keeps the features of a product for the next run. --json prints each draw as a line.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from benchmarks.host import describe_host
from benchmarks.product_banks import (
    Floats,
    Ints,
    ProductBank,
    generate_bank,
    load_or_make,
    read_bank,
    small_bank,
)
from benchmarks.product_photos import PRODUCTS
from custom_labels.evaluation import describe_training
from custom_labels.fitting import TrainingExamples, fit_classifier, join_blocks
from custom_labels.malloc_settings import configure_malloc
from vision.classifier import PhotoClassifier
from vision.feature_blocks import FeatureBlock
from workflow.inspections.default_label_rules import is_ok_label
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.evaluation import (
    ErrorRates,
    OutOfFoldPhoto,
    ScoredPhoto,
    measure_rates,
    parse_out_of_fold,
)
from workflow.models.expected_errors import compute_expected_errors
from workflow.models.threshold_proposal import propose_thresholds
from workflow.proportion import Proportion

BINS = 10
CONFIDENT = 0.8
SMALL_SIDE = 64
LEARNED, HELD_BACK = 60, 60  # parts of each label for a check of intervals
RATES = ("escapes", "false_alarms", "unclear")
COLUMNS = ("accuracy", "area", "log_loss", "calibration_error", "automatic", "wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawMeasurement:
    """One draw, measured on the held-back photos. Rates count parts, at 0.8 and at the first policy."""

    product: str
    size: int
    seed: int
    model: str
    seconds: float
    quality: dict[str, float]
    rates: ErrorRates
    thresholds: tuple[float, ...]
    first_rates: ErrorRates


def score_quality(bank: ProductBank, rows: Ints, scores: Floats) -> dict[str, float]:
    """Measure scores (photos × labels) of the photos at these rows."""
    targets, predicted, confidence = bank.targets[rows], scores.argmax(axis=1), scores.max(axis=1)
    right, sure = predicted == targets, confidence >= CONFIDENT
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(float((right - confidence)[bins == number].sum())) for number in np.unique(bins)]
    sound = np.array([is_ok_label(label) for label in bank.labels])
    return {
        "accuracy": float(right.mean()),
        "area": float(roc_auc_score(sound[targets], scores[:, sound].sum(axis=1))),
        "log_loss": float(-np.log(np.clip(scores[np.arange(len(rows)), targets], 1e-9, 1)).mean()),
        "calibration_error": sum(gaps) / len(rows),
        "automatic": float(sure.mean()),
        "wrong": float((~right[sure]).mean()) if sure.any() else 0.0,
    }


def scored_photos(bank: ProductBank, rows: Ints, scores: Floats) -> list[ScoredPhoto]:
    """Return the photos at these rows with their true verdict, their scores and their part."""
    verdicts = [Verdict.OK if is_ok_label(label) else Verdict.DEFECT for label in bank.labels]
    return [
        ScoredPhoto(
            source=str(row),
            truth=verdicts[bank.targets[row]],
            scores=tuple(Score(*pair) for pair in zip(bank.labels, vector.clip(0, 1).tolist(), strict=True)),
            part=str(bank.parts[row]),
        )
        for row, vector in zip(rows, scores, strict=True)
    ]


def train(examples: TrainingExamples) -> tuple[PhotoClassifier, list[OutOfFoldPhoto], str]:
    """Train as the service does. Return the model, its report out of fold, and its kind and blocks."""
    fitted = fit_classifier(examples, lambda _progress: None)
    report = describe_training(fitted, examples)
    words = f"{report['Model']['Kind']}: {', '.join(report['Model']['Features'])}"
    return fitted.classifier, list(parse_out_of_fold(report["OutOfFold"])), words


def first_policy(bank: ProductBank, photos: Sequence[OutOfFoldPhoto]) -> RoutingPolicy:
    """Return the policy with the thresholds that a training proposes."""
    thresholds = propose_thresholds(photos, bank.policy())
    return bank.policy(thresholds.get(Verdict.OK, 0.8), thresholds.get(Verdict.DEFECT, 0.8))


def measure_draw(bank: ProductBank, size: int, seed: int) -> DrawMeasurement:
    """Train on one draw and measure the model on the photos that are held back."""
    examples = bank.examples(bank.draw(size, seed))
    began = time.process_time()
    model, photos, words = train(examples)
    seconds = time.process_time() - began
    rows = np.flatnonzero(bank.held_back)
    scores = model.predict_probabilities(join_blocks(bank.select(rows), model.blocks))
    scored, first = scored_photos(bank, rows, scores), first_policy(bank, photos)
    return DrawMeasurement(
        product=bank.name,
        size=size,
        seed=seed,
        model=words,
        seconds=seconds,
        quality=score_quality(bank, rows, scores),
        rates=measure_rates(scored, bank.policy()),
        thresholds=tuple(rule.threshold for rule in first.labels.values()),
        first_rates=measure_rates(scored, first),
    )


def check_intervals(seed: int) -> dict[str, tuple[int, int, int, int]]:
    """Train on freshly generated parts and hold back others of the product.

    Return for each rate the least and the largest predicted count, the count that came, and of how many.
    """
    bank = small_bank(PRODUCTS[seed % len(PRODUCTS)], seed, LEARNED, HELD_BACK, SMALL_SIDE)
    learned, held_back = np.flatnonzero(~bank.held_back), np.flatnonzero(bank.held_back)
    examples = TrainingExamples(
        features=bank.select(learned),
        targets=bank.targets[learned],
        parts=np.unique(bank.parts[learned], return_inverse=True)[1],
        labels=bank.labels,
        colour=False,
    )
    model, photos, _ = train(examples)
    scores = model.predict_probabilities(bank.features[FeatureBlock.WHOLE][held_back])
    scored = scored_photos(bank, held_back, scores)
    results = {}
    for name, policy in (("0.8", bank.policy()), ("the first policy", first_policy(bank, photos))):
        expected, came = compute_expected_errors(photos, policy), measure_rates(scored, policy)
        assert expected is not None
        for rate in RATES:
            predicted, found = getattr(expected.rates, rate), getattr(came, rate)
            results[f"{rate} at {name}"] = (*predicted.predict_count(found.total), found.count, found.total)
    return results


def configure_worker() -> None:
    """Set the memory allocator, and use one thread of linear algebra in each process."""
    configure_malloc()
    threadpool_limits(1)


def print_intervals(count: int, as_json: bool) -> None:
    with ProcessPoolExecutor(initializer=configure_worker) as pool:
        checked = list(pool.map(check_intervals, range(count)))
    print("| Rate | Inside the predicted interval | Above it | Mean width |\n|---|---|---|---|")
    for name in checked[0]:
        draws = [result[name] for result in checked]
        inside = sum(low <= came <= high for low, high, came, _ in draws)
        above = sum(came > high for _, high, came, _ in draws)
        width = fmean((high - low) / total for low, high, _, total in draws)
        print(f"| {name.replace('_', ' ')} | {inside} of {len(draws)} | {above} | {width:.1%} |")
    if as_json:
        print(json.dumps(checked))


def print_draws(measurements: Sequence[DrawMeasurement]) -> None:
    """Print the means over the draws, and the summed errors by part with their 95 % intervals."""
    groups = defaultdict(list)
    for measurement in measurements:
        groups[measurement.product, measurement.size].append(measurement)
    print(
        "| Product, parts a label | accuracy | area | log loss | calibration error | automatic "
        "| wrong among automatic | escapes | ok called defect | first policy | its escapes | its unclear |"
    )
    print("|---|" + "---|" * 11)
    for (product, size), draws in groups.items():
        accuracy, area, loss, error, automatic, wrong = (
            fmean(draw.quality[column] for draw in draws) for column in COLUMNS
        )
        thresholds = " · ".join("/".join(f"{value:.2f}" for value in draw.thresholds) for draw in draws)
        rates = [
            format_rate([getattr(getattr(draw, kind), rate) for draw in draws])
            for kind, rate in (
                ("rates", "escapes"),
                ("rates", "false_alarms"),
                ("first_rates", "escapes"),
                ("first_rates", "unclear"),
            )
        ]
        print(
            f"| {product} {size} | {accuracy:.3f} | {area:.3f} | {loss:.3f} | {error:.3f} | {automatic:.0%} "
            f"| {wrong:.1%} | {rates[0]} | {rates[1]} | {thresholds} | {rates[2]} | {rates[3]} |"
        )


def format_rate(rates: Sequence[Proportion]) -> str:
    """Return the mean share over the draws, with the interval of one draw's number of parts."""
    mean = fmean(rate.count for rate in rates)
    low, high = Proportion(round(mean), rates[0].total).confidence_interval
    return f"{mean:.1f} of {rates[0].total} ({low:.1%}–{high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.products", description=__doc__)
    parser.add_argument("folders", metavar="FOLDER", nargs="*", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100], help="parts of each label")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--parts", type=int, default=260, help="generated parts of each label")
    parser.add_argument("--intervals", type=int, default=0)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    threadpool_limits(1)
    print(describe_host())
    if options.intervals:
        print_intervals(options.intervals, options.json)
        return
    measurements = []
    with ProcessPoolExecutor(initializer=configure_worker) as pool:
        makers = {
            product.name: partial(generate_bank, product, number, options.parts, pool)
            for number, product in enumerate(PRODUCTS)
        } | {folder.name: partial(read_bank, folder, pool) for folder in options.folders}
        for name, make in makers.items():
            bank = load_or_make(options.cache, name, make)
            draws = [(size, seed) for size in options.sizes for seed in range(options.draws)]
            measurements += pool.map(partial(measure_draw, bank), *zip(*draws, strict=True))
    print_draws(measurements)
    if options.json:
        for measurement in measurements:
            print(json.dumps(asdict(measurement)))


if __name__ == "__main__":
    main()
