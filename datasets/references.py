"""References of models, from the photos that the models learned from."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from custom_labels.manifest import label_by_folder_if_none_labelled, parse_entries
from datasets.hold_out import photos_from_manifest_uri
from datasets.labelled_photos import LabelledPhoto, photos_from_manifest
from datasets.leakage import majority_label
from datasets.near_duplicates import find_near_duplicates
from datasets.project_datasets import ProjectDatasets
from vision.camera_faults import GROSS_FAULTS, apply_fault
from vision.photo_decoding import PhotoError
from vision.photo_measures import measure_photo
from vision.reference_fitting import fit_reference
from workflow.errors import ConfigurationError, NotFound
from workflow.inspections.inspection import Inspection
from workflow.inspections.model_reference import ModelReference, parse_reference
from workflow.inspections.objects import ObjectStore
from workflow.inspections.photo_guard import explain_unusual
from workflow.models.model import ModelVersion
from workflow.models.reference_update import FaultReplay
from workflow.photos.measures import PhotoMeasures
from workflow.photos.validation_result import MAX_BYTES

REPLAYED_PHOTOS = 30


@dataclass(frozen=True, slots=True)
class MeasuredPhoto:
    """A photo with its part, and its measures as `measure_photo` returns them."""

    photo: LabelledPhoto
    measures: Mapping[str, Any]


def learned_photos(version: ModelVersion) -> list[LabelledPhoto]:
    """Return the photos that a model learned from, by the manifest of its training.

    Raise NotFound if the model's service names no manifest.
    """
    if not version.training_uri:
        raise NotFound(
            f"Model {version.name} names no list of the photos that it learned from: "
            "train it again, or wait until its training has ended"
        )
    return photos_from_manifest_uri(version.training_uri)


def training_photos(project: ProjectDatasets) -> list[LabelledPhoto]:
    """Return the usable photos of a project's data set TRAIN. Raise NotFound without such a data set."""
    arn = project.dataset_arns().get("TRAIN")
    if arn is None:
        raise NotFound(f"Project {project.name} has no data set TRAIN")
    lines = sorted(project.read_lines(arn))
    return photos_from_manifest(label_by_folder_if_none_labelled(parse_entries(lines)), None)


def measure_photos(
    photos: Sequence[LabelledPhoto], progress: Callable[[int], None] = lambda _done: None
) -> list[MeasuredPhoto]:
    """Measure the photos and find those that show one part; each is read once, at its full size.

    Photos keep the part that they have, if all have one; otherwise photos that look alike show one part.
    Photos that are gone or cannot be decoded are left out. `progress` receives the number of
    photos that were read.
    """
    measures: dict[int, Mapping[str, Any]] = {}

    def measuring(index: int, photo: LabelledPhoto) -> LabelledPhoto:
        def read() -> bytes:
            try:
                content = photo.read()
                measures[index] = measure_photo(content)
            except NotFound:
                return b""
            except PhotoError:
                pass
            return content

        return replace(photo, read=read)

    parts = _find_parts([measuring(*item) for item in enumerate(photos)], progress)
    return [MeasuredPhoto(replace(photos[index], part=parts[index]), measures[index]) for index in measures]


def make_reference(model: str, photos: Sequence[MeasuredPhoto], made_at: str) -> ModelReference:
    """Make the reference of the model with this ARN. Raise ConfigurationError for fewer than two parts."""
    by_part: dict[str, list[str]] = defaultdict(list)
    for measured in photos:
        by_part[measured.photo.part].append(measured.photo.label)
    if len(by_part) < 2:
        raise ConfigurationError(
            f"A reference needs photos of at least two parts; {len(by_part)} can be decoded"
        )
    document = fit_reference([photo.measures for photo in photos], [photo.photo.part for photo in photos])
    counts = {
        "photos": Counter(photo.photo.label for photo in photos),
        "parts": Counter(majority_label(labels) for labels in by_part.values()),
    }
    return parse_reference(json.dumps({**document, **counts, "model": model, "made_at": made_at}))


def _find_parts(photos: Sequence[LabelledPhoto], progress: Callable[[int], None]) -> list[str]:
    """Read every photo once and return the name of its part."""
    if not all(photo.part for photo in photos):
        return [str(number) for number in find_near_duplicates(photos, progress).part_numbers()]
    for done, photo in enumerate(photos, 1):
        photo.read()
        progress(done)
    return [photo.part for photo in photos]


def confirmed_photos(rows: Iterable[Inspection], objects: ObjectStore) -> list[LabelledPhoto]:
    """Return the filed photos of inspections, labelled with the verdict of the person who decided them."""
    return [
        LabelledPhoto(name=row.image.key, label=row.decision.verdict.value, read=_reader(row, objects))
        for row in rows
        if row.decision is not None
    ]


def replay_faults(
    photos: Sequence[LabelledPhoto],
    before: ModelReference,
    after: ModelReference,
    progress: Callable[[int], None] = lambda _done: None,
) -> tuple[FaultReplay, ...]:
    """Apply each fault of the camera to some of the photos, and count those that both references stop."""
    stopped: dict[str, list[tuple[bool, bool]]] = {fault: [] for fault in GROSS_FAULTS}
    step = max(1, len(photos) // REPLAYED_PHOTOS)
    for done, photo in enumerate(photos[::step][:REPLAYED_PHOTOS], 1):
        content = photo.read()
        for name, fault in GROSS_FAULTS.items():
            measures = PhotoMeasures(**measure_photo(apply_fault(content, fault)))
            answers = (bool(explain_unusual(measures, reference)) for reference in (before, after))
            stopped[name].append((next(answers), next(answers)))
        progress(done)
    return tuple(
        FaultReplay(
            fault=name,
            tried=len(pairs),
            stopped_before=sum(old for old, _ in pairs),
            stopped_after=sum(new for _, new in pairs),
        )
        for name, pairs in stopped.items()
    )


def _reader(row: Inspection, objects: ObjectStore) -> Callable[[], bytes]:
    def read() -> bytes:
        fetched = objects.fetch(row.location, MAX_BYTES)
        if fetched is None or fetched[1] is None:
            raise NotFound(f"{row.image.key} is gone")
        return fetched[1]

    return read
