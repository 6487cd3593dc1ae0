import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.data_sets import hold_out, uploading
from local.data_sets.photos import LabelledPhoto
from tests.fakes import FakeDetector, MemoryShelf
from tests.model_world import MemoryRecord
from workflow.errors import Conflict, PartcheckError
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.pipeline.detection import NotReady, Refused, Scores

POLICY = RoutingPolicy("1", {"ok": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.8)})


class Bucket:
    """The part of S3's client that uploading needs; `encrypted` ETags are no MD5."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.puts: list[str] = []
        self.encrypted = False

    def put_object(self, Bucket: str, Key: str, Body: bytes, Metadata: dict[str, str] | None = None) -> None:  # noqa: N803
        self.puts.append(Key)
        self.objects[Key] = (Body, Metadata or {})

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        import io

        return {"Body": io.BytesIO(self.objects[Key][0])}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"Metadata": self.objects[Key][1]}

    def get_paginator(self, _operation: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        found = [
            {"Key": key, "Size": len(body), "ETag": f'"{self._etag(body)}"'}
            for key, (body, _) in self.objects.items()
            if key.startswith(Prefix)
        ]
        return [{"Contents": found}] if found else [{}]

    def _etag(self, body: bytes) -> str:
        return "0" * 32 if self.encrypted else hashlib.md5(body, usedforsecurity=False).hexdigest()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket = Bucket()
    monkeypatch.setattr(uploading, "client", lambda _service: bucket)
    return bucket


def photo(name: str, content: bytes, label: str = "ok") -> LabelledPhoto:
    return LabelledPhoto(name, label, lambda: content)


def sent(bucket: Bucket, *photos: LabelledPhoto) -> list[str]:
    bucket.puts.clear()
    uploading.upload(photos, "b", "p/photos/", lambda _done, _kept: None)
    return sorted(bucket.puts)


@pytest.mark.parametrize("encrypted", [False, True])
def test_only_what_is_missing_or_different_is_sent(bucket: Bucket, encrypted: bool) -> None:
    bucket.encrypted = encrypted
    first, second = photo("ok/1.jpg", b"one"), photo("ok/2.jpg", b"two")

    assert sent(bucket, first) == ["p/photos/ok/1.jpg"]
    assert sent(bucket, first, second) == ["p/photos/ok/2.jpg"]
    assert sent(bucket, first, photo("ok/2.jpg", b"TWO")) == ["p/photos/ok/2.jpg"]
    assert sent(bucket, first) == []


def test_photos_that_lie_in_a_bucket_stay_where_they_are(bucket: Bucket) -> None:
    there = LabelledPhoto("1.jpg", "ok", lambda: b"", "s3://other/1.jpg")

    assert sent(bucket, there) == []


def freeze(record: MemoryRecord, *photos: LabelledPhoto, reason: str = "") -> hold_out.HoldOut:
    stamp = ("2026-01-01T00:00:00.000Z", "ada", reason)
    return hold_out.freeze(record, "p", photos, "b", stamp, lambda _done, _kept: None)


def test_a_hold_out_is_frozen_once_and_only_a_reason_replaces_it(bucket: Bucket) -> None:
    record, one, two = MemoryRecord(), photo("a.jpg", b"1"), photo("b.jpg", b"2", "crack")

    first = freeze(record, one, two)

    assert freeze(record, two, photo("renamed.jpg", b"1")) == first
    assert len(record.all) == 1
    with pytest.raises(Conflict, match="--new-hold-out"):
        freeze(record, one)
    second = freeze(record, one, reason="new camera")
    assert hold_out.frozen(record, "p") == second != first
    assert hold_out.frozen(record, "q") is None


def test_a_hold_out_that_was_changed_is_not_used(bucket: Bucket) -> None:
    frozen = freeze(MemoryRecord(), photo("a.jpg", b"1"))
    bucket.objects[frozen.uri.removeprefix("s3://b/")] = (b"{}", {})

    with pytest.raises(PartcheckError, match="was changed since it was frozen"):
        hold_out.entries(frozen)


def test_every_photo_is_scored_and_busy_answers_are_asked_for_again(bucket: Bucket) -> None:
    frozen = freeze(MemoryRecord(), photo("a.jpg", b"1"), photo("b.jpg", b"2", "crack"))
    lines, shelf = hold_out.entries(frozen), MemoryShelf()
    for line in lines:
        shelf.upload(line.place.bucket, line.place.key, b"photo")
    answer = Scores((Score("ok", 0.9), Score("crack", 0.1)), "m")
    detector = FakeDetector(NotReady("busy", 10), answer, Refused("code", "why"))

    scored = hold_out.score(lines[:1], detector, shelf, POLICY, lambda _s: None, lambda _n: None)
    scored += hold_out.score(lines[1:], detector, shelf, POLICY, lambda _s: None, lambda _n: None)

    assert {one.truth for one in scored} == {Verdict.OK, Verdict.DEFECT}
    assert sorted(len(one.scores) for one in scored) == [0, 2]
    hold_out.keep("b", "p", "m", frozen, scored)
    assert hold_out.kept("b", "p", "m", frozen) == scored
    assert hold_out.kept("b", "p", "another", frozen) is None
