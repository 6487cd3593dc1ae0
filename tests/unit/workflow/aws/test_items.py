"""Inspections and audit entries are read back as they were written."""

import json
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

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
    Inspection,
    InspectionState,
)
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.photos.measures import PhotoMeasures

text = st.text(st.characters(codec="utf-8"), max_size=20)
named = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
number = st.floats(-1000, 1000).map(lambda value: value if abs(value) > SMALLEST_NUMBER else 0.0)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 2**50),
    float: st.floats(SMALLEST_NUMBER, 1, exclude_min=True) | st.sampled_from([0.0, 1.0]),
    NoneType: st.none(),
    Any: text | st.integers(-(2**40), 2**40),
    PhotoMeasures: st.builds(usual_measures, brightness=number, frame_hash=named, descriptor=st.just(())),
}


def values(hint: Any, required: bool = True) -> st.SearchStrategy[Any]:
    """Return a strategy for a type of a field. A text that is required is not empty."""
    hint = getattr(hint, "__supertype__", hint)  # A NewType is its base type.
    if hint is str:
        return named if required else text
    if hint in VALUES:
        return VALUES[hint]
    if is_dataclass(hint):
        return built(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(named, values(arguments[1], required=False), max_size=2)
    return st.one_of(*(values(one) for one in arguments)) if arguments else st.sampled_from(hint)


def built(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that fills every field of a dataclass, also those that have a default."""
    hints = get_type_hints(kind)
    return st.builds(
        kind, **{item.name: values(hints[item.name], item.default is MISSING) for item in fields(kind)}
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


@given(built(Inspection))
def test_a_row_comes_back_as_it_went_in_with_the_types_of_its_numbers(row: Inspection) -> None:
    back = from_inspection_item(to_inspection_item(row))

    assert back == row
    assert repr(back) == repr(row)
    assert hash(back.prediction) == hash(row.prediction)


@given(built(AuditEntry))
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
    revised = ("revision", "first_attempt", "previous_revisions", "undone_ids")
    for name in (*revised, "lease", "hold", "skipped", "second_review"):
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
