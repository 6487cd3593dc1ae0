"""Only the owner acts for a row, and only a filed and announced verdict is settled."""

from dataclasses import replace

import pytest

from tests.unit.pipeline import Pipeline
from workflow.errors import NotFound, OwnershipLost
from workflow.inspections.inspection import InspectionState
from workflow.inspections.repository import require_owner
from workflow.inspections.verdict import Verdict


def test_the_owner_gets_its_row() -> None:
    pipeline = Pipeline()
    image = pipeline.upload()
    pipeline.claim(image, "me")

    assert require_owner(pipeline.inspections, pipeline.row(image).id, "me") == pipeline.row(image)


def test_another_execution_is_told_whom_the_row_belongs_to() -> None:
    pipeline = Pipeline()
    image = pipeline.upload()
    pipeline.claim(image, "me")

    with pytest.raises(OwnershipLost, match="belongs to me, not to you"):
        require_owner(pipeline.inspections, pipeline.row(image).id, "you")


def test_a_row_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="inspection 4711"):
        require_owner(Pipeline().inspections, "4711", "me")


def test_a_photo_is_settled_once_the_verdict_of_its_revision_is_written_to_be_announced() -> None:
    pipeline = Pipeline()
    image = pipeline.upload()
    pipeline.claim(image, "me")
    row = pipeline.row(image)

    assert not row.settled
    assert not replace(row, verdict=Verdict.UNCLEAR).settled
    assert not replace(row, verdict=Verdict.OK, revision=2).settled  # Revision 1 filed it there.
    assert replace(row, verdict=Verdict.OK, announcement="{}").settled


def test_attempts_count_anew_with_every_revision() -> None:
    pipeline = Pipeline()
    image = pipeline.upload()
    pipeline.claim(image, "me")

    assert replace(pipeline.row(image), attempt=7, first_attempt=6).revision_attempts == 2


def test_the_states_are_the_words_in_the_index() -> None:
    assert [str(state) for state in InspectionState] == ["inspecting", "parked", "waiting", "closed"]
