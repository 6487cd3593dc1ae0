"""Inspections and audit entries are read back as they were written."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.references import usual_measures
from workflow.aws.items import (
    SMALLEST_NUMBER,
    from_audit_item,
    from_inspection_item,
    to_audit_item,
    to_inspection_item,
)
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Hold,
    Inspection,
    InspectionState,
    Lease,
    PreviousRevision,
    Review,
    SecondReview,
)
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict

text = st.text(st.characters(codec="utf-8"), max_size=20)
named = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
share = st.floats(SMALLEST_NUMBER, 1, exclude_min=True) | st.sampled_from([0.0, 1.0])
images = st.builds(Image, named, named, named)
scores = st.lists(st.builds(Score, text, share), max_size=3).map(tuple)
verdicts, flags = st.sampled_from(Verdict), st.booleans()
predictions = st.builds(
    Prediction,
    verdict=verdicts,
    label=text,
    confidence=share,
    threshold=share,
    scores=scores,
    model=text,
    policy_version=text,
    note=text,
    unusual=st.lists(named, max_size=2).map(tuple),
    reference=text,
    sampled_for_second_review=flags,
)
number = st.floats(-1000, 1000).map(lambda value: value if abs(value) > SMALLEST_NUMBER else 0.0)
measures = st.builds(
    usual_measures,
    decoder_version=st.integers(1, 9),
    brightness=number,
    sharpness=number,
    frame_hash=named,
    descriptor=st.just(()),
)
reviews = st.builds(
    Review, opened_at=named, round=st.integers(1, 10**6), deadline=text, escalated=st.booleans()
)
decisions = st.builds(
    Decision,
    id=named,
    verdict=verdicts,
    reviewer=named,
    decided_at=named,
    reason=text,
    defect_class=text,
    effective_at=text,
    finalized=flags,
    delivered_at=text,
)
leases, holds = st.builds(Lease, named, named), st.builds(Hold, named, named, named)
looks = st.builds(
    SecondReview,
    id=named,
    verdict=verdicts,
    reviewer=named,
    at=named,
    first_verdict=verdicts,
    first_decided_by=named,
    defect_class=text,
    reason=text,
    adjudicated_by=text,
    adjudicated_at=text,
    final_verdict=st.none() | verdicts,
)
outcomes = st.builds(
    PreviousRevision,
    revision=st.integers(1, 9),
    verdict=verdicts,
    settled_at=text,
    execution=named,
    prediction=st.none() | predictions,
    decision=st.none() | decisions,
    rejection=st.dictionaries(named, text, max_size=2),
)
rows = st.builds(
    Inspection,
    id=named,
    image=images,
    owner=named,
    attempt=st.integers(1, 100),
    state=st.sampled_from(InspectionState),
    uploaded_at=text,
    claimed_at=named,
    attempted_at=text,
    location=images,
    verdict=st.none() | st.sampled_from(Verdict),
    pending_delete=st.none() | images,
    size=st.integers(0, 2**50),
    etag=text,
    sha256=text,
    photo=st.dictionaries(named, text | st.integers(-(2**40), 2**40), max_size=3),
    rejection=st.dictionaries(named, text, max_size=2),
    measures=st.none() | measures,
    unmeasurable=text,
    prediction=st.none() | predictions,
    review=st.none() | reviews,
    decision=st.none() | decisions,
    announcement=text,
    settled_at=text,
    closed_at=text,
    revision=st.integers(1, 10),
    first_attempt=st.integers(1, 100),
    previous_revisions=st.lists(outcomes, max_size=2).map(tuple),
    lease=st.none() | leases,
    hold=st.none() | holds,
    skipped=st.dictionaries(named, named, max_size=2),
    undone_ids=st.lists(named, max_size=2).map(tuple),
    second_review=st.none() | looks,
)
entries = st.builds(
    AuditEntry,
    inspection_id=named,
    at=named,
    actor=named,
    action=st.sampled_from(AuditAction),
    before=text,
    after=text,
    reason=text,
    decision_id=text,
    defect_class=text,
)
PLAIN = Inspection(
    id="i",
    image=Image("b", "k", "v"),
    owner="me",
    attempt=1,
    state=InspectionState.INSPECTING,
    uploaded_at="",
    claimed_at="2026-03-01",
    attempted_at="2026-03-01",
    location=Image("b", "k", "v"),
)


@given(rows)
def test_a_row_comes_back_as_it_went_in(row: Inspection) -> None:
    assert from_inspection_item(to_inspection_item(row)) == row


@given(rows)
def test_numbers_come_back_with_their_types(row: Inspection) -> None:
    back = from_inspection_item(to_inspection_item(row))

    assert repr(back) == repr(row)
    assert hash(back.prediction) == hash(row.prediction)


@given(entries)
def test_an_audit_entry_comes_back_as_it_went_in(entry: AuditEntry) -> None:
    assert from_audit_item(to_audit_item(entry)) == entry


def test_two_entries_of_the_same_time_are_two_items() -> None:
    entry = AuditEntry(
        inspection_id="i", at="2026-03-01", actor="ann", action=AuditAction.DECIDE, decision_id="d1"
    )

    assert to_audit_item(entry)["at"] != to_audit_item(replace(entry, decision_id="d2"))["at"]
    assert to_audit_item(entry)["at"] != to_audit_item(replace(entry, action=AuditAction.UNDO))["at"]


@pytest.mark.parametrize("confidence", [5e-324, 1e-200, 1e-130, 1e-45, 0.1, 1.0, 0.0])
def test_the_smallest_score_can_be_stored(confidence: float) -> None:
    prediction = Prediction(
        verdict=Verdict.OK, label="ok", confidence=0.9, threshold=0.5, scores=(Score("other", confidence),)
    )

    back = from_inspection_item(to_inspection_item(replace(PLAIN, prediction=prediction))).prediction

    assert back is not None
    assert back.scores[0].confidence == pytest.approx(confidence, abs=1e-100)


@pytest.mark.parametrize("key", ["folder/", "a/b.png", "b.png"])
def test_the_attributes_of_the_indexes_are_never_empty(key: str) -> None:
    item = to_inspection_item(replace(PLAIN, image=Image("b", key, "v")))

    assert all(item[name]["S"] for name in ("id", "name", "day", "state", "claimed_at"))


def test_a_row_from_before_reviews_were_leased_and_revised_is_read() -> None:
    row = replace(
        PLAIN,
        decision=Decision(id="d", verdict=Verdict.OK, reviewer="ann", decided_at="2026-03-01", reason="why"),
    )
    item = to_inspection_item(row)
    for name in (
        "revision",
        "first_attempt",
        "previous_revisions",
        "lease",
        "hold",
        "skipped",
        "undone_ids",
        "second_review",
    ):
        del item[name]
    for name in ("defect_class", "effective_at", "finalized", "delivered_at"):
        del item["decision"]["M"][name]

    assert from_inspection_item(item) == row


def test_a_stored_row_of_version_0_2_0_is_read() -> None:
    item = json.loads(Path(__file__).with_name("row_of_0_2_0.json").read_text("utf-8"))

    row = from_inspection_item(item)

    assert (row.measures, row.unmeasurable, row.photo["width"]) == (None, "", 300)
    assert row.prediction is not None
    assert (row.prediction.label, row.prediction.unusual, row.prediction.reference) == ("ok_front", (), "")
    assert from_inspection_item(to_inspection_item(row)) == row


def test_a_row_holds_the_measures_without_the_descriptor() -> None:
    item = to_inspection_item(replace(PLAIN, measures=usual_measures(brightness=110.0)))

    assert "descriptor" not in item["measures"]["M"]
    measures = from_inspection_item(item).measures
    assert measures == usual_measures(descriptor=())
    assert isinstance(measures.brightness, float)  # Also if it is whole.


def test_an_audit_entry_from_before_days_were_listed_is_read() -> None:
    entry = AuditEntry(
        inspection_id="i", at="2026-03-01", actor="ann", action=AuditAction.DECIDE, decision_id="d1"
    )
    item = to_audit_item(entry)
    del item["day"], item["defect_class"]

    assert from_audit_item(item) == entry


def test_every_field_of_a_row_is_an_attribute() -> None:
    found_by = {"name", "search_text", "day", "unarchived", "kind"}

    assert to_inspection_item(PLAIN).keys() == {field.name for field in fields(Inspection)} | found_by
