"""One training, in a process of its own: from manifest to model, with its progress on standard output."""

import time
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from local.custom_labels import evaluation, jobs, manifest_rules, reports
from local.custom_labels.allocator import keep_freed_buffers
from local.custom_labels.classifier import Classifier
from local.custom_labels.faults import Fault
from local.custom_labels.fitting import Examples, fit
from local.custom_labels.jobs import DataSource, Job, Outcome
from local.custom_labels.manifest import Entry, named_by_folder, read_entries
from local.custom_labels.manifest_rules import Manifest, ManifestRefused
from local.custom_labels.objects import Objects, Place
from local.custom_labels.reading import have_colour, read_all, reading_room
from local.custom_labels.reports import Reports, Verdict
from local.custom_labels.splitting import Pictures, set_aside

LARGEST_MANIFEST = 1024**3
FEWEST_TO_SPLIT = 2


def run(folder: Path) -> None:
    job = jobs.read_job(folder)
    keep_freed_buffers()
    objects = Objects(job.region, job.endpoint)
    started = time.monotonic()
    with reading_room(objects) as pool:
        try:
            outcome = train(job, folder, Reports(objects, job), pool)
        except ManifestRefused as refusal:
            outcome = Outcome(False, str(refusal))
        except Fault as fault:
            outcome = Outcome(False, f"Training stopped, because {fault.message}")
    about = outcome.about
    if outcome.completed:
        about = about | {"BillableTrainingTimeInSeconds": max(1, round(time.monotonic() - started))}
    jobs.write_outcome(folder, replace(outcome, about=about))


def train(job: Job, folder: Path, written: Reports, pool: Executor) -> Outcome:
    """Read both sets, refuse what AWS would refuse, learn, judge on the test photos, write the reports."""
    training, testing = _manifests(job, folder, written.objects)
    _judge(training, testing, images_read=False).insist()
    colour = have_colour(pool, training.usable)
    training, seen = _pictures(training, colour, pool, "training", printed=testing is None)
    unseen = None
    if testing is not None:
        testing, unseen = _pictures(testing, colour, pool, "test")
    verdict = _judge(training, testing, images_read=True)
    if unseen is None and not verdict.codes:
        seen, unseen = set_aside(seen)
    about = written.write_validation(training, testing or Manifest(unseen.entries if unseen else []), verdict)
    if unseen is None or verdict.codes:
        return Outcome(False, str(ManifestRefused(verdict.codes[0])), about)
    model = fit(_examples(seen, colour), _say)
    model.save(folder / jobs.MODEL)
    return Outcome(
        True, "The model is ready to run.", about | _report(job, written, model, seen, unseen, about)
    )


def _report(
    job: Job, written: Reports, model: Classifier, seen: Pictures, unseen: Pictures, about: dict[str, Any]
) -> dict[str, Any]:
    judged = evaluation.evaluate(model, unseen.features, unseen.entries)
    results = evaluation.summary(judged, job.version_arn, len(seen.entries))
    trained_on = "".join(f"{entry.text}\n" for entry in seen.entries)
    training = written.write_lines("training_manifest.json", trained_on)
    testing = written.write_lines("evaluation_manifest.json", evaluation.snapshot(judged, unseen.entries))
    return {
        "TrainingEndTimestamp": time.time(),
        "EvaluationResult": {
            "F1Score": results["AggregatedEvaluationResults"]["F1Score"],
            "Summary": written.write_json(written.summary_name(), results),
        },
        "TrainingDataResult": about["TrainingDataResult"] | reports.outputs(training),
        "TestingDataResult": about["TestingDataResult"] | reports.outputs(testing),
    }


def _manifests(job: Job, folder: Path, objects: Objects) -> tuple[Manifest, Manifest | None]:
    training = Manifest(named_by_folder(_entries(job.train, folder, objects)))
    if job.test is None:
        return training, None
    return training, Manifest(named_by_folder(_entries(job.test, folder, objects)))


def _entries(source: DataSource, folder: Path, objects: Objects) -> list[Entry]:
    if source.file:
        return read_entries((folder / source.file).read_text(encoding="utf-8").split("\n"))
    try:
        data = objects.read(Place.of(source.manifest or {}), LARGEST_MANIFEST)
        return read_entries(data.decode("utf-8-sig").split("\n"))
    except (Fault, UnicodeDecodeError) as error:
        code = "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"
        if isinstance(error, Fault) and error.code == "ImageTooLargeException":
            code = "ERROR_MANIFEST_SIZE_TOO_LARGE"
        raise ManifestRefused(code) from error


def _judge(training: Manifest, testing: Manifest | None, images_read: bool) -> Verdict:
    problems = training.problems(images_read)
    if testing is not None:
        across = manifest_rules.overlap_problems(training, testing, images_read)
        return Verdict(problems, testing.problems(images_read), across)
    if any(count < FEWEST_TO_SPLIT for count in training.label_counts().values()):
        problems = [*problems, "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"]
    return Verdict(problems, [], [])


def _pictures(
    manifest: Manifest, colour: bool, pool: Executor, role: str, printed: bool = False
) -> tuple[Manifest, Pictures]:
    wanted = manifest.usable

    def progress(done: int) -> None:
        if done % 20 == 0 or done == len(wanted):
            _say(f"Reading the {role} photos, {done} of {len(wanted)}.")

    reading = read_all(pool, wanted, colour, printed, progress)
    lost = {entry.number for place, entry in enumerate(wanted) if place not in reading.features}
    read = [place for place in range(len(wanted)) if place in reading.features]
    entries = [
        entry.with_error("ERROR_INVALID_IMAGE") if entry.number in lost else entry
        for entry in manifest.entries
    ]
    pictures = Pictures([wanted[place] for place in read], reading.array(read), reading.printed(read))
    return Manifest(entries), pictures


def _examples(pictures: Pictures, colour: bool) -> Examples:
    """A photo with several labels stands once under each."""
    labels = sorted({label for entry in pictures.entries for label in entry.labels})
    pairs = [
        (row, labels.index(label)) for row, entry in enumerate(pictures.entries) for label in entry.labels
    ]
    rows, targets = np.array(pairs).T
    return Examples(pictures.features[rows], targets, tuple(labels), colour)


def _say(message: str) -> None:
    print(message, flush=True)  # noqa: T201
