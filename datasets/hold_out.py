"""The frozen hold-out: photos that no model was trained on, the same for every model."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from custom_labels.manifest import ManifestEntry, label_by_folder_if_none_labelled, parse_entries
from datasets import s3_objects
from datasets.ground_truth import format_manifest
from datasets.labelled_photos import LabelledPhoto, photos_from_manifest
from datasets.upload import UploadProgress, upload_photos
from workflow.errors import ConfigurationError, Conflict, NotFound, PartcheckError
from workflow.inspections.objects import ObjectStore
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.evaluation import ScoredPhoto, true_verdict
from workflow.models.promotion import ModelAction, ModelEvent, ModelEventLog
from workflow.pipeline.detection import Detector, ImageRefused, ImageUnreadable, ModelNotReady

MAX_ATTEMPTS = 20
CONCURRENCY = 4
# All lines of a hold-out have this date, so that equal photos give an equal manifest.
FIXED_CREATION_DATE = "2000-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class HoldOutManifest:
    """A manifest in S3, and the hash that was recorded when it was frozen."""

    uri: str
    sha256: str


def find_frozen(event_log: ModelEventLog, project: str) -> HoldOutManifest | None:
    """Return the project's hold-out, or None if none is frozen."""
    events = [
        event
        for event in event_log.events(ModelAction.FREEZE_HOLD_OUT)
        if event.details["project"] == project
    ]
    return HoldOutManifest(events[-1].after, events[-1].details["sha256"]) if events else None


def photos_from_manifest_uri(uri: str) -> list[LabelledPhoto]:
    """Return the usable photos of a manifest in S3. Raise ConfigurationError if there are none."""
    try:
        lines = s3_objects.read_uri(uri).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{uri} is no manifest: it is not UTF-8") from error
    photos = photos_from_manifest(label_by_folder_if_none_labelled(parse_entries(lines)), None)
    if not photos:
        raise ConfigurationError(f"{uri} names no usable photo")
    return photos


def freeze(
    event_log: ModelEventLog,
    project: str,
    photos: Sequence[LabelledPhoto],
    bucket: str,
    *,
    at: str,
    actor: str,
    reason: str,
    progress: UploadProgress,
) -> HoldOutManifest:
    """Store copies of the photos under the hash of their bytes, and record the hash of their manifest.

    `reason` says why a frozen hold-out is replaced. Raise Conflict if a different one is frozen and there is
    no reason.
    """
    named = [LabelledPhoto(name=_hashed_name(photo), label=photo.label, read=photo.read) for photo in photos]
    copies = upload_photos(named, bucket, f"{project}/hold-out/photos/", progress)
    ordered = sorted(copies, key=lambda photo: (photo.label, photo.source))
    text = format_manifest(ordered, sorted({photo.label for photo in ordered}), FIXED_CREATION_DATE)
    digest = hashlib.sha256(text.encode()).hexdigest()
    current = find_frozen(event_log, project)
    if current is not None and current.sha256 == digest:
        return current
    if current is not None and not reason:
        raise Conflict(
            f"Project {project} has a frozen hold-out with other photos: omit --hold-out "
            "to use it, or give the reason for a new one with --new-hold-out"
        )
    uri = s3_objects.write_text(bucket, f"{project}/hold-out/{digest}.manifest", text)
    event_log.add(
        ModelEvent(
            at=at,
            actor=actor,
            action=ModelAction.FREEZE_HOLD_OUT,
            after=uri,
            before=current.uri if current else "",
            reason=reason,
            details={"project": project, "sha256": digest, "photos": len(ordered)},
        )
    )
    return HoldOutManifest(uri, digest)


def read_frozen_entries(hold_out: HoldOutManifest) -> list[ManifestEntry]:
    """Return the lines of a hold-out. Raise PartcheckError if it was changed since it was frozen."""
    content = s3_objects.read_uri(hold_out.uri)
    if hashlib.sha256(content).hexdigest() != hold_out.sha256:
        raise PartcheckError(f"{hold_out.uri} was changed since it was frozen: restore its first version")
    return parse_entries(content.decode().split("\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutScorer:
    """Asks a running model about the photos of a hold-out; `sleep` waits (seconds) between two attempts."""

    detector: Detector
    objects: ObjectStore
    policy: RoutingPolicy
    sleep: Callable[[float], None]

    def score(self, entries: Sequence[ManifestEntry], progress: Callable[[int], None]) -> list[ScoredPhoto]:
        """Score every photo; a refused photo has no scores. `progress` receives the number of scored photos.

        Raise NotFound if a photo is missing, PartcheckError if the model does not answer.
        """
        results: list[ScoredPhoto] = []
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            for scored in pool.map(self._score_photo, entries):
                results.append(scored)
                progress(len(results))
        return results

    def _score_photo(self, entry: ManifestEntry) -> ScoredPhoto:
        stored = self.objects.get_latest(entry.location.bucket, entry.location.key)
        if stored is None:
            raise NotFound(f"{entry.source} of the hold-out is gone")
        reason = ""
        for _ in range(MAX_ATTEMPTS):
            answer = self.detector.detect_labels(stored.image)
            if isinstance(answer, ImageUnreadable):
                raise PartcheckError(f"The model's service may not read {entry.source}: {answer.detail}")
            if not isinstance(answer, ModelNotReady):
                scores = () if isinstance(answer, ImageRefused) else answer.scores
                return ScoredPhoto(entry.source, true_verdict(entry.labels[0], self.policy), scores)
            reason = answer.reason
            self.sleep(min(1.0, answer.wait_seconds))
        raise PartcheckError(f"The model did not answer about {entry.source}: {reason}")


def save_scores(
    bucket: str, project: str, model: str, hold_out: HoldOutManifest, scored: Sequence[ScoredPhoto]
) -> None:
    """Store a model's scores on a hold-out, so that other thresholds can be evaluated later."""
    lines = [
        {
            "source": photo.source,
            "true_verdict": photo.truth,
            "scores": [[score.label, score.confidence] for score in photo.scores],
        }
        for photo in scored
    ]
    s3_objects.write_text(bucket, _scores_key(project, model, hold_out), json.dumps(lines))


def load_scores(bucket: str, project: str, model: str, hold_out: HoldOutManifest) -> list[ScoredPhoto] | None:
    """Return a model's stored scores on a hold-out, or None."""
    key = _scores_key(project, model, hold_out)
    if key not in s3_objects.list_objects(bucket, key):
        return None
    return [
        ScoredPhoto(
            line["source"], Verdict(line["true_verdict"]), tuple(Score(*pair) for pair in line["scores"])
        )
        for line in json.loads(s3_objects.read_uri(s3_objects.s3_uri(bucket, key)))
    ]


def _scores_key(project: str, model: str, hold_out: HoldOutManifest) -> str:
    name = hashlib.sha256(model.encode()).hexdigest()[:16]
    return f"{project}/hold-out/scores/{hold_out.sha256[:16]}/{name}.json"


def _hashed_name(photo: LabelledPhoto) -> str:
    suffix = PurePosixPath(photo.name).suffix.lower()
    return f"{photo.label}/{photo.sha256()}{suffix}"
