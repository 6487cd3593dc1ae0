"""The frozen hold-out: photos that no model has learned from, the same for every model."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from local.custom_labels.manifest import Entry, read_entries
from local.data_sets import uploading
from local.data_sets.photos import LabelledPhoto
from local.labelled_parts import means_ok
from workflow.errors import Conflict, NotFound, PartcheckError
from workflow.inspections.objects import Shelf
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.evaluation import Scored
from workflow.models.promotion import ModelEvent, Record
from workflow.pipeline.detection import Detector, NotReady, Refused, Unreadable

ACTION = "freeze hold-out"
TRIES = 20
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class HoldOut:
    """A manifest in S3 with the hash that was written down when it was frozen."""

    uri: str
    sha256: str


def frozen(record: Record, project: str) -> HoldOut | None:
    """The project's hold-out, or None while there is none."""
    events = [event for event in record.events(ACTION) if event.facts["project"] == project]
    return HoldOut(events[-1].after, events[-1].facts["sha256"]) if events else None


def freeze(
    record: Record,
    project: str,
    photos: Sequence[LabelledPhoto],
    bucket: str,
    stamp: tuple[str, str, str],
    progress: uploading.Progress,
) -> HoldOut:
    """Keep copies of the photos under the hash of their bytes, and write down the hash of their list.

    `stamp` is when, who, and why a hold-out that is frozen already is replaced. Raises Conflict when another
    one is frozen and no reason is given.
    """
    at, who, reason = stamp
    named = [LabelledPhoto(_name(photo), photo.label, photo.read) for photo in photos]
    copies = uploading.upload(named, bucket, f"{project}/hold-out/photos/", progress)
    ordered = sorted(copies, key=lambda photo: (photo.label, photo.source))
    text = uploading.manifest_text(ordered, sorted({one.label for one in ordered}), uploading.LONG_AGO)
    digest = hashlib.sha256(text.encode()).hexdigest()
    standing = frozen(record, project)
    if standing is not None and standing.sha256 == digest:
        return standing
    if standing is not None and not reason:
        raise Conflict(
            f"Project {project} has a frozen hold-out, and these photos are not the same: leave --hold-out "
            "away to use it, or give the reason for a new one with --new-hold-out"
        )
    uri = uploading.put_text(bucket, f"{project}/hold-out/{digest}.manifest", text)
    facts = {"project": project, "sha256": digest, "photos": len(ordered)}
    record.add(ModelEvent(at, who, ACTION, uri, standing.uri if standing else "", reason, facts))
    return HoldOut(uri, digest)


def entries(hold_out: HoldOut) -> list[Entry]:
    """The lines of a hold-out; PartcheckError if it is not what was frozen."""
    content = uploading.get_bytes(hold_out.uri)
    if hashlib.sha256(content).hexdigest() != hold_out.sha256:
        raise PartcheckError(f"{hold_out.uri} was changed since it was frozen: restore its first version")
    return read_entries(content.decode().split("\n"))


def score(
    lines: Sequence[Entry],
    detector: Detector,
    shelf: Shelf,
    policy: RoutingPolicy,
    sleep: Callable[[float], None],
    progress: Callable[[int], None],
) -> list[Scored]:
    """Ask the running model about every photo of the hold-out; a refused photo has no scores."""

    def ask(entry: Entry) -> Scored:
        stored = shelf.newest(entry.place.bucket, entry.place.key)
        if stored is None:
            raise NotFound(f"{entry.source} of the hold-out is gone")
        why = ""
        for _ in range(TRIES):
            answer = detector.custom_labels(stored.image)
            if isinstance(answer, Unreadable):
                raise PartcheckError(f"The model's service may not read {entry.source}: {answer.detail}")
            if not isinstance(answer, NotReady):
                scores = () if isinstance(answer, Refused) else answer.scores
                return Scored(entry.source, truth(entry.labels[0], policy), scores)
            why = answer.why
            sleep(min(1.0, answer.wait_seconds))
        raise PartcheckError(f"The model did not answer about {entry.source}: {why}")

    found: list[Scored] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for scored in pool.map(ask, lines):
            found.append(scored)
            progress(len(found))
    return found


def truth(label: str, policy: RoutingPolicy) -> Verdict:
    """What a label of the hold-out means: by the policy, else by its name."""
    rule = policy.labels.get(label)
    if rule is not None:
        return rule.verdict
    return Verdict.OK if means_ok(label) else Verdict.DEFECT


def keep(bucket: str, project: str, model: str, hold_out: HoldOut, scored: Sequence[Scored]) -> None:
    """Store the scores of a model on a hold-out, so that thresholds can be replayed."""
    lines = [
        {"source": one.source, "truth": one.truth, "scores": [[s.label, s.confidence] for s in one.scores]}
        for one in scored
    ]
    uploading.put_text(bucket, _scores_key(project, model, hold_out), json.dumps(lines))


def kept(bucket: str, project: str, model: str, hold_out: HoldOut) -> list[Scored] | None:
    """The scores that are kept of a model on a hold-out, or None."""
    key = _scores_key(project, model, hold_out)
    if key not in uploading.listing(bucket, key):
        return None
    return [
        Scored(one["source"], Verdict(one["truth"]), tuple(Score(*pair) for pair in one["scores"]))
        for one in json.loads(uploading.get_bytes(f"s3://{bucket}/{key}"))
    ]


def _scores_key(project: str, model: str, hold_out: HoldOut) -> str:
    name = hashlib.sha256(model.encode()).hexdigest()[:16]
    return f"{project}/hold-out/scores/{hold_out.sha256[:16]}/{name}.json"


def _name(photo: LabelledPhoto) -> str:
    suffix = PurePosixPath(photo.name).suffix.lower()
    return f"{photo.label}/{photo.sha256()}{suffix}"
