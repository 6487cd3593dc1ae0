"""One training in its own process: from manifest to model, with its progress on standard output."""

import time
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from custom_labels import evaluation, manifest_rules, training_job
from custom_labels.errors import ServiceError
from custom_labels.feature_extraction import FeatureSettings, choose_settings, extract_all, start_workers
from custom_labels.fitting import FittedClassifier, TrainingExamples, fit_classifier, join_blocks
from custom_labels.malloc_settings import configure_malloc
from custom_labels.manifest import ManifestEntry, label_by_folder_if_none_labelled, parse_entries
from custom_labels.manifest_rules import (
    MAX_MANIFEST_BYTES,
    MIN_IMAGES_PER_LABEL_TO_SPLIT,
    Manifest,
    ManifestRejected,
)
from custom_labels.s3_storage import S3Storage, parse_s3_object
from custom_labels.train_test_split import PhotoSet, split_train_test
from custom_labels.training_job import DatasetSource, TrainingInput, TrainingOutcome
from custom_labels.training_reports import ManifestProblems, TrainingReports, output_assets


def run_training(folder: Path) -> None:
    """Train with the input in `folder` and write its outcome there."""
    inputs = training_job.read_input(folder)
    configure_malloc()
    storage = S3Storage(inputs.region, inputs.endpoint)
    started = time.monotonic()
    with start_workers(storage) as pool:
        try:
            outcome = train_model(inputs, folder, TrainingReports(storage, inputs), pool)
        except ManifestRejected as error:
            outcome = TrainingOutcome(False, str(error))
        except ServiceError as error:
            outcome = TrainingOutcome(False, f"Training stopped, because {error.message}")
    details = outcome.details
    if outcome.completed:
        details = details | {"BillableTrainingTimeInSeconds": max(1, round(time.monotonic() - started))}
    training_job.write_outcome(folder, replace(outcome, details=details))


def train_model(
    inputs: TrainingInput, folder: Path, reports: TrainingReports, pool: Executor
) -> TrainingOutcome:
    """Read both sets, validate them by AWS's rules, fit and save the model, evaluate it, write the reports.

    Raise ManifestRejected if a manifest is invalid, ServiceError if S3 fails.
    """
    training, testing = _read_manifests(inputs, folder, reports.storage)
    _validate(training, testing, images_read=False).raise_first()
    settings = choose_settings(pool, training.usable_entries)
    training, train_photos = _extract(training, settings, pool, "training")
    test_photos = None
    if testing is not None:
        testing, test_photos = _extract(testing, settings, pool, "test")
    problems = _validate(training, testing, images_read=True)
    if test_photos is None and not problems.codes:
        train_photos, test_photos = split_train_test(train_photos)
    tested = testing or Manifest(test_photos.entries if test_photos else [])
    details = reports.write_validation(training, tested, problems)
    if test_photos is None or problems.codes:
        return TrainingOutcome(False, str(ManifestRejected(problems.codes[0])), details)
    examples = _to_examples(train_photos, settings.colour)
    fitted = fit_classifier(examples, _print_progress)
    fitted.classifier.save(folder / training_job.MODEL_FILE)
    details |= _write_reports(inputs, reports, (fitted, examples), (train_photos, test_photos), details)
    return TrainingOutcome(True, "The model is ready to run.", details)


def _write_reports(
    inputs: TrainingInput,
    reports: TrainingReports,
    trained: tuple[FittedClassifier, TrainingExamples],
    sets: tuple[PhotoSet, PhotoSet],
    details: dict[str, Any],
) -> dict[str, Any]:
    """Evaluate the model and write its reports; returns members of the model's description."""
    train_photos, test_photos = sets
    model = trained[0].classifier
    features = join_blocks(test_photos.features, model.blocks)
    evaluated = evaluation.evaluate_classifier(model, features, test_photos.entries)
    summary = evaluation.build_summary(evaluated, inputs.version_arn, len(train_photos.entries))
    summary |= evaluation.describe_training(*trained)
    train_lines = "".join(f"{entry.text}\n" for entry in train_photos.entries)
    training = reports.write_lines("training_manifest.json", train_lines)
    test_lines = evaluation.build_evaluation_manifest(evaluated, test_photos.entries)
    testing = reports.write_lines("evaluation_manifest.json", test_lines)
    return {
        "TrainingEndTimestamp": time.time(),
        "EvaluationResult": {
            "F1Score": summary["AggregatedEvaluationResults"]["F1Score"],
            "Summary": reports.write_json(reports.summary_name(), summary),
        },
        "TrainingDataResult": details["TrainingDataResult"] | output_assets(training),
        "TestingDataResult": details["TestingDataResult"] | output_assets(testing),
    }


def _read_manifests(
    inputs: TrainingInput, folder: Path, storage: S3Storage
) -> tuple[Manifest, Manifest | None]:
    training = Manifest(label_by_folder_if_none_labelled(_read_entries(inputs.train, folder, storage)))
    if inputs.test is None:
        return training, None
    return training, Manifest(label_by_folder_if_none_labelled(_read_entries(inputs.test, folder, storage)))


def _read_entries(source: DatasetSource, folder: Path, storage: S3Storage) -> list[ManifestEntry]:
    if source.file:
        return parse_entries((folder / source.file).read_text(encoding="utf-8").split("\n"))
    try:
        data = storage.read(parse_s3_object(source.manifest or {}), MAX_MANIFEST_BYTES)
        return parse_entries(data.decode("utf-8-sig").split("\n"))
    except (ServiceError, UnicodeDecodeError) as error:
        code = manifest_rules.UNREADABLE_MANIFEST
        if isinstance(error, ServiceError) and error.code == "ImageTooLargeException":
            code = "ERROR_MANIFEST_SIZE_TOO_LARGE"
        raise ManifestRejected(code) from error


def _validate(training: Manifest, testing: Manifest | None, images_read: bool) -> ManifestProblems:
    problems = training.find_problems(images_read)
    if testing is not None:
        across = manifest_rules.find_overlap_problems(training, testing, images_read)
        return ManifestProblems(problems, testing.find_problems(images_read), across)
    if any(count < MIN_IMAGES_PER_LABEL_TO_SPLIT for count in training.count_labels().values()):
        problems = [*problems, "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"]
    return ManifestProblems(problems, [], [])


def _extract(
    manifest: Manifest, settings: FeatureSettings, pool: Executor, role: str
) -> tuple[Manifest, PhotoSet]:
    """Extract the features.

    Return the manifest with the errors of unreadable images, and the readable photos.
    """
    usable = manifest.usable_entries

    def progress(done: int) -> None:
        if done % 20 == 0 or done == len(usable):
            _print_progress(f"Reading the {role} photos, {done} of {len(usable)}.")

    extracted = extract_all(pool, usable, settings, progress)
    readable = [index for index in range(len(usable)) if index in extracted.features]
    unreadable = {entry.number for index, entry in enumerate(usable) if index not in extracted.features}
    entries = [
        entry.with_error("ERROR_INVALID_IMAGE") if entry.number in unreadable else entry
        for entry in manifest.entries
    ]
    photos = PhotoSet(
        entries=[usable[index] for index in readable],
        features=extracted.feature_matrices(readable),
        fingerprints=extracted.fingerprint_matrix(readable),
    )
    return Manifest(entries), photos


def _to_examples(photos: PhotoSet, colour: bool) -> TrainingExamples:
    """Build the examples; a photo with several labels appears once for each label."""
    labels = sorted({label for entry in photos.entries for label in entry.labels})
    pairs = [(row, labels.index(label)) for row, entry in enumerate(photos.entries) for label in entry.labels]
    rows, targets = np.array(pairs).T
    return TrainingExamples(
        features={block: values[rows] for block, values in photos.features.items()},
        targets=targets,
        parts=photos.parts()[rows],
        labels=tuple(labels),
        colour=colour,
    )


def _print_progress(message: str) -> None:
    print(message, flush=True)  # noqa: T201
