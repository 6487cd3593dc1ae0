"""Ignored names: the same in the event rule, the consistency check and reconciliation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pipeline import Pipeline
from workflow.inspections.ignored_keys import inspected_key_pattern, is_ignored_key


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


TEMPORARY = (".x.jpg.Ab3", "line 1/.x.jpg", "~x.jpg", "line 1/~lock", "x.jpg.tmp", "line 1/x.jpg.part", "a/")


@pytest.mark.parametrize("key", TEMPORARY)
def test_a_name_that_is_still_written_starts_nothing(pipeline: Pipeline, key: str) -> None:
    assert is_ignored_key(key)
    pipeline.upload(key=key)

    report = pipeline.check()

    assert (pipeline.reconcile(), report.issues, report.balance.uploads) == ({}, (), 0)


@pytest.mark.parametrize("key", ["x.jpg", "a.b/x.jpg", "x.tmp.jpg", "x~.jpg", "xpart", "tmp", "X.TMP.jpg"])
def test_other_names_are_inspected(key: str) -> None:
    assert not is_ignored_key(key)


def test_a_photo_with_such_a_name_that_is_in_the_table_is_not_lost(pipeline: Pipeline) -> None:
    image = pipeline.upload(key=".x.jpg")
    pipeline.begin(image)

    report = pipeline.check()

    assert [issue.kind for issue in report.issues] == []
    assert report.balance.in_flight == 1


@given(st.text("a.~/\ntmpar", max_size=12))
def test_the_wildcards_say_what_the_documentation_says(key: str) -> None:
    hidden = any(part.startswith((".", "~")) for part in key.split("/"))

    assert is_ignored_key(key) == (hidden or key.endswith(("/", ".tmp", ".part")))


def test_the_event_pattern_is_one_negation() -> None:
    """Several entries of a pattern are alternatives: two negations would let every key through."""
    ((operator, operand),) = inspected_key_pattern()[0].items()

    assert len(inspected_key_pattern()) == 1
    assert operator == "anything-but"
    assert "*.part" in operand["wildcard"]
