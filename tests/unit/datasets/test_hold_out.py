"""A hold-out is frozen once, stays unchanged, and is scored photo by photo."""

import pytest

from datasets import hold_out
from datasets.hold_out import HoldOutManifest, HoldOutScorer
from datasets.labelled_photos import LabelledPhoto
from tests.fakes import FakeDetector, InMemoryObjectStore
from tests.model_world import InMemoryEventLog
from tests.unit.datasets.bucket_client import BucketClient
from workflow.errors import Conflict, PartcheckError
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.pipeline.detection import ImageRefused, ModelAnswer, ModelNotReady

POLICY = RoutingPolicy(
    version="1", labels={"ok": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.8)}
)


def photo(name: str, content: bytes, label: str = "ok") -> LabelledPhoto:
    return LabelledPhoto(name=name, label=label, read=lambda: content)


def freeze(event_log: InMemoryEventLog, *photos: LabelledPhoto, reason: str = "") -> HoldOutManifest:
    return hold_out.freeze(
        event_log,
        "p",
        photos,
        "b",
        at="2026-01-01T00:00:00.000Z",
        actor="ada",
        reason=reason,
        progress=lambda _done, _unchanged: None,
    )


@pytest.mark.usefixtures("bucket")
def test_a_hold_out_is_frozen_once_and_only_a_reason_replaces_it() -> None:
    event_log, sound, cracked = InMemoryEventLog(), photo("a.jpg", b"1"), photo("b.jpg", b"2", "crack")

    first = freeze(event_log, sound, cracked)

    assert freeze(event_log, cracked, photo("renamed.jpg", b"1")) == first
    assert len(event_log.all) == 1
    with pytest.raises(Conflict, match="--new-hold-out"):
        freeze(event_log, sound)
    second = freeze(event_log, sound, reason="new camera")
    assert hold_out.find_frozen(event_log, "p") == second != first
    assert hold_out.find_frozen(event_log, "q") is None


def test_a_hold_out_that_was_changed_is_not_used(bucket: BucketClient) -> None:
    frozen = freeze(InMemoryEventLog(), photo("a.jpg", b"1"))
    bucket.objects[frozen.uri.removeprefix("s3://b/")] = (b"{}", {})

    with pytest.raises(PartcheckError, match="was changed since it was frozen"):
        hold_out.read_frozen_entries(frozen)


@pytest.mark.usefixtures("bucket")
def test_every_photo_is_scored_and_a_busy_model_is_asked_again() -> None:
    frozen = freeze(InMemoryEventLog(), photo("a.jpg", b"1"), photo("b.jpg", b"2", "crack"))
    entries, objects = hold_out.read_frozen_entries(frozen), InMemoryObjectStore()
    for entry in entries:
        objects.upload(entry.location.bucket, entry.location.key, b"photo")
    answer = ModelAnswer((Score("ok", 0.9), Score("crack", 0.1)), "m")
    detector = FakeDetector(ModelNotReady("busy", 10), answer, ImageRefused("code", "why"))
    scorer = HoldOutScorer(detector=detector, objects=objects, policy=POLICY, sleep=lambda _seconds: None)

    scored = scorer.score(entries[:1], lambda _done: None)
    scored += scorer.score(entries[1:], lambda _done: None)

    assert {result.truth for result in scored} == {Verdict.OK, Verdict.DEFECT}
    assert sorted(len(result.scores) for result in scored) == [0, 2]
    hold_out.save_scores("b", "p", "m", frozen, scored)
    assert hold_out.load_scores("b", "p", "m", frozen) == scored
    assert hold_out.load_scores("b", "p", "another", frozen) is None
