"""What goes into the ledger comes out as it was."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.aws.items import FAINTEST, audit_item, read_audit_item, read_item, to_item
from workflow.inspections.inspection import (
    AuditEntry,
    Decision,
    Hold,
    Inspection,
    Lease,
    Outcome,
    Review,
    SecondLook,
    State,
)
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict

text = st.text(st.characters(codec="utf-8"), max_size=20)
named = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
share = st.floats(FAINTEST, 1, exclude_min=True) | st.sampled_from([0.0, 1.0])
images = st.builds(Image, named, named, named)
scores = st.lists(st.builds(Score, text, share), max_size=3).map(tuple)
verdicts, flags = st.sampled_from(Verdict), st.booleans()
predictions = st.builds(Prediction, verdicts, text, share, share, scores, text, text, text, flags)
reviews = st.builds(Review, named, st.integers(1, 10**6), text, st.booleans())
decisions = st.builds(Decision, named, verdicts, named, named, text, text, text, flags, text)
leases, holds = st.builds(Lease, named, named), st.builds(Hold, named, named, named)
looks = st.builds(
    SecondLook,
    *(named, verdicts, named, named, verdicts, named),
    *(text, text, text, text, st.none() | verdicts),
)
outcomes = st.builds(
    Outcome,
    *(st.integers(1, 9), verdicts, text, named, st.none() | predictions, st.none() | decisions),
    st.dictionaries(named, text, max_size=2),
)
rows = st.builds(
    Inspection,
    id=named,
    image=images,
    owner=named,
    attempt=st.integers(1, 100),
    state=st.sampled_from(State),
    uploaded_at=text,
    claimed_at=named,
    attempted_at=text,
    location=images,
    verdict=st.none() | st.sampled_from(Verdict),
    leftover=st.none() | images,
    size=st.integers(0, 2**50),
    etag=text,
    sha256=text,
    photo=st.dictionaries(named, text | st.integers(-(2**40), 2**40), max_size=3),
    rejection=st.dictionaries(named, text, max_size=2),
    prediction=st.none() | predictions,
    review=st.none() | reviews,
    decision=st.none() | decisions,
    announcement=text,
    settled_at=text,
    closed_at=text,
    revision=st.integers(1, 10),
    first_attempt=st.integers(1, 100),
    earlier=st.lists(outcomes, max_size=2).map(tuple),
    lease=st.none() | leases,
    hold=st.none() | holds,
    skipped=st.dictionaries(named, named, max_size=2),
    undone=st.lists(named, max_size=2).map(tuple),
    second=st.none() | looks,
)
entries = st.builds(AuditEntry, named, named, named, named, text, text, text, text, text)
PLAIN = Inspection(
    "i", Image("b", "k", "v"), "me", 1, State.INSPECTING, "", "2026-03-01", "2026-03-01", Image("b", "k", "v")
)


@given(rows)
def test_a_row_comes_back_as_it_went_in(row: Inspection) -> None:
    assert read_item(to_item(row)) == row


@given(rows)
def test_numbers_come_back_with_their_types(row: Inspection) -> None:
    back = read_item(to_item(row))

    assert repr(back) == repr(row)
    assert hash(back.prediction) == hash(row.prediction)


@given(entries)
def test_an_audit_entry_comes_back_as_it_went_in(entry: AuditEntry) -> None:
    assert read_audit_item(audit_item(entry)) == entry


def test_two_entries_of_one_moment_are_two_items() -> None:
    one = AuditEntry("i", "2026-03-01", "ann", "decide", decision_id="d1")

    assert audit_item(one)["at"] != audit_item(replace(one, decision_id="d2"))["at"]
    assert audit_item(one)["at"] != audit_item(replace(one, action="undo"))["at"]


@pytest.mark.parametrize("confidence", [5e-324, 1e-200, 1e-130, 1e-45, 0.1, 1.0, 0.0])
def test_the_faintest_score_can_be_stored(confidence: float) -> None:
    prediction = Prediction(Verdict.OK, "ok", 0.9, 0.5, (Score("other", confidence),))

    back = read_item(to_item(replace(PLAIN, prediction=prediction))).prediction

    assert back is not None
    assert back.scores[0].confidence == pytest.approx(confidence, abs=1e-100)


@pytest.mark.parametrize("key", ["folder/", "a/b.png", "b.png"])
def test_the_attributes_of_the_indexes_are_never_empty(key: str) -> None:
    item = to_item(replace(PLAIN, image=Image("b", key, "v")))

    assert all(item[name]["S"] for name in ("id", "name", "day", "state", "claimed_at"))


def test_a_row_from_before_reviews_were_leased_and_revised_is_read() -> None:
    row = replace(PLAIN, decision=Decision("d", Verdict.OK, "ann", "2026-03-01", "why"))
    item = to_item(row)
    for name in ("revision", "first_attempt", "earlier", "lease", "hold", "skipped", "undone", "second"):
        del item[name]
    for name in ("defect_class", "release_at", "sealed", "sent_at"):
        del item["decision"]["M"][name]

    assert read_item(item) == row


def test_an_audit_entry_from_before_days_were_listed_is_read() -> None:
    entry = AuditEntry("i", "2026-03-01", "ann", "decide", decision_id="d1")
    item = audit_item(entry)
    del item["day"], item["defect_class"]

    assert read_audit_item(item) == entry


def test_every_field_of_a_row_is_an_attribute() -> None:
    found_by = {"name", "text", "day", "unkept"}

    assert to_item(PLAIN).keys() == {field.name for field in fields(Inspection)} | found_by
